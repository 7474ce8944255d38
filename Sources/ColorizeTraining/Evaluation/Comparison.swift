// A coloring beside the photograph that it should be, pixel by pixel, at the photograph's size and in
// float64: nothing is rounded to 8 bits before it is measured.

import ColorizeCore
import Glibc

/// What is compared with a photograph.
package enum Coloring {
  /// a = b = 0 under the photograph's lightness.
  case gray
  /// a and b under the photograph's lightness, brought to its size bilinearly.
  case ab(PredictedColors)
  /// A picture of the photograph's size, as it is.
  case picture(ImageView)
}

/// Compares colorings with one photograph.
package struct Comparison {
  private let truth: ImageView
  private let weights: RebalancingWeights
  /// Parts that nobody had to guess, and that are left out.
  private let known: [Patch]
  private let team: Team
  /// Linear light of each byte.
  private let light: Memory<Double>

  /// Rows that one thread sums up: by these and not by threads, so that the sums do not depend on how
  /// many there are.
  private static let bandRows = 16

  package init(
    truth: ImageView, weights: RebalancingWeights, known: [Patch] = [], team: Team
  ) throws(ColorizeError) {
    self.truth = truth
    self.weights = weights
    self.known = known
    self.team = team
    light = try Memory(count: 256)
    for byte in 0..<256 { light.start[byte] = CIELab.light(encoded: Double(byte) / 255) }
  }

  /// Throws where a picture has another size, or all of the photograph is known.
  package func sums(of coloring: Coloring) throws(ColorizeError) -> PictureSums {
    if case .picture(let picture) = coloring,
      (picture.width, picture.height) != (truth.width, truth.height)
    {
      throw .invalidArgument(
        "has \(picture.width)x\(picture.height) pixels; the photograph has "
          + "\(truth.width)x\(truth.height)")
    }
    let bands = truth.height.pieces(of: Self.bandRows)
    let distances = PixelSums.largestDistance + 1
    let parts = try Memory<PixelSums>(count: bands)
    parts.fill(PixelSums())
    let curves = try Memory<Double>(count: bands * 2 * distances)
    curves.fill(0)
    let rows = try Memory<Float>(count: team.size * 2 * truth.width)
    rows.fill(0)
    let isKnown = try Memory<Bool>(count: team.size * truth.width)
    team.run(bands) { band, worker in
      let row = Row(
        a: rows.start + worker * 2 * truth.width,
        b: rows.start + (worker * 2 + 1) * truth.width,
        isKnown: isKnown.start + worker * truth.width,
        within: curves.start + band * 2 * distances,
        weightWithin: curves.start + (band * 2 + 1) * distances)
      let first = band * Self.bandRows
      for y in first..<min(first + Self.bandRows, truth.height) {
        parts.start[band] += sum(y, of: coloring, row)
      }
    }

    var result = PictureSums()
    for band in 0..<bands {
      result.sums += parts.start[band]
      for distance in 0..<distances {
        result.within[distance] += curves.start[band * 2 * distances + distance]
        result.weightWithin[distance] += curves.start[(band * 2 + 1) * distances + distance]
      }
    }
    guard result.sums.pixels > 0 else {
      throw .invalidArgument("the hints leave no pixel of it to compare")
    }
    return result
  }

  /// Where a worker keeps what it needs for a row, and the curves of its band.
  private struct Row {
    let a: UnsafeMutablePointer<Float>
    let b: UnsafeMutablePointer<Float>
    let isKnown: UnsafeMutablePointer<Bool>
    let within: UnsafeMutablePointer<Double>
    let weightWithin: UnsafeMutablePointer<Double>
  }

  private func sum(_ y: Int, of coloring: Coloring, _ row: Row) -> PixelSums {
    row.isKnown.update(repeating: false, count: truth.width)
    for patch in known where patch.rows.contains(y) {
      for x in patch.columns { row.isKnown[x] = true }
    }
    var other: ImageView?
    switch coloring {
    case .gray: break
    case .ab(let colors): enlarge(colors.ab.start, colors.shape, y, row)
    case .picture(let picture): other = picture
    }

    var sums = PixelSums()
    for x in 0..<truth.width where !row.isKnown[x] {
      let (trueRGB, trueLab) = color(truth, x, y)
      let (rgb, lab): (SIMD3<Double>, SIMD3<Double>)
      var predicted: SIMD2<Double>
      if let other {
        (rgb, lab) = color(other, x, y)
        predicted = SIMD2(lab.y, lab.z)
      } else {
        predicted = SIMD2(Double(row.a[x]), Double(row.b[x]))
        let light = CIELab.light(lab: SIMD3(trueLab.x, predicted.x, predicted.y))
          .clamped(lowerBound: .zero, upperBound: .one)
        rgb = SIMD3(
          CIELab.encoded(light.x), CIELab.encoded(light.y), CIELab.encoded(light.z))
        // Of the color that can be shown.
        lab = CIELab.lab(light: light)
      }
      let weight = weights(a: trueLab.y, b: trueLab.z)
      let apart = predicted - SIMD2(trueLab.y, trueLab.z)
      let distance = (apart * apart).sum().squareRoot().rounded(.up)
      if distance <= Double(PixelSums.largestDistance) {
        row.within[Int(distance)] += 1
        row.weightWithin[Int(distance)] += weight
      }
      let error = rgb - trueRGB
      let opponents = SIMD2(rgb.x - rgb.y, (rgb.x + rgb.y) / 2 - rgb.z) * 255
      sums.pixels += 1
      sums.weight += weight
      sums.squaredError += (error * error).sum()
      sums.difference += differenceCIEDE2000(trueLab, lab)
      sums.chroma += (predicted * predicted).sum().squareRoot()
      sums.opponents += opponents
      sums.opponentSquares += opponents * opponents
    }
    return sums
  }

  /// A pixel's sRGB values, 0 to 1, and its Lab.
  @inline(__always)
  private func color(_ image: ImageView, _ x: Int, _ y: Int) -> (SIMD3<Double>, SIMD3<Double>) {
    let bytes = image.bytes(x, y)
    let light = SIMD3(light.start[bytes.red], light.start[bytes.green], light.start[bytes.blue])
    let rgb = SIMD3(Double(bytes.red), Double(bytes.green), Double(bytes.blue)) / 255
    return (rgb, CIELab.lab(light: light))
  }

  /// Row `y` of the photograph's size.
  private func enlarge(_ ab: UnsafePointer<Float>, _ shape: Shape, _ y: Int, _ row: Row) {
    let place = BilinearAxis(from: shape.height, to: truth.height)[y]
    let columns = BilinearAxis(from: shape.width, to: truth.width)
    for (plane, target) in [(ab, row.a), (ab + shape.height * shape.width, row.b)] {
      let upper = plane + place.first * shape.width
      let lower = plane + place.second * shape.width
      for x in 0..<truth.width {
        let column = columns[x]
        let left = upper[column.first] + (lower[column.first] - upper[column.first]) * place.share
        let right =
          upper[column.second] + (lower[column.second] - upper[column.second]) * place.share
        target[x] = left + (right - left) * column.share
      }
    }
  }
}

extension ImageView {
  /// The color of a pixel, without its alpha.
  @inline(__always)
  func bytes(_ x: Int, _ y: Int) -> (red: Int, green: Int, blue: Int) {
    let pixel = row(y) + x * format.bytesPerPixel
    if format == .gray8 { return (Int(pixel[0]), Int(pixel[0]), Int(pixel[0])) }
    return (Int(pixel[0]), Int(pixel[1]), Int(pixel[2]))
  }
}
