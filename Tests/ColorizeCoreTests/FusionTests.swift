// Steps and what they take over: each operator has a step of its own, and fusion only makes fewer of them.

import ColorizeCore
import Testing

@Suite struct FusionTests {
  /// A network and how many steps it has.
  struct Case: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let steps: Int
    let body: @Sendable (Network.Value) -> Network.Value

    init(_ name: String, steps: Int, _ body: @escaping @Sendable (Network.Value) -> Network.Value) {
      testDescription = name
      self.steps = steps
      self.body = body
    }
  }

  static let cases = [
    Case("a rectifier first", steps: 2) { $0.relu().convolution("a.0", 16, kernel: 3) },
    Case("with a ceiling", steps: 1) { $0.relu(ceiling: 0.25) },
    Case("leaky, of what another one reads too", steps: 3) {
      let x = $0.convolution("a.0", 16, kernel: 1)
      return x.leakyReLU(0.1) + x
    },
    Case("a batch norm first, and a rectifier", steps: 1) { $0.batchNorm("a.1").leakyReLU(0.3) },
    Case("a batch norm behind a bias", steps: 1) {
      $0.convolution("a.0", 16, kernel: 3).batchNorm("a.1").relu(ceiling: 0.5)
    },
    Case("what an epilogue does and what it has no room for", steps: 2) {
      $0.convolution("a.0", 16, kernel: 1).relu().batchNorm("a.2").relu()
    },
    Case("bilinear, a ceiling and a batch norm", steps: 4) {
      $0.convolution("a.0", 16, kernel: 3, stride: 2).upsampled(to: $0).relu(ceiling: 0.4)
        .batchNorm("a.2")
    },
    Case("addition, leaky", steps: 3) {
      ($0.tanh() + $0).leakyReLU(0.2)
    },
    Case("a spread addition", steps: 4) {
      $0.convolution("a.0", 16, kernel: 3) + $0.globalMean().linear("b", 16)
    },
    Case("depthwise, an addition", steps: 2) { $0.depthwise("a.0", kernel: 3).relu() + $0 },
    Case("side by side: in place, and read by another one too", steps: 9) {
      let x = $0.convolution("a.0", 20, kernel: 3).relu()
      let y = x.batchNorm("a.2").relu()
      let z = $0.convolution("b", 12, kernel: 3, bias: false).pixelShuffle(2)
        .blurred(croppedTo: $0)
      let both = z.joined(with: y)
      // What is side by side is read whole, and its parts are where their own steps put them.
      return (both + both.relu()).joined(with: $0)
    },
    Case("side by side: what writes whole panels comes last, and is first", steps: 3) {
      let y = $0.batchNorm("a.1")
      return $0.convolution("b", 4, kernel: 1).joined(with: y)
    },
    Case("max pool, sigmoid", steps: 2) {
      $0.maxPool(kernel: 3, stride: 2, padding: 1).sigmoid(-3...3)
    },
    Case("sums in each other's place", steps: 5) {
      let x = $0.convolution("a", 12, kernel: 3)
      let y = x + x.convolution("b", 16, kernel: 3).convolution("c", 12, kernel: 3)
      return (y + y.convolution("d", 8, kernel: 1).convolution("e", 12, kernel: 1)).relu()
    },
    Case("an addition behind everything, in the place of what is added", steps: 5) {
      let x = $0.convolution("a", 20, kernel: 3)
      let y = x + x.convolution("b", 20, kernel: 3).convolution("c", 20, kernel: 3).relu()
      let z = y.convolution("d.0", 20, kernel: 1).relu().batchNorm("d.2")
      return y + z.convolution("e", 20, kernel: 1).relu()
    },
    Case("what is added is read by the product too, and later", steps: 6) {
      let x = $0.convolution("a", 12, kernel: 3)
      let y = x + x.convolution("b", 12, kernel: 3)
      let z = y + y.convolution("c", 12, kernel: 3).convolution("d", 12, kernel: 3)
      return z.tanh() + y
    },
    Case("attention", steps: 5) {
      $0.convolution("a.0", 40, kernel: 3).relu().selfAttention("b")
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
    #expect(compiled.steps.count == own.steps)
    let shape = Shape(channels: 4, height: 6, width: 10)
    var numbers = Numbers(seed: 3)
    let input = numbers.values(shape.count)
    let parameters = Dictionary(
      uniqueKeysWithValues: network.parameters.map { ($0.name, $0.shape) })
    let expected = try network.reference(.ab, ReferenceTensor(shape, input.map(Double.init))) {
      (name) throws(ColorizeError) in
      let values = try file.floats(name, shape: parameters[name] ?? [])
      return (0..<values.count).map { Double(values.start[$0]) }
    }
    let plan = Plan(compiled, .ab, height: shape.height, width: shape.width)
    let team = Team(threads: 2)
    let workspace = try Workspace(plan, workers: team.size)
    plan.input(workspace).start.update(
      from: (0..<shape.count).map { input[$0 % 4 * 60 + $0 / 4] }, count: shape.count)
    try plan.run(workspace, team) { _ in }
    let output = plan.output(workspace)
    let values = (0..<output.shape.count).map {
      output.start[($0 % output.pixels) * output.stride + $0 / output.pixels]
    }
    #expect(output.shape == expected.shape)
    // A few roundings of sums of up to 144 products.
    #expect(largestDifference(values, expected.values) < 1e-5)
  }

  /// A sum is written where one of its operands was: a chain of residual blocks needs no more memory than one without.
  @Test func sumsTakeThePlaceOfWhatIsAdded() throws {
    func count(isResidual: Bool, isActivated: Bool) throws -> Int {
      let network = Network("test", input: .gray, sizeMultiple: 1, sizeRounding: 2) {
        var x = $0.convolution("a", 20, kernel: 3)
        for name in ["b", "c", "d"] {
          var y = x.convolution("\(name).0", 20, kernel: 3).convolution("\(name).1", 20, kernel: 3)
          if isActivated { y = y.relu() }
          x = isResidual ? x + y : y
        }
        return Network.Outputs(ab: x, scale: 1)
      }
      let bytes = try FormulaWeights(network).file()
      let file = try TensorFile(
        ByteSource(UnsafeRawBufferPointer(start: bytes.start, count: bytes.count)))
      let compiled = try CompiledNetwork(
        network, weights: file, kernels: KernelSet(InstructionSet.available[0]))
      return Plan(compiled, .ab, height: 32, width: 48).arenaCount
    }
    for isActivated in [false, true] {
      let alone = try count(isResidual: false, isActivated: isActivated)
      #expect(try count(isResidual: true, isActivated: isActivated) == alone)
    }
  }
}
