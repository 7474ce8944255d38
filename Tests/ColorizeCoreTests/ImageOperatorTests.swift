// Operators that rearrange pixels, and attention: naive references against PyTorch, and planned forms against naive
// references over shapes and instruction sets.

import ColorizeCore
import Testing

@Suite struct ImageOperatorTests {
  private func shape(_ tensor: FixtureTensor<Float>) -> Shape {
    Shape(channels: tensor.shape[0], height: tensor.shape[1], width: tensor.shape[2])
  }

  private func planes(_ tensor: FixtureTensor<Float>) -> ReferenceTensor {
    ReferenceTensor(shape(tensor), tensor.values.map(Double.init))
  }

  /// The operator of a case: what is in the file beside input and output says which one.
  private func operation(_ fixture: Fixture, _ number: Int) throws -> any Operator {
    if let kernel = try fixture.number("\(number).kernel") {
      return MaxPool(
        kernel: kernel, stride: try #require(try fixture.number("\(number).stride")),
        padding: try #require(try fixture.number("\(number).padding")))
    }
    if let factor = try fixture.number("\(number).factor") { return PixelShuffle(factor: factor) }
    if try fixture.number("\(number).sigmoid") != nil { return SigmoidRange(-3...3) }
    return Blur()
  }

  @Test func naiveReferencesArePyTorchs() throws {
    let fixture = try Fixture("image-operators")
    var kinds = Set<String>()
    let cases = try fixture.forEachCase(inputs: Float.self) { number, input in
      let expected = try #require(try fixture.tensor("\(number).output", of: Float.self))
      let operation = try operation(fixture, number)
      kinds.insert("\(type(of: operation))")
      var inputs = [planes(input)]
      if operation is Blur {
        inputs.append(
          ReferenceTensor(Shape(channels: 1, height: expected.shape[1], width: expected.shape[2])))
      }
      let output = operation.reference(inputs, parameters: [])
      #expect(
        output.shape == shape(expected)
          && operation.outputShape(inputs.map(\.shape)) == output.shape)
      #expect(largestDifference(expected.values, output.values) < 1e-6, "case \(number)")
    }
    #expect(cases >= 8 && kinds.count == 4)
  }

