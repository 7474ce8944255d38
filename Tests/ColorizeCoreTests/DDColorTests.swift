// DDColor against PyTorch and against its release's pipeline, with the weights of a formula.

import ColorizeCore
import Glibc
import Testing

/// One at a time: a model takes 220 MB and more.
@Suite(.serialized) struct DDColorTests {
  private func open(_ file: Memory<UInt8>, _ engine: Engine = Engine.available[0]) throws -> Model {
    try Model.open(
      bytes: UnsafeRawBufferPointer(start: file.start, count: file.count),
      options: ModelOptions(instructionSet: engine.instructionSet, gemm: engine.gemm))
  }

  private func predict(
    _ model: Model, _ lightness: [Float], height: Int, width: Int, threads: Int
  ) throws -> [Float] {
    let ab = try Memory<Float>(count: 2 * height * width)
    var options = RunOptions()
    options.threads = threads
    let input = try NetworkInput(
      model: model, height: height, width: width, lightness: lightness, hints: nil)
    try Colorizer.predict(model: model, input: input, options: options, into: ab.start)
    return (0..<ab.count).map { ab.start[$0] }
  }

  /// The bounds are those of numbers of about +-110; the formula's weights go beyond.
  @Test func colorsArePyTorchs() throws {
    let fixture = try Fixture("ddcolor-tiny")
    let bytes = try FormulaWeights(.ddColorTiny).file()
    for engine in Engine.available {
      let model = try open(bytes, engine)
      #expect(model.information.architecture == "ddcolor-tiny")
      var deviation = Double.infinity
      let cases = try fixture.forEachCase(inputs: Float.self) { number, input in
        let expected = try #require(try fixture.tensor("\(number).ab", of: Float.self)).values
        let (height, width) = (input.shape[1], input.shape[2])
        let values = try predict(model, input.values, height: height, width: width, threads: 2)
        let differences = zip(values, expected).map { abs(Double($0 - $1)) }
        #expect(differences.count == 2 * height * width)
        #expect((differences.max() ?? .infinity) < 5e-3, "\(engine), case \(number)")
        #expect(
          differences.reduce(0, +) / Double(differences.count) < 5e-4, "\(engine), case \(number)")
        let several = try predict(model, input.values, height: height, width: width, threads: 5)
        #expect(several == values, "\(engine), case \(number)")
        for channel in 0..<2 {
          let values = expected[(channel * height * width)..<((channel + 1) * height * width)]
          let mean = values.reduce(0, +) / Float(values.count)
          let square = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(values.count)
          deviation = min(deviation, Double(square.squareRoot()))
        }
      }
      #expect(cases >= 2 && deviation > 8)
    }
  }

  /// Where the processor has it, bfloat16 is near: 2 % of the spread of ab, which is what rounding to 8 bits of mantissa
  /// leaves; and it is another number. Any number of threads gives the same.
  @Test func bfloat16IsNear() throws {
    let fixture = try Fixture("ddcolor-tiny")
    let bytes = try FormulaWeights(.ddColorTiny).file()
    let buffer = UnsafeRawBufferPointer(start: bytes.start, count: bytes.count)
    func open(_ instructionSet: InstructionSet) throws(ColorizeError) -> Model {
      try Model.open(
        bytes: buffer,
        options: ModelOptions(instructionSet: instructionSet, gemm: .own, precision: .bfloat16))
    }
    for instructionSet in InstructionSet.available where instructionSet != .avx512 {
      #expect(throws: ColorizeError.self) { try open(instructionSet) }
    }
    let model: Model
    do throws(ColorizeError) {
      try Precision.bfloat16.check(.avx512, nil)
      model = try open(.avx512)
    } catch {
      #expect(error.message.hasPrefix("precision is bfloat16, which needs a processor with"))
      return
    }
    _ = try fixture.forEachCase(inputs: Float.self) { number, input in
      let expected = try #require(try fixture.tensor("\(number).ab", of: Float.self)).values
      let (height, width) = (input.shape[1], input.shape[2])
      let values = try predict(model, input.values, height: height, width: width, threads: 2)
      let square = zip(values, expected).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
      let count = Double(values.count)
      let mean = expected.reduce(0.0) { $0 + Double($1) } / count
      let spread = expected.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
      let share = (square / spread).squareRoot()
      #expect((1e-4..<0.02).contains(share), "case \(number): \(share)")
      let several = try predict(model, input.values, height: height, width: width, threads: 5)
      #expect(several == values, "case \(number)")
    }
  }

  /// Exact conversions; one level where a value is at the edge of one.
  @Test func picturesAreTheReleasesPipeline() throws {
    let fixture = try Fixture("ddcolor-tiny-picture")
    let model = try open(try FormulaWeights(.ddColorTiny).file())
    var different = 0
    var count = 0
    let cases = try fixture.forEachCase(inputs: UInt8.self) { number, input in
      let expected = try #require(try fixture.tensor("\(number).output", of: UInt8.self))
      let (height, width) = (input.shape[0], input.shape[1])
      let channels = input.shape.count == 2 ? 1 : 3
      var options = RunOptions()
      options.preset = .reference
      options.networkSize = try fixture.number("\(number).network_size")
      let picture = try Picture(
        channels == 1 ? .gray8 : .rgb8, width: width, height: height
      ) { x, y, c in input.values[(y * width + x) * channels + c] }
      let output = try Picture(.rgb8, width: width, height: height) { _, _, _ in 0 }
      try Colorizer.run(model: model, input: picture.view, output: output.view, options: options)
      for (value, expected) in zip(output.values, expected.values) {
        #expect(abs(Int(value) - Int(expected)) <= 1, "case \(number)")
        if value != expected { different += 1 }
      }
      count += expected.values.count

      // The same in 16 bits, with an alpha.
      let deep = try Picture(.rgba16, width: width, height: height) { x, y, byte in
        let channel = channels == 1 ? 0 : min(byte / 2, 2)
        return byte >= 6 ? 255 : input.values[(y * width + x) * channels + channel]
      }
      let small = try Picture(.rgb8, width: width, height: height) { _, _, _ in 0 }
      try Colorizer.run(model: model, input: deep.view, output: small.view, options: options)
      for (value, expected) in zip(small.values, output.values) {
        #expect(abs(Int(value) - Int(expected)) <= 1, "case \(number)")
      }
    }
    #expect(cases >= 4)
    #expect(Double(different) <= 0.005 * Double(count), "\(different) of \(count)")
  }

  /// At most 50 ms of the only thread's own time pass between two questions whether to go on, and behind the last one, at the
  /// size of the release. What asks nobody is long every time; a processor that is shared with others may be slow once.
  @Test func itAsksOften() throws {
    let model = try open(try FormulaWeights(.ddColorTiny).file())
    let side = 512
    let lightness = (0..<(side * side)).map { Float($0 * 7 % 100) }
    let ab = try Memory<Float>(count: 2 * side * side)
    func seconds() -> Double {
      var time = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
    /// How long it asks nobody, and how far it was then.
    func longest() throws -> (seconds: Double, fraction: Float) {
      var longest = (seconds: 0.0, fraction: Float(0))
      var last = seconds()
      func note(_ fraction: Float) {
        let now = seconds()
        if now - last > longest.seconds { longest = (now - last, fraction) }
        last = now
      }
      var options = RunOptions()
      options.threads = 1
      options.progress = {
        note($0)
        return false
      }
      let input = try NetworkInput(
        model: model, height: side, width: side, lightness: lightness, hints: nil)
      try Colorizer.predict(model: model, input: input, options: options, into: ab.start)
      note(2)
      return longest
    }
    var pause = try longest()
    for _ in 0..<9 where pause.seconds >= 0.05 { pause = try longest() }
    #expect(pause.seconds < 0.05, "before \(pause.fraction)")
  }

  /// As in the release; where activations are not small, colors do not show it.
  @Test(arguments: [Network.ddColorTiny, .ddColorLarge]) func epsilons(_ network: Network) {
    let norms = network.nodes.compactMap { node in
      (node.operation as? LayerNorm).map { (node.name, $0.epsilon) }
    }
    #expect(norms.count > 40)
    for (name, epsilon) in norms {
      #expect(epsilon == (name.hasPrefix("encoder.") ? 1e-6 : 1e-5), "\(name)")
    }
  }

  /// Each by its name; and an encoder of other depths and widths is known by its tensors.
  @Test func whatItHasNotIsRefused() throws {
    let network = Network.ddColor("ddcolor", depths: [1, 2, 1, 1], widths: [8, 16, 24, 40])
    let model = try open(try FormulaWeights(network).file())
    #expect(model.information.architecture == "ddcolor")
    #expect(model.network.parameters.map(\.name) == network.parameters.map(\.name))
    let picture = try Picture(.rgb8, width: 4, height: 4) { _, _, _ in 99 }
    func message(_ change: (inout RunOptions) -> Void) -> String {
      var options = RunOptions()
      options.networkSize = 32
      change(&options)
      do throws(ColorizeError) {
        try Colorizer.run(
          model: model, input: picture.view, output: picture.view, options: options)
      } catch { return error.message }
      return ""
    }
    for preset in Preset.allCases {
      #expect(message { $0.preset = preset } == "")
      #expect(
        message {
          $0.preset = preset
          $0.variant = 1
        }.hasPrefix("variant is 1;"))
      #expect(
        message {
          $0.preset = preset
          $0.temperature = 1
        }.hasPrefix("temperature is 1.0;"))
    }
    #expect(message { $0.networkSize = 48 }.hasPrefix("network_size is 48;"))
    let session = try Session(model: model, copying: picture.view, options: RunOptions())
    let confidence = try Memory<Float>(count: 16)
    #expect(throws: ColorizeError.self) {
      try session.confidence(options: RunOptions(), into: confidence.start, stride: 4)
    }
  }
}
