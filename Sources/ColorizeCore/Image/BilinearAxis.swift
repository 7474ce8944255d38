// Where the pixels of a resampled row or column lie in the original, for bilinear interpolation.

/// The nearest pixel as PyTorch's interpolate with "nearest" finds it, in float32: no second one has a share.
package struct NearestAxis: Sendable {
  private let source: Int
  private let scale: Float

  package init(from source: Int, to target: Int) {
    self.source = source
    scale = Float(source) / Float(target)
  }

  package subscript(target: Int) -> (first: Int, second: Int, share: Float) {
    let first = Int(Double(Float(target) * scale), within: 0...(source - 1))
    return (first, first, 0)
  }
}

/// PyTorch's positions for `align_corners=False`: pixel centres are at half-integers, and what lies
/// outside the outermost centres repeats them.
package struct BilinearAxis: Sendable {
  private let source: Int
  private let scale: Double

  package init(from source: Int, to target: Int) {
    self.source = source
    scale = Double(source) / Double(target)
  }

  /// The two neighbours of `target` and the share of the second, 0 to 1.
  package subscript(target: Int) -> (first: Int, second: Int, share: Float) {
    let place = max((Double(target) + 0.5) * scale - 0.5, 0)
    let first = Int(place, within: 0...(source - 1))
    return (first, min(first + 1, source - 1), Float(min(place - Double(first), 1)))
  }
}
