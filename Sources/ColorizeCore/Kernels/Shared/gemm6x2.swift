// gemm6x2: 6 rows by two vectors of the matrix product, all sums in registers.
// 12 sums, 2 vectors of the right matrix and the broadcast value fit the 16 registers of AVX2 (where
// it is a 6x16 tile) and of SSE2 (6x8).

import CKernelContract

/// Sums of 6 rows by two vectors, all in registers.
private struct Sums {
  var low0 = Vector()
  var high0 = Vector()
  var low1 = Vector()
  var high1 = Vector()
  var low2 = Vector()
  var high2 = Vector()
  var low3 = Vector()
  var high3 = Vector()
  var low4 = Vector()
  var high4 = Vector()
  var low5 = Vector()
  var high5 = Vector()

  /// Goes on with `depth` products, in the order of `k` for every element, so that a result does not depend
  /// on how rows were dealt out to tiles and threads.
  ///
  /// - Parameters:
  ///   - stride: from a row of the left matrix to the next one.
  ///   - leftStep, rightStep: from a product to the next one.
  ///   - isNarrow: only the first vector of each row; a constant.
  ///   - next, later: fetched into the cache meanwhile, a line of each for each product.
  @inline(always)
  mutating func add(
    _ left: UnsafePointer<Float>, stride: Int, leftStep: Int = 1, _ right: UnsafePointer<Float>,
    rightStep: Int = 2 &* lanes, depth: Int, isNarrow: Bool = false,
    next: UnsafePointer<Float>? = nil, later: UnsafePointer<Float>? = nil
  ) {
    var right = right
    // Two pointers reach six rows: an address is a pointer and one or two strides.
    var column = left
    var lower = left + 3 &* stride
    var k = 0
    while k != depth {
      if let next, let later {
        colorize_prefetch_later(next + k &* 16)
        colorize_prefetch_later(later + k &* 16)
      }
      let low = load(right)
      let high = isNarrow ? Vector() : load(right + lanes)
      let value0 = Vector(repeating: column[0 &* stride])
      low0 = multiplyAdd(value0, low, low0)
      if !isNarrow { high0 = multiplyAdd(value0, high, high0) }
      let value1 = Vector(repeating: column[1 &* stride])
      low1 = multiplyAdd(value1, low, low1)
      if !isNarrow { high1 = multiplyAdd(value1, high, high1) }
      let value2 = Vector(repeating: column[2 &* stride])
      low2 = multiplyAdd(value2, low, low2)
      if !isNarrow { high2 = multiplyAdd(value2, high, high2) }
      let value3 = Vector(repeating: lower[0 &* stride])
      low3 = multiplyAdd(value3, low, low3)
      if !isNarrow { high3 = multiplyAdd(value3, high, high3) }
      let value4 = Vector(repeating: lower[1 &* stride])
      low4 = multiplyAdd(value4, low, low4)
      if !isNarrow { high4 = multiplyAdd(value4, high, high4) }
      let value5 = Vector(repeating: lower[2 &* stride])
      low5 = multiplyAdd(value5, low, low5)
      if !isNarrow { high5 = multiplyAdd(value5, high, high5) }
      right += rightStep
      column += leftStep
      lower += leftStep
      k &+= 1
    }
  }

  /// Gives the first `rows` rows, one after the other.
  @inline(always)
  func forEachRow(_ rows: Int, _ body: (_ row: Int, _ low: Vector, _ high: Vector) -> Void) {
    body(0, low0, high0)
    if rows == 1 { return }
    body(1, low1, high1)
    if rows == 2 { return }
    body(2, low2, high2)
    if rows == 3 { return }
    body(3, low3, high3)
    if rows == 4 { return }
    body(4, low4, high4)
    if rows == 5 { return }
    body(5, low5, high5)
  }
}

/// See `colorize_gemm_tile`.
func gemm(_ tile: UnsafePointer<colorize_gemm_tile>) {
  if tile.pointee.is_narrow != 0 {
    gemm(tile, isNarrow: true)
  } else {
    gemm(tile, isNarrow: false)
  }
}

@inline(always)
private func gemm(_ tile: UnsafePointer<colorize_gemm_tile>, isNarrow: Bool) {
  var sums = Sums()
  sums.add(
    tile.pointee.left!, stride: tile.pointee.left_stride, tile.pointee.right!,
    depth: tile.pointee.depth, isNarrow: isNarrow)
  let biasLow = load(tile.pointee.bias!)
  let biasHigh = load(tile.pointee.bias! + lanes)
  sums.forEachRow(tile.pointee.rows) { row, low, high in
    finish(tile, row, low + biasLow, high + biasHigh)
  }
}

/// See `colorize_gemm_outer`.
func gemmOuter(_ tile: UnsafePointer<colorize_gemm_outer>) {
  var sums = Sums()
  sums.add(
    tile.pointee.left!, stride: 1, leftStep: tile.pointee.left_stride, tile.pointee.right!,
    rightStep: tile.pointee.right_stride, depth: tile.pointee.depth)
  store(sums, tile.pointee.sums!, rows: tile.pointee.rows, adds: tile.pointee.adds != 0)
}

/// See `colorize_gemm_sums`.
func gemmSums(_ tile: UnsafePointer<colorize_gemm_sums>) {
  let matrixRows = tile.pointee.matrix_rows
  let depth = tile.pointee.depth
  var left = tile.pointee.left!
  var later = tile.pointee.later!
  let endOfLater = later + tile.pointee.later_count
  var sums = tile.pointee.sums!
  var rows = tile.pointee.rows
  while rows > 0 {
    gemmSums(
      left, tile.pointee.right!, depth: depth, left + tile.pointee.next, later, into: sums,
      rows: rows < matrixRows ? rows : matrixRows, adds: tile.pointee.adds != 0)
    left += tile.pointee.matrix_stride
    if later + depth &* 16 < endOfLater { later += depth &* 16 }
    sums += matrixRows &* 2 &* lanes
    rows &-= matrixRows
  }
}

/// One left matrix.
@inline(always)
private func gemmSums(
  _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, depth: Int,
  _ next: UnsafePointer<Float>, _ later: UnsafePointer<Float>,
  into target: UnsafeMutablePointer<Float>, rows: Int, adds: Bool
) {
  var sums = Sums()
  sums.add(
    left, stride: Int(COLORIZE_GEMM_SUMS_DEPTH), right, depth: depth, next: next,
    later: later)
  store(sums, target, rows: rows, adds: adds)
}

@inline(always)
private func store(
  _ sums: Sums, _ target: UnsafeMutablePointer<Float>, rows: Int, adds: Bool
) {
  sums.forEachRow(rows) { row, low, high in
    store(low, high, target + row &* 2 &* lanes, adds)
  }
}
