// Convolution, and its planned form: a product of packed matrices with bias, addition, activation
// and batch norm done on the sums while they are still in registers.

/// A square convolution with zero padding: PyTorch's `Conv2d`.
package struct Convolution: Operator {
  package var inputs: Int
  package var outputs: Int
  package var kernel: Int
  package var stride: Int
  package var padding: Int
  package var dilation: Int
  package var bias: Bool

  package init(
    inputs: Int, outputs: Int, kernel: Int, stride: Int, padding: Int, dilation: Int = 1, bias: Bool
  ) {
    self.inputs = inputs
    self.outputs = outputs
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
    self.dilation = dilation
    self.bias = bias
  }

  package var parameters: [Parameter] {
    let weight = Parameter("weight", [outputs, inputs, kernel, kernel])
    return bias ? [weight, Parameter("bias", [outputs])] : [weight]
  }

  package func outputShape(_ inputs: [Shape]) -> Shape {
    func side(_ input: Int) -> Int {
      (input + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1
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

/// A convolution as a product of matrices:
/// `[output pixels, taps x inputs] x [taps x inputs, outputs]`.
package final class PlannedConvolution: PlannedOperator {
  private let product: TapProduct

  /// - Parameters:
  ///   - weight: `[outputs, inputs, kernel, kernel]`.
  ///   - scale: what the weights of each output channel are multiplied by.
  package init(
    _ convolution: Convolution, weight: UnsafePointer<Float>, scale: UnsafePointer<Float>,
    epilogue: Epilogue, kernels: KernelSet
  ) throws(ColorizeError) {
    let inputs = convolution.inputs
    let rows = TapRows(
      channels: inputs, kernel: convolution.kernel, stride: convolution.stride,
      dilation: convolution.dilation, originY: -convolution.padding, originX: -convolution.padding)
    let matrix = try PackedMatrix(
      depth: rows.taps * inputs, columns: convolution.outputs, columnStride: inputs * rows.taps,
      scale: scale, kernels: kernels
    ) { k in weight + k % inputs * rows.taps + k / inputs }
    product = TapProduct(rows: rows, matrix: matrix, epilogue: epilogue)
  }

  package func scratchCount(_ inputs: [Shape], _ output: Shape) -> Int { product.scratchCount }

  package func cost(_ inputs: [Shape], _ output: Shape) -> Int {
    output.height * output.width * product.matrix.depth * output.channels
  }

  package func run(_ inputs: [Activation], _ output: Activation, _ execution: Execution) {
    let kernels = execution.kernels
    let tiles = output.pixels.pieces(of: kernels.gemmRows)
    // Made from shapes alone, so that it does not matter how many threads share the work; at least
    // 8 pieces where there are that many tiles.
    let tilesAtOnce = max(1, min(product.tilesAtOnce(kernels), tiles / 8))
    let pixelsAtOnce = tilesAtOnce * kernels.gemmRows
    let width = output.shape.width
    execution.team.run(tiles.pieces(of: tilesAtOnce)) { item, worker in
      let first = item * pixelsAtOnce
      product.run(
        inputs[0], y: first / width, x: first % width, width: width,
        count: min(pixelsAtOnce, output.pixels - first),
        into: TapProduct.Target(
          output: output.start + first * output.stride, stride: output.stride,
          residual: product.epilogue.hasResidual
            ? UnsafePointer(inputs[1].start + first * inputs[1].stride) : nil),
        kernels: kernels, scratch: execution.scratch(of: worker))
    }
  }
}
