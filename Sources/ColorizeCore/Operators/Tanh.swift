// The hyperbolic tangent, which keeps ab within its range.

import Glibc

/// The tangent of each value.
package struct Tanh: Operator {
  package init() {}

  package func outputShape(_ inputs: [Shape]) -> Shape { inputs[0] }

  package func reference(_ inputs: [ReferenceTensor], parameters: [[Double]]) -> ReferenceTensor {
    inputs[0].map { tanh($0) }
  }

  package func planned(_ end: StepEnd, _ planning: Planning)
    throws(ColorizeError) -> any PlannedOperator
  {
    PlannedTanh()
  }
}

/// The same with the C library's float32 function, for the two channels that it is used on.
package struct PlannedTanh: PlannedOperator {
  package init() {}

  package func work(_ inputs: [Shape], _ output: Shape) -> Work {
    // Of the order of what the function takes.
    let count = 10 * output.count
    return Work(algorithm: "tanh", direct: count, done: count)
  }

  package func run(_ inputs: [Activation], _ output: Activation, _ execution: Execution) {
    let input = inputs[0]
    execution.team.run(output.shape.height) { y, _ in
      for pixel in (y * output.shape.width)..<((y + 1) * output.shape.width) {
        for c in 0..<output.shape.channels {
          output.start[pixel * output.stride + c] = tanhf(input.start[pixel * input.stride + c])
        }
      }
    }
  }
}
