// A picture at another size without antialiasing: bilinear between the four nearest pixels, in float32, of whatever depth
// it has. OpenCV's resize with INTER_LINEAR and PyTorch's interpolate with "bilinear".

import CKernelContract

/// Samples one picture at one size.
struct PointSampler {
  private let source: ImageView
  private let layout: colorize_pixel_layout
  private let rows: BilinearAxis
  private let columns: BilinearAxis
  private let width: Int

  init(_ source: ImageView, width: Int, height: Int) {
    self.source = source
    self.width = width
    layout = source.format.layout
    rows = BilinearAxis(from: source.height, to: height)
    columns = BilinearAxis(from: source.width, to: width)
  }

  /// Makes row `y`.
  ///
  /// - Parameter target: `[width, 3]`, sRGB from 0 to 1.
  func run(_ y: Int, into target: UnsafeMutablePointer<Float>) {
    let row = rows[y]
    let upper = UnsafeRawPointer(source.row(row.first))
    let lower = UnsafeRawPointer(source.row(row.second))
    for x in 0..<width {
      let column = columns[x]
      for c in 0..<3 {
        func between(_ line: UnsafeRawPointer) -> Float {
          let left = value(line, column.first, c)
          return left + (value(line, column.second, c) - left) * column.share
        }
        let above = between(upper)
        target[3 * x + c] = above + (between(lower) - above) * row.share
      }
    }
  }

  /// Red, green or blue of a row's pixel.
  private func value(_ line: UnsafeRawPointer, _ x: Int, _ color: Int) -> Float {
    let channel = color == 0 ? layout.red : color == 1 ? layout.green : layout.blue
    let place = line + x * layout.bytes + Int(channel * layout.depth)
    switch source.format.depth {
    case .bits8: return Float(place.loadUnaligned(as: UInt8.self)) / 255
    case .bits16: return Float(place.loadUnaligned(as: UInt16.self)) / 65535
    case .float:
      let value = place.loadUnaligned(as: Float.self)
      // What is no number is 0.
      return value > 0 ? min(value, 1) : 0
    }
  }
}
