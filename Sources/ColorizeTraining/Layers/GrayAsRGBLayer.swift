// What a classifier is shown of a lightness, in training.

import ColorizeCore

extension GrayAsRGB: TrainableOperator {
  func layer(_ planning: LayerPlanning) throws(ColorizeError) -> any Layer {
    GrayAsRGBLayer(connections: planning.connections)
  }
}

/// The gray of a lightness, in three channels. Nothing is learnt before it, so it has no way back.
struct GrayAsRGBLayer: Layer {
  let connections: Connections

  func forward(_ run: Run) {
    let (input, output) = (connections.inputs[0], connections.output)
    let pieces = RowPieces(rows: output.rows)
    run.team.run(pieces.count) { piece, _ in
      for row in pieces.range(piece) {
        let value = GrayAsRGB.value(input.start[row * input.stride])
        let target = output.start + row * output.stride
        for c in 0..<3 { target[c] = value }
      }
    }
  }

  func backward(_ run: Run) {
    precondition(connections.inputGradients[0] == nil, "the gradient of a lightness is not there")
  }
}
