// The left matrix of a convolution as a product: for each output position a row, which holds what
// lies under the kernel. It never exists as a whole; rows are gathered a few tiles at a time.

import CKernelContract
import Glibc

/// A grid of output positions and the kernel's taps above the input: tap (ky, kx) of position (y, x)
/// is the input's pixel `(y * stride + originY + ky * dilation, x * stride + originX + kx * dilation)`,
/// zeros outside of it. A row's columns are the taps, row-major, each with its `channels`.
package struct TapRows {
  var channels: Int
  /// Rows and columns of taps.
  var kernelRows: Int
  var kernelColumns: Int
  var stride = 1
  var dilation = 1
  var originY: Int
  var originX: Int

  package init(
    channels: Int, kernelRows: Int, kernelColumns: Int, stride: Int = 1, dilation: Int = 1,
    originY: Int, originX: Int
  ) {
    self.channels = channels
    self.kernelRows = kernelRows
    self.kernelColumns = kernelColumns
    self.stride = stride
    self.dilation = dilation
    self.originY = originY
    self.originX = originX
  }

  init(
    channels: Int, kernel: Int, stride: Int = 1, dilation: Int = 1, originY: Int, originX: Int
  ) {
    self.init(
      channels: channels, kernelRows: kernel, kernelColumns: kernel, stride: stride,
      dilation: dilation, originY: originY, originX: originX)
  }

  package var taps: Int { kernelRows * kernelColumns }

  /// Whether a row is nothing but a pixel of the input, which a product can read where it lies.
  var arePixels: Bool { taps == 1 && stride == 1 && originY == 0 && originX == 0 }

  /// Floats of one packed tile of `rows` rows with `taps` taps: `[blocks, rows, BLOCK]`.
  func tileCount(taps: Int, rows: Int) -> Int {
    (taps * channels).pieces(of: Int(COLORIZE_GEMM_BLOCK)) * Int(COLORIZE_GEMM_BLOCK) * rows
  }

  /// Gathers `count` rows into a packed tile, from position (y, x) on, in the order of a grid of
  /// `width` columns.
  ///
  /// - Parameters:
  ///   - taps: which of the kernel's.
  ///   - rows: the tile's. Those past `count` stay as they are: their sums are not stored.
  func pack(
    _ input: Activation, taps: Range<Int>, y: Int, x: Int, width: Int, count: Int, rows: Int,
    into packed: UnsafeMutablePointer<Float>
  ) {
    // Where pixels lie without a gap, all taps of a kernel's row are one run of floats.
    let isDense = input.stride == channels && dilation == 1
    let (firstRow, firstColumn) = taps.lowerBound.quotientAndRemainder(dividingBy: kernelColumns)
    var y = y
    var x = x
    for row in 0..<count {
      var target = RowWriter(packed, row: row, rows: rows)
      let firstX = x &* stride &+ originX
      var left = taps.count
      var ky = firstRow
      var kx = firstColumn
      while left > 0 {
        let inRow = min(kernelColumns &- kx, left)
        let sourceY = y &* stride &+ originY &+ ky &* dilation
        if sourceY < 0 || sourceY >= input.shape.height {
          target.writeZeros(inRow &* channels)
        } else {
          let line = input.start + sourceY &* input.shape.width &* input.stride
          let sourceX = firstX &+ kx &* dilation
          if isDense, sourceX >= 0, sourceX &+ inRow <= input.shape.width {
            target.write(line + sourceX &* channels, inRow &* channels)
          } else {
            for tap in 0..<inRow {
              let column = sourceX &+ tap &* dilation
              if column >= 0, column < input.shape.width {
                target.write(line + column &* input.stride, channels)
              } else {
                target.writeZeros(channels)
              }
            }
          }
        }
        left &-= inRow
        ky &+= 1
        kx = 0
      }
      x += 1
      if x == width {
        x = 0
        y += 1
      }
    }
  }
}

/// Writes one row of a packed left matrix from its first column to its last.
private struct RowWriter {
  private var target: UnsafeMutablePointer<Float>
  private var room = Int(COLORIZE_GEMM_BLOCK)
  private let toNextBlock: Int

  init(_ packed: UnsafeMutablePointer<Float>, row: Int, rows: Int) {
    target = packed + row * Int(COLORIZE_GEMM_BLOCK)
    toNextBlock = (rows - 1) * Int(COLORIZE_GEMM_BLOCK)
  }

  mutating func write(_ source: UnsafePointer<Float>, _ count: Int) {
    var source = source
    var left = count
    while left > 0 {
      let now = min(left, room)
      copy(source, now)
      source += now
      left &-= now
      advance(now)
    }
  }

  /// A few floats are what most rows have in one run: less than a call of memcpy is worth.
  @inline(always)
  private func copy(_ source: UnsafePointer<Float>, _ count: Int) {
    guard count <= 32, count % 4 == 0 else {
      memcpy(target, source, count &* 4)
      return
    }
    var i = 0
    while i < count {
      let four = UnsafeRawPointer(source + i).loadUnaligned(as: SIMD4<Float>.self)
      UnsafeMutableRawPointer(target + i).storeBytes(of: four, as: SIMD4<Float>.self)
      i &+= 4
    }
  }

  mutating func writeZeros(_ count: Int) {
    var left = count
    while left > 0 {
      let now = min(left, room)
      memset(target, 0, now &* 4)
      left &-= now
      advance(now)
    }
  }

  private mutating func advance(_ count: Int) {
    target += count
    room &-= count
    if room == 0 {
      target += toNextBlock
      room = Int(COLORIZE_GEMM_BLOCK)
    }
  }
}
