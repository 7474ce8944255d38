// Which of the 313 ab bins a color belongs to.

import ColorizeCore

/// Finds the bin whose centre is nearest to a color.
package struct NearestBin: Sendable {
  /// By cell of `Gamut.grid`: the number of its bin, or -1 where the gamut has none.
  private let bins: [Int]
  private let centres: [SIMD2<Double>]

  package init() {
    centres = Gamut.centres.map { SIMD2(Double($0.x), Double($0.y)) }
    var bins = Array(repeating: -1, count: Gamut.grid.count)
    for (bin, centre) in Gamut.centres.enumerated() {
      bins[Self.cell(Int(centre.x) / 10, Int(centre.y) / 10)] = bin
    }
    self.bins = bins
  }

  package func callAsFunction(a: Double, b: Double) -> Int {
    let column = (a / 10).rounded()
    let row = (b / 10).rounded()
    if abs(column) <= 11, abs(row) <= 11 {
      let bin = bins[Self.cell(Int(column), Int(row))]
      if bin >= 0 { return bin }
    }
    // At the gamut's rim: the color's own square has no bin.
    var best = 0
    var least = Double.infinity
    for (bin, centre) in centres.enumerated() {
      let difference = centre - SIMD2(a, b)
      let distance = (difference * difference).sum()
      if distance < least {
        least = distance
        best = bin
      }
    }
    return best
  }

  private static func cell(_ a: Int, _ b: Int) -> Int { (a + 11) * 23 + b + 11 }
}
