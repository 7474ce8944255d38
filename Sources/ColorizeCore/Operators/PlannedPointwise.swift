// The step of a batch norm or a rectifier that no step before it could do.

/// `x * scale + shift`, a channel at a time, where there is such, and then a rectifier.
package struct PlannedPointwise: PlannedOperator {
  let affine: ChannelAffine?
  let rectifier: Rectifier

  init(affine: ChannelAffine?, _ rectifier: Rectifier) {
    self.affine = affine
    self.rectifier = rectifier
  }

  package var keepsToChannels: Bool { true }

  package func work(_ inputs: [Shape], _ output: Shape) -> Work {
    Work(algorithm: "pointwise", direct: output.count, done: output.count)
  }

  package func run(_ inputs: [Activation], _ output: Activation, _ execution: Execution) {
    let input = inputs[0]
    let channels = output.shape.channels
    let (slope, ceiling) = (rectifier.slope, rectifier.ceiling)
    execution.team.run(output.shape.height) { y, _ in
      for pixel in (y * output.shape.width)..<((y + 1) * output.shape.width) {
        let source = input.start + pixel * input.stride
        let target = output.start + pixel * output.stride
        for c in 0..<channels {
          var x = source[c]
          if let affine { x = x * affine.scale.start[c] + affine.shift.start[c] }
          target[c] = min(x < 0 ? slope * x : x, ceiling)
        }
      }
    }
  }
}
