// What an attention makes its queries, keys or values with.

/// A third of what PyTorch's `MultiheadAttention` has in one matrix and one bias.
package struct AttentionProjection: Operator {
  package enum Part: Int, Sendable {
    case query, key, value
  }

  package var channels: Int
  package var part: Part

  package init(channels: Int, _ part: Part) {
    self.channels = channels
    self.part = part
  }

  package var parameters: [Parameter] {
    [
      Parameter("in_proj_weight", [3 * channels, channels]),
      Parameter("in_proj_bias", [3 * channels]),
    ]
  }

  /// What it is with its own third of the parameters.
  private var linear: Linear { Linear(inputs: channels, outputs: channels) }
  private var firstRow: Int { part.rawValue * channels }

  package func outputShape(_ inputs: [Shape]) -> Shape { linear.outputShape(inputs) }

  package func reference(_ inputs: [ReferenceTensor], parameters: [[Double]]) -> ReferenceTensor {
    let weights = (firstRow * channels)..<((firstRow + channels) * channels)
    return linear.reference(
      inputs,
      parameters: [
        Array(parameters[0][weights]), Array(parameters[1][firstRow..<(firstRow + channels)]),
      ])
  }

  package func planned(_ end: StepEnd, _ planning: Planning)
    throws(ColorizeError) -> any PlannedOperator
  {
    let weight = try planning.tensor("in_proj_weight", shape: parameters[0].shape)
    let allBias = try planning.tensor("in_proj_bias", shape: parameters[1].shape)
    let bias = try Memory<Float>(count: channels)
    bias.start.update(from: allBias.start + firstRow, count: channels)
    let affine = try ChannelAffine(identityOf: channels)
    return try PlannedConvolution(
      linear.convolution, weight: weight.start + firstRow * channels, scale: affine.scale.start,
      epilogue: try planning.epilogue(bias: bias, end), kernels: planning.kernels,
      team: planning.team)
  }
}
