// Bilinear resampling of activations to another's size.

import CKernelContract

/// PyTorch's `interpolate(mode="bilinear", align_corners=False)` of the first input to the size of
/// the second.
package struct Bilinear: Operator {
  package init() {}

  package func outputShape(_ inputs: [Shape]) -> Shape {
    Shape(channels: inputs[0].channels, height: inputs[1].height, width: inputs[1].width)
  }

  package func reference(_ inputs: [ReferenceTensor], parameters: [[Double]]) -> ReferenceTensor {
    let input = inputs[0]
    var output = ReferenceTensor(outputShape(inputs.map(\.shape)))
    for y in 0..<output.shape.height {
      let row = position(y, from: input.shape.height, to: output.shape.height)
      for x in 0..<output.shape.width {
        let column = position(x, from: input.shape.width, to: output.shape.width)
        for c in 0..<input.shape.channels {
          let upper =
            input[c, row.first, column.first] * (1 - column.share)
            + input[c, row.first, column.second] * column.share
          let lower =
            input[c, row.second, column.first] * (1 - column.share)
            + input[c, row.second, column.second] * column.share
          output[c, y, x] = upper * (1 - row.share) + lower * row.share
        }
      }
    }
    return output
  }

  /// The second input's size alone.
  package func valueInputs(_ inputs: [Int]) -> [Int] { [inputs[0]] }

  package var absorbs: Absorption { [.addition, .relu] }

  package func planned(_ end: StepEnd, _ planning: Planning)
    throws(ColorizeError) -> any PlannedOperator
  {
    PlannedBilinear(hasResidual: end.hasAddition, relu: end.rectifier == .relu)
  }

  private func position(_ target: Int, from source: Int, to size: Int)
    -> (first: Int, second: Int, share: Double)
  {
    let place = max((Double(target) + 0.5) * Double(source) / Double(size) - 0.5, 0)
    let first = Int(place, within: 0...(source - 1))
    return (first, min(first + 1, source - 1), place - Double(first))
  }
}

/// Bilinear resampling with an addition and a ReLU fused.
package struct PlannedBilinear: PlannedOperator {
  let hasResidual: Bool
  let relu: Bool

  package init(hasResidual: Bool, relu: Bool) {
    self.hasResidual = hasResidual
    self.relu = relu
  }

  package func work(_ inputs: [Shape], _ output: Shape) -> Work {
    let count = 4 * output.count
    return Work(algorithm: "bilinear", direct: count, done: count)
  }

  package func run(_ inputs: [Activation], _ output: Activation, _ execution: Execution) {
    let input = inputs[0]
    let rows = BilinearAxis(from: input.shape.height, to: output.shape.height)
    let columns = BilinearAxis(from: input.shape.width, to: output.shape.width)
    execution.team.run(output.shape.height) { y, _ in
      let row = rows[y]
      let upper = input.start + row.first * input.shape.width * input.stride
      let lower = input.start + row.second * input.shape.width * input.stride
      var arguments = colorize_blend()
      arguments.relu = relu ? 1 : 0
      arguments.count = output.stride
      for x in 0..<output.shape.width {
        let column = columns[x]
        arguments.corner = (
          UnsafePointer(upper + column.first * input.stride),
          UnsafePointer(upper + column.second * input.stride),
          UnsafePointer(lower + column.first * input.stride),
          UnsafePointer(lower + column.second * input.stride)
        )
        arguments.weight = (
          (1 - row.share) * (1 - column.share), (1 - row.share) * column.share,
          row.share * (1 - column.share), row.share * column.share
        )
        let pixel = y * output.shape.width + x
        if hasResidual {
          arguments.residual = UnsafePointer(inputs[2].start + pixel * inputs[2].stride)
        }
        arguments.output = output.start + pixel * output.stride
        execution.kernels.table.blend(&arguments)
      }
    }
  }
}
