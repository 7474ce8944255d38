// gemm13x32: 13 rows by two vectors of the matrix product, all sums in registers.
// 26 sums, 2 vectors of the right matrix and the broadcast value fill the 32 registers of AVX-512;
// 13 rows take each loaded pair of vectors 13 times, which keeps the multiply-add units and not the
// loads the limit.

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
    let value6 = Vector(repeating: column[6 &* block])
    low6 = multiplyAdd(value6, low, low6)
    high6 = multiplyAdd(value6, high, high6)
    let value7 = Vector(repeating: column[7 &* block])
    low7 = multiplyAdd(value7, low, low7)
    high7 = multiplyAdd(value7, high, high7)
    let value8 = Vector(repeating: column[8 &* block])
    low8 = multiplyAdd(value8, low, low8)
    high8 = multiplyAdd(value8, high, high8)
    let value9 = Vector(repeating: column[9 &* block])
    low9 = multiplyAdd(value9, low, low9)
    high9 = multiplyAdd(value9, high, high9)
    let value10 = Vector(repeating: column[10 &* block])
    low10 = multiplyAdd(value10, low, low10)
    high10 = multiplyAdd(value10, high, high10)
    let value11 = Vector(repeating: column[11 &* block])
    low11 = multiplyAdd(value11, low, low11)
    high11 = multiplyAdd(value11, high, high11)
    let value12 = Vector(repeating: column[12 &* block])
    low12 = multiplyAdd(value12, low, low12)
    high12 = multiplyAdd(value12, high, high12)
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
  if rows == 6 { return }
  finish(tile, 6, low6 + biasLow, high6 + biasHigh)
  if rows == 7 { return }
  finish(tile, 7, low7 + biasLow, high7 + biasHigh)
  if rows == 8 { return }
  finish(tile, 8, low8 + biasLow, high8 + biasHigh)
  if rows == 9 { return }
  finish(tile, 9, low9 + biasLow, high9 + biasHigh)
  if rows == 10 { return }
  finish(tile, 10, low10 + biasLow, high10 + biasHigh)
  if rows == 11 { return }
  finish(tile, 11, low11 + biasLow, high11 + biasHigh)
  if rows == 12 { return }
  finish(tile, 12, low12 + biasLow, high12 + biasHigh)
}
