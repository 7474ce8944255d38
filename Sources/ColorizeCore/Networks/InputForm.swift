// What networks take: the only place that makes a network's input from lightness and hints.

/// The channels of a network's input.
package enum InputForm: Sendable {
  /// (L - 50) / 100.
  case gray
  /// The same, then a hint / 110, b hint / 110, and the mask, which says where a hint is.
  case grayWithHints

  package init?(channels: Int) {
    switch channels {
    case 1: self = .gray
    case 4: self = .grayWithHints
    default: return nil
    }
  }

  package var channels: Int {
    switch self {
    case .gray: 1
    case .grayWithHints: 4
    }
  }

  package var takesHints: Bool { self == .grayWithHints }

  /// L as networks take it.
  @inline(__always)
  package static func normalized(lightness: Float) -> Float { (lightness - 50) / 100 }

  /// Writes a pixel without a hint.
  ///
  /// - Parameters:
  ///   - maskOffset: what the mask is where there is no hint.
  ///   - pixel: `[channels]`, out.
  @inline(__always)
  package func write(
    lightness: Float, maskOffset: Float, to pixel: UnsafeMutablePointer<Float>
  ) {
    pixel[0] = Self.normalized(lightness: lightness)
    guard takesHints else { return }
    pixel[1] = 0
    pixel[2] = 0
    pixel[3] = maskOffset
  }

  /// Adds a hint to a pixel that has been written, of a form that takes hints.
  ///
  /// - Parameter mask: 1, if it is one, and 0 where a and b are 0 too.
  @inline(__always)
  package static func add(a: Float, b: Float, mask: Float, to pixel: UnsafeMutablePointer<Float>) {
    pixel[1] = a / Lab.abRange
    pixel[2] = b / Lab.abRange
    pixel[3] += mask
  }
}
