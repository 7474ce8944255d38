// The mean of each pixel and its neighbours above and to the left: what takes the checkerboard out of
// shuffled pixels (Sugawara, Shiota, Kiya, "Super-Resolution using Convolutional Neural Networks without Any
// Checkerboard Artifacts", 2018).

import CKernelContract

/// The mean of 2x2 pixels behind a padding of one, above and to the left, that repeats the edge: PyTorch's
/// `ReplicationPad2d((1, 0, 1, 0))` and `AvgPool2d(2, stride=1)`. With a second input, only so many rows and
/// columns as that has, from the upper left ones on.
package struct Blur: Operator {
  package init() {}

  package func outputShape(_ inputs: [Shape]) -> Shape {
    let size = inputs.count > 1 ? inputs[1] : inputs[0]
    return Shape(
      channels: inputs[0].channels, height: min(size.height, inputs[0].height),
      width: min(size.width, inputs[0].width))
  }

  package func reference(_ inputs: [ReferenceTensor], parameters: [[Double]]) -> ReferenceTensor {
    let input = inputs[0]
    var output = ReferenceTensor(outputShape(inputs.map(\.shape)))
    for c in 0..<output.shape.channels {
      for y in 0..<output.shape.height {
        for x in 0..<output.shape.width {
          let (above, left) = (max(y - 1, 0), max(x - 1, 0))
          output[c, y, x] =
            (input[c, above, left] + input[c, above, x] + input[c, y, left] + input[c, y, x]) / 4
        }
      }
    }
    return output
  }

  /// The second input's size alone.
  package func valueInputs(_ inputs: [Int]) -> [Int] { [inputs[0]] }

  package func planned(_ end: StepEnd, _ planning: Planning)
    throws(ColorizeError) -> any PlannedOperator
  {
    PlannedBlur()
  }
}

/// The same, a row at a time.
package struct PlannedBlur: PlannedOperator {
  /// The blending kernel takes so many channels, or a multiple.
  private static let channelsAtOnce = 16

  package init() {}

  package var keepsToChannels: Bool { true }

  package func work(_ inputs: [Shape], _ output: Shape) -> Work {
    let count = 4 * output.count
    return Work(algorithm: "blur", direct: count, done: count)
  }

  package func run(_ inputs: [Activation], _ output: Activation, _ execution: Execution) {
    let input = inputs[0]
    let channels = output.shape.channels
    let whole = channels - channels % Self.channelsAtOnce
    execution.team.run(output.shape.height) { y, _ in
      let upper = input.start + max(y - 1, 0) * input.shape.width * input.stride
      let lower = input.start + y * input.shape.width * input.stride
      var arguments = colorize_blend()
      arguments.weight = (0.25, 0.25, 0.25, 0.25)
      arguments.count = whole
      for x in 0..<output.shape.width {
        let (left, right) = (max(x - 1, 0) * input.stride, x * input.stride)
        let target = output.start + (y * output.shape.width + x) * output.stride
        arguments.corner = (
          UnsafePointer(upper + left), UnsafePointer(upper + right),
          UnsafePointer(lower + left), UnsafePointer(lower + right)
        )
        arguments.output = target
        execution.kernels.table.blend(&arguments)
        for c in whole..<channels {
          target[c] =
            (upper[left + c] + upper[right + c] + lower[left + c] + lower[right + c]) * 0.25
        }
      }
    }
  }
}
