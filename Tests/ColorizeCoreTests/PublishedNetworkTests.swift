// eccv16 and siggraph17 against their released classes in PyTorch, and compact against its own, with the weights of a
// formula.

import ColorizeCore
import Testing

/// One at a time: a model takes 130 MB and more.
@Suite(.serialized) struct PublishedNetworkTests {
  private static let eccv16 = Result { try FormulaWeights(.eccv16).file() }
  private static let siggraph17 = Result { try FormulaWeights(.siggraph17).file() }

  private static let compact = Result { try FormulaWeights(.compact).file() }

  static let architectures = ["eccv16", "siggraph17"]
  static let all = architectures + ["compact"]

  private func model(
    _ architecture: String, _ engine: Engine,
    _ maskConvention: MaskConvention? = nil
  ) throws -> Model {
    let files = ["eccv16": Self.eccv16, "siggraph17": Self.siggraph17, "compact": Self.compact]
    let file = try #require(files[architecture]).get()
    return try Model.open(
      bytes: UnsafeRawBufferPointer(start: file.start, count: file.count),
      options: ModelOptions(
        maskConvention: maskConvention, instructionSet: engine.instructionSet, gemm: engine.gemm))
  }

  /// Calls `body` with each case of a network's fixture: its number, a model for it and its input.
  private func forEachCase(
    _ architecture: String, _ engine: Engine,
    _ body: (_ fixture: Fixture, _ number: Int, Model, NetworkInput) throws -> Void
  ) throws {
    let fixture = try Fixture(architecture)
    let plain = try model(architecture, engine)
    var centred: Model?
    let cases = try fixture.forEachCase(inputs: Float.self) { number, input in
      var model = plain
      if try fixture.number("\(number).centred") != nil {
        let opened = try centred ?? self.model(architecture, engine, .centred)
        centred = opened
        model = opened
      }
      let height = input.shape[1]
      let width = input.shape[2]
      try input.values.withUnsafeBufferPointer { values in
        let lightness = try #require(values.baseAddress)
        let pixels = height * width
        let hints = (ab: lightness + pixels, mask: lightness + 3 * pixels)
        try body(
          fixture, number, model,
          NetworkInput(
            model: model, height: height, width: width, lightness: lightness,
            hints: input.shape[0] == 4 ? hints : nil))
      }
    }
    #expect(cases >= 4)
  }

  /// The bounds of docs/exactness.md, for ab of +-110.
  @Test(arguments: all, Engine.available)
  func colorsArePyTorchs(_ architecture: String, _ engine: Engine) throws {
    var deviation = 0.0
    try forEachCase(architecture, engine) { fixture, number, model, input in
      let expected = try #require(try fixture.tensor("\(number).ab", of: Float.self))
      let shape = model.network.abShape(height: input.height, width: input.width)
      #expect([2, shape.height, shape.width] == expected.shape)
      guard shape.count == expected.values.count else { return }
      let ab = try Memory<Float>(count: shape.count)
      try Colorizer.predict(model: model, input: input, into: ab.start)
      let differences = (0..<ab.count).map { abs(Double(ab.start[$0] - expected.values[$0])) }
      #expect((differences.max() ?? .infinity) < 2e-3, "case \(number)")
      #expect(differences.reduce(0, +) / Double(differences.count) < 2e-4, "case \(number)")
      let mean = expected.values.reduce(0, +) / Float(ab.count)
      let variance = expected.values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(ab.count)
      deviation = max(deviation, Double(variance).squareRoot())
    }
    // Colors that vary: the bounds would say nothing about those that hardly do.
    #expect(deviation > (architecture == "siggraph17" ? 20 : 2))
  }

