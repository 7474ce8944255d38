// The rectifier, with a ceiling where a network has one. Inference never runs it alone: it is fused into the operator
// before it.

/// Negative values become 0, and values above `ceiling` become that: ReLU6 is the one with a ceiling of 6.
package struct ReLU: Operator {
  package var ceiling: Float

  package init(ceiling: Float = .infinity) { self.ceiling = ceiling }

  package func outputShape(_ inputs: [Shape]) -> Shape { inputs[0] }

  package func reference(_ inputs: [ReferenceTensor], parameters: [[Double]]) -> ReferenceTensor {
    inputs[0].map { min(max($0, 0), Double(ceiling)) }
  }
}
