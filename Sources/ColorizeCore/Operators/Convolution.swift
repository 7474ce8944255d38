// Convolution, and its planned form: a product of packed matrices with bias, addition, activation
// and batch norm done on the sums while they are still in registers.

/// A square convolution with zero padding: PyTorch's `Conv2d`.
package struct Convolution: Operator {
  package var inputs: Int
  package var outputs: Int
  package var kernel: Int
  package var stride: Int
  /// Above and to the left.
  package var padding: Int
  /// Below and to the right.
  package var paddingAfter: Int
  package var dilation: Int
  package var bias: Bool

  /// - Parameter paddingAfter: nil: as much as on the other sides.
  package init(
    inputs: Int, outputs: Int, kernel: Int, stride: Int, padding: Int, paddingAfter: Int? = nil,
    dilation: Int = 1, bias: Bool
  ) {
    self.inputs = inputs
    self.outputs = outputs
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
    self.paddingAfter = paddingAfter ?? padding
    self.dilation = dilation
    self.bias = bias
  }

  package var parameters: [Parameter] {
    let weight = Parameter("weight", [outputs, inputs, kernel, kernel])
    return bias ? [weight, Parameter("bias", [outputs])] : [weight]
  }

  package func outputShape(_ inputs: [Shape]) -> Shape {
    func side(_ input: Int) -> Int {
      (input + padding + paddingAfter - dilation * (kernel - 1) - 1) / stride + 1
    }
    return Shape(channels: outputs, height: side(inputs[0].height), width: side(inputs[0].width))
  }

  package func reference(_ inputs: [ReferenceTensor], parameters: [[Double]]) -> ReferenceTensor {
    let input = inputs[0]
    var output = ReferenceTensor(outputShape([input.shape]))
    for o in 0..<outputs {
      for y in 0..<output.shape.height {
        for x in 0..<output.shape.width {
          var sum = bias ? parameters[1][o] : 0
          for ky in 0..<kernel {
            for kx in 0..<kernel {
              let sourceY = y * stride - padding + ky * dilation
              let sourceX = x * stride - padding + kx * dilation
              guard (0..<input.shape.height).contains(sourceY) else { continue }
              guard (0..<input.shape.width).contains(sourceX) else { continue }
              sum += parameters[0].dot(
                from: (o * self.inputs * kernel + ky) * kernel + kx, step: kernel * kernel,
                input.values, from: sourceY * input.shape.width + sourceX,
                step: input.shape.height * input.shape.width, count: self.inputs)
            }
          }
          output[o, y, x] = sum
        }
      }
    }
    return output
  }

  package var absorbs: Absorption { [.batchNorm, .epilogue, .additionAtEnd] }

  package func planned(_ end: StepEnd, _ planning: Planning)
    throws(ColorizeError) -> any PlannedOperator
  {
    try planned(end, planning, weightShape: parameters[0].shape)
  }

  /// - Parameter weightShape: as the file has it.
  func planned(_ end: StepEnd, _ planning: Planning, weightShape: [Int])
    throws(ColorizeError) -> any PlannedOperator
  {
    let weight = try planning.tensor("weight", shape: weightShape)
    let ownBias = bias ? try planning.tensor("bias", shape: [outputs]) : nil
    let fold = try planning.affine(
      end.batchNorm, channels: outputs, bias: ownBias, layerScale: end.layerScale)
    return try PlannedConvolution(
      self, weight: weight.start, scale: fold.scale.start,
      epilogue: try planning.epilogue(bias: fold.shift, end), kernels: planning.kernels,
      team: planning.team)
  }
}

extension [Double] {
  /// The sum of `count` products of every `step`th value of this and another array.
  func dot(
    from start: Int, step: Int, _ other: [Double], from otherStart: Int, step otherStep: Int,
    count: Int
  ) -> Double {
    withUnsafeBufferPointer { own in
      other.withUnsafeBufferPointer { other in
        (0..<count).reduce(0) { $0 + own[start + $1 * step] * other[otherStart + $1 * otherStep] }
      }
    }
  }
}

