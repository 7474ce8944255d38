// How often each bin occurs, and what a rare one counts for it (Zhang et al. 2016, section 2.2,
// formula 4).

import ColorizeCore
import Glibc

/// The weights of the bins.
package struct ClassBalance: Sendable {
  /// What 62,000 photographs are represented by well enough: with 4,000 pictures of 1,024 positions
  /// the rarest bins have been seen some hundred times.
  package static let defaultPictures = 4000

  /// `[bins]`. Their mean under the prior is 1.
  package let weights: [Float]

  /// w = 1 / ((1 - lambda) prior + lambda / bins), normalised.
  ///
  /// - Parameters:
  ///   - prior: `[bins]`, not negative; its sum is 1.
  ///   - lambda: 0 to 1; 1: no rebalancing.
  package init(prior: [Double], lambda: Double) throws(ColorizeError) {
    guard (0...1).contains(lambda) else {
      throw .invalidArgument("lambda is \(lambda); it must be 0 to 1")
    }
    let uniform = 1 / Double(prior.count)
    let plain = prior.map { 1 / ((1 - lambda) * $0 + lambda * uniform) }
    let mean = zip(prior, plain).reduce(0) { $0 + ($1.0 == 0 ? 0 : $1.0 * $1.1) }
    weights = plain.map { Float($0 / mean) }
    if let bin = weights.firstIndex(where: { !$0.isFinite }) {
      throw .invalidArgument(
        "lambda is \(lambda), and bin \(bin) has the prior \(prior[bin]): lambda must be larger")
    }
  }

  /// The prior of a histogram: spread over the ab plane by a Gaussian whose standard deviation is
  /// that of the soft encoding, and brought to a sum of 1.
  ///
  /// - Parameter histogram: `[bins]`, not negative, not all zero.
  package static func smoothed(_ histogram: [Double], centres: [SIMD2<Float>]) -> [Double] {
    let positions = centres.map { SIMD2<Double>($0) }
    let sums = positions.map { position in
      var sum = 0.0
      for (bin, share) in histogram.enumerated() where share > 0 {
        let difference = positions[bin] - position
        let distance = (difference * difference).sum()
        sum += share * exp(-distance / (2 * SoftEncoding.sigma * SoftEncoding.sigma))
      }
      return sum
    }
    let total = sums.reduce(0, +)
    return sums.map { $0 / total }
  }
}
