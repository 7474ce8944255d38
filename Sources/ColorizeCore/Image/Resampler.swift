// Pillow's resampling of 8-bit pictures, bit for bit: Image.resize(size, Image.BICUBIC or BILINEAR).
// What has more bits is rounded to 8 first.
// The kernel is widened when shrinking; weights are fixed-point numbers with 22 bits behind the point;
// the horizontal pass comes first and is rounded to 8 bits.

import CKernelContract

/// What weighs the pixels around a place.
package enum ResamplingFilter: Sendable {
  /// Keys' with a = -0.5.
  case bicubic
  /// A triangle.
  case bilinear

  /// How far it reaches.
  fileprivate var support: Double {
    switch self {
    case .bicubic: 2
    case .bilinear: 1
    }
  }

  fileprivate func weight(_ distance: Double) -> Double {
    let x = distance.magnitude
    guard x < support else { return 0 }
    switch self {
    case .bicubic:
      let a = -0.5
      return x < 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : (((x - 5) * x + 8) * x - 4) * a
    case .bilinear: return 1 - x
    }
  }
}

/// The weights of one axis.
private struct ResamplingAxis {
  /// Bits behind the point: 32, less 8 for the pixel and 2 for sums beyond its range.
  static let fractionBits = Int32(COLORIZE_RESAMPLE_FRACTION_BITS)
  /// What a sum starts with, so that the shift rounds to the nearest.
  static let half: Int32 = 1 << (fractionBits - 1)

  /// The source pixels of each target pixel.
  let taps: Memory<colorize_taps>
  /// The weights of target pixel `i` start at `i * stride`, with zeros up to the next one's.
  let weights: Memory<Int32>
  let stride: Int

  init(from source: Int, to target: Int, _ filter: ResamplingFilter) throws(ColorizeError) {
    let scale = Double(source) / Double(target)
    let widening = max(scale, 1)
    let support = filter.support * widening
    stride = (Int(support.rounded(.up), within: 0...2 * max(source, 1)) * 2 + 1).roundedUp(to: 16)
    taps = try Memory(count: target)
    weights = try Memory(count: target * stride)
    weights.fill(0)
    let exact = try Memory<Double>(count: stride)
    for pixel in 0..<target {
      let center = (Double(pixel) + 0.5) * scale
      let first = Int(center - support + 0.5, within: 0...source)
      let count = Int(center + support + 0.5, within: 0...source) - first
      var sum = 0.0
      for index in 0..<count {
        let weight = filter.weight((Double(index + first) - center + 0.5) / widening)
        exact.start[index] = weight
        sum += weight
      }
      taps.start[pixel] = colorize_taps(first: Int32(first), count: Int32(count))
      for index in 0..<count {
        let weight = sum == 0 ? exact.start[index] : exact.start[index] / sum
        let scaled = weight * Double(1 << Self.fractionBits)
        weights.start[pixel * stride + index] = Int32(
          Int(scaled < 0 ? scaled - 0.5 : scaled + 0.5, within: Int(Int32.min)...Int(Int32.max)))
      }
    }
  }
}

/// Resamples one picture to one size, a band of rows at a time. Memory grows with the sides of the
/// source and the area of the target, not with the area of the source.
package struct Resampler {
  /// Rows of the target that are made at a time.
  package static let bandRows = 16

  private let source: ImageView
  private let width: Int
  private let height: Int
  private let kernels: KernelSet
  private let horizontal: ResamplingAxis
  private let vertical: ResamplingAxis
  private let sums: Memory<Int32>
  private let row: Memory<Int32>
  private let planes: Memory<UInt8>

  /// The channels of the result: 1 for gray, otherwise 3. Alpha has no part in it.
  package var channels: Int { source.format.colorChannels }

  /// How many bands there are.
  package var bands: Int { height.pieces(of: Self.bandRows) }

  /// The values of a row of the result.
  private let rowCount: Int
  /// A channel of a row of the source, and what is read behind it, with weights of 0.
  private let planeStride: Int

  /// - Parameter workers: how many bands will be made at the same time.
  package init(
    _ source: ImageView, width: Int, height: Int, filter: ResamplingFilter = .bicubic,
    kernels: KernelSet, workers: Int
  ) throws(ColorizeError) {
    self.source = source
    self.width = width
    self.height = height
    self.kernels = kernels
    horizontal = try ResamplingAxis(from: source.width, to: width, filter)
    vertical = try ResamplingAxis(from: source.height, to: height, filter)
    rowCount = width * source.format.colorChannels
    planeStride = source.width.roundedUp(to: 16) + 16
    sums = try Memory(count: workers * Self.bandRows * rowCount)
    row = try Memory(count: workers * rowCount)
    planes = try Memory(count: workers * source.format.colorChannels * planeStride)
    planes.fill(0)
  }

  /// The rows of a band.
  package func rows(ofBand band: Int) -> Range<Int> {
    (band * Self.bandRows)..<min((band + 1) * Self.bandRows, height)
  }

  /// Makes one band, of which each row of the source may take milliseconds.
  ///
  /// - Parameters:
  ///   - target: the whole result, `[height, width, channels]`.
  ///   - team: the worker's, asked whether to leave the rest of the band undone.
  package func run(
    band: Int, worker: Int, into target: UnsafeMutablePointer<UInt8>, _ team: Team? = nil
  ) {
    run(
      band: band, worker: worker, alone: target + rows(ofBand: band).lowerBound * rowCount, team)
  }

  /// - Parameter target: the band, `[rows, width, channels]`.
  package func run(
    band: Int, worker: Int, alone target: UnsafeMutablePointer<UInt8>, _ team: Team? = nil
  ) {
    let firstRow = rows(ofBand: band).lowerBound
    let rows = rows(ofBand: band).count
    let sums = sums.start + worker * Self.bandRows * rowCount
    let row = row.start + worker * rowCount
    sums.update(repeating: ResamplingAxis.half, count: rows * rowCount)
    let taps = vertical.taps.start + firstRow
    let end = taps[rows - 1].first + taps[rows - 1].count
    var pass = horizontalPass(worker: worker, into: row)
    for y in Int(taps[0].first)..<Int(end) {
      if team?.isStopping(worker) ?? false { return }
      pass.source = UnsafePointer(source.row(y))
      kernels.table.resample_row(&pass)
      for index in 0..<rows {
        let offset = y - Int(taps[index].first)
        guard offset >= 0, offset < Int(taps[index].count) else { continue }
        let weight = vertical.weights.start[(firstRow + index) * vertical.stride + offset]
        let sum = sums + index * rowCount
        for x in 0..<rowCount { sum[x] &+= row[x] &* weight }
      }
    }
    for x in 0..<(rows * rowCount) {
      target[x] = UInt8(clamping: sums[x] &>> ResamplingAxis.fractionBits)
    }
  }

  /// What the kernel is called with, but for the row.
  private func horizontalPass(worker: Int, into row: UnsafeMutablePointer<Int32>)
    -> colorize_resample_row
  {
    var pass = colorize_resample_row()
    pass.source_layout = source.format.layout
    pass.source_count = source.width
    pass.planes = planes.start + worker * channels * planeStride
    pass.plane_stride = planeStride
    pass.taps = UnsafePointer(horizontal.taps.start)
    pass.weights = UnsafePointer(horizontal.weights.start)
    pass.weight_stride = horizontal.stride
    pass.output = row
    pass.count = width
    return pass
  }
}
