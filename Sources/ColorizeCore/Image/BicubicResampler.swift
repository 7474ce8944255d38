// Pillow's bicubic resampling of 8-bit pictures, bit for bit: Image.resize(size, Image.BICUBIC).
// The kernel is Keys' with a = -0.5, widened when shrinking; weights are fixed-point numbers with
// 22 bits behind the point; the horizontal pass comes first and is rounded to 8 bits.

/// The weights of one axis.
private struct BicubicAxis {
  /// Bits behind the point: 32, less 8 for the pixel and 2 for sums beyond its range.
  static let fractionBits: Int32 = 22
  /// What a sum starts with, so that the shift rounds to the nearest.
  static let half: Int32 = 1 << (fractionBits - 1)

  /// The first source pixel and the number of pixels of each target pixel.
  let ranges: Memory<(first: Int32, count: Int32)>
  /// The weights of target pixel `i` start at `i * stride`.
  let weights: Memory<Int32>
  let stride: Int

  init(from source: Int, to target: Int) throws(ColorizeError) {
    let scale = Double(source) / Double(target)
    let widening = max(scale, 1)
    let support = 2 * widening
    stride = Int(support.rounded(.up)) * 2 + 1
    ranges = try Memory(count: target)
    weights = try Memory(count: target * stride)
    let exact = try Memory<Double>(count: stride)
    for pixel in 0..<target {
      let center = (Double(pixel) + 0.5) * scale
      let first = max(Int(center - support + 0.5), 0)
      let count = min(Int(center + support + 0.5), source) - first
      var sum = 0.0
      for index in 0..<count {
        let weight = Self.kernel((Double(index + first) - center + 0.5) / widening)
        exact.start[index] = weight
        sum += weight
      }
      ranges.start[pixel] = (Int32(first), Int32(count))
      for index in 0..<count {
        let weight = sum == 0 ? exact.start[index] : exact.start[index] / sum
        let scaled = weight * Double(1 << Self.fractionBits)
        weights.start[pixel * stride + index] = Int32(scaled < 0 ? scaled - 0.5 : scaled + 0.5)
      }
    }
  }

  private static func kernel(_ distance: Double) -> Double {
    let a = -0.5
    let x = distance.magnitude
    if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
    if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
    return 0
  }

  /// A sum as a pixel.
  @inline(__always)
  static func pixel(_ sum: Int32) -> UInt8 { UInt8(clamping: sum &>> fractionBits) }
}

/// Resamples one picture to one size, a band of rows at a time. Memory grows with the sides of the
/// source and the area of the target, not with the area of the source.
package struct BicubicResampler {
  /// Rows of the target that are made at a time.
  private static let bandRows = 16

  private let source: ImageView
  private let width: Int
  private let height: Int
  private let horizontal: BicubicAxis
  private let vertical: BicubicAxis
  private let sums: Memory<Int32>
  private let row: Memory<UInt8>

  /// The channels of the result: 1 for gray, otherwise 3. Alpha has no part in it.
  package var channels: Int { source.format.colorChannels }

  /// How many bands there are.
  package var bands: Int { height.pieces(of: Self.bandRows) }

  /// The values of a row of the result.
  private let rowCount: Int

  /// - Parameter workers: how many bands will be made at the same time.
  package init(_ source: ImageView, width: Int, height: Int, workers: Int) throws(ColorizeError) {
    self.source = source
    self.width = width
    self.height = height
    horizontal = try BicubicAxis(from: source.width, to: width)
    vertical = try BicubicAxis(from: source.height, to: height)
    rowCount = width * source.format.colorChannels
    sums = try Memory(count: workers * Self.bandRows * rowCount)
    row = try Memory(count: workers * rowCount)
  }

  /// Makes one band.
  ///
  /// - Parameter target: the whole result, `[height, width, channels]`.
  package func run(band: Int, worker: Int, into target: UnsafeMutablePointer<UInt8>) {
    let firstRow = band * Self.bandRows
    let rows = min(Self.bandRows, height - firstRow)
    let sums = sums.start + worker * Self.bandRows * rowCount
    let row = row.start + worker * rowCount
    sums.update(repeating: BicubicAxis.half, count: rows * rowCount)
    let ranges = vertical.ranges.start + firstRow
    let end = ranges[rows - 1].first + ranges[rows - 1].count
    for y in Int(ranges[0].first)..<Int(end) {
      resampleRow(y, into: row)
      for index in 0..<rows {
        let offset = y - Int(ranges[index].first)
        guard offset >= 0, offset < Int(ranges[index].count) else { continue }
        let weight = vertical.weights.start[(firstRow + index) * vertical.stride + offset]
        let sum = sums + index * rowCount
        for x in 0..<rowCount { sum[x] &+= Int32(row[x]) &* weight }
      }
    }
    let result = target + firstRow * rowCount
    for x in 0..<(rows * rowCount) { result[x] = BicubicAxis.pixel(sums[x]) }
  }

  /// The horizontal pass over one row of the source.
  private func resampleRow(_ y: Int, into row: UnsafeMutablePointer<UInt8>) {
    let bytesPerPixel = source.format.bytesPerPixel
    let pixels = source.row(y)
    for x in 0..<width {
      let range = horizontal.ranges.start[x]
      let weights = horizontal.weights.start + x * horizontal.stride
      let first = pixels + Int(range.first) * bytesPerPixel
      if channels == 1 {
        var sum = BicubicAxis.half
        for index in 0..<Int(range.count) { sum &+= Int32(first[index]) &* weights[index] }
        row[x] = BicubicAxis.pixel(sum)
      } else {
        var red = BicubicAxis.half
        var green = BicubicAxis.half
        var blue = BicubicAxis.half
        var pixel = first
        for index in 0..<Int(range.count) {
          let weight = weights[index]
          red &+= Int32(pixel[0]) &* weight
          green &+= Int32(pixel[1]) &* weight
          blue &+= Int32(pixel[2]) &* weight
          pixel += bytesPerPixel
        }
        row[x &* 3] = BicubicAxis.pixel(red)
        row[x &* 3 &+ 1] = BicubicAxis.pixel(green)
        row[x &* 3 &+ 2] = BicubicAxis.pixel(blue)
      }
    }
  }
}