  @Test func naiveAttentionIsPyTorchs() throws {
    let fixture = try Fixture("attention")
    let cases = try fixture.forEachCase(inputs: Float.self) { number, input in
      let parts = try ["query", "key", "value"].map {
        planes(try #require(try fixture.tensor("\(number).\($0)", of: Float.self)))
      }
      let gamma = try #require(try fixture.tensor("\(number).gamma", of: Float.self))
      let expected = try #require(try fixture.tensor("\(number).output", of: Float.self))
      let output = SelfAttention().reference(
        parts + [planes(input)], parameters: [gamma.values.map(Double.init)])
      #expect(output.shape == shape(expected))
      #expect(largestDifference(expected.values, output.values) < 1e-5, "case \(number)")
    }
    #expect(cases >= 3)
  }

  static let shapes = [(1, 1, 1), (3, 2, 5), (19, 7, 6), (48, 5, 9), (16, 12, 1)]

  @Test(arguments: InstructionSet.available)
  func plannedRearrangements(_ instructionSet: InstructionSet) throws {
    let kernels = KernelSet(instructionSet)
    for (channels, height, width) in Self.shapes {
      for (operation, planned) in [
        (
          MaxPool(kernel: 3, stride: 2, padding: 1),
          PlannedMaxPool(MaxPool(kernel: 3, stride: 2, padding: 1))
        ),
        (
          MaxPool(kernel: 2, stride: 1, padding: 1),
          PlannedMaxPool(MaxPool(kernel: 2, stride: 1, padding: 1))
        ),
        (PixelShuffle(factor: 2), PlannedPixelShuffle(factor: 2)),
        (PixelShuffle(factor: 4), PlannedPixelShuffle(factor: 4)),
        (Blur(), PlannedBlur()), (SigmoidRange(-3...3), PlannedSigmoidRange(-3...3)),
      ] as [(any Operator, any PlannedOperator)] {
        let factor = (operation as? PixelShuffle)?.factor ?? 1
        let shape = Shape(channels: channels * factor * factor, height: height, width: width)
        var numbers = Numbers(seed: 31)
        let values = numbers.values(shape.count)
        let expected = operation.reference(
          [ReferenceTensor(shape, values.map(Double.init))], parameters: [])
        let output = try TestActivation(expected.shape, stride: channels.roundedUp(to: 16) + 16)
        try run(
          planned,
          [TestActivation(shape, stride: shape.channels.roundedUp(to: 16), planes: values)],
          output, kernels: kernels)
        #expect(
          largestDifference(output.planes, expected.values) < 1e-6,
          "\(type(of: operation)), \(channels)x\(height)x\(width)")
        guard planned.keepsToChannels else { continue }
        // Beside them may lie another value's.
        for pixel in 0..<output.activation.pixels {
          for c in channels..<output.activation.stride {
            #expect(
              output.memory.start[pixel * output.activation.stride + c] == TestActivation.filler)
          }
        }
      }
    }
  }

  /// Only the rows and columns that another value has.
  @Test func croppedBlur() throws {
    let shape = Shape(channels: 20, height: 6, width: 8)
    let other = Shape(channels: 1, height: 5, width: 7)
    var numbers = Numbers(seed: 37)
    let values = numbers.values(shape.count)
    let expected = Blur().reference(
      [ReferenceTensor(shape, values.map(Double.init)), ReferenceTensor(other)], parameters: [])
    #expect(expected.shape == Shape(channels: 20, height: 5, width: 7))
    let output = try TestActivation(expected.shape, stride: 32)
    try run(
      PlannedBlur(), [TestActivation(shape, stride: 32, planes: values)], output,
      kernels: KernelSet(.best))
    #expect(largestDifference(output.planes, expected.values) < 1e-6)
  }

  /// More positions than a block of the product has, and fewer than a panel; more channels of keys than a block.
  @Test(
    arguments: InstructionSet.available,
    [(1, 1, 1, 1), (3, 5, 2, 3), (8, 64, 17, 19), (40, 33, 5, 7), (260, 16, 3, 4)])
  func attention(
    _ instructionSet: InstructionSet, _ size: (keys: Int, channels: Int, height: Int, width: Int)
  ) throws {
    let kernels = KernelSet(instructionSet)
    let small = Shape(channels: size.keys, height: size.height, width: size.width)
    let full = Shape(channels: size.channels, height: size.height, width: size.width)
    var numbers = Numbers(seed: 41)
    let inputs = [small, small, full, full].map { ($0, numbers.values($0.count).map { 2 * $0 }) }
    let expected = SelfAttention().reference(
      inputs.map { ReferenceTensor($0.0, $0.1.map(Double.init)) }, parameters: [[-0.75]])
    func stride(_ channels: Int) -> Int { channels.roundedUp(to: max(16, kernels.gemmPanel)) }
    let output = try TestActivation(full, stride: stride(full.channels))
    for threads in [1, 3] {
      try run(
        PlannedSelfAttention(gamma: -0.75, kernels: kernels),
        inputs.map { try TestActivation($0.0, stride: stride($0.0.channels), planes: $0.1) },
        output, kernels: kernels, threads: threads)
      #expect(largestDifference(output.planes, expected.values) < 2e-5)
    }
  }

  /// A fully connected layer at every position is a 1x1 convolution.
  @Test func linearAtEveryPosition() throws {
    let shape = Shape(channels: 5, height: 3, width: 4)
    var numbers = Numbers(seed: 43)
    let input = ReferenceTensor(shape, numbers.values(shape.count).map(Double.init))
    let weight = numbers.values(35).map(Double.init)
    let bias = numbers.values(7).map(Double.init)
    let linear = Linear(inputs: 5, outputs: 7)
    #expect(
      linear.reference([input], parameters: [weight, bias]).values
        == linear.convolution.reference([input], parameters: [weight, bias]).values)
    #expect(linear.outputShape([shape]) == Shape(channels: 7, height: 3, width: 4))
    let bare = Linear(inputs: 5, outputs: 7, bias: false, isConvolution: true)
    #expect(bare.parameters.map(\.shape) == [[7, 5, 1]])
  }
}
