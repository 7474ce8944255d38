// The operators of DDColor: naive references against PyTorch, and planned forms against naive references.

import ColorizeCore
import Testing

@Suite struct TransformerOperatorTests {
  private func planes(_ tensor: FixtureTensor<Float>) -> ReferenceTensor {
    ReferenceTensor(
      Shape(channels: tensor.shape[0], height: tensor.shape[1], width: tensor.shape[2]),
      tensor.values.map(Double.init))
  }

  @Test func naiveOperatorsArePyTorchs() throws {
    let fixture = try Fixture("transformer")
    var kinds: Set<String> = []
    let cases = try fixture.forEachCase(inputs: Float.self) { number, input in
      func values(_ name: String) throws -> [Double]? {
        try fixture.tensor("\(number).\(name)", of: Float.self)?.values.map(Double.init)
      }
      let expected = try #require(try fixture.tensor("\(number).output", of: Float.self))
      let input = planes(input)
      let channels = input.shape.channels
      var output: ReferenceTensor
      if let exponent = try fixture.number("\(number).exponent") {
        kinds.insert("layer norm")
        let norm = LayerNorm(channels: channels, epsilon: exponent == 6 ? 1e-6 : 1e-5)
        let weight = try #require(try values("weight"))
        output = norm.reference(
          [input], parameters: [weight, try #require(try values("bias"))])
      } else if let heads = try fixture.number("\(number).heads") {
        kinds.insert("attention")
        let weight = try #require(try values("in_proj_weight"))
        let bias = try #require(try values("in_proj_bias"))
        func projected(_ tensor: ReferenceTensor, _ part: AttentionProjection.Part)
          -> ReferenceTensor
        {
          AttentionProjection(channels: channels, part)
            .reference([tensor], parameters: [weight, bias])
        }
        let keys = planes(try #require(try fixture.tensor("\(number).keys", of: Float.self)))
        let memory = planes(try #require(try fixture.tensor("\(number).values", of: Float.self)))
        output = MultiHeadAttention(heads: heads).reference(
          [projected(input, .query), projected(keys, .key), projected(memory, .value)],
          parameters: [])
        output = Linear(inputs: channels, outputs: channels).reference(
          [output],
          parameters: [
            try #require(try values("out_weight")), try #require(try values("out_bias")),
          ])
      } else if try fixture.number("\(number).positions") != nil {
        kinds.insert("positions")
        output = SinePositions(channels: channels).reference([input], parameters: [])
      } else {
        kinds.insert("gelu")
        output = GELU().reference([input], parameters: [])
      }
      #expect(output.shape == planes(expected).shape)
      #expect(largestDifference(expected.values, output.values) < 1e-5, "case \(number)")
    }
    #expect(cases >= 10 && kinds.count == 4)
  }

  /// A network of some operators.
  struct Case: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let steps: Int
    /// Of these, those that do two products; OpenBLAS does them one after the other.
    let pairs: Int
    let body: @Sendable (Network.Value) -> Network.Value

    init(
      _ name: String, steps: Int, pairs: Int = 0,
      _ body: @escaping @Sendable (Network.Value) -> Network.Value
    ) {
      testDescription = name
      self.steps = steps
      self.pairs = pairs
      self.body = body
    }
  }

  /// More tokens than attention takes at once, heads narrower than a panel, and channels that fill no vector.
  static let cases = [
    Case("a ConvNeXt's block: three steps", steps: 4, pairs: 1) {
      let x = $0.linear("a", 20)
      return x
        + x.depthwise("b.dwconv", kernel: 7, bias: true).layerNorm("b.norm", epsilon: 1e-6)
        .linear("b.pwconv1", 80).gelu().linear("b.pwconv2", 20).layerScale("b")
    },
    Case("what is between two products is read by a third", steps: 3) {
      let x = $0.linear("a", 40)
      return x.linear("b", 8) + x.linear("c", 8)
    },
    Case("what is between two products is added", steps: 2) {
      let x = $0.linear("a", 8)
      return x.linear("b", 8) + x
    },
    Case("what nothing before can do", steps: 4) {
      $0.standardized().layerScale("a").gelu().relu()
    },
    Case("an addition leaves no place for GELU", steps: 4) {
      let x = $0.linear("a", 20)
      return (x.linear("b", 20) + x).gelu().linear("c", 3)
    },
    Case("the network's input is added by a step of its own", steps: 2) { $0.linear("a", 4) + $0 },
    Case("a depthwise convolution's bias goes through a batch norm", steps: 1) {
      $0.depthwise("a.0", kernel: 3, bias: true).batchNorm("a.1").relu()
    },
    Case("attention to places", steps: 9) {
      let queries = $0.embedding("q", count: 15, channels: 24)
      let memory = $0.linear("m", 24)
      let keys = memory + memory.sinePositions()
      let found = queries.attentionProjection("p", .query)
        .attention(
          to: keys.attentionProjection("p", .key), memory.attentionProjection("p", .value),
          heads: 2)
      return queries + found.linear("p.out_proj", 24)
    },
    Case("a row of a table, everywhere", steps: 3) {
      $0.linear("a", 8) + $0.embedding("t", count: 3, channels: 8, row: 1)
    },
    Case("the folded end", steps: 4) {
      $0.queryColors(
        $0.embedding("q", count: 7, channels: 4), count: 7,
        picture: $0.linear("s", 48).pixelShuffle(4), enlargement: "e", refinement: "r")
    },
  ]

  @Test(arguments: cases, Engine.available)
  func stepsEqualReference(_ own: Case, _ engine: Engine) throws {
    let network = Network(
      "test", input: .grayWithHints, sizeMultiple: 1, sizeRounding: 2
    ) { Network.Outputs(ab: own.body($0), scale: 1) }
    let bytes = try FormulaWeights(network).file()
    let file = try TensorFile(
      ByteSource(UnsafeRawBufferPointer(start: bytes.start, count: bytes.count)))
    let compiled = try CompiledNetwork(network, weights: file, kernels: engine.kernels())
    #expect(compiled.steps.count == own.steps + (engine.gemm == .own ? 0 : own.pairs))
    let shapes = Dictionary(uniqueKeysWithValues: network.parameters.map { ($0.name, $0.shape) })
    for (height, width) in [(1, 1), (6, 10), (33, 17)] {
      let shape = Shape(channels: 4, height: height, width: width)
      var numbers = Numbers(seed: 3)
      let input = numbers.values(shape.count)
      let expected = try network.reference(.ab, ReferenceTensor(shape, input.map(Double.init))) {
        (name) throws(ColorizeError) in
        let values = try file.floats(name, shape: shapes[name] ?? [])
        return (0..<values.count).map { Double(values.start[$0]) }
      }
      var outputs: [[Float]] = []
      for threads in [1, 3] {
        let plan = Plan(compiled, .ab, height: height, width: width)
        let team = Team(threads: threads)
        let workspace = try Workspace(plan, workers: team.size)
        plan.input(workspace).start.update(
          from: (0..<shape.count).map { input[$0 % 4 * height * width + $0 / 4] },
          count: shape.count)
        try plan.run(workspace, team) { _ in }
        let output = plan.output(workspace)
        #expect(output.shape == expected.shape)
        outputs.append(
          (0..<output.shape.count).map {
            output.start[($0 % output.pixels) * output.stride + $0 / output.pixels]
          })
      }
      let largest = expected.values.reduce(1) { max($0, abs($1)) }
      #expect(largestDifference(outputs[0], expected.values) < 1e-5 * largest)
      #expect(outputs[0] == outputs[1])
    }
  }

  /// Of all floats that a layer may have, from far below to far above.
  @Test(arguments: InstructionSet.available) func gelu(_ instructionSet: InstructionSet) throws {
    let values = (-4000...4000).map { Float($0) / 300 } + [-1e30, 1e30, -88, 88, -0.0, 1e-30]
    let shape = Shape(channels: values.count, height: 1, width: 1)
    let expected = GELU().reference(
      [ReferenceTensor(shape, values.map(Double.init))], parameters: [])
    let stride = values.count.roundedUp(to: 16)
    let output = try TestActivation(shape, stride: stride)
    try run(
      PlannedGELU(), [TestActivation(shape, stride: stride, planes: values)], output,
      kernels: KernelSet(instructionSet))
    for (value, exact) in zip(output.planes, expected.values) {
      #expect(abs(Double(value) - exact) <= 2e-6 * max(1, abs(exact)), "\(exact)")
    }
  }
}
