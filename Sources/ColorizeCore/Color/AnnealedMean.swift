// From logits of the ab bins to colors (Zhang et al. 2016, section 2.3).

import CKernelContract

/// Reads the distribution over the ab bins that a network gives at each position.
package struct AnnealedMean: Sendable {
  /// The temperature of the paper.
  package static let defaultTemperature: Float = 0.38
  /// What callers may ask for.
  package static let temperatures: ClosedRange<Float> = 0.01...10

  private let bins: BinCentres
  /// What the distance of a logit to the largest one is multiplied by.
  private let scale: Float

  /// - Parameters:
  ///   - temperature: the caller's.
  ///   - plainTemperature: the one at which the network's plain softmax stands.
  package init(bins: BinCentres, temperature: Float, plainTemperature: Float) {
    self.bins = bins
    scale = plainTemperature / temperature
  }

  /// The floats of scratch that each worker needs.
  package var scratchCount: Int { bins.stride }

  /// The mean of the bins' centres under softmax(logits / temperature).
  ///
  /// - Parameters:
  ///   - logits: `[bins, h, w]`.
  ///   - ab: out, `[2, h, w]`.
  ///   - scratch: `scratchCount` floats for each worker.
  package func decode(
    _ logits: Activation, into ab: UnsafeMutablePointer<Float>, kernels: KernelSet, team: Team,
    scratch: UnsafeMutablePointer<Float>
  ) {
    forEachPixel(logits, kernels, team, scratch) { pixel, sums, _ in
      ab[pixel] = sums.1 / sums.0
      ab[logits.pixels + pixel] = sums.2 / sums.0
    }
  }

  /// The probability of each bin, in the place of its logit, and the colors.
  ///
  /// - Parameters:
  ///   - logits: `[bins, h, w]`; out, the probabilities.
  ///   - ab: out, `[2, h, w]`, as `decode` gives them.
  ///   - scratch: `scratchCount` floats for each worker.
  package func distribution(
    inPlaceOf logits: Activation, _ ab: UnsafeMutablePointer<Float>, kernels: KernelSet,
    team: Team, scratch: UnsafeMutablePointer<Float>
  ) {
    forEachPixel(logits, kernels, team, scratch) { pixel, sums, weights in
      ab[pixel] = sums.1 / sums.0
      ab[logits.pixels + pixel] = sums.2 / sums.0
      let place = logits.start + pixel * logits.stride
      for bin in 0..<bins.count { place[bin] = weights[bin] / sums.0 }
    }
  }

  /// The covariance of the bins' centres under each position's distribution, averaged over all positions.
  func covariance(
    _ logits: Activation, kernels: KernelSet, team: Team, scratch: UnsafeMutablePointer<Float>
  ) throws(ColorizeError) -> Covariance {
    // Summed up in the positions' order: any number of threads gives the same.
    let positions = try Memory<(aa: Double, ab: Double, bb: Double)>(count: logits.pixels)
    forEachPixel(logits, kernels, team, scratch) { pixel, sums, weights in
      let (meanA, meanB) = (sums.1 / sums.0, sums.2 / sums.0)
      var (aa, ab, bb): (Float, Float, Float) = (0, 0, 0)
      for bin in 0..<bins.count {
        let (a, b) = (bins.a[bin] - meanA, bins.b[bin] - meanB)
        aa += weights[bin] * a * a
        ab += weights[bin] * a * b
        bb += weights[bin] * b * b
      }
      positions.start[pixel] = (
        Double(aa / sums.0), Double(ab / sums.0), Double(bb / sums.0)
      )
    }
    try team.throwIfInterrupted()
    var mean = Covariance()
    for pixel in 0..<logits.pixels {
      let position = positions.start[pixel]
      mean.aa += position.aa / Double(logits.pixels)
      mean.ab += position.ab / Double(logits.pixels)
      mean.bb += position.bb / Double(logits.pixels)
    }
    return mean
  }

  private func forEachPixel(
    _ logits: Activation, _ kernels: KernelSet, _ team: Team,
    _ scratch: UnsafeMutablePointer<Float>,
    _ body: (
      _ pixel: Int, _ sums: (Float, Float, Float), _ weights: UnsafePointer<Float>
    ) -> Void
  ) {
    let width = logits.shape.width
    team.run(logits.shape.height) { y, worker in
      let weights = scratch + worker * scratchCount
      var sums: (Float, Float, Float) = (0, 0, 0)
      withUnsafeMutableBytes(of: &sums) { bytes in
        let place = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
        var arguments = colorize_annealed_mean()
        arguments.a = bins.a
        arguments.b = bins.b
        arguments.weights = weights
        arguments.sums = place
        arguments.count = bins.count
        arguments.scale = scale
        for pixel in (y * width)..<((y + 1) * width) {
          arguments.logits = UnsafePointer(logits.start + pixel * logits.stride)
          kernels.table.annealed_mean(&arguments)
          body(pixel, (place[0], place[1], place[2]), weights)
        }
      }
    }
  }
}
