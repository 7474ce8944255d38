// Other colorings that a network finds possible.
//
// Where a network is not sure, its distribution says so at each position on its own; what a user wants
// to see are other pictures, in each of which all that was open is decided in the same sense. So the
// covariance of the bins under each position's distribution is averaged over the picture: its principal
// axes are the directions of the ab plane in which the picture leaves most open, the first mostly
// between warm and cold. Every distribution p is then tilted along an axis u by the same amount,
//
//     p'(bin) ~ p(bin) exp(strength * u . centre(bin) / deviation),
//
// which moves an even distribution by `strength` deviations, and one that is sure hardly at all: the sky
// stays blue while a coat turns from brown to blue.

import CKernelContract

/// How the distributions of a picture are tilted.
struct Variant {
  /// Two axes, both ways.
  static let count = 4
  /// In standard deviations along the axis.
  private static let strength = 0.6

  /// 1 to `count`: the first axis forwards and backwards, then the second one.
  private let number: Int

  init?(_ number: Int) {
    guard (1...Self.count).contains(number) else { return nil }
    self.number = number
  }

  /// Tilts logits in place.
  ///
  /// - Parameters:
  ///   - covariance: from `AnnealedMean.covariance`, at the temperature 1.
  ///   - plainTemperature: the one at which the logits' plain softmax stands.
  func tilt(
    _ logits: Activation, _ covariance: Covariance, bins: BinCentres, plainTemperature: Float,
    _ team: Team
  ) throws(ColorizeError) {
    let axes = covariance.axes
    let axis = number <= 2 ? axes.first : axes.second
    let sign = number % 2 == 1 ? 1.0 : -1.0
    guard axis.deviation > 1e-3 else { return }
    let factor = sign * Self.strength / axis.deviation / Double(plainTemperature)
    let direction = axis.direction
    let tilts = try Memory<Float>(count: bins.count)
    for bin in 0..<bins.count {
      let along = Double(bins.a[bin]) * direction.x + Double(bins.b[bin]) * direction.y
      tilts.start[bin] = Float(along * factor)
    }
    let tilt = tilts.start
    team.run(logits.shape.height) { y, _ in
      for pixel in (y * logits.shape.width)..<((y + 1) * logits.shape.width) {
        let row = logits.start + pixel * logits.stride
        for bin in 0..<bins.count { row[bin] += tilt[bin] }
      }
    }
  }
}
