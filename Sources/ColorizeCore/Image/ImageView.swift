// Pixels that somebody else owns.

/// A picture in borrowed memory. The memory must outlive the view.
package struct ImageView: @unchecked Sendable {
  /// The largest width and height.
  package static let maximumSide = 1 << 20

  package let pixels: UnsafeMutablePointer<UInt8>
  /// From one row's first byte to the next one's.
  package let rowBytes: Int
  package let width: Int
  package let height: Int
  package let format: PixelFormat

  package init(
    pixels: UnsafeMutableRawPointer, rowBytes: Int, width: Int, height: Int, format: PixelFormat
  ) throws(ColorizeError) {
    for (name, side) in [("width", width), ("height", height)] {
      guard side >= 1, side <= Self.maximumSide else {
        throw .invalidArgument("\(name) is \(side); it must be 1 to \(Self.maximumSide)")
      }
    }
    guard rowBytes >= width * format.bytesPerPixel else {
      throw .invalidArgument(
        "row_bytes is \(rowBytes); a row of \(width) pixels has \(width * format.bytesPerPixel)")
    }
    // The last row ends with its last pixel; up to there every offset must be a number.
    let (start, overflow) = rowBytes.multipliedReportingOverflow(by: height - 1)
    let (extent, carry) = start.addingReportingOverflow(width * format.bytesPerPixel)
    guard !overflow, !carry, UInt(bitPattern: pixels) <= UInt.max - UInt(extent) else {
      throw .invalidArgument("row_bytes is \(rowBytes): \(height) such rows exceed the memory")
    }
    self.pixels = pixels.assumingMemoryBound(to: UInt8.self)
    self.rowBytes = rowBytes
    self.width = width
    self.height = height
    self.format = format
  }

  package func row(_ y: Int) -> UnsafeMutablePointer<UInt8> { pixels + y * rowBytes }

  /// Red, green, blue and alpha, 0 to 1, of one pixel: for where speed does not matter.
  func pixel(_ x: Int, _ y: Int) -> SIMD4<Double> {
    let layout = format.layout
    let start = row(y) + x * format.bytesPerPixel
    func value(_ channel: Int32) -> Double {
      let place = UnsafeRawPointer(start + Int(channel) * format.depth.bytes)
      switch format.depth {
      case .bits8: return Double(place.load(as: UInt8.self)) / 255
      case .bits16: return Double(place.loadUnaligned(as: UInt16.self)) / 65535
      case .float:
        let value = Double(place.loadUnaligned(as: Float.self))
        return value > 0 ? min(value, 1) : 0
      }
    }
    return SIMD4(
      value(layout.red), value(layout.green), value(layout.blue),
      format.hasAlpha ? value(layout.alpha) : 1)
  }

  /// The bytes of a row that belong to the picture.
  private var usedRowBytes: Int { width * format.bytesPerPixel }

  /// Whether each pixel of both has the same bytes, be its format another one.
  package func isSame(as other: ImageView) -> Bool {
    pixels == other.pixels && rowBytes == other.rowBytes && width == other.width
      && height == other.height && format.bytesPerPixel == other.format.bytesPerPixel
  }

  /// Whether a byte belongs to both. Pictures side by side in one larger buffer share none.
  package func overlaps(_ other: ImageView) -> Bool {
    let (first, second) = pixels <= other.pixels ? (self, other) : (other, self)
    let distance = UnsafeRawPointer(second.pixels) - UnsafeRawPointer(first.pixels)
    let extent = (first.height - 1) * first.rowBytes + first.usedRowBytes
    guard distance < extent else { return false }
    // The same distance between rows: the second's columns may lie in the gap of the first's rows.
    guard first.rowBytes == second.rowBytes else { return true }
    let column = distance % first.rowBytes
    return column < first.usedRowBytes || column + second.usedRowBytes > first.rowBytes
  }
}
