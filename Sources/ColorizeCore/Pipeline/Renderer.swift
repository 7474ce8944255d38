// From the network's ab to the caller's pixels: bilinear upsampling, the input's own lightness, Lab
// to sRGB, a row at a time.

/// The last stage of a run. Its memory grows with the width of the picture.
struct Renderer {
  /// What the network gave, `[2, abHeight, abWidth]`; written before `run`.
  let ab: Memory<Float>

  private let input: ImageView
  private let output: ImageView
  private let abHeight: Int
  private let abWidth: Int
  /// For each column: its left neighbour in ab, and the share of the right one.
  private let left: Memory<Int32>
  private let share: Memory<Float>
  /// Rows of L, a, b and of ab between two of its rows, for each worker.
  private let rows: Memory<Float>
  private let table = LightnessTable()

  /// Rows of the picture that are one piece of work.
  private static let bandRows = 8

  /// A row of the picture, in whole vectors.
  private let rowCount: Int
  /// A row of a and a row of b, each with its last value once more: the right neighbour of the
  /// last column.
  private let abRowCount: Int
  private var workerCount: Int { 3 * rowCount + abRowCount }

  init(input: ImageView, output: ImageView, abHeight: Int, abWidth: Int, workers: Int)
    throws(ColorizeError)
  {
    self.input = input
    self.output = output
    self.abHeight = abHeight
    self.abWidth = abWidth
    ab = try Memory(count: 2 * abHeight * abWidth)
    left = try Memory(count: input.width)
    share = try Memory(count: input.width)
    let columns = BilinearAxis(from: abWidth, to: input.width)
    for x in 0..<input.width {
      let column = columns[x]
      left.start[x] = Int32(column.first)
      share.start[x] = column.share
    }
    rowCount = input.width.roundedUp(to: 8)
    abRowCount = (2 * (abWidth + 1)).roundedUp(to: 8)
    rows = try Memory(count: workers * (3 * rowCount + abRowCount))
    // The ends of rows, which fill up the last vector, are read too.
    rows.fill(0)
  }

  /// Writes the output.
  func run(_ team: Team, progress: (Float) throws(ColorizeError) -> Void) throws(ColorizeError) {
    let axis = BilinearAxis(from: abHeight, to: input.height)
    try team.run(input.height.pieces(of: Self.bandRows), progress) { band, worker in
      let rows = rows.start + worker * workerCount
      let first = band * Self.bandRows
      for y in first..<min(first + Self.bandRows, input.height) { render(y, axis[y], rows) }
    }
  }

  private func render(
    _ y: Int, _ place: (first: Int, second: Int, share: Float),
    _ rows: UnsafeMutablePointer<Float>
  ) {
    let lightness = rows
    let a = rows + rowCount
    let b = rows + 2 * rowCount
    let smallA = rows + 3 * rowCount
    let smallB = smallA + abWidth + 1
    between(ab.start, place, into: smallA)
    between(ab.start + abHeight * abWidth, place, into: smallB)
    for x in 0..<input.width {
      let column = Int(left.start[x])
      let share = share.start[x]
      a[x] = smallA[column] + (smallA[column + 1] - smallA[column]) * share
      b[x] = smallB[column] + (smallB[column + 1] - smallB[column]) * share
    }
    let source = input.row(y)
    table.lightness(
      source, channels: input.format.bytesPerPixel, count: input.width, into: lightness)
    write(lightness, a, b, source, output.row(y))
  }

  /// A row between two rows of a plane of ab.
  private func between(
    _ plane: UnsafePointer<Float>, _ place: (first: Int, second: Int, share: Float),
    into row: UnsafeMutablePointer<Float>
  ) {
    let upper = plane + place.first * abWidth
    let lower = plane + place.second * abWidth
    for x in 0..<abWidth { row[x] = upper[x] + (lower[x] - upper[x]) * place.share }
    row[abWidth] = row[abWidth - 1]
  }

  /// Eight pixels at a time: Lab to sRGB, rounded to 8 bits.
  private func write(
    _ lightness: UnsafePointer<Float>, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    _ source: UnsafePointer<UInt8>, _ target: UnsafeMutablePointer<UInt8>
  ) {
    let outputBytes = output.format.bytesPerPixel
    let inputBytes = input.format.bytesPerPixel
    var x = 0
    while x < input.width {
      let color = Lab.toRGB(
        UnsafeRawPointer(lightness + x).loadUnaligned(as: Float8.self),
        UnsafeRawPointer(a + x).loadUnaligned(as: Float8.self),
        UnsafeRawPointer(b + x).loadUnaligned(as: Float8.self))
      let red = Self.bytes(color.red)
      let green = Self.bytes(color.green)
      let blue = Self.bytes(color.blue)
      for lane in 0..<min(8, input.width - x) {
        let pixel = target + (x + lane) * outputBytes
        // Alpha first: in place, the pixel that is read is the one that is written.
        if output.format.hasAlpha {
          pixel[3] = input.format.hasAlpha ? source[(x + lane) * inputBytes + 3] : 255
        }
        pixel[0] = UInt8(truncatingIfNeeded: red[lane])
        pixel[1] = UInt8(truncatingIfNeeded: green[lane])
        pixel[2] = UInt8(truncatingIfNeeded: blue[lane])
      }
      x += 8
    }
  }

  /// Clipped to 0 to 1 and rounded to the nearest of 255 steps, in the low 8 bits.
  @inline(__always)
  private static func bytes(_ value: Float8) -> SIMD8<Int32> {
    unsafeBitCast(Lab.clipped(value) * 255 + 12_582_912, to: SIMD8<Int32>.self)
  }
}
