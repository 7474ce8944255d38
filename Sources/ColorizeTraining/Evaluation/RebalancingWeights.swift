// What a pixel counts in the class-rebalanced AuC (Zhang et al. 2016, section 4.1): the rarer its true
// color is in photographs, the more.

import ColorizeCore

/// 1 / prior of the bin that is nearest to a color (the paper's formula 4 with lambda = 0).
package struct RebalancingWeights: Sendable {
  private let weights: [Double]
  private let nearest = NearestBin()

  /// - Parameter prior: of each of `Gamut.centres`, above 0; they need not sum up to 1.
  package init(prior: [Double]) throws(ColorizeError) {
    precondition(prior.count == Gamut.centres.count)
    weights = prior.map { 1 / $0 }
    if let bin = weights.firstIndex(where: { $0 <= 0 || !$0.isFinite }) {
      let centre = Gamut.centres[bin]
      throw .invalidArgument(
        "the bin (\(Int(centre.x)), \(Int(centre.y))) has the prior \(prior[bin]); it must be above 0"
      )
    }
  }

  /// What a pixel of this color counts.
  @inline(__always)
  func callAsFunction(a: Double, b: Double) -> Double { weights[nearest(a: a, b: b)] }
}
