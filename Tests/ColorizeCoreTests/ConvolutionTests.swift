// The planned convolution against its naive reference, over shapes and instruction sets.

import ColorizeCore
import Testing

@Suite struct ConvolutionTests {
  struct Case: CustomTestStringConvertible {
    var inputs: Int
    var outputs: Int
    var kernel: Int
    var stride: Int
    var height: Int
    var width: Int
    var dilation = 1
    var residual = false
    /// Of the activation: 1 for none, 0 for ReLU.
    var slope: Float = 1
    /// Of the activation.
    var ceiling: Float = .infinity
    var padding = Network.Padding.even
    /// A batch norm after the activation.
    var affine = false
    var testDescription: String {
      "\(inputs)->\(outputs) k\(kernel) s\(stride) d\(dilation) \(height)x\(width) +\(residual) "
        + "slope \(slope) ceiling \(ceiling) padding \(padding) affine \(affine)"
    }
  }

  static let cases = [
    Case(inputs: 4, outputs: 32, kernel: 3, stride: 2, height: 16, width: 16),
    Case(inputs: 4, outputs: 32, kernel: 3, stride: 2, height: 2, width: 6, slope: 0),
    Case(inputs: 1, outputs: 1, kernel: 1, stride: 1, height: 1, width: 1),
    Case(inputs: 3, outputs: 5, kernel: 3, stride: 1, height: 1, width: 9, residual: true),
    Case(
      inputs: 64, outputs: 64, kernel: 3, stride: 1, height: 7, width: 5, residual: true, slope: 0
    ),
    Case(inputs: 128, outputs: 313, kernel: 1, stride: 1, height: 4, width: 4),
    Case(inputs: 100, outputs: 33, kernel: 3, stride: 1, height: 3, width: 14, slope: 0),
    Case(inputs: 300, outputs: 17, kernel: 3, stride: 2, height: 5, width: 3),
    Case(inputs: 256, outputs: 256, kernel: 3, stride: 1, height: 2, width: 2),
    Case(inputs: 256, outputs: 256, kernel: 1, stride: 1, height: 1, width: 1, slope: 0),
    Case(inputs: 8, outputs: 40, kernel: 3, stride: 1, height: 5, width: 7, dilation: 2),
    Case(
      inputs: 3, outputs: 9, kernel: 3, stride: 1, height: 3, width: 2, dilation: 2, slope: 0.2),
    Case(
      inputs: 20, outputs: 35, kernel: 3, stride: 2, height: 9, width: 6, residual: true, slope: 0,
      affine: true),
    // Deep enough to be done in pieces, each of which goes on with the sums of the one before.
    Case(
      inputs: 512, outputs: 40, kernel: 3, stride: 1, height: 6, width: 5, dilation: 2,
      residual: true, slope: 0, affine: true),
    Case(inputs: 513, outputs: 20, kernel: 3, stride: 1, height: 4, width: 7, affine: true),
    Case(inputs: 1500, outputs: 17, kernel: 3, stride: 1, height: 3, width: 4, slope: 0.2),
    // ReLU6, and padding below and to the right alone.
    Case(inputs: 80, outputs: 40, kernel: 1, stride: 1, height: 5, width: 9, slope: 0, ceiling: 6),
    Case(
      inputs: 513, outputs: 20, kernel: 3, stride: 1, height: 4, width: 7, residual: true, slope: 0,
      ceiling: 2, affine: true),
    Case(
      inputs: 3, outputs: 32, kernel: 3, stride: 2, height: 16, width: 6, slope: 0, ceiling: 1.5,
      padding: .same),
  ]

