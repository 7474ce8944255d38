// The leaky rectifier. The step before it mostly does it too.

/// Negative values are multiplied by `slope`: PyTorch's `LeakyReLU`.
package struct LeakyReLU: Operator {
  package var slope: Float

  package init(slope: Float) { self.slope = slope }

  package func outputShape(_ inputs: [Shape]) -> Shape { inputs[0] }

  package func reference(_ inputs: [ReferenceTensor], parameters: [[Double]]) -> ReferenceTensor {
    inputs[0].map { $0 < 0 ? Double(slope) * $0 : $0 }
  }

  package var pointwise: Pointwise? { .rectifier(Rectifier(slope: slope)) }

  package func planned(_ end: StepEnd, _ planning: Planning)
    throws(ColorizeError) -> any PlannedOperator
  {
    PlannedPointwise(affine: nil, Rectifier(slope: slope))
  }
}
