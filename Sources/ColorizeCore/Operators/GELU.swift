// The Gaussian error linear unit (Hendrycks and Gimpel, 2016). A fully connected layer before it does it too.

import Glibc

/// `x * (1 + erf(x / sqrt(2))) / 2`: PyTorch's `GELU` without an approximation.
package struct GELU: Operator {
  package init() {}

  package func outputShape(_ inputs: [Shape]) -> Shape { inputs[0] }

  package func reference(_ inputs: [ReferenceTensor], parameters: [[Double]]) -> ReferenceTensor {
    // erfc, so that of a negative x nothing large is subtracted.
    inputs[0].map { $0 * erfc(-$0 / 2.0.squareRoot()) / 2 }
  }

  package var pointwise: Pointwise? { .gelu }

  package func planned(_ end: StepEnd, _ planning: Planning)
    throws(ColorizeError) -> any PlannedOperator
  {
    PlannedGELU()
  }
}

/// The same as a step of its own.
package struct PlannedGELU: PlannedOperator {
  /// Of the order of what the function takes.
  static let cost = 10

  package init() {}

  package func work(_ inputs: [Shape], _ output: Shape) -> Work {
    let count = Self.cost * output.count
    return Work(algorithm: "gelu", direct: count, done: count)
  }

  package func run(_ inputs: [Activation], _ output: Activation, _ execution: Execution) {
    let input = inputs[0]
    let channels = output.shape.channels
    execution.team.run(output.shape.height) { y, _ in
      for pixel in (y * output.shape.width)..<((y + 1) * output.shape.width) {
        let target = output.start + pixel * output.stride
        target.update(from: input.start + pixel * input.stride, count: channels)
        Epilogue.applyGELU(to: target, count: channels.roundedUp(to: 16), execution.kernels)
      }
    }
  }
}