  /// Large enough for Winograd's algorithm: borders of every kind, one and many matrices, channels that share
  /// and that fill blocks of 256, dilation on uneven grids, stride 2, many groups.
  static let tiled = [
    Case(inputs: 64, outputs: 64, kernel: 3, stride: 1, height: 8, width: 8, residual: true),
    Case(
      inputs: 16, outputs: 33, kernel: 3, stride: 1, height: 17, width: 23, slope: 0.2, affine: true
    ),
    Case(inputs: 48, outputs: 64, kernel: 3, stride: 1, height: 21, width: 30, slope: 0),
    Case(inputs: 96, outputs: 40, kernel: 3, stride: 1, height: 9, width: 40, dilation: 2),
    Case(
      inputs: 272, outputs: 70, kernel: 3, stride: 1, height: 31, width: 13, dilation: 2,
      residual: true, slope: 0, affine: true),
    Case(inputs: 512, outputs: 64, kernel: 3, stride: 1, height: 18, width: 19, residual: true),
    Case(inputs: 32, outputs: 64, kernel: 3, stride: 1, height: 90, width: 110, slope: 0),
    Case(inputs: 64, outputs: 128, kernel: 3, stride: 2, height: 40, width: 37, slope: 0),
    Case(
      inputs: 128, outputs: 96, kernel: 3, stride: 2, height: 47, width: 34, residual: true,
      affine: true),
    Case(
      inputs: 300 / 16 * 16, outputs: 40, kernel: 3, stride: 2, height: 20, width: 37,
      residual: true, slope: 0.2, affine: true),
    Case(
      inputs: 48, outputs: 64, kernel: 3, stride: 1, height: 21, width: 30, slope: 0, ceiling: 6),
    // Not by Winograd's algorithm, whose tiles begin a pixel further up.
    Case(
      inputs: 64, outputs: 40, kernel: 3, stride: 2, height: 40, width: 36, padding: .same),
  ]

  static let tiledTransposed = [
    Case(inputs: 32, outputs: 40, kernel: 4, stride: 2, height: 9, width: 14, slope: 0.2),
    Case(
      inputs: 272, outputs: 64, kernel: 4, stride: 2, height: 13, width: 18, residual: true,
      slope: 0, affine: true),
    Case(inputs: 64, outputs: 33, kernel: 4, stride: 2, height: 50, width: 47, residual: true),
  ]

  static let transposed = [
    Case(inputs: 1, outputs: 1, kernel: 4, stride: 2, height: 1, width: 1),
    Case(inputs: 5, outputs: 7, kernel: 4, stride: 2, height: 3, width: 2, slope: 0.2),
    Case(inputs: 40, outputs: 33, kernel: 4, stride: 2, height: 2, width: 30, residual: true),
    Case(
      inputs: 512, outputs: 64, kernel: 4, stride: 2, height: 3, width: 14, residual: true,
      slope: 0, affine: true),
  ]

  /// float32 sums of up to 13,500 products of numbers up to 1, against float64: rounding gives a few
  /// 1e-5 at most; a wrong or missing product would give 1e-2 and more.
  static let tolerance = 1e-4

  /// Winograd's transforms lose up to 4 more bits, relative to the sums, whose standard deviation is 5 to 25: a few
  /// 1e-4 are expected, and a missing product would still give 1e-2 and more.
  static let tiledTolerance = 2e-3

  @Test(arguments: Engine.available, cases + tiled)
  func equalsReference(_ engine: Engine, _ test: Case) throws {
    let sides = test.padding.sides(
      kernel: test.kernel, stride: test.stride, dilation: test.dilation)
    let convolution = Convolution(
      inputs: test.inputs, outputs: test.outputs, kernel: test.kernel, stride: test.stride,
      padding: sides.before, paddingAfter: sides.after, dilation: test.dilation, bias: true)
    var numbers = Numbers(seed: UInt64(test.inputs * 1000 + test.outputs))
    let weight = numbers.values(test.outputs * test.inputs * test.kernel * test.kernel)
    let scale = numbers.values(test.outputs)
    let taps = test.inputs * test.kernel * test.kernel
    let scaled = weight.enumerated().map { Double($0.element) * Double(scale[$0.offset / taps]) }
    let kernels = try engine.kernels()
    try check(test, convolution, weight: scaled, kernels) { epilogue in
      try PlannedConvolution(
        convolution, weight: weight, scale: scale, epilogue: epilogue, kernels: kernels)
    }
  }

