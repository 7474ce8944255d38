// The logistic function, stretched to a range.

import Glibc

/// `sigmoid(x) * (upper - lower) + lower`.
package struct SigmoidRange: Operator {
  package var range: ClosedRange<Float>

  package init(_ range: ClosedRange<Float>) { self.range = range }

  package func outputShape(_ inputs: [Shape]) -> Shape { inputs[0] }

  package func reference(_ inputs: [ReferenceTensor], parameters: [[Double]]) -> ReferenceTensor {
    let lower = Double(range.lowerBound)
    let length = Double(range.upperBound) - lower
    return inputs[0].map { lower + length / (1 + exp(-$0)) }
  }

  package func planned(_ end: StepEnd, _ planning: Planning)
    throws(ColorizeError) -> any PlannedOperator
  {
    PlannedSigmoidRange(range)
  }
}

/// The same with the C library's float32 function, for the three channels that it is used on.
package struct PlannedSigmoidRange: PlannedOperator {
  let range: ClosedRange<Float>

  package init(_ range: ClosedRange<Float>) { self.range = range }

  package func work(_ inputs: [Shape], _ output: Shape) -> Work {
    // Of the order of what the function takes.
    let count = 10 * output.count
    return Work(algorithm: "sigmoid", direct: count, done: count)
  }

  package func run(_ inputs: [Activation], _ output: Activation, _ execution: Execution) {
    let input = inputs[0]
    let length = range.upperBound - range.lowerBound
    execution.team.run(output.shape.height) { y, _ in
      for pixel in (y * output.shape.width)..<((y + 1) * output.shape.width) {
        for c in 0..<output.shape.channels {
          // Of large negative values the power is infinite, and the result the lower bound.
          output.start[pixel * output.stride + c] =
            range.lowerBound + length / (1 + expf(-input.start[pixel * input.stride + c]))
        }
      }
    }
  }
}