/// A convolution as a product of matrices, `[output pixels, taps x inputs] x [taps x inputs, outputs]`, or by
/// Winograd's algorithm, whichever costs less for a size. Both use the same packed weights.
package final class PlannedConvolution: PlannedOperator {
  private let product: TapProduct
  private let winograd: WinogradProduct?

  /// - Parameters:
  ///   - weight: `[outputs, inputs, kernel, kernel]`.
  ///   - scale: what the weights of each output channel are multiplied by.
  ///   - team: packs the weights.
  package init(
    _ convolution: Convolution, weight: UnsafePointer<Float>, scale: UnsafePointer<Float>,
    epilogue: Epilogue, kernels: KernelSet, team: Team = Team(threads: 1)
  ) throws(ColorizeError) {
    let inputs = convolution.inputs
    let rows = TapRows(
      channels: inputs, kernel: convolution.kernel, stride: convolution.stride,
      dilation: convolution.dilation, originY: -convolution.padding, originX: -convolution.padding)
    let matrix = try PackedMatrix(
      depth: rows.taps * inputs, columns: convolution.outputs, columnStride: inputs * rows.taps,
      scale: scale,
      isBrain: kernels.brain != nil && TapProduct.takesBrain(rows)
        && !Self.mayUseWinograd(convolution, kernels), kernels: kernels, team: team
    ) { k in weight + k % inputs * rows.taps + k / inputs }
    product = TapProduct(rows: rows, matrix: matrix, epilogue: epilogue)
    winograd = try Self.winograd(convolution, matrix, epilogue, kernels)
  }

  /// Whether there are sizes at which Winograd's algorithm does it, which takes the weights in float32.
  private static func mayUseWinograd(_ convolution: Convolution, _ kernels: KernelSet) -> Bool {
    convolution.kernel == 3 && convolution.padding == convolution.dilation
      && convolution.paddingAfter == convolution.padding
      && (convolution.stride == 1 || convolution.stride == 2 && convolution.dilation == 1)
      && WinogradProduct.takes(inputs: convolution.inputs, kernels)
  }

  private static func winograd(
    _ convolution: Convolution, _ matrix: PackedMatrix, _ epilogue: Epilogue, _ kernels: KernelSet
  ) throws(ColorizeError) -> WinogradProduct? {
    guard mayUseWinograd(convolution, kernels) else { return nil }
    func kernel(rows: [Int?], columns: [Int?]) -> WinogradKernel {
      WinogradKernel(matrix, rows: rows, columns: columns) { $0 * 3 + $1 }
    }
    let shape: WinogradShape
    let grids: [WinogradKernel]
    switch (convolution.stride, convolution.dilation) {
    case (1, let dilation):
      shape = .dilated(dilation)
      grids = [kernel(rows: [0, 1, 2], columns: [0, 1, 2])]
    case (2, 1):
      // Output o takes the input's pixels 2o - 1, 2o and 2o + 1: of the odd ones, o - 1 and o, of the
      // even ones o. The odd rows and columns come first: they have the most positions.
      shape = .halving
      let odd: [Int?] = [0, 2, nil]
      let even: [Int?] = [nil, 1, nil]
      grids = [
        kernel(rows: odd, columns: odd), kernel(rows: odd, columns: even),
        kernel(rows: even, columns: odd), kernel(rows: even, columns: even),
      ]
    default: return nil
    }
    return try WinogradProduct(
      shape, inputs: convolution.inputs, outputs: convolution.outputs, [grids],
      epilogue: epilogue, gemm: kernels)
  }

  /// The algorithm for a size.
  private func chosenWinograd(_ output: Shape) -> WinogradProduct? {
    guard let winograd,
      winograd.cost(output)
        < product.cost(output.height * output.width, gemmRows: winograd.gemmRows)
    else { return nil }
    return winograd
  }

  package func scratchCount(_ inputs: [Shape], _ output: Shape) -> Int {
    chosenWinograd(output)?.scratchCount(output) ?? product.scratchCount
  }

  package func sharedCount(_ inputs: [Shape], _ output: Shape, workers: Int) -> Int {
    chosenWinograd(output)?.sharedCount(output, workers: workers) ?? 0
  }

  package func work(_ inputs: [Shape], _ output: Shape) -> Work {
    let direct = output.height * output.width * product.matrix.depth * output.channels
    guard let winograd = chosenWinograd(output) else {
      return Work(algorithm: "direct", direct: direct, done: direct)
    }
    return Work(algorithm: "winograd", direct: direct, done: winograd.products(output))
  }

  package func run(_ inputs: [Activation], _ output: Activation, _ execution: Execution) {
    let residual = product.epilogue.hasResidual ? inputs[1] : nil
    if let winograd = chosenWinograd(output.shape) {
      winograd.run(inputs[0], residual: residual, output, execution)
      return
    }
    let kernels = execution.kernels
    let width = output.shape.width
    execution.forEachRun(of: output.pixels, tilesAtOnce: product.tilesAtOnce(kernels)) {
      pixels, worker in
      let first = pixels.lowerBound
      product.run(
        inputs[0], y: first / width, x: first % width, width: width, count: pixels.count,
        into: TapProduct.Target(
          output: output.start + first * output.stride, stride: output.stride,
          residual: residual.map { UnsafePointer($0.start + first * $0.stride) }),
        kernels: kernels, scratch: execution.scratch(of: worker))
    }
  }

  package func overwritableInput(_ output: Shape) -> Int? {
    guard product.epilogue.hasResidual, chosenWinograd(output) != nil else {
      return product.overwritableInput
    }
    return 1
  }

  package func joined(with next: any PlannedOperator) -> (any PlannedOperator)? {
    guard let next = next as? PlannedConvolution else { return nil }
    return PlannedProductPair(product, next.product)
  }
}
