// The mean over the picture in training.

import CKernelContract
import ColorizeCore

extension GlobalMean: TrainableOperator {
  func layer(_ planning: LayerPlanning) throws(ColorizeError) -> any Layer {
    GlobalMeanLayer(connections: planning.connections)
  }
}

/// The mean of each channel over the picture.
struct GlobalMeanLayer: Layer {
  let connections: Connections

  func forward(_ execution: LayerExecution) {
    let (input, output) = (connections.inputs[0], connections.output)
    execution.team.run(input.count) { picture, _ in
      let target = output.picture(picture).start
      target.update(repeating: 0, count: output.stride)
      var part = colorize_channel_sums()
      part.a = input.picture(picture).start
      part.sums = target
      part.rows = input.pixels
      part.channels = input.stride
      part.stride = input.stride
      execution.kernels.table.channel_sums(&part)
      for c in 0..<output.stride { target[c] /= Float(input.pixels) }
    }
  }

  func backward(_ execution: LayerExecution) {
    guard let gradient = connections.inputGradients[0] else { return }
    let (input, output) = (gradient.activation, connections.outputGradient)
    let share = 1 / Float(input.pixels)
    execution.team.run(input.count) { picture, _ in
      let source = output.picture(picture).start
      for pixel in 0..<input.pixels {
        let target = input.picture(picture).start + pixel * input.stride
        for c in 0..<input.stride {
          target[c] = (gradient.adds ? target[c] : 0) + share * source[c]
        }
      }
    }
  }
}
