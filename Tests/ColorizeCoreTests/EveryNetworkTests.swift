// What holds for every network that there is: `Network.all` says which these are.

import ColorizeCore
import Testing

/// One at a time: a model takes up to a gigabyte.
@Suite(.serialized) struct EveryNetworkTests {
  private static let (height, width) = (64, 96)

  private struct Opened {
    let model: Model
    let lightness: Memory<Float>

    init(_ file: Memory<UInt8>) throws {
      model = try Model.open(bytes: UnsafeRawBufferPointer(start: file.start, count: file.count))
      var numbers = Numbers(seed: 17)
      lightness = try Memory(count: height * width)
      for index in 0..<lightness.count { lightness.start[index] = 50 + 50 * numbers.value() }
    }

    /// ab of an untrained network, as bits; before it is written, a filler.
    func ab(_ options: RunOptions, into ab: Memory<Float>) throws {
      let input = try NetworkInput(
        model: model, height: height, width: width, lightness: lightness.start, hints: nil)
      try Colorizer.predict(model: model, input: input, options: options, into: ab.start)
    }

    func memory() throws -> Memory<Float> {
      let ab = try Memory<Float>(count: model.network.abShape(height: height, width: width).count)
      ab.fill(TestActivation.filler)
      return ab
    }
  }

  private static func bits(_ ab: Memory<Float>) -> [UInt32] {
    (0..<ab.count).map { ab.start[$0].bitPattern }
  }

  /// Recognised by its tensors; the same bits with any number of threads; stopped wherever it is asked to stop, and
  /// nothing is written then.
  @Test func namesAreTheNetworks() {
    #expect(KnownNetwork.all.map(\.architecture) == Network.all.map(\.architecture))
  }

  @Test(arguments: Network.all) func runs(_ network: Network) throws {
    let file = try FormulaWeights(network).file()
    let opened = try Opened(file)
    #expect(opened.model.information.architecture == network.architecture)
    var options = RunOptions()
    options.threads = 1
    let one = try opened.memory()
    try opened.ab(options, into: one)
    for threads in [2, 3, 7] {
      options.threads = threads
      let several = try opened.memory()
      try opened.ab(options, into: several)
      #expect(Self.bits(several) == Self.bits(one), "\(threads) threads")
    }

    var calls = 0
    options.threads = 2
    options.progress = { _ in
      calls += 1
      return false
    }
    try opened.ab(options, into: one)
    let all = calls
    #expect(all > network.nodes.count / 8)
    // At once, in the middle, and at the last moment.
    for last in [1, all / 2, nil] {
      calls = 0
      options.progress = { fraction in
        calls += 1
        return last.map { calls >= $0 } ?? (fraction == 1)
      }
      let stopped = try opened.memory()
      #expect(throws: ColorizeError.cancelled) { try opened.ab(options, into: stopped) }
      #expect(Self.bits(stopped).allSatisfy { $0 == TestActivation.filler.bitPattern })
    }
  }

  /// A file that ends too early, lacks a tensor, or has a value that is none is refused.
  @Test(arguments: Network.all) func damageIsRefused(_ network: Network) throws {
    let file = try FormulaWeights(network).file()
    func isRefused(_ count: Int) -> Bool {
      do throws(ColorizeError) {
        _ = try Model.open(bytes: UnsafeRawBufferPointer(start: file.start, count: count))
        return false
      } catch { return true }
    }
    for count in [0, 7, 8, 100, file.count / 3, file.count - 1] {
      #expect(isRefused(count), "\(count) bytes")
    }
    for share in [0.25, 0.5, 0.999] {
      // A float's upper byte and the bit below: infinite or not a number.
      let place = Int(share * Double(file.count)) / 4 * 4
      let old = (file.start[place + 2], file.start[place + 3])
      (file.start[place + 2], file.start[place + 3]) = (0xC0, 0x7F)
      #expect(isRefused(file.count), "byte \(place)")
      (file.start[place + 2], file.start[place + 3]) = old
    }
    // The first letter of the first tensor's name, behind the length, a brace and a quote.
    file.start[10] ^= 1
    #expect(isRefused(file.count))
  }
}
