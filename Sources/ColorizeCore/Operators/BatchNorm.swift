// Batch norm with the statistics of training. A convolution before it mostly has it in its weights, or
// does it at its end.

/// `(x - mean) / sqrt(variance + epsilon) * weight + bias`, a channel at a time: PyTorch's
/// `BatchNorm2d` in evaluation mode.
package struct BatchNorm: Operator {
  package var channels: Int

  /// PyTorch's default, and that of all networks here.
  package static let epsilon = 1e-5

  package init(channels: Int) { self.channels = channels }

  package var parameters: [Parameter] {
    ["weight", "bias", "running_mean", "running_var"].map { Parameter($0, [channels]) }
  }

  package func outputShape(_ inputs: [Shape]) -> Shape { inputs[0] }

  package func reference(_ inputs: [ReferenceTensor], parameters: [[Double]]) -> ReferenceTensor {
    var output = inputs[0]
    for c in 0..<channels {
      let scale = parameters[0][c] / (parameters[3][c] + Self.epsilon).squareRoot()
      for y in 0..<output.shape.height {
        for x in 0..<output.shape.width {
          output[c, y, x] = (output[c, y, x] - parameters[2][c]) * scale + parameters[1][c]
        }
      }
    }
    return output
  }

  package var pointwise: Pointwise? { .batchNorm }
  package var absorbs: Absorption { .rectifier }

  package func planned(_ end: StepEnd, _ planning: Planning)
    throws(ColorizeError) -> any PlannedOperator
  {
    PlannedPointwise(
      affine: try planning.affine(planning.name, channels: channels), end.rectifier)
  }

  /// The same as a factor and a summand for each channel: `x * scale + shift`.
  ///
  /// - Parameter parameters: weight, bias, mean and variance, each `[channels]`.
  package static func affine(
    channels: Int, parameters: [UnsafePointer<Float>], scale: UnsafeMutablePointer<Float>,
    shift: UnsafeMutablePointer<Float>
  ) {
    for c in 0..<channels {
      let deviation = (Double(parameters[3][c]) + epsilon).squareRoot()
      let factor = Double(parameters[0][c]) / deviation
      scale[c] = Float(factor)
      shift[c] = Float(Double(parameters[1][c]) - Double(parameters[2][c]) * factor)
    }
  }
}
