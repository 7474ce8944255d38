// gemm13x32: 13 rows by two vectors of the matrix product, all sums in registers.
// 26 sums, 2 vectors of the right matrix and the broadcast value fill the 32 registers of AVX-512;
// 13 rows take each loaded pair of vectors 13 times, which keeps the multiply-add units and not the
// loads the limit.

import CKernelContract

/// Sums of 13 rows by two vectors, all in registers.
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
  var low6 = Vector()
  var high6 = Vector()
  var low7 = Vector()
  var high7 = Vector()
  var low8 = Vector()
  var high8 = Vector()
  var low9 = Vector()
  var high9 = Vector()
  var low10 = Vector()
  var high10 = Vector()
  var low11 = Vector()
  var high11 = Vector()
  var low12 = Vector()
  var high12 = Vector()

  /// Goes on with `depth` products, in the order of `k` for every element, so that a result does not depend
  /// on how rows were dealt out to tiles and threads.
  ///
  /// - Parameters:
  ///   - stride: from a row of the left matrix to the next one; a constant.
  ///   - leftStep, rightStep: from a product to the next one.
  ///   - isShort: only the first 8 rows; a constant.
  ///   - isNarrow: only the first vector of each row; a constant.
  ///   - next, later: fetched into the cache meanwhile, a line of each for each product.
  @inline(always)
  mutating func add(
    _ left: UnsafePointer<Float>, stride: Int, leftStep: Int = 1, _ right: UnsafePointer<Float>,
    rightStep: Int = 2 &* lanes, depth: Int,
    isShort: Bool, isNarrow: Bool = false,
    next: UnsafePointer<Float>? = nil, later: UnsafePointer<Float>? = nil
  ) {
    var right = right
    var column = left
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
      let value3 = Vector(repeating: column[3 &* stride])
      low3 = multiplyAdd(value3, low, low3)
      if !isNarrow { high3 = multiplyAdd(value3, high, high3) }
      let value4 = Vector(repeating: column[4 &* stride])
      low4 = multiplyAdd(value4, low, low4)
      if !isNarrow { high4 = multiplyAdd(value4, high, high4) }
      let value5 = Vector(repeating: column[5 &* stride])
      low5 = multiplyAdd(value5, low, low5)
      if !isNarrow { high5 = multiplyAdd(value5, high, high5) }
      let value6 = Vector(repeating: column[6 &* stride])
      low6 = multiplyAdd(value6, low, low6)
      if !isNarrow { high6 = multiplyAdd(value6, high, high6) }
      let value7 = Vector(repeating: column[7 &* stride])
      low7 = multiplyAdd(value7, low, low7)
      if !isNarrow { high7 = multiplyAdd(value7, high, high7) }
      if !isShort {
        let value8 = Vector(repeating: column[8 &* stride])
        low8 = multiplyAdd(value8, low, low8)
        if !isNarrow { high8 = multiplyAdd(value8, high, high8) }
        let value9 = Vector(repeating: column[9 &* stride])
        low9 = multiplyAdd(value9, low, low9)
        if !isNarrow { high9 = multiplyAdd(value9, high, high9) }
        let value10 = Vector(repeating: column[10 &* stride])
        low10 = multiplyAdd(value10, low, low10)
        if !isNarrow { high10 = multiplyAdd(value10, high, high10) }
        let value11 = Vector(repeating: column[11 &* stride])
        low11 = multiplyAdd(value11, low, low11)
        if !isNarrow { high11 = multiplyAdd(value11, high, high11) }
        let value12 = Vector(repeating: column[12 &* stride])
        low12 = multiplyAdd(value12, low, low12)
        if !isNarrow { high12 = multiplyAdd(value12, high, high12) }
      }
      right += rightStep
      column += leftStep
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
    if rows == 6 { return }
    body(6, low6, high6)
    if rows == 7 { return }
    body(7, low7, high7)
    if rows == 8 { return }
    body(8, low8, high8)
    if rows == 9 { return }
    body(9, low9, high9)
    if rows == 10 { return }
    body(10, low10, high10)
    if rows == 11 { return }
    body(11, low11, high11)
    if rows == 12 { return }
    body(12, low12, high12)
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
    tile.pointee.left!, stride: Int(COLORIZE_GEMM_BLOCK), tile.pointee.right!,
    depth: tile.pointee.depth, isShort: false, isNarrow: isNarrow)
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
    rightStep: tile.pointee.right_stride, depth: tile.pointee.depth, isShort: false)
  store(sums, tile.pointee.sums!, rows: tile.pointee.rows, adds: tile.pointee.adds != 0)
}

/// See `colorize_gemm_sums`.
func gemmSums(_ tile: UnsafePointer<colorize_gemm_sums>) {
  // 13 rows take 13 multiplications of each pair of vectors, 8 rows 8.
  if tile.pointee.matrix_rows > 8 {
    gemmSums(tile, isShort: false)
  } else {
    gemmSums(tile, isShort: true)
  }
}

@inline(always)
private func gemmSums(_ tile: UnsafePointer<colorize_gemm_sums>, isShort: Bool) {
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
      rows: rows < matrixRows ? rows : matrixRows, adds: tile.pointee.adds != 0, isShort: isShort)
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
  into target: UnsafeMutablePointer<Float>, rows: Int, adds: Bool, isShort: Bool
) {
  var sums = Sums()
  sums.add(
    left, stride: Int(COLORIZE_GEMM_SUMS_DEPTH), right, depth: depth, isShort: isShort, next: next,
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
