// The rectifier. Inference never runs it alone: it is fused into the operator before it.

/// Negative values become 0.
package struct ReLU: Operator {
  package init() {}

  package func outputShape(_ inputs: [Shape]) -> Shape { inputs[0] }

  package func reference(_ inputs: [ReferenceTensor], parameters: [[Double]]) -> ReferenceTensor {
    inputs[0].map { max($0, 0) }
  }
}
