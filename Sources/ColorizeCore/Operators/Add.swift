// Addition of two activations of the same channels.

/// The sum. The second operand has the first's size, or is 1x1 and added at every position.
package struct Add: Operator {
  package init() {}

  package func outputShape(_ inputs: [Shape]) -> Shape { inputs[0] }

  package func reference(_ inputs: [ReferenceTensor], parameters: [[Double]]) -> ReferenceTensor {
    var output = inputs[0]
    let isSpread = inputs[1].shape.height == 1 && inputs[1].shape.width == 1
    for c in 0..<output.shape.channels {
      for y in 0..<output.shape.height {
        for x in 0..<output.shape.width {
          output[c, y, x] += isSpread ? inputs[1][c, 0, 0] : inputs[1][c, y, x]
        }
      }
    }
    return output
  }

  package var pointwise: Pointwise? { .addition }
  package var absorbs: Absorption { .relu }

  package func planned(_ end: StepEnd, _ planning: Planning)
    throws(ColorizeError) -> any PlannedOperator
  {
    PlannedAdd(relu: end.rectifier == .relu)
  }
}

/// An addition that no other operator could take over, with its ReLU.
package struct PlannedAdd: PlannedOperator {
  let relu: Bool

  package init(relu: Bool) { self.relu = relu }

  package func work(_ inputs: [Shape], _ output: Shape) -> Work {
    let count = output.count
    return Work(algorithm: "add", direct: count, done: count)
  }

  package func run(_ inputs: [Activation], _ output: Activation, _ execution: Execution) {
    let isSpread = inputs[1].pixels == 1
    let channels = output.shape.channels
    execution.team.run(output.shape.height) { y, _ in
      for x in 0..<output.shape.width {
        let pixel = y * output.shape.width + x
        let first = inputs[0].start + pixel * inputs[0].stride
        let second = inputs[1].start + (isSpread ? 0 : pixel * inputs[1].stride)
        let target = output.start + pixel * output.stride
        for c in 0..<channels {
          let sum = first[c] + second[c]
          target[c] = relu && sum < 0 ? 0 : sum
        }
      }
    }
  }
}
