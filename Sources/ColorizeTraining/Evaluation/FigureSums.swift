// The figures by which colorings are compared, and the sums of which they are made. Sums over parts
// of a picture can be added, so that threads may share a picture.

import Glibc

/// How good a set of colorings is.
package struct Figures: Sendable {
  /// Area under the curve, 0 to 100: the share of all pixels whose ab is within t of the truth, as the
  /// mean over t = 0, 1, ..., 150 (Zhang et al. 2016, section 4.1).
  package let auc: Double
  /// The same, with each pixel weighted by the rarity of its true color.
  package let rebalancedAUC: Double
  /// Peak signal-to-noise ratio of sRGB values, in decibels: the mean over the pictures.
  package let psnr: Double
  /// The color difference: the mean over a picture's pixels, and of these over the pictures.
  package let ciede2000: Double
  /// The root of a^2 + b^2, of colors as they were predicted: means as above.
  package let chroma: Double
  /// Hasler and Suesstrunk 2003, of sRGB values from 0 to 255: the mean over the pictures.
  package let colorfulness: Double
}

/// What is summed up over pixels.
struct PixelSums {
  /// The largest distance of ab at which the curve is looked at.
  static let largestDistance = 150

  var pixels = 0.0
  var weight = 0.0
  /// Of red, green and blue, 0 to 1.
  var squaredError = 0.0
  var difference = 0.0
  var chroma = 0.0
  /// Of colorfulness: R - G and (R + G) / 2 - B, and their squares.
  var opponents = SIMD2<Double>.zero
  var opponentSquares = SIMD2<Double>.zero

  static func += (left: inout PixelSums, right: PixelSums) {
    left.pixels += right.pixels
    left.weight += right.weight
    left.squaredError += right.squaredError
    left.difference += right.difference
    left.chroma += right.chroma
    left.opponents += right.opponents
    left.opponentSquares += right.opponentSquares
  }
}

/// What is summed up over a picture.
package struct PictureSums {
  var sums = PixelSums()
  /// Pixels by their distance of ab, rounded up, and their weights; none beyond the largest.
  var within = Array(repeating: 0.0, count: PixelSums.largestDistance + 1)
  var weightWithin = Array(repeating: 0.0, count: PixelSums.largestDistance + 1)
}

/// What is summed up over pictures.
package struct FigureSums {
  package private(set) var pictures = 0
  private var all = PictureSums()
  private var psnr = 0.0
  private var ciede2000 = 0.0
  private var chroma = 0.0
  private var colorfulness = 0.0

  package init() {}

  package mutating func add(_ picture: PictureSums) {
    let sums = picture.sums
    pictures += 1
    all.sums += sums
    for distance in all.within.indices {
      all.within[distance] += picture.within[distance]
      all.weightWithin[distance] += picture.weightWithin[distance]
    }
    psnr += 10 * log10(3 * sums.pixels / sums.squaredError)
    ciede2000 += sums.difference / sums.pixels
    chroma += sums.chroma / sums.pixels
    let mean = sums.opponents / sums.pixels
    let variance = sums.opponentSquares / sums.pixels - mean * mean
    colorfulness +=
      max(variance.sum(), 0).squareRoot() + 0.3 * (mean * mean).sum().squareRoot()
  }

  /// nil before the first picture.
  package var figures: Figures? {
    guard pictures > 0 else { return nil }
    let count = Double(pictures)
    return Figures(
      auc: Self.area(all.within, of: all.sums.pixels),
      rebalancedAUC: Self.area(all.weightWithin, of: all.sums.weight),
      psnr: psnr / count, ciede2000: ciede2000 / count, chroma: chroma / count,
      colorfulness: colorfulness / count)
  }

  /// The mean of the cumulative shares, in per cent.
  private static func area(_ counts: [Double], of all: Double) -> Double {
    var within = 0.0
    var area = 0.0
    for count in counts {
      within += count
      area += within / all
    }
    return 100 * area / Double(counts.count)
  }
}