  /// The logits agree to 1e-4, and so do the probabilities.
  @Test(arguments: all, Engine.available)
  func distributionIsPyTorchs(_ architecture: String, _ engine: Engine) throws {
    var compared = 0
    var largest: Float = 0
    try forEachCase(architecture, engine) { fixture, number, model, input in
      guard let expected = try fixture.tensor("\(number).probabilities", of: Float.self) else {
        return
      }
      let stride = model.information.distributionStride
      let height = input.height.roundedUp(to: model.information.networkSizeRounding) / stride
      let width = input.width.roundedUp(to: model.information.networkSizeRounding) / stride
      #expect([model.bins.count, height, width] == expected.shape)
      let probabilities = try Memory<Float>(count: expected.values.count)
      var options = RunOptions()
      // eccv16's plain softmax is the paper's T = 0.38, the others' is taken as it is.
      options.temperature = architecture == "eccv16" ? 0.38 : 1
      try Colorizer.distribution(
        model: model, input: input, options: options, into: probabilities.start)
      let values = (0..<probabilities.count).map { probabilities.start[$0] }
      #expect(
        largestDifference(values, expected.values.map(Double.init)) < 1e-4, "case \(number)")
      largest = max(largest, (expected.values.max() ?? 0) * Float(model.bins.count))
      compared += 1
    }
    #expect(compared >= 2)
    // Not a distribution that says the same of every bin.
    #expect(largest > 10)
  }

  /// siggraph17's classes are a grid, a major; eccv16's bins are what its checkpoint says.
  @Test func binsAreWhereTheyAre() throws {
    let siggraph17 = try model("siggraph17", Engine.available[0])
    #expect(siggraph17.bins.count == 529)
    for bin in 0..<529 {
      #expect(siggraph17.bins.a[bin] == Float(bin / 23 * 10 - 110))
      #expect(siggraph17.bins.b[bin] == Float(bin % 23 * 10 - 110))
    }
    let eccv16 = try model("eccv16", Engine.available[0])
    #expect(eccv16.bins.count == 313)
    for (bin, centre) in Gamut.centres.enumerated() {
      #expect(abs(eccv16.bins.a[bin] - centre.x) < 1e-5)
      #expect(abs(eccv16.bins.b[bin] - centre.y) < 1e-5)
    }
  }

  /// siggraph17's weights are those of its kin without bins, too: the same ab, or 100 for 110.
  @Test(arguments: [("siggraph17-ab", Float(1)), ("ideepcolor", Float(100) / 110)])
  func withoutBins(_ architecture: String, _ factor: Float) throws {
    let file = try FormulaWeights(.siggraph17).file(architecture: architecture)
    let without = try Model.open(
      bytes: UnsafeRawBufferPointer(start: file.start, count: file.count))
    #expect(without.information.architecture == architecture && without.bins.count == 0)
    let input = try #require(try Fixture("siggraph17").tensor("0.input", of: Float.self))
    func ab(_ model: Model) throws -> [Float] {
      let (height, width) = (input.shape[1], input.shape[2])
      let ab = try Memory<Float>(count: 2 * height * width)
      try input.values.withUnsafeBufferPointer { values in
        let lightness = try #require(values.baseAddress)
        let pixels = height * width
        try Colorizer.predict(
          model: model,
          input: NetworkInput(
            model: model, height: height, width: width, lightness: lightness,
            hints: (ab: lightness + pixels, mask: lightness + 3 * pixels)), into: ab.start)
      }
      return (0..<ab.count).map { ab.start[$0] }
    }
    let expected = try ab(model("siggraph17", Engine.available[0])).map { $0 * factor }
    #expect(try largestDifference(ab(without), expected.map(Double.init)) < 1e-4)
    #expect((expected.max() ?? 0) > 20)
  }

  /// As in PictureTests: 2e-4 of the range before rounding, one level at most after.
  @Test(arguments: architectures)
  func picturesAreTheReleasedPipelines(_ architecture: String) throws {
    let fixture = try Fixture("\(architecture)-picture")
    let model = try model(architecture, Engine.available[0])
    var different = 0
    var count = 0
    let cases = try fixture.forEachCase(inputs: UInt8.self) { number, input in
      let expected = try #require(try fixture.tensor("\(number).output", of: UInt16.self))
      let isGray = input.shape.count == 2
      let height = input.shape[0]
      let width = input.shape[1]
      let pixels = try Memory<UInt8>(count: input.values.count)
      pixels.start.update(from: input.values, count: input.values.count)
      let output = try Memory<UInt8>(count: height * width * 3)
      var options = RunOptions()
      options.preset = .reference
      options.networkSize = try fixture.number("\(number).network_size")
      try Colorizer.run(
        model: model,
        input: ImageView(
          pixels: pixels.start, rowBytes: width * (isGray ? 1 : 3), width: width, height: height,
          format: isGray ? .gray8 : .rgb8),
        output: ImageView(
          pixels: output.start, rowBytes: width * 3, width: width, height: height, format: .rgb8),
        options: options)
      var worst = 0.0
      for (index, expected) in expected.values.enumerated() {
        let exact = Double(expected) / 65535 * 255
        worst = max(worst, abs(Double(output.start[index]) - exact))
        if Double(output.start[index]) != exact.rounded() { different += 1 }
      }
      count += expected.values.count
      #expect(worst <= PictureTests.levelTolerance, "case \(number)")
    }
    #expect(cases >= 4)
    #expect(Double(different) <= 0.002 * Double(count))
  }

  @Test(arguments: all, Engine.available)
  func anyNumberOfThreadsGivesTheSameBits(_ architecture: String, _ engine: Engine) throws {
    let model = try model(architecture, engine)
    var numbers = Numbers(seed: 17)
    let height = 48
    let width = 64
    let values = numbers.values(height * width).map { 50 + 50 * $0 }
    func ab(threads: Int) throws -> [UInt32] {
      let ab = try Memory<Float>(count: model.network.abShape(height: height, width: width).count)
      var options = RunOptions()
      options.threads = threads
      try values.withUnsafeBufferPointer { values in
        let input = try NetworkInput(
          model: model, height: height, width: width, lightness: #require(values.baseAddress),
          hints: nil)
        try Colorizer.predict(model: model, input: input, options: options, into: ab.start)
      }
      return (0..<ab.count).map { ab.start[$0].bitPattern }
    }
    let one = try ab(threads: 1)
    for threads in [2, 3, 7] { #expect(try ab(threads: threads) == one) }
  }
}
