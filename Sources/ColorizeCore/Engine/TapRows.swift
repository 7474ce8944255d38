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
    var y = y
    var x = x
    for row in 0..<count {
      var target = RowWriter(packed, row: row, rows: rows)
      let firstX = x * stride + originX
      var tap = taps.lowerBound
      while tap < taps.upperBound {
        let ky = tap / kernelColumns
        let kx = tap - ky * kernelColumns
        let rest = min(kernelColumns - kx, taps.upperBound - tap)
        let sourceY = y * stride + originY + ky * dilation
        guard sourceY >= 0, sourceY < input.shape.height else {
          target.writeZeros(rest * channels)
          tap += rest
          continue
        }
        let line = input.start + sourceY * input.shape.width * input.stride
        let sourceX = firstX + kx * dilation
        if isDense, sourceX >= 0, sourceX + rest <= input.shape.width {
          target.write(line + sourceX * channels, rest * channels)
          tap += rest
          continue
        }
        if sourceX >= 0, sourceX < input.shape.width {
          target.write(line + sourceX * input.stride, channels)
        } else {
          target.writeZeros(channels)
        }
        tap += 1
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
      memcpy(target, source, now &* 4)
      source += now
      left &-= now
      advance(now)
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
