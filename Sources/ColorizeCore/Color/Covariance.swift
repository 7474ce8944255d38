// How much a and b vary, and along which directions of the ab plane.

/// Of a and b.
struct Covariance {
  var aa = 0.0
  var ab = 0.0
  var bb = 0.0

  /// The principal axes, the longer one first. Their signs are fixed: towards larger b, or else larger a.
  var axes: (first: Axis, second: Axis) {
    let mean = (aa + bb) / 2
    let difference = (aa - bb) / 2
    let root = (difference * difference + ab * ab).squareRoot()
    // Of the two expressions for the longer axis, the one that does not cancel.
    var along = difference < 0 ? SIMD2(ab, root - difference) : SIMD2(root + difference, ab)
    let length = (along * along).sum().squareRoot()
    along = length > 0 ? along / length : SIMD2(0, 1)
    if along.y < 0 || (along.y == 0 && along.x < 0) { along = -along }
    var across = SIMD2(along.y, -along.x)
    if across.y < 0 || (across.y == 0 && across.x < 0) { across = -across }
    return (
      Axis(direction: along, deviation: max(mean + root, 0).squareRoot()),
      Axis(direction: across, deviation: max(mean - root, 0).squareRoot())
    )
  }

  struct Axis {
    let direction: SIMD2<Double>
    let deviation: Double
  }
}
