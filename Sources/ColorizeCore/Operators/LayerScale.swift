// What a residual block's inside is multiplied by (Touvron et al., "Going deeper with Image Transformers", 2021). A
// product before it has it in its weights.

/// Each channel times its `gamma`.
package struct LayerScale: Operator {
  package var channels: Int

  package init(channels: Int) { self.channels = channels }

  package var parameters: [Parameter] { [Parameter("gamma", [channels])] }

  package func outputShape(_ inputs: [Shape]) -> Shape { inputs[0] }

  package func reference(_ inputs: [ReferenceTensor], parameters: [[Double]]) -> ReferenceTensor {
    let count = inputs[0].shape.height * inputs[0].shape.width
    var output = inputs[0]
    for index in output.values.indices { output.values[index] *= parameters[0][index / count] }
    return output
  }

  package var pointwise: Pointwise? { .layerScale }

  package func planned(_ end: StepEnd, _ planning: Planning)
    throws(ColorizeError) -> any PlannedOperator
  {
    let affine = try ChannelAffine(identityOf: channels)
    try affine.scale(by: planning.name, planning.weights)
    return PlannedPointwise(affine: affine, .none)
  }
}
