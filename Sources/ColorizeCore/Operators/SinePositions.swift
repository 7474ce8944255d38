// Where a position is, as sines of many lengths (Vaswani et al., "Attention Is All You Need", 2017; in two dimensions and
// as shares of the picture: Carion et al., "End-to-End Object Detection with Transformers", 2020).

import Glibc

/// As large as the input, of which no more is looked at: the first half of the channels is of the row, the second
/// half of the column. Of each half channel 2j is the sine of
///
///     2 pi (place + 1) / (count + 1e-6) / 10000^(2j / half)
///
/// and channel 2j + 1 its cosine.
package struct SinePositions: Operator {
  package var channels: Int

  /// - Parameter channels: a multiple of 4.
  package init(channels: Int) { self.channels = channels }

  package func outputShape(_ inputs: [Shape]) -> Shape {
    Shape(channels: channels, height: inputs[0].height, width: inputs[0].width)
  }

  package func reference(_ inputs: [ReferenceTensor], parameters: [[Double]]) -> ReferenceTensor {
    var output = ReferenceTensor(outputShape(inputs.map(\.shape)))
    let half = channels / 2
    for c in 0..<channels {
      let length = pow(10_000, Double(2 * (c % half / 2)) / Double(half))
      for y in 0..<output.shape.height {
        for x in 0..<output.shape.width {
          let (place, count) =
            c < half ? (y, output.shape.height) : (x, output.shape.width)
          let angle = 2 * Double.pi * Double(place + 1) / (Double(count) + 1e-6) / length
          output[c, y, x] = c % 2 == 0 ? sin(angle) : cos(angle)
        }
      }
    }
    return output
  }

  package func valueInputs(_ inputs: [Int]) -> [Int] { [] }

  package func planned(_ end: StepEnd, _ planning: Planning)
    throws(ColorizeError) -> any PlannedOperator
  {
    PlannedSinePositions(self)
  }
}

/// The same: each row's and each column's once.
package struct PlannedSinePositions: PlannedOperator {
  private let half: Int

  package init(_ positions: SinePositions) { half = positions.channels / 2 }

  package func sharedCount(_ inputs: [Shape], _ output: Shape, workers: Int) -> Int {
    (output.height + output.width) * half
  }

  package func work(_ inputs: [Shape], _ output: Shape) -> Work {
    // Of the order of what a sine takes.
    let count = 20 * (output.height + output.width) * half
    return Work(algorithm: "sines", direct: count, done: count)
  }

  package func run(_ inputs: [Activation], _ output: Activation, _ execution: Execution) {
    let (height, width) = (output.shape.height, output.shape.width)
    let (rows, columns) = (execution.shared, execution.shared + height * half)
    execution.team.run(height + width) { item, _ in
      let target = execution.shared + item * half
      let (place, count) = item < height ? (item, height) : (item - height, width)
      for j in 0..<(half / 2) {
        let length = pow(10_000, Double(2 * j) / Double(half))
        let angle = 2 * Double.pi * Double(place + 1) / (Double(count) + 1e-6) / length
        target[2 * j] = Float(sin(angle))
        target[2 * j + 1] = Float(cos(angle))
      }
    }
    execution.team.run(height) { y, _ in
      for x in 0..<width {
        let target = output.start + (y * width + x) * output.stride
        target.update(from: rows + y * half, count: half)
        (target + half).update(from: columns + x * half, count: half)
      }
    }
  }
}
