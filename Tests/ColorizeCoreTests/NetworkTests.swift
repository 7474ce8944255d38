// Whole networks: a plan against the naive references of the same description, and against PyTorch.

import ColorizeCore
import ColorizeDefaultModel
import Testing

/// The embedded model's bytes.
var defaultModel: UnsafeRawBufferPointer {
  UnsafeRawBufferPointer(start: colorize_default_model, count: colorize_default_model_size)
}

@Suite struct NetworkTests {
  /// The logits of an input `[4, height, width]`, `[313, height/4, width/4]`.
  private func logits(
    _ compiled: CompiledNetwork, _ input: [Float], height: Int, width: Int, threads: Int = 2
  ) throws -> [Float] {
    let plan = Plan(compiled, .distribution, height: height, width: width)
    let team = Team(threads: threads)
    let workspace = try Workspace(plan, workers: team.size)
    let pixels = height * width
    for pixel in 0..<pixels {
      for channel in 0..<4 {
        plan.input(workspace).start[pixel * 4 + channel] = input[channel * pixels + pixel]
      }
    }
    try plan.run(workspace, team) { _ in }
    let output = plan.output(workspace)
    return (0..<output.shape.count).map {
      output.start[($0 % output.pixels) * output.stride + $0 / output.pixels]
    }
  }

  /// Logits reach 20; float32 through 20 layers gives about 1e-4.
  static let logitTolerance = 1e-3

  @Test(arguments: Engine.available)
  func planEqualsReference(_ engine: Engine) throws {
    let file = try TensorFile(ByteSource(defaultModel))
    let shapes = Dictionary(
      uniqueKeysWithValues: Network.lite.parameters.map { ($0.name, $0.shape) })
    let compiled = try CompiledNetwork(.lite, weights: file, kernels: engine.kernels())
    let shape = Shape(channels: 4, height: 16, width: 32)
    var numbers = Numbers(seed: 7)
    let input = numbers.values(shape.count)
    let expected = try Network.lite.reference(
      .distribution, ReferenceTensor(shape, input.map(Double.init))
    ) { (name) throws(ColorizeError) in
      let values = try file.floats(name, shape: shapes[name] ?? [])
      return (0..<values.count).map { Double(values.start[$0]) }
    }
    let values = try logits(compiled, input, height: shape.height, width: shape.width)
    #expect(largestDifference(values, expected.values) < Self.logitTolerance)
  }

