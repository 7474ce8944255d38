// Models that prove themselves: a model file carries a few small inputs and the colors that its
// author saw for them, and whoever has the file can replay them on their own processor.

/// An input of a network and the output that its author saw.
package struct TestVector: Sendable {
  /// `[inputChannels, height, width]`, as the network takes it.
  package let input: Memory<Float>
  package let height: Int
  package let width: Int
  /// Of the network's `abShape`: ab at the default temperature.
  package let ab: Memory<Float>

  /// A file may carry up to this many, of sides up to `maximumSide`.
  private static let maximumCount = 16
  private static let maximumSide = 256

  /// The tensors `vector.N.input` and `vector.N.ab` of a model file, for N from 0 up.
  static func read(_ file: TensorFile, _ network: Network) throws(ColorizeError)
    -> [TestVector]
  {
    var vectors: [TestVector] = []
    while vectors.count < maximumCount,
      let shape = file.shape("vector.\(vectors.count).input")
    {
      let name = "vector.\(vectors.count)"
      let sides = 1...maximumSide
      guard shape.count == 3, shape[0] == network.input.channels, sides.contains(shape[1]),
        sides.contains(shape[2]), shape[1] % network.sizeMultiple == 0,
        shape[2] % network.sizeMultiple == 0
      else { throw .invalidModel("\(name).input has the shape \(shape)") }
      let output = network.abShape(height: shape[1], width: shape[2])
      vectors.append(
        TestVector(
          input: try file.floats("\(name).input", shape: shape), height: shape[1],
          width: shape[2],
          ab: try file.floats("\(name).ab", shape: [2, output.height, output.width])))
    }
    return vectors
  }
}

/// What replaying a model's test vectors on this processor gave.
package struct SelfTest: Sendable {
  /// Bounds of the differences of ab (docs/exactness.md).
  package static let maximumErrorBound: Float = 2e-3
  package static let meanErrorBound: Float = 2e-4

  package let vectors: Int
  /// Of the absolute differences of ab, over all vectors.
  package let maximumError: Float
  package let meanError: Float
  /// The network alone at 256x256, with all processors; the best of five.
  package let millisecondsPerForward: Double

  /// Whether there are vectors, and all are met.
  package var passes: Bool {
    vectors > 0 && maximumError <= Self.maximumErrorBound && meanError <= Self.meanErrorBound
  }

  package static func run(model: Model) throws(ColorizeError) -> SelfTest {
    var largest: Float = 0
    var sum: Double = 0
    var count = 0
    for vector in model.testVectors {
      let ab = try Memory<Float>(count: vector.ab.count)
      try Colorizer.predict(
        model: model, height: vector.height, width: vector.width, into: ab.start
      ) { input in input.start.fromPlanes(vector.input.start, input.shape) }
      for index in 0..<ab.count {
        let difference = abs(ab.start[index] - vector.ab.start[index])
        // A result that is not a number must not pass.
        largest = difference <= largest ? largest : difference.isNaN ? .infinity : difference
        sum += Double(difference)
      }
      count += ab.count
    }
    return SelfTest(
      vectors: model.testVectors.count, maximumError: largest,
      meanError: Float(sum / Double(max(count, 1))), millisecondsPerForward: try time(model))
  }

  private static func time(_ model: Model) throws(ColorizeError) -> Double {
    let side = 256
    let ab = try Memory<Float>(count: model.network.abShape(height: side, width: side).count)
    var best = Double.infinity
    for _ in 0..<5 {
      let start = Clock.seconds()
      try Colorizer.predict(model: model, height: side, width: side, into: ab.start) { input in
        for index in 0..<input.shape.count { input.start[index] = Float(index % 97) / 97 - 0.5 }
      }
      best = min(best, Clock.seconds() - start)
    }
    return best * 1000
  }
}

extension UnsafeMutablePointer<Float> {
  /// Fills `[height, width, channels]` from `[channels, height, width]`.
  func fromPlanes(_ planes: UnsafePointer<Float>, _ shape: Shape) {
    let pixels = shape.height * shape.width
    for channel in 0..<shape.channels {
      for pixel in 0..<pixels {
        self[pixel * shape.channels + channel] = planes[channel * pixels + pixel]
      }
    }
  }
}
