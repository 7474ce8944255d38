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
    var residual = false
    var relu = false
    var testDescription: String {
      "\(inputs)->\(outputs) k\(kernel) s\(stride) \(height)x\(width) +\(residual) r\(relu)"
    }
  }

  static let cases = [
    Case(inputs: 4, outputs: 32, kernel: 3, stride: 2, height: 16, width: 16),
    Case(inputs: 4, outputs: 32, kernel: 3, stride: 2, height: 2, width: 6, relu: true),
    Case(inputs: 1, outputs: 1, kernel: 1, stride: 1, height: 1, width: 1),
    Case(inputs: 3, outputs: 5, kernel: 3, stride: 1, height: 1, width: 9, residual: true),
    Case(
      inputs: 64, outputs: 64, kernel: 3, stride: 1, height: 7, width: 5, residual: true, relu: true
    ),
    Case(inputs: 128, outputs: 313, kernel: 1, stride: 1, height: 4, width: 4),
    Case(inputs: 100, outputs: 33, kernel: 3, stride: 1, height: 3, width: 14, relu: true),
    Case(inputs: 300, outputs: 17, kernel: 3, stride: 2, height: 5, width: 3),
    Case(inputs: 256, outputs: 256, kernel: 3, stride: 1, height: 2, width: 2),
    Case(inputs: 256, outputs: 256, kernel: 1, stride: 1, height: 1, width: 1, relu: true),
  ]

  /// float32 sums of up to 2700 products of numbers up to 1, against float64: rounding gives about
  /// 1e-5 at most; a wrong or missing product would give 1e-2 and more.
  static let tolerance = 5e-5

  @Test(arguments: InstructionSet.available, cases)
  func equalsReference(_ instructionSet: InstructionSet, _ test: Case) throws {
    let kernels = KernelSet(instructionSet)
    var numbers = Numbers(seed: UInt64(test.inputs * 1000 + test.outputs))
    let convolution = Convolution(
      inputs: test.inputs, outputs: test.outputs, kernel: test.kernel, stride: test.stride,
      padding: test.kernel / 2, bias: true)
    let inputShape = Shape(channels: test.inputs, height: test.height, width: test.width)
    let outputShape = convolution.outputShape([inputShape])
    let weight = numbers.values(test.outputs * test.inputs * test.kernel * test.kernel)
    let bias = numbers.values(test.outputs)
    let scale = numbers.values(test.outputs)
    let input = numbers.values(inputShape.count)
    let residual = numbers.values(outputShape.count)

    let planned = try PlannedConvolution(
      convolution, weight: weight, scale: scale, bias: bias, hasResidual: test.residual,
      relu: test.relu, kernels: kernels)
    let stride = test.outputs.roundedUp(to: kernels.gemmPanel)
    let output = try TestActivation(outputShape, stride: stride)
    // Once dense and once with room between the pixels.
    for inputStride in [test.inputs, test.inputs + 3] {
      var inputs = [try TestActivation(inputShape, stride: inputStride, planes: input)]
      if test.residual {
        inputs.append(try TestActivation(outputShape, stride: stride, planes: residual))
      }
      try run(planned, inputs, output, kernels: kernels)

      let taps = test.inputs * test.kernel * test.kernel
      let scaled = weight.enumerated().map { Double($0.element) * Double(scale[$0.offset / taps]) }
      var expected = convolution.reference(
        [ReferenceTensor(inputShape, input.map(Double.init))],
        parameters: [scaled, bias.map(Double.init)])
      if test.residual {
        let other = ReferenceTensor(outputShape, residual.map(Double.init))
        expected = Add().reference([expected, other], parameters: [])
      }
      if test.relu { expected = ReLU().reference([expected], parameters: []) }
      #expect(largestDifference(output.planes, expected.values) < Self.tolerance)
    }
  }
}
