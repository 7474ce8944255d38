// Bilinear resampling in training.

import CKernelContract
import ColorizeCore

extension Bilinear: TrainableOperator {
  func layer(_ planning: LayerPlanning) throws(ColorizeError) -> any Layer {
    BilinearLayer(connections: planning.connections)
  }
}

/// Bilinear resampling to the size of another activation.
struct BilinearLayer: Layer {
  let connections: Connections

  func forward(_ execution: LayerExecution) {
    let (input, output) = (connections.inputs[0], connections.output)
    forEachOutput(execution.team) { picture, pixel, corners in
      var arguments = colorize_blend()
      let start = input.picture(picture).start
      arguments.corner = (
        UnsafePointer(start + corners[0].pixel * input.stride),
        UnsafePointer(start + corners[1].pixel * input.stride),
        UnsafePointer(start + corners[2].pixel * input.stride),
        UnsafePointer(start + corners[3].pixel * input.stride)
      )
      arguments.weight = (corners[0].share, corners[1].share, corners[2].share, corners[3].share)
      arguments.output = output.picture(picture).start + pixel * output.stride
      arguments.count = output.stride
      execution.kernels.core.table.blend(&arguments)
    }
  }

  func backward(_ execution: LayerExecution) {
    guard let gradient = connections.inputGradients[0] else { return }
    let (input, output) = (gradient.activation, connections.outputGradient)
    if !gradient.adds {
      execution.team.run(input.count) { picture, _ in
        input.picture(picture).start.update(repeating: 0, count: input.pixels * input.stride)
      }
    }
    forEachOutput(execution.team) { picture, pixel, corners in
      let source = output.picture(picture).start + pixel * output.stride
      for corner in 0..<4 {
        let target = input.picture(picture).start + corners[corner].pixel * input.stride
        let share = corners[corner].share
        for c in 0..<output.stride { target[c] += share * source[c] }
      }
    }
  }

  private struct Corner {
    var pixel: Int
    var share: Float
  }

  /// A picture is one piece of work: two pixels of it may go to the same one.
  private func forEachOutput(
    _ team: Team, _ body: (_ picture: Int, _ pixel: Int, _ corners: InlineArray<4, Corner>) -> Void
  ) {
    let (input, output) = (connections.inputs[0].shape, connections.output.shape)
    let rows = BilinearAxis(from: input.height, to: output.height)
    let columns = BilinearAxis(from: input.width, to: output.width)
    team.run(connections.output.count) { picture, _ in
      for y in 0..<output.height {
        let row = rows[y]
        for x in 0..<output.width {
          let column = columns[x]
          let corners: InlineArray<4, Corner> = [
            Corner(
              pixel: row.first * input.width + column.first,
              share: (1 - row.share) * (1 - column.share)),
            Corner(
              pixel: row.first * input.width + column.second, share: (1 - row.share) * column.share),
            Corner(
              pixel: row.second * input.width + column.first, share: row.share * (1 - column.share)),
            Corner(
              pixel: row.second * input.width + column.second, share: row.share * column.share),
          ]
          body(picture, y * output.width + x, corners)
        }
      }
    }
  }
}
