// What a caller gives to a network directly: lightness, and colours at some places.

/// Lightness and hints at a network's resolution, in memory that is borrowed.
package struct NetworkInput {
  /// The largest magnitude of a hint's a and b.
  package static let largestHint: Float = 128

  package let height: Int
  package let width: Int
  /// `[height, width]`, L of CIE Lab.
  private let lightness: UnsafePointer<Float>
  /// a and b of CIE Lab, `[2, height, width]`, read where the mask `[height, width]` is 1.
  private let hints: (ab: UnsafePointer<Float>, mask: UnsafePointer<Float>)?

  private var pixels: Int { width * height }

  /// Reads nothing before the size is known to be one that the model takes. Throws where a value is
  /// not finite, the mask is neither 0 nor 1, or a hint is beyond `largestHint`.
  package init(
    model: Model, height: Int, width: Int, lightness: UnsafePointer<Float>,
    hints: (ab: UnsafePointer<Float>, mask: UnsafePointer<Float>)?
  ) throws(ColorizeError) {
    try model.validateNetworkSize(width, "width")
    try model.validateNetworkSize(height, "height")
    guard hints == nil || model.information.takesHints else {
      throw .invalidArgument(
        "the network \(model.information.architecture) takes no hints; hints and mask must be NULL")
    }
    self.height = height
    self.width = width
    self.lightness = lightness
    self.hints = hints
    for pixel in 0..<pixels where !lightness[pixel].isFinite {
      throw .invalidArgument("lightness[\(pixel)] is \(lightness[pixel])")
    }
    guard let (ab, mask) = hints else { return }
    for pixel in 0..<pixels where mask[pixel] != 0 {
      guard mask[pixel] == 1 else {
        throw .invalidArgument("mask[\(pixel)] is \(mask[pixel]); it must be 0 or 1")
      }
      for index in [pixel, pixels + pixel] {
        guard abs(ab[index]) <= Self.largestHint else {
          throw .invalidArgument("hints[\(index)] is \(ab[index]); it must be -128 to 128")
        }
      }
    }
  }

  /// Writes what the network takes: lightness, a, b and mask.
  func write(to input: Activation) {
    for pixel in 0..<pixels {
      let target = input.start + pixel * input.stride
      target[0] = Self.normalized(lightness: lightness[pixel])
      guard input.shape.channels == 4 else { continue }
      target[1] = 0
      target[2] = 0
      target[3] = 0
      guard let hints, hints.mask[pixel] != 0 else { continue }
      target[1] = hints.ab[pixel] / 110
      target[2] = hints.ab[pixels + pixel] / 110
      target[3] = 1
    }
  }

  /// L as networks take it.
  @inline(__always)
  static func normalized(lightness: Float) -> Float { (lightness - 50) / 100 }
}
