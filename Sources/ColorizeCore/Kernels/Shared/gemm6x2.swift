// gemm6x2: 6 rows by two vectors of the matrix product, all sums in registers.
// 12 sums, 2 vectors of the right matrix and the broadcast value fit the 16 registers of AVX2 (where
// it is a 6x16 tile) and of SSE2 (6x8).

import CKernelContract

/// See `colorize_gemm_tile`. The order of the multiply-adds is that of `k`, for every element, so
/// a result does not depend on how rows were dealt out to tiles and threads.
package func gemm(_ tile: UnsafePointer<colorize_gemm_tile>) {
  let block = Int(COLORIZE_GEMM_BLOCK)
  let left = tile.pointee.left!
  var right = tile.pointee.right!
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
  let depth = tile.pointee.depth
  var k = 0
  while k != depth {
    let low = load(right)
    let high = load(right + lanes)
    let column = left + k
    let value0 = Vector(repeating: column[0 &* block])
    low0 = multiplyAdd(value0, low, low0)
    high0 = multiplyAdd(value0, high, high0)
    let value1 = Vector(repeating: column[1 &* block])
    low1 = multiplyAdd(value1, low, low1)
    high1 = multiplyAdd(value1, high, high1)
    let value2 = Vector(repeating: column[2 &* block])
    low2 = multiplyAdd(value2, low, low2)
    high2 = multiplyAdd(value2, high, high2)
    let value3 = Vector(repeating: column[3 &* block])
    low3 = multiplyAdd(value3, low, low3)
    high3 = multiplyAdd(value3, high, high3)
    let value4 = Vector(repeating: column[4 &* block])
    low4 = multiplyAdd(value4, low, low4)
    high4 = multiplyAdd(value4, high, high4)
    let value5 = Vector(repeating: column[5 &* block])
    low5 = multiplyAdd(value5, low, low5)
    high5 = multiplyAdd(value5, high, high5)
    right += 2 &* lanes
    k &+= 1
  }
  let rows = tile.pointee.rows
  let biasLow = load(tile.pointee.bias!)
  let biasHigh = load(tile.pointee.bias! + lanes)
  finish(tile, 0, low0 + biasLow, high0 + biasHigh)
  if rows == 1 { return }
  finish(tile, 1, low1 + biasLow, high1 + biasHigh)
  if rows == 2 { return }
  finish(tile, 2, low2 + biasLow, high2 + biasHigh)
  if rows == 3 { return }
  finish(tile, 3, low3 + biasLow, high3 + biasHigh)
  if rows == 4 { return }
  finish(tile, 4, low4 + biasLow, high4 + biasHigh)
  if rows == 5 { return }
  finish(tile, 5, low5 + biasLow, high5 + biasHigh)
}
