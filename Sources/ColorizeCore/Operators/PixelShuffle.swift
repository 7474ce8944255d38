// Channels to pixels: how a 1x1 convolution makes a picture larger.

/// PyTorch's `PixelShuffle`: `factor * factor` channels, one behind the other, become one of a square of pixels.
package struct PixelShuffle: Operator {
  package var factor: Int

  package init(factor: Int) { self.factor = factor }

  package func outputShape(_ inputs: [Shape]) -> Shape {
    Shape(
      channels: inputs[0].channels / (factor * factor), height: inputs[0].height * factor,
      width: inputs[0].width * factor)
  }

  package func reference(_ inputs: [ReferenceTensor], parameters: [[Double]]) -> ReferenceTensor {
    var output = ReferenceTensor(outputShape([inputs[0].shape]))
    for c in 0..<output.shape.channels {
      for y in 0..<output.shape.height {
        for x in 0..<output.shape.width {
          let channel = (c * factor + y % factor) * factor + x % factor
          output[c, y, x] = inputs[0][channel, y / factor, x / factor]
        }
      }
    }
    return output
  }

  package func planned(_ end: StepEnd, _ planning: Planning)
    throws(ColorizeError) -> any PlannedOperator
  {
    PlannedPixelShuffle(factor: factor)
  }
}

/// The same, a row of the output at a time.
package struct PlannedPixelShuffle: PlannedOperator {
  let factor: Int

  package init(factor: Int) { self.factor = factor }

  package var keepsToChannels: Bool { true }

  package func work(_ inputs: [Shape], _ output: Shape) -> Work {
    Work(algorithm: "shuffle", direct: 0, done: 0)
  }

  package func run(_ inputs: [Activation], _ output: Activation, _ execution: Execution) {
    let input = inputs[0]
    let (factor, channels) = (factor, output.shape.channels)
    let step = factor * factor
    execution.team.run(output.shape.height) { y, _ in
      let (row, below) = y.quotientAndRemainder(dividingBy: factor)
      for column in 0..<input.shape.width {
        let pixel = input.start + (row * input.shape.width + column) * input.stride
        for beside in 0..<factor {
          let source = pixel + below * factor + beside
          let target =
            output.start
            + (y * output.shape.width + column * factor + beside) * output.stride
          for c in 0..<channels { target[c] = source[c &* step] }
        }
      }
    }
  }
}
