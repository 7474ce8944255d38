// Every other pixel of every other row: how siggraph17 halves a side between its blocks.

import Glibc

/// `[:, ::2, ::2]`, as PyTorch slices.
package struct Subsample: Operator {
  package init() {}

  package func outputShape(_ inputs: [Shape]) -> Shape {
    Shape(
      channels: inputs[0].channels, height: inputs[0].height.pieces(of: 2),
      width: inputs[0].width.pieces(of: 2))
  }

  package func reference(_ inputs: [ReferenceTensor], parameters: [[Double]]) -> ReferenceTensor {
    var output = ReferenceTensor(outputShape([inputs[0].shape]))
    for c in 0..<output.shape.channels {
      for y in 0..<output.shape.height {
        for x in 0..<output.shape.width { output[c, y, x] = inputs[0][c, 2 * y, 2 * x] }
      }
    }
    return output
  }

  package func planned(_ end: StepEnd, _ planning: Planning)
    throws(ColorizeError) -> any PlannedOperator
  {
    PlannedSubsample()
  }
}

/// A copy of these pixels.
package struct PlannedSubsample: PlannedOperator {
  package init() {}

  package func work(_ inputs: [Shape], _ output: Shape) -> Work {
    Work(algorithm: "copy", direct: 0, done: 0)
  }

  package func run(_ inputs: [Activation], _ output: Activation, _ execution: Execution) {
    let input = inputs[0]
    execution.team.run(output.shape.height) { y, _ in
      for x in 0..<output.shape.width {
        memcpy(
          output.start + (y * output.shape.width + x) * output.stride,
          input.start + (2 * y * input.shape.width + 2 * x) * input.stride,
          output.shape.channels * 4)
      }
    }
  }
}
