// The operators beside convolution: planned forms against naive references, and the naive
// convolution, on which everything rests, against PyTorch.

import ColorizeCore
import Testing

@Suite struct OperatorTests {
  @Test func naiveConvolutionIsPyTorchs() throws {
    let fixture = try Fixture("convolution")
    let cases = try fixture.forEachCase(inputs: Float.self) { number, input in
      let weight = try #require(try fixture.tensor("\(number).weight", of: Float.self))
      let bias = try fixture.tensor("\(number).bias", of: Float.self)
      let expected = try #require(try fixture.tensor("\(number).output", of: Float.self))
      let convolution = Convolution(
        inputs: weight.shape[1], outputs: weight.shape[0], kernel: weight.shape[2],
        stride: try #require(try fixture.number("\(number).stride")),
        padding: try #require(try fixture.number("\(number).padding")),
        dilation: try #require(try fixture.number("\(number).dilation")), bias: bias != nil)
      let shape = Shape(channels: input.shape[0], height: input.shape[1], width: input.shape[2])
      let output = convolution.reference(
        [ReferenceTensor(shape, input.values.map(Double.init))],
        parameters: [weight, bias].compactMap { $0?.values.map(Double.init) })
      #expect(
        [output.shape.channels, output.shape.height, output.shape.width] == expected.shape)
      // PyTorch summed in float64.
      #expect(largestDifference(expected.values, output.values) < 1e-5, "case \(number)")
    }
    #expect(cases >= 5)
  }

