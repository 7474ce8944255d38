// What a classifier is shown of a lightness, in training.

import ColorizeCore

extension GrayAsRGB: TrainableOperator {
  func layer(_ planning: LayerPlanning) throws(ColorizeError) -> any Layer {
    GrayAsRGBLayer(gray: self, connections: planning.connections)
  }
}

/// The gray of a lightness, in three channels. Nothing is learnt before it, so it has no way back.
struct GrayAsRGBLayer: Layer {
  let gray: GrayAsRGB
  let connections: Connections

  func forward(_ run: Run) {
    let (input, output) = (connections.inputs[0], connections.output)
    let pieces = RowPieces(rows: output.rows)
    run.team.run(pieces.count) { piece, _ in
      for row in pieces.range(piece) {
        gray.write(input.start[row * input.stride], to: output.start + row * output.stride)
      }
    }
  }

  func backward(_ run: Run) {
    precondition(connections.inputGradients[0] == nil, "the gradient of a lightness is not there")
  }
}
