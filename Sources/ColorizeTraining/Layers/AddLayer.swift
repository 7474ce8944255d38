// An addition in training.

import CKernelContract
import ColorizeCore

extension Add: TrainableOperator {
  var layerAbsorbs: Absorption { .relu }

  func layer(_ planning: LayerPlanning) throws(ColorizeError) -> any Layer {
    AddLayer(connections: planning.connections, relu: planning.relu)
  }
}

/// A sum of two activations, the second of which may be a single position a picture; and a ReLU, if there is one.
struct AddLayer: Layer {
  let connections: Connections
  /// nil: none.
  let relu: ReLU?

  private var isBroadcast: Bool {
    connections.inputs[1].pixels == 1 && connections.inputs[0].pixels > 1
  }

  func forward(_ execution: LayerExecution) {
    let (left, right) = (connections.inputs[0], connections.inputs[1])
    let output = connections.output
    var operation = colorize_channel_affine()
    operation.channels = output.stride
    operation.stride = output.stride
    operation.setActivation(relu)
    guard isBroadcast else {
      operation.a = UnsafePointer(left.start)
      operation.more = UnsafePointer(right.start)
      operation.target = output.start
      execution.affine(operation, rows: output.rows)
      return
    }
    execution.team.run(output.count) { picture, _ in
      var part = operation
      part.a = UnsafePointer(left.picture(picture).start)
      part.shift = UnsafePointer(right.picture(picture).start)
      part.target = output.picture(picture).start
      part.rows = output.pixels
      execution.kernels.table.channel_affine(&part)
    }
  }

  var sharedCount: Int { connections.output.count * connections.output.stride * 2 }

  func backward(_ execution: LayerExecution) {
    let output = connections.outputGradient
    var sums = colorize_channel_sums()
    sums.channels = output.stride
    sums.stride = output.stride
    // The ReLU's mask, and the sums over each picture.
    execution.team.run(output.count) { picture, _ in
      var part = sums
      part.a = output.picture(picture).start
      part.b = UnsafePointer(output.picture(picture).start)
      part.setMask(relu, connections.output.picture(picture).start)
      part.rows = output.pixels
      part.sums = execution.shared + picture * 2 * output.stride
      part.products = part.sums + output.stride
      part.sums.update(repeating: 0, count: 2 * output.stride)
      part.centre = UnsafePointer(part.products)
      execution.kernels.table.channel_sums(&part)
    }
    for (index, gradient) in connections.inputGradients.enumerated() {
      guard let gradient else { continue }
      guard index == 1, isBroadcast else {
        connections.write(output, to: gradient, execution)
        continue
      }
      for picture in 0..<output.count {
        let target = gradient.activation.picture(picture).start
        let own = execution.shared + picture * 2 * output.stride
        for c in 0..<output.stride { target[c] = (gradient.adds ? target[c] : 0) + own[c] }
      }
    }
  }
}
