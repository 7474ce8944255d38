// The bins into which the ab plane is cut: the 313 squares of side 10 that hold colors of sRGB
// (Zhang et al. 2016, section 2.2), in the order of the released pts_in_hull.npy; and all 529 squares
// of siggraph17's class head.

/// The centres of the ab bins.
package enum Gamut {
  /// For each a from -90 to 100 in steps of 10: the first and the last b.
  private static let columns: [(first: Int, last: Int)] = [
    (50, 90), (20, 90), (0, 90), (-20, 90), (-30, 100), (-40, 100), (-50, 100), (-50, 100),
    (-60, 100), (-70, 100), (-80, 90), (-80, 90), (-90, 90), (-100, 90), (-100, 80), (-110, 80),
    (-110, 80), (-110, 70), (-110, 70), (-90, 0),
  ]

  /// a and b of each bin's centre; a major, from (-90, 50) to (100, 0).
  package static let centres: [SIMD2<Float>] = columns.enumerated().flatMap { index, column in
    stride(from: column.first, through: column.last, by: 10).map {
      SIMD2(Float(index * 10 - 90), Float($0))
    }
  }

  /// All bins from -110 to 110 in both directions: bin `a * 23 + b`.
  package static let grid: [SIMD2<Float>] = (0..<529).map { bin in
    let (a, b) = bin.quotientAndRemainder(dividingBy: 23)
    return SIMD2(Float(10 * a - 110), Float(10 * b - 110))
  }
}
