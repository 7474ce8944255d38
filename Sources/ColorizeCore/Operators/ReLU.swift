// The rectifier. The step before it mostly does it too.

/// Negative values become 0, and values above `ceiling` become that: ReLU6 is the one with a ceiling of 6.
package struct ReLU: Operator {
  package var ceiling: Float

  package init(ceiling: Float = .infinity) { self.ceiling = ceiling }

  package func outputShape(_ inputs: [Shape]) -> Shape { inputs[0] }

  package func reference(_ inputs: [ReferenceTensor], parameters: [[Double]]) -> ReferenceTensor {
    inputs[0].map { min(max($0, 0), Double(ceiling)) }
  }

  package var pointwise: Pointwise? { .rectifier(Rectifier(slope: 0, ceiling: ceiling)) }

  package func planned(_ end: StepEnd, _ planning: Planning)
    throws(ColorizeError) -> any PlannedOperator
  {
    PlannedPointwise(affine: nil, Rectifier(slope: 0, ceiling: ceiling))
  }
}
