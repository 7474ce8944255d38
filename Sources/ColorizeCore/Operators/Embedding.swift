// Values that a network has learnt, whatever it sees.

/// Rows of a table, a position each: PyTorch's `Embedding` of all its indices, or of some. The input is not looked at.
package struct Embedding: Operator {
  package var count: Int
  package var channels: Int
  /// Those that are given.
  package var rows: Range<Int>

  /// - Parameter row: nil: all.
  package init(count: Int, channels: Int, row: Int? = nil) {
    self.count = count
    self.channels = channels
    rows = row.map { $0..<($0 + 1) } ?? 0..<count
  }

  package var parameters: [Parameter] { [Parameter("weight", [count, channels])] }

  package func outputShape(_ inputs: [Shape]) -> Shape {
    Shape(channels: channels, height: 1, width: rows.count)
  }

  package func reference(_ inputs: [ReferenceTensor], parameters: [[Double]]) -> ReferenceTensor {
    var output = ReferenceTensor(outputShape(inputs.map(\.shape)))
    for (x, row) in rows.enumerated() {
      for c in 0..<channels { output[c, 0, x] = parameters[0][row * channels + c] }
    }
    return output
  }

  package func valueInputs(_ inputs: [Int]) -> [Int] { [] }

  package func planned(_ end: StepEnd, _ planning: Planning)
    throws(ColorizeError) -> any PlannedOperator
  {
    let weight = try planning.tensor("weight", shape: parameters[0].shape)
    let values = try Memory<Float>(count: rows.count * channels)
    values.start.update(from: weight.start + rows.lowerBound * channels, count: values.count)
    return PlannedEmbedding(values)
  }
}

/// A copy of the rows.
package struct PlannedEmbedding: PlannedOperator {
  /// `[positions, channels]`.
  private let values: Memory<Float>

  package init(_ values: Memory<Float>) { self.values = values }

  package func work(_ inputs: [Shape], _ output: Shape) -> Work {
    Work(algorithm: "copy", direct: 0, done: 0)
  }

  package func run(_ inputs: [Activation], _ output: Activation, _ execution: Execution) {
    let channels = output.shape.channels
    for pixel in 0..<output.pixels {
      (output.start + pixel * output.stride)
        .update(from: values.start + pixel * channels, count: channels)
    }
  }
}
