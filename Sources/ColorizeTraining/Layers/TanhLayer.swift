// The hyperbolic tangent in training.

import ColorizeCore
import Glibc

extension Tanh: TrainableOperator {
  func layer(_ planning: LayerPlanning) throws(ColorizeError) -> any Layer {
    TanhLayer(connections: planning.connections)
  }
}

struct TanhLayer: Layer {
  let connections: Connections

  func forward(_ execution: LayerExecution) {
    let input = connections.inputs[0]
    forEachRow(input, execution) { start, count in
      for index in start..<(start + count) {
        connections.output.start[index] = tanh(input.start[index])
      }
    }
  }

  func backward(_ execution: LayerExecution) {
    guard let gradient = connections.inputGradients[0] else { return }
    let output = connections.output
    let source = connections.outputGradient
    forEachRow(output, execution) { start, count in
      for index in start..<(start + count) {
        let own = source.start[index] * (1 - output.start[index] * output.start[index])
        let target = gradient.activation.start + index
        target.pointee = gradient.adds ? target.pointee + own : own
      }
    }
  }
}
