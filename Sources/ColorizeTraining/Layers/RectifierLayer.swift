// ReLU and leaky ReLU in training.

import ColorizeCore

extension ReLU: TrainableOperator {
  func layer(_ planning: LayerPlanning) throws(ColorizeError) -> any Layer {
    RectifierLayer(connections: planning.connections, slope: 0, ceiling: ceiling)
  }
}

extension LeakyReLU: TrainableOperator {
  func layer(_ planning: LayerPlanning) throws(ColorizeError) -> any Layer {
    RectifierLayer(connections: planning.connections, slope: slope, ceiling: .infinity)
  }
}

/// ReLU, with a ceiling or without, and leaky ReLU.
struct RectifierLayer: Layer {
  let connections: Connections
  let slope: Float
  var ceiling: Float = .infinity

  func forward(_ execution: LayerExecution) {
    let target = Connections.InputGradient(activation: connections.output, adds: false)
    connections.write(connections.inputs[0], to: target, execution) {
      $0.slope = slope
      $0.ceiling = ceiling
    }
  }

  func backward(_ execution: LayerExecution) {
    guard let gradient = connections.inputGradients[0] else { return }
    let output = connections.output
    let source = connections.outputGradient
    forEachRow(output, execution) { start, count in
      let target = gradient.activation.start + start
      for index in 0..<count {
        let value = source.start[start + index]
        let given = output.start[start + index]
        let own = given > 0 ? (given < ceiling ? value : 0) : slope * value
        target[index] = gradient.adds ? target[index] + own : own
      }
    }
  }
}
