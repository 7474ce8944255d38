// Layer norm over the channels of each position (Ba, Kiros, Hinton, "Layer Normalization", 2016).

import CKernelContract

/// `(x - mean) / sqrt(variance + epsilon) * weight + bias`, mean and variance being those of a position's channels:
/// PyTorch's `LayerNorm`.
package struct LayerNorm: Operator {
  package var channels: Int
  package var epsilon: Double

  package init(channels: Int, epsilon: Double) {
    self.channels = channels
    self.epsilon = epsilon
  }

  package var parameters: [Parameter] {
    [Parameter("weight", [channels]), Parameter("bias", [channels])]
  }

  package func outputShape(_ inputs: [Shape]) -> Shape { inputs[0] }

  package func reference(_ inputs: [ReferenceTensor], parameters: [[Double]]) -> ReferenceTensor {
    var output = inputs[0]
    for y in 0..<output.shape.height {
      for x in 0..<output.shape.width {
        let values = (0..<channels).map { output[$0, y, x] }
        let mean = values.reduce(0, +) / Double(channels)
        let variance =
          values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(channels)
        for c in 0..<channels {
          output[c, y, x] =
            (values[c] - mean) / (variance + epsilon).squareRoot() * parameters[0][c]
            + parameters[1][c]
        }
      }
    }
    return output
  }

  package func planned(_ end: StepEnd, _ planning: Planning)
    throws(ColorizeError) -> any PlannedOperator
  {
    let weight = try planning.tensor("weight", shape: [channels])
    let bias = try planning.tensor("bias", shape: [channels])
    return try PlannedLayerNorm(self, weight: weight.start, bias: bias.start)
  }
}

/// The same, some positions at a time.
package struct PlannedLayerNorm: PlannedOperator {
  private static let pixelsAtOnce = 64

  private let norm: LayerNorm
  /// Weight and bias, each with room for whole vectors.
  private let values: Memory<Float>
  private let stride: Int

  /// - Parameters:
  ///   - weight: `[channels]`.
  ///   - bias: likewise.
  package init(_ norm: LayerNorm, weight: UnsafePointer<Float>, bias: UnsafePointer<Float>)
    throws(ColorizeError)
  {
    self.norm = norm
    stride = norm.channels.roundedUp(to: 16)
    values = try Memory(count: 2 * stride)
    values.fill(0)
    values.start.update(from: weight, count: norm.channels)
    (values.start + stride).update(from: bias, count: norm.channels)
  }

  package func work(_ inputs: [Shape], _ output: Shape) -> Work {
    let count = 4 * output.count
    return Work(algorithm: "layer-norm", direct: count, done: count)
  }

  package func run(_ inputs: [Activation], _ output: Activation, _ execution: Execution) {
    let input = inputs[0]
    execution.team.run(output.pixels.pieces(of: Self.pixelsAtOnce)) { item, _ in
      let first = item * Self.pixelsAtOnce
      var arguments = colorize_layer_norm()
      arguments.input = UnsafePointer(input.start + first * input.stride)
      arguments.input_stride = input.stride
      arguments.output = output.start + first * output.stride
      arguments.output_stride = output.stride
      arguments.pixels = min(Self.pixelsAtOnce, output.pixels - first)
      arguments.weight = UnsafePointer(values.start)
      arguments.bias = UnsafePointer(values.start + stride)
      arguments.count = norm.channels
      arguments.epsilon = Float(norm.epsilon)
      execution.kernels.table.layer_norm(&arguments)
    }
  }
}