  @Test(arguments: Engine.available, transposed + tiledTransposed)
  func transposedEqualsReference(_ engine: Engine, _ test: Case) throws {
    let convolution = TransposedConvolution(inputs: test.inputs, outputs: test.outputs)
    var numbers = Numbers(seed: UInt64(test.inputs * 1000 + test.outputs))
    let weight = numbers.values(test.outputs * test.inputs * 16)
    let kernels = try engine.kernels()
    try check(test, convolution, weight: weight.map(Double.init), kernels) { epilogue in
      try PlannedTransposedConvolution(
        convolution, weight: weight, epilogue: epilogue, kernels: kernels)
    }
  }

  /// What `tiled` is for: other algorithms would pass as well.
  @Test(arguments: InstructionSet.available, [(1, 1), (1, 2), (2, 1)])
  func largeLayersTakeWinograd(_ instructionSet: InstructionSet, _ form: (Int, Int)) throws {
    let convolution = Convolution(
      inputs: 64, outputs: 128, kernel: 3, stride: form.0, padding: form.1, dilation: form.1,
      bias: true)
    let kernels = KernelSet(instructionSet)
    let zeros = Array(repeating: Float(0), count: 64 * 128 * 9)
    let planned = try PlannedConvolution(
      convolution, weight: zeros, scale: zeros,
      epilogue: Epilogue(channels: 128, bias: zeros, kernels: kernels), kernels: kernels)
    let input = Shape(channels: 64, height: 40, width: 37)
    let output = convolution.outputShape([input])
    #expect(planned.work([input], output).algorithm == "winograd")
  }

  /// - Parameter weight: as the naive reference takes it.
  private func check(
    _ test: Case, _ operation: any Operator, weight: [Double], _ kernels: KernelSet,
    plan: (Epilogue) throws -> some PlannedOperator
  ) throws {
    var numbers = Numbers(seed: UInt64(test.height * 1000 + test.width))
    let inputShape = Shape(channels: test.inputs, height: test.height, width: test.width)
    let outputShape = operation.outputShape([inputShape])
    let bias = numbers.values(test.outputs)
    let scale = numbers.values(test.outputs)
    let shift = numbers.values(test.outputs)
    let input = numbers.values(inputShape.count)
    let residual = numbers.values(outputShape.count)

    var expected = operation.reference(
      [ReferenceTensor(inputShape, input.map(Double.init))],
      parameters: [weight, bias.map(Double.init)])
    if test.residual {
      let other = ReferenceTensor(outputShape, residual.map(Double.init))
      expected = Add().reference([expected, other], parameters: [])
    }
    expected = LeakyReLU(slope: test.slope).reference([expected], parameters: [])
      .map { min($0, Double(test.ceiling)) }
    if test.affine {
      for c in 0..<test.outputs {
        for y in 0..<outputShape.height {
          for x in 0..<outputShape.width {
            expected[c, y, x] = expected[c, y, x] * Double(scale[c]) + Double(shift[c])
          }
        }
      }
    }

    let planned = try scale.withUnsafeBufferPointer { scale in
      try shift.withUnsafeBufferPointer { shift in
        let affine = (try #require(scale.baseAddress), try #require(shift.baseAddress))
        return try plan(
          Epilogue(
            channels: test.outputs, bias: bias, hasResidual: test.residual, slope: test.slope,
            ceiling: test.ceiling, affine: test.affine ? affine : nil, kernels: kernels))
      }
    }
    let stride = test.outputs.roundedUp(to: kernels.gemmPanel)
    let output = try TestActivation(outputShape, stride: stride)
    // Once dense and once with room between the pixels.
    for inputStride in [test.inputs, test.inputs + 3] {
      var inputs = [try TestActivation(inputShape, stride: inputStride, planes: input)]
      if test.residual {
        inputs.append(try TestActivation(outputShape, stride: stride, planes: residual))
      }
      try run(planned, inputs, output, kernels: kernels)
      let takesWinograd = planned.work([inputShape], outputShape).algorithm == "winograd"
      let tolerance = takesWinograd ? Self.tiledTolerance : Self.tolerance
      #expect(largestDifference(output.planes, expected.values) < tolerance)
    }
  }
}
