// A mean and a deviation that belong to a network's weights.

/// `(x - mean) / std`, a channel at a time.
package struct Standardization: Operator {
  package var channels: Int

  package init(channels: Int) { self.channels = channels }

  package var parameters: [Parameter] {
    ["mean", "std"].map { Parameter($0, [1, channels, 1, 1]) }
  }

  package func outputShape(_ inputs: [Shape]) -> Shape { inputs[0] }

  package func reference(_ inputs: [ReferenceTensor], parameters: [[Double]]) -> ReferenceTensor {
    let count = inputs[0].shape.height * inputs[0].shape.width
    var output = inputs[0]
    for index in output.values.indices {
      let c = index / count
      output.values[index] = (output.values[index] - parameters[0][c]) / parameters[1][c]
    }
    return output
  }

  package func planned(_ end: StepEnd, _ planning: Planning)
    throws(ColorizeError) -> any PlannedOperator
  {
    let shape = parameters[0].shape
    let mean = try planning.tensor("mean", shape: shape)
    let deviation = try planning.tensor("std", shape: shape)
    let affine = try ChannelAffine(identityOf: channels)
    for c in 0..<channels {
      guard deviation.start[c] > 0 else {
        throw .invalidModel("std[\(c)] is \(deviation.start[c]); a deviation is above 0")
      }
      affine.scale.start[c] = 1 / deviation.start[c]
      affine.shift.start[c] = -mean.start[c] / deviation.start[c]
    }
    return PlannedPointwise(affine: affine, .none)
  }
}