  @Test(arguments: Engine.available)
  func planEqualsPyTorch(_ engine: Engine) throws {
    let fixture = try Fixture("network")
    let file = try TensorFile(ByteSource(defaultModel))
    let compiled = try CompiledNetwork(.lite, weights: file, kernels: engine.kernels())
    let model = try Model.open(
      bytes: defaultModel,
      options: ModelOptions(instructionSet: engine.instructionSet, gemm: engine.gemm))
    var deviation = 0.0
    let cases = try fixture.forEachCase(inputs: Float.self) { number, input in
      let height = input.shape[1]
      let width = input.shape[2]
      let expected = try #require(try fixture.tensor("\(number).logits", of: Float.self))
      let values = try logits(compiled, input.values, height: height, width: width)
      #expect(
        largestDifference(values, expected.values.map(Double.init)) < Self.logitTolerance,
        "case \(number)")

      for (name, temperature) in [("ab", Float(0.38)), ("ab_t1", 1)] {
        let expected = try #require(try fixture.tensor("\(number).\(name)", of: Float.self))
        let ab = try Memory<Float>(count: expected.values.count)
        var options = RunOptions()
        options.temperature = temperature
        let pixels = height * width
        let lightness = input.values[..<pixels].map { $0 * 100 + 50 }
        let hints = input.values[pixels..<(3 * pixels)].map { $0 * 110 }
        let mask = Array(input.values[(3 * pixels)...])
        try lightness.withUnsafeBufferPointer { lightness in
          try hints.withUnsafeBufferPointer { hints in
            try mask.withUnsafeBufferPointer { mask in
              let input = try NetworkInput(
                model: model, height: height, width: width,
                lightness: try #require(lightness.baseAddress),
                hints: (try #require(hints.baseAddress), try #require(mask.baseAddress)))
              try Colorizer.predict(
                model: model, input: input, options: options, into: ab.start)
            }
          }
        }
        // The bounds of docs/exactness.md.
        let differences = zip((0..<ab.count).map { ab.start[$0] }, expected.values).map {
          Double(abs($0 - $1))
        }
        #expect((differences.max() ?? .infinity) < 2e-3, "case \(number), \(name)")
        #expect(differences.reduce(0, +) / Double(differences.count) < 2e-4)
        let mean = expected.values.reduce(0, +) / Float(expected.values.count)
        let variance = expected.values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        deviation = max(deviation, Double(variance / Float(expected.values.count)).squareRoot())
      }
    }
    #expect(cases >= 3)
    // Colors that vary, or a network that says the same everywhere would pass.
    #expect(deviation > 5)
  }

  /// Each value is one sum in one order, whoever computes it.
  @Test(arguments: Engine.available)
  func anyNumberOfThreadsGivesTheSameBits(_ engine: Engine) throws {
    let file = try TensorFile(ByteSource(defaultModel))
    let compiled = try CompiledNetwork(.lite, weights: file, kernels: engine.kernels())
    var numbers = Numbers(seed: 3)
    let input = numbers.values(4 * 48 * 80)
    let one = try logits(compiled, input, height: 48, width: 80, threads: 1)
    for threads in [2, 3, 7] {
      let several = try logits(compiled, input, height: 48, width: 80, threads: threads)
      #expect(several.map(\.bitPattern) == one.map(\.bitPattern))
    }
  }
}

/// A network that gives colors and no distribution.
@Suite struct ColorsAloneTests {
  private static let network = Network(
    "colors-alone", input: .gray, sizeMultiple: 4, sizeRounding: 4
  ) { Network.Outputs(ab: $0.convolution("a", 2, kernel: 3).tanh(), scale: 50) }

  private func model() throws -> (Model, Memory<UInt8>) {
    let file = try FormulaWeights(Self.network).file()
    let bytes = UnsafeRawBufferPointer(start: file.start, count: file.count)
    return (
      try Model.open(
        bytes: bytes, networks: [KnownNetwork(Self.network.architecture) { Self.network }]), file
    )
  }

  /// ab are the network's values times its scale.
  @Test func colors() throws {
    let (model, bytes) = try model()
    #expect(model.information.bins == 0 && model.information.distributionStride == 0)
    #expect(model.bins.count == 0 && !model.information.takesHints)
    let lightness: [Float] = (0..<32).map { Float($0 * 3) }
    let ab = try Memory<Float>(count: 64)
    try Colorizer.predict(
      model: model,
      input: NetworkInput(model: model, height: 4, width: 8, lightness: lightness, hints: nil),
      into: ab.start)
    let file = try TensorFile(
      ByteSource(UnsafeRawBufferPointer(start: bytes.start, count: bytes.count)))
    let shapes = Dictionary(
      uniqueKeysWithValues: Self.network.parameters.map { ($0.name, $0.shape) })
    let input = ReferenceTensor(
      Shape(channels: 1, height: 4, width: 8), lightness.map { (Double($0) - 50) / 100 })
    let expected = try Self.network.reference(.ab, input) { (name) throws(ColorizeError) in
      let values = try file.floats(name, shape: shapes[name] ?? [])
      return (0..<values.count).map { Double(values.start[$0]) }
    }
    let values = (0..<64).map { ab.start[$0] }
    // Numbers up to 50.
    #expect(largestDifference(values, expected.values.map { 50 * $0 }) < 1e-4)
  }

  @Test func distributionIsRefused() throws {
    let (model, _) = try model()
    let probabilities = try Memory<Float>(count: 1)
    let lightness = Array(repeating: Float(50), count: 16)
    let refused = ColorizeError.invalidArgument(
      "the network colors-alone gives colors only, and no distribution")
    #expect(throws: refused) {
      try Colorizer.distribution(
        model: model,
        input: NetworkInput(model: model, height: 4, width: 4, lightness: lightness, hints: nil),
        into: probabilities.start)
    }
  }
}
