// Products of a tile of rows and a matrix that is made while a network runs, as attention has them.

import CKernelContract

/// A tile of a kernel's rows, `[blocks, rows, BLOCK]`, times panels of a right matrix.
struct TileProduct: Sendable {
  private static let block = Int(COLORIZE_GEMM_BLOCK)

  let rows: Int
  let panel: Int
  /// A panel of zeros.
  private let bias: Memory<Float>

  init(_ kernels: KernelSet) throws(ColorizeError) {
    rows = kernels.gemmRows
    panel = kernels.gemmPanel
    bias = try Memory(count: panel)
    bias.fill(0)
  }

  /// The floats of a tile of so many columns.
  func tileCount(_ columns: Int) -> Int { rows * columns.roundedUp(to: Self.block) }

  /// Where a packed tile has a column of a row.
  func place(_ row: Int, _ column: Int) -> Int {
    (column / Self.block * rows + row) * Self.block + column % Self.block
  }

  /// Where a product is written so that it is a packed tile: from a row to the next one.
  var tileStride: Int { Self.block }

  /// The softmax of a row of a packed tile, in place.
  ///
  /// - Parameters:
  ///   - sum: of the results.
  ///   - parts: what is known of the row's other parts, if this is one; then the results are weights before they are
  ///     divided by their sum.
  func softmax(
    _ tile: UnsafeMutablePointer<Float>, row: Int, count: Int, sum: Float = 1,
    parts: UnsafeMutablePointer<colorize_softmax_parts>? = nil, _ kernels: KernelSet
  ) {
    var softmax = colorize_softmax()
    softmax.values = tile + row * Self.block
    softmax.count = count
    softmax.block_stride = rows * Self.block
    softmax.sum = sum
    softmax.parts = parts
    kernels.table.softmax(&softmax)
  }

  /// The tile times a panel of `depth` rows.
  ///
  /// - Parameter input: added to the product; nil: nothing.
  func multiply(
    _ left: UnsafePointer<Float>, by right: UnsafePointer<Float>, depth: Int, rows count: Int,
    into output: UnsafeMutablePointer<Float>, stride: Int,
    adding input: UnsafePointer<Float>? = nil, inputStride: Int = 0, _ kernels: KernelSet
  ) {
    var tile = colorize_gemm_tile()
    tile.left_stride = Self.block
    tile.bias = UnsafePointer(bias.start)
    tile.output = output
    tile.output_stride = stride
    tile.rows = count
    tile.slope = 1
    tile.ceiling = .infinity
    tile.residual = input
    tile.residual_stride = inputStride
    for first in Swift.stride(from: 0, to: depth, by: Self.block) {
      tile.left = left + first * rows
      tile.right = right + first * panel
      tile.depth = min(Self.block, depth - first)
      kernels.table.gemm(&tile)
      // The sums so far.
      tile.residual = UnsafePointer(output)
      tile.residual_stride = stride
    }
  }
}