  /// PyTorch's is transposed in the sense of the matrix: its kernel is not turned.
  @Test func naiveTransposedConvolutionIsPyTorchs() throws {
    let fixture = try Fixture("transposed")
    let cases = try fixture.forEachCase(inputs: Float.self) { number, input in
      let weight = try #require(try fixture.tensor("\(number).weight", of: Float.self))
      let bias = try #require(try fixture.tensor("\(number).bias", of: Float.self))
      let expected = try #require(try fixture.tensor("\(number).output", of: Float.self))
      let convolution = TransposedConvolution(inputs: weight.shape[0], outputs: weight.shape[1])
      #expect(convolution.parameters[0].shape == weight.shape)
      let shape = Shape(channels: input.shape[0], height: input.shape[1], width: input.shape[2])
      let output = convolution.reference(
        [ReferenceTensor(shape, input.values.map(Double.init))],
        parameters: [weight, bias].map { $0.values.map(Double.init) })
      #expect(
        [output.shape.channels, output.shape.height, output.shape.width] == expected.shape)
      // PyTorch summed in float64.
      #expect(largestDifference(expected.values, output.values) < 1e-5, "case \(number)")
    }
    #expect(cases >= 5)
  }

  @Test func naiveDepthwiseConvolutionIsPyTorchs() throws {
    let fixture = try Fixture("depthwise")
    let cases = try fixture.forEachCase(inputs: Float.self) { number, input in
      let weight = try #require(try fixture.tensor("\(number).weight", of: Float.self))
      let bias = try fixture.tensor("\(number).bias", of: Float.self)
      let expected = try #require(try fixture.tensor("\(number).output", of: Float.self))
      let convolution = DepthwiseConvolution(
        channels: weight.shape[0], kernel: weight.shape[2],
        stride: try #require(try fixture.number("\(number).stride")), bias: bias != nil)
      #expect(convolution.parameters[0].shape == weight.shape)
      let shape = Shape(channels: input.shape[0], height: input.shape[1], width: input.shape[2])
      let output = convolution.reference(
        [ReferenceTensor(shape, input.values.map(Double.init))],
        parameters: [weight, bias].compactMap { $0?.values.map(Double.init) })
      #expect(
        [output.shape.channels, output.shape.height, output.shape.width] == expected.shape)
      #expect(largestDifference(expected.values, output.values) < 1e-5, "case \(number)")
    }
    #expect(cases >= 6)
  }

  /// Pictures smaller than a kernel, one column, and widths with and without positions that have all taps.
  @Test(arguments: InstructionSet.available, [(3, 1), (3, 2), (5, 1), (5, 2)])
  func depthwiseConvolution(_ instructionSet: InstructionSet, _ form: (kernel: Int, stride: Int))
    throws
  {
    let kernels = KernelSet(instructionSet)
    for (channels, height, width) in [(1, 1, 1), (19, 2, 3), (40, 9, 1), (33, 7, 14), (96, 5, 23)] {
      for (relu, padding) in [
        (nil, .even), (ReLU(), .even), (ReLU(ceiling: 0.5), .same),
      ] as [(ReLU?, Network.Padding)] {
        let convolution = DepthwiseConvolution(
          channels: channels, kernel: form.kernel, stride: form.stride,
          padding: padding.sides(kernel: form.kernel, stride: form.stride))
        guard convolution.outputShape([Shape(channels: 1, height: height, width: width)]).count > 0
        else { continue }
        var numbers = Numbers(seed: 23)
        let shape = Shape(channels: channels, height: height, width: width)
        let values = numbers.values(shape.count)
        let weight = numbers.values(channels * convolution.taps)
        let scale = numbers.values(channels)
        let bias = numbers.values(channels)
        var expected = convolution.reference(
          [ReferenceTensor(shape, values.map(Double.init))],
          parameters: [
            weight.enumerated().map { Double($1) * Double(scale[$0 / convolution.taps]) }
          ])
        let pixels = expected.shape.height * expected.shape.width
        for index in 0..<expected.values.count {
          expected.values[index] += Double(bias[index / pixels])
        }
        if let relu { expected = relu.reference([expected], parameters: []) }
        let stride = channels.roundedUp(to: max(16, kernels.gemmPanel))
        let output = try TestActivation(expected.shape, stride: stride)
        try run(
          PlannedDepthwiseConvolution(
            convolution, weight: weight, scale: scale, bias: bias, slope: relu == nil ? 1 : 0,
            ceiling: relu?.ceiling ?? .infinity, kernels: kernels),
          [TestActivation(shape, stride: stride, planes: values)], output, kernels: kernels)
        // Up to 25 products of numbers up to 1.
        #expect(
          largestDifference(output.planes, expected.values) < 1e-5,
          "\(channels) channels, \(height)x\(width), \(padding)")
      }
    }
  }

  /// TensorFlow's SAME for even sides: a stride of 2 leaves one row less for a kernel of 3, and three for one of 5.
  @Test(arguments: [(1, 1, 0, 0), (3, 1, 1, 1), (3, 2, 0, 1), (5, 1, 2, 2), (5, 2, 1, 2)])
  func samePadding(_ kernel: Int, _ stride: Int, _ before: Int, _ after: Int) {
    let sides = Network.Padding.same.sides(kernel: kernel, stride: stride)
    #expect(sides.before == before && sides.after == after)
  }

  /// What is below and to the right of a ramp is zeros, and nothing is above or to the left.
  @Test func paddingOfEachSide() {
    let ramp = ReferenceTensor(Shape(channels: 1, height: 4, width: 4), (1...16).map(Double.init))
    let ones = [Array(repeating: 1.0, count: 9)]
    // Rows 1 to 3, 5 to 7 and 9 to 11; then without the last column, without the last row, without both.
    let sums: [Double] = [54, 45, 72, 54]
    let convolution = Convolution(
      inputs: 1, outputs: 1, kernel: 3, stride: 2, padding: 0, paddingAfter: 1, bias: false)
    #expect(convolution.reference([ramp], parameters: ones).values == sums)
    let depthwise = DepthwiseConvolution(
      channels: 1, kernel: 3, stride: 2, padding: (before: 0, after: 1))
    #expect(depthwise.reference([ramp], parameters: ones).values == sums)
  }

  @Test func ceilingOfReLU() {
    let values = ReferenceTensor(Shape(channels: 1, height: 1, width: 4), [-1, 0.5, 6, 7])
    #expect(ReLU(ceiling: 6).reference([values], parameters: []).values == [0, 0.5, 6, 6])
    #expect(ReLU().reference([values], parameters: []).values == [0, 0.5, 6, 7])
  }

  /// The value of each gray pixel comes back from its lightness, to a hundredth of a level.
  @Test func grayComesBack() throws {
    let rgb = try Memory<Float>(count: 3 * 256)
    for index in 0..<rgb.count { rgb.start[index] = Float(index / 3) / 255 }
    let lab = try Memory<Float>(count: rgb.count)
    Lab.fromRGB(rgb.start, into: lab.start, count: 256, kernels: KernelSet(.best))
    let lightness = (0..<256).map { (lab.start[3 * $0] - 50) / 100 }
    let shape = Shape(channels: 1, height: 1, width: 256)
    let gray = GrayAsRGB().reference(
      [ReferenceTensor(shape, lightness.map(Double.init))], parameters: [])
    #expect(gray.shape == Shape(channels: 3, height: 1, width: 256))
    for c in 0..<3 {
      for level in 0..<256 {
        #expect(abs(gray[c, 0, level] * 128 + 127 - Double(level)) < 0.01, "level \(level)")
      }
    }
  }

  /// In every part of the curve, and beyond it on both sides; other channels are not looked at.
  @Test func grayAsRGB() throws {
    let shape = Shape(channels: 2, height: 11, width: 13)
    let count = shape.height * shape.width
    var numbers = Numbers(seed: 29)
    let values = (0..<count).map { Float($0 - 10) / 120 - 0.5 } + numbers.values(count)
    let expected = GrayAsRGB().reference(
      [ReferenceTensor(shape, values.map(Double.init))], parameters: [])
    let output = try TestActivation(expected.shape, stride: 16)
    try run(
      PlannedGrayAsRGB(GrayAsRGB()), [TestActivation(shape, stride: 16, planes: values)], output,
      kernels: KernelSet(.baseline))
    // Of numbers from -1 to 1; near black the curve is steep.
    #expect(largestDifference(output.planes, expected.values) < 2e-6)
  }

  @Test func activationsArePyTorchs() throws {
    let fixture = try Fixture("activation")
    let input = try #require(try fixture.tensor("input", of: Float.self))
    let shape = Shape(channels: 1, height: 1, width: input.values.count)
    let values = [ReferenceTensor(shape, input.values.map(Double.init))]
    for (name, operation) in [("leaky", LeakyReLU(slope: 0.2) as any Operator), ("tanh", Tanh())] {
      let expected = try #require(try fixture.tensor(name, of: Float.self))
      let output = operation.reference(values, parameters: [])
      #expect(largestDifference(expected.values, output.values) < 1e-5, "\(name)")
    }
    let planned = try TestActivation(shape, stride: 16)
    try run(
      PlannedTanh(), [TestActivation(shape, stride: 16, planes: input.values)], planned,
      kernels: KernelSet(.baseline))
    let expected = try #require(try fixture.tensor("tanh", of: Float.self))
    #expect(largestDifference(planned.planes, expected.values.map(Double.init)) < 1e-6)
  }

  /// As PyTorch's `[:, ::2, ::2]`: the first row and column stay.
  @Test(arguments: [(1, 1), (2, 4), (5, 3)]) func subsample(_ height: Int, _ width: Int) throws {
    let shape = Shape(channels: 19, height: height, width: width)
    var numbers = Numbers(seed: 19)
    let values = numbers.values(shape.count)
    let expected = Subsample().reference(
      [ReferenceTensor(shape, values.map(Double.init))], parameters: [])
    #expect(expected.shape == Shape(channels: 19, height: (height + 1) / 2, width: (width + 1) / 2))
    let output = try TestActivation(expected.shape, stride: 32)
    try run(
      PlannedSubsample(), [TestActivation(shape, stride: 32, planes: values)], output,
      kernels: KernelSet(.baseline))
    #expect(largestDifference(output.planes, expected.values) == 0)
    #expect(output.planes[0] == values[0])
  }

  @Test(arguments: InstructionSet.available, [false, true])
  func bilinearWithAdditionAndReLU(_ instructionSet: InstructionSet, _ relu: Bool) throws {
    let small = Shape(channels: 40, height: 3, width: 5)
    let large = Shape(channels: 40, height: 7, width: 9)
    var numbers = Numbers(seed: 11)
    let values = numbers.values(small.count)
    let residual = numbers.values(large.count)
    var expected = Add().reference(
      [
        Bilinear().reference(
          [ReferenceTensor(small, values.map(Double.init)), ReferenceTensor(large)],
          parameters: []),
        ReferenceTensor(large, residual.map(Double.init)),
      ], parameters: [])
    if relu { expected = ReLU().reference([expected], parameters: []) }
    let other = try TestActivation(large, stride: 48, planes: residual)
    let output = try TestActivation(large, stride: 48)
    try run(
      PlannedBilinear(hasResidual: true, relu: relu),
      [TestActivation(small, stride: 48, planes: values), other, other], output,
      kernels: KernelSet(instructionSet))
    // Four products of float32 numbers up to 1.
    #expect(largestDifference(output.planes, expected.values) < 1e-5)
  }

  @Test(arguments: [false, true], [false, true])
  func addition(_ isSpread: Bool, _ relu: Bool) throws {
    let shape = Shape(channels: 21, height: 4, width: 3)
    let otherShape = isSpread ? Shape(channels: 21, height: 1, width: 1) : shape
    var numbers = Numbers(seed: 5)
    let first = numbers.values(shape.count)
    let second = numbers.values(otherShape.count)
    var expected = Add().reference(
      [
        ReferenceTensor(shape, first.map(Double.init)),
        ReferenceTensor(otherShape, second.map(Double.init)),
      ], parameters: [])
    if relu { expected = ReLU().reference([expected], parameters: []) }
    let output = try TestActivation(shape, stride: 32)
    try run(
      PlannedAdd(relu: relu),
      [
        TestActivation(shape, stride: 32, planes: first),
        TestActivation(otherShape, stride: 32, planes: second),
      ], output, kernels: KernelSet(.baseline))
    #expect(largestDifference(output.planes, expected.values) < 1e-6)
    #expect(relu != output.planes.contains { $0 < 0 })
  }

  @Test(arguments: [1, 64, 130]) func globalMean(_ channels: Int) throws {
    let shape = Shape(channels: channels, height: 5, width: 3)
    var numbers = Numbers(seed: 13)
    let values = numbers.values(shape.count)
    let expected = GlobalMean().reference(
      [ReferenceTensor(shape, values.map(Double.init))], parameters: [])
    let stride = channels.roundedUp(to: 16)
    let output = try TestActivation(expected.shape, stride: stride)
    try run(
      PlannedGlobalMean(), [TestActivation(shape, stride: stride, planes: values)], output,
      kernels: KernelSet(.baseline))
    #expect(largestDifference(output.planes, expected.values) < 1e-6)
  }
}
