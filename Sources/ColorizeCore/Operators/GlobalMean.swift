// The mean of each channel over the picture.

/// `[channels, height, width]` to `[channels, 1, 1]`.
package struct GlobalMean: Operator {
  package init() {}

  package func outputShape(_ inputs: [Shape]) -> Shape {
    Shape(channels: inputs[0].channels, height: 1, width: 1)
  }

  package func reference(_ inputs: [ReferenceTensor], parameters: [[Double]]) -> ReferenceTensor {
    let input = inputs[0]
    var output = ReferenceTensor(outputShape([input.shape]))
    let count = input.shape.height * input.shape.width
    for c in 0..<input.shape.channels {
      output[c, 0, 0] = input.values[(c * count)..<((c + 1) * count)].reduce(0, +) / Double(count)
    }
    return output
  }

  package func planned(_ end: StepEnd, _ planning: Planning)
    throws(ColorizeError) -> any PlannedOperator
  {
    PlannedGlobalMean()
  }
}

/// The mean, summed row by row in float64.
package struct PlannedGlobalMean: PlannedOperator {
  /// The channels that one piece of work sums up.
  private static let channelsAtOnce = 64

  package init() {}

  package func work(_ inputs: [Shape], _ output: Shape) -> Work {
    let count = inputs[0].count
    return Work(algorithm: "mean", direct: count, done: count)
  }

  package func run(_ inputs: [Activation], _ output: Activation, _ execution: Execution) {
    let input = inputs[0]
    let channels = output.shape.channels
    execution.team.run(channels.pieces(of: Self.channelsAtOnce)) { item, _ in
      let first = item * Self.channelsAtOnce
      let count = min(Self.channelsAtOnce, channels - first)
      withUnsafeTemporaryAllocation(of: Double.self, capacity: Self.channelsAtOnce) { sums in
        sums.initialize(repeating: 0)
        for pixel in 0..<input.pixels {
          let values = input.start + pixel * input.stride + first
          for c in 0..<count { sums[c] += Double(values[c]) }
        }
        for c in 0..<count { output.start[first + c] = Float(sums[c] / Double(input.pixels)) }
      }
    }
  }
}
