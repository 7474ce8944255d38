// What a classifier is shown of a lightness, in training.

import ColorizeCore

extension GrayAsRGB: TrainableOperator {
  func layer(_ planning: LayerPlanning) throws(ColorizeError) -> any Layer {
    GrayAsRGBLayer(gray: self, connections: planning.connections)
  }
}

/// The gray of a lightness, channel 0, in three channels.
struct GrayAsRGBLayer: Layer {
  let gray: GrayAsRGB
  let connections: Connections

  func forward(_ execution: LayerExecution) {
    let (input, output) = (connections.inputs[0], connections.output)
    let pieces = RowPieces(rows: output.rows)
    execution.team.run(pieces.count) { piece, _ in
      for row in pieces.range(piece) {
        gray.write(input.start[row * input.stride], to: output.start + row * output.stride)
      }
    }
  }

  func backward(_ execution: LayerExecution) {
    guard let gradient = connections.inputGradients[0] else { return }
    let (input, output) = (connections.inputs[0], connections.outputGradient)
    let target = gradient.activation
    let pieces = RowPieces(rows: output.rows)
    execution.team.run(pieces.count) { piece, _ in
      for row in pieces.range(piece) {
        let source = output.start + row * output.stride
        let slope = GrayAsRGB.slope(input.start[row * input.stride])
        let own = target.start + row * target.stride
        if !gradient.adds { own.update(repeating: 0, count: target.stride) }
        own[0] += slope * (source[0] + source[1] + source[2])
      }
    }
  }
}
