// Every other pixel of every other row in training.

import ColorizeCore

extension Subsample: TrainableOperator {
  func layer(_ planning: LayerPlanning) throws(ColorizeError) -> any Layer {
    SubsampleLayer(connections: planning.connections)
  }
}

/// Every other pixel of every other row.
struct SubsampleLayer: Layer {
  let connections: Connections

  func forward(_ execution: LayerExecution) {
    let (input, output) = (connections.inputs[0], connections.output)
    execution.team.run(output.count * output.shape.height) { row, _ in
      let (picture, y) = row.quotientAndRemainder(dividingBy: output.shape.height)
      for x in 0..<output.shape.width {
        (output.picture(picture).start + (y * output.shape.width + x) * output.stride).update(
          from: input.picture(picture).start + (2 * y * input.shape.width + 2 * x) * input.stride,
          count: output.stride)
      }
    }
  }

  func backward(_ execution: LayerExecution) {
    guard let gradient = connections.inputGradients[0] else { return }
    let output = connections.outputGradient
    let input = gradient.activation
    execution.team.run(input.count * input.shape.height) { row, _ in
      let (picture, y) = row.quotientAndRemainder(dividingBy: input.shape.height)
      let target = input.picture(picture).start + y * input.shape.width * input.stride
      if !gradient.adds {
        target.update(repeating: 0, count: input.shape.width * input.stride)
      }
      guard y % 2 == 0 else { return }
      let source =
        output.picture(picture).start + y / 2 * output.shape.width * output.stride
      for x in 0..<output.shape.width {
        for c in 0..<output.stride {
          target[2 * x * input.stride + c] += source[x * output.stride + c]
        }
      }
    }
  }
}
