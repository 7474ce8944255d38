// Values of one size side by side.

import Glibc

/// The channels of all inputs, one input's behind the other's: PyTorch's `cat(dim=1)`.
package struct Concatenation: Operator {
  package init() {}

  package func outputShape(_ inputs: [Shape]) -> Shape {
    Shape(
      channels: inputs.reduce(0) { $0 + $1.channels }, height: inputs[0].height,
      width: inputs[0].width)
  }

  package func reference(_ inputs: [ReferenceTensor], parameters: [[Double]]) -> ReferenceTensor {
    ReferenceTensor(outputShape(inputs.map(\.shape)), inputs.flatMap(\.values))
  }

  package func planned(_ end: StepEnd, _ planning: Planning)
    throws(ColorizeError) -> any PlannedOperator
  {
    PlannedConcatenation()
  }
}

/// Copies those inputs that the plan has not put into the output already.
package struct PlannedConcatenation: PlannedOperator {
  package init() {}

  package var isSideBySide: Bool { true }

  package func work(_ inputs: [Shape], _ output: Shape) -> Work {
    Work(algorithm: "copy", direct: 0, done: 0)
  }

  package func run(_ inputs: [Activation], _ output: Activation, _ execution: Execution) {
    execution.team.run(output.shape.height) { y, _ in
      var first = 0
      for input in inputs {
        let target = output.start + first
        first += input.shape.channels
        if input.start == target { continue }
        for pixel in (y * output.shape.width)..<((y + 1) * output.shape.width) {
          memcpy(
            target + pixel * output.stride, input.start + pixel * input.stride,
            input.shape.channels * 4)
        }
      }
    }
  }
}
