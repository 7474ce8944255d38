// One picture of a batch: cut out, brought to the network's size, and turned into what is given to
// the network and what is to be learnt.

import ColorizeCore

/// Makes samples in memory that a thread keeps.
final class SampleWriter {
  private let side: Int
  private let kernels: KernelSet
  private let pixels: Memory<UInt8>
  private let filmed: Memory<Float>
  private let lab: Memory<Float>
  private let ab: Memory<Float>
  private let things: ThingSearch

  /// - Parameter side: of the squares that the network sees.
  init(side: Int) throws(ColorizeError) {
    self.side = side
    kernels = KernelSet(.best)
    pixels = try Memory(count: 3 * side * side)
    filmed = try Memory(count: side * side)
    lab = try Memory(count: 3 * side * side)
    ab = try Memory(count: 2 * side * side)
    things = try ThingSearch(side: side)
  }

  /// L, a and b of the last crop, `[side, side, 3]`.
  var crop: UnsafePointer<Float> { UnsafePointer(lab.start) }
  /// a / 110 and b / 110 of it, `[side, side, 2]`.
  var normalizedAB: UnsafePointer<Float> { UnsafePointer(ab.start) }

  /// Cuts a part out of a colored picture.
  func take(_ crop: Crop, of picture: ImageView) throws(ColorizeError) {
    let part = try ImageView(
      pixels: picture.row(crop.top) + crop.left * picture.format.bytesPerPixel,
      rowBytes: picture.rowBytes, width: crop.width, height: crop.height, format: picture.format)
    let resampler = try Resampler(
      part, width: side, height: side, kernels: kernels, workers: 1)
    for band in 0..<resampler.bands { resampler.run(band: band, worker: 0, into: pixels.start) }
    for y in 0..<side {
      let row = pixels.start + y * side * 3
      if crop.isFlipped { mirror(row) }
      let target = lab.start + y * side * 3
      for index in 0..<(3 * side) { target[index] = Float(row[index]) / 255 }
    }
    Lab.fromRGB(lab.start, into: lab.start, count: side * side, kernels: kernels)
    normalizeAB()
  }

  private func normalizeAB() {
    for pixel in 0..<(side * side) {
      ab.start[2 * pixel] = lab.start[3 * pixel + 1] / Lab.abRange
      ab.start[2 * pixel + 1] = lab.start[3 * pixel + 2] / Lab.abRange
    }
  }

  /// Recolors things of the crop; the hints that say so.
  func recolor(
    _ recoloring: Recoloring, _ numbers: inout RandomNumbers
  ) -> [HintSimulation.Patch] {
    let patches = recoloring.apply(to: lab.start, things, numbers: &numbers)
    if !patches.isEmpty { normalizeAB() }
    return patches
  }

  private func mirror(_ row: UnsafeMutablePointer<UInt8>) {
    for x in 0..<(side / 2) {
      for channel in 0..<3 {
        let (left, right) = (3 * x + channel, 3 * (side - 1 - x) + channel)
        (row[left], row[right]) = (row[right], row[left])
      }
    }
  }

  /// Writes the crop's distribution over the bins at each position, of the mean of its stride x
  /// stride pixels.
  ///
  /// - Parameters:
  ///   - bins: `[positions, neighbours]`, out.
  ///   - shares: `[positions, neighbours]`, out.
  func encode(
    _ encoding: SoftEncoding, stride: Int, bins: UnsafeMutablePointer<Int32>,
    shares: UnsafeMutablePointer<Float>
  ) {
    let positions = side / stride
    for row in 0..<positions {
      for column in 0..<positions {
        var sum = SIMD2<Float>(0, 0)
        for y in (row * stride)..<((row + 1) * stride) {
          let start = lab.start + 3 * (y * side + column * stride)
          for x in 0..<stride { sum += SIMD2(start[3 * x + 1], start[3 * x + 2]) }
        }
        let mean = sum / Float(stride * stride)
        let place = (row * positions + column) * SoftEncoding.neighbours
        encoding.encode(a: mean.x, b: mean.y, bins: bins + place, shares: shares + place)
      }
    }
  }

  /// Writes the crop's lightness as channel 0 of `[side, side, channels]`.
  func writeLightness(to input: UnsafeMutablePointer<Float>, channels: Int) {
    for pixel in 0..<(side * side) {
      input[pixel * channels] = InputForm.normalized(lightness: lab.start[3 * pixel])
    }
  }

  /// Writes the lightness that the crop has on a film in the place of its own.
  func writeLightness(on film: Film, to input: UnsafeMutablePointer<Float>, channels: Int) {
    film.lightness(of: pixels.start, side: side, into: filmed.start)
    for pixel in 0..<(side * side) {
      input[pixel * channels] = InputForm.normalized(lightness: filmed.start[pixel])
    }
  }

  /// The mean chroma of a picture, of up to 32 x 32 of its pixels.
  static func meanChroma(of picture: ImageView, kernels: KernelSet) throws(ColorizeError) -> Float {
    guard picture.format != .gray8 else { return 0 }
    let grid = 32
    let (rows, columns) = (min(picture.height, grid), min(picture.width, grid))
    let lab = try Memory<Float>(count: 3 * rows * columns)
    for y in 0..<rows {
      let row = picture.row((2 * y + 1) * picture.height / (2 * rows))
      for x in 0..<columns {
        let pixel = row + (2 * x + 1) * picture.width / (2 * columns) * picture.format.bytesPerPixel
        let target = lab.start + 3 * (y * columns + x)
        for channel in 0..<3 { target[channel] = Float(pixel[channel]) / 255 }
      }
    }
    Lab.fromRGB(lab.start, into: lab.start, count: rows * columns, kernels: kernels)
    var sum: Float = 0
    for pixel in 0..<(rows * columns) {
      let (a, b) = (lab.start[3 * pixel + 1], lab.start[3 * pixel + 2])
      sum += (a * a + b * b).squareRoot()
    }
    return sum / Float(rows * columns)
  }
}
