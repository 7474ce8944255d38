// Weights as whole numbers of 8 bits, with a scale for each output: docs/model-format.md.

/// A tensor rounded to whole numbers, -127 to 127, times a scale for each place of one dimension.
struct EightBitWeights {
  /// Whole numbers, of the tensor's shape.
  let numbers: Memory<Float>
  /// A scale for each place of the dimension, all more than 0.
  let scales: Memory<Float>

  private static let largest: Float = 127

  /// - Parameters:
  ///   - values: finite.
  ///   - dimension: that of the outputs.
  init(_ values: Memory<Float>, shape: [Int], dimension: Int) throws(ColorizeError) {
    let scales = try Memory<Float>(count: shape[dimension])
    scales.fill(0)
    Self.eachOutput(shape, dimension: dimension) { output, range in
      for index in range {
        scales.start[output] = max(scales.start[output], abs(values.start[index]))
      }
    }
    for output in 0..<scales.count {
      scales.start[output] /= Self.largest
      // Nothing but zeros, or what is next to them.
      if scales.start[output] == 0 { scales.start[output] = 1 }
    }
    numbers = try Memory(count: values.count)
    let numbers = numbers
    Self.eachOutput(shape, dimension: dimension) { output, range in
      for index in range {
        let number = (values.start[index] / scales.start[output]).rounded(.toNearestOrEven)
        // The smallest scales are too coarse for their largest value.
        numbers.start[index] = min(max(number, -Self.largest), Self.largest)
      }
    }
    self.scales = scales
  }

  /// The name of the scales of a tensor.
  static func scaleName(_ name: String) -> String { "\(name)_scale" }

  /// The shape of the scales: that of the tensor with 1 for all dimensions but one.
  static func scaleShape(_ shape: [Int], dimension: Int) -> [Int] {
    shape.indices.map { $0 == dimension ? shape[$0] : 1 }
  }

  /// Calls `body` with each stretch of values that belong to one place of a dimension.
  static func eachOutput(
    _ shape: [Int], dimension: Int, _ body: (_ output: Int, _ range: Range<Int>) -> Void
  ) {
    if shape.isEmpty { return body(0, 0..<1) }
    if shape.contains(0) { return }
    let length = shape[(dimension + 1)...].reduce(1, *)
    for piece in 0..<shape[...dimension].reduce(1, *) {
      body(piece % shape[dimension], piece * length..<(piece + 1) * length)
    }
  }
}
