// What every kernel is written with: loads, stores, multiply-add and the end of a product's row.
// `Vector`, `lanes` and the arithmetic are the instruction set's own (vector-width.swift beside each copy).
//
// Only raw pointers and SIMD here: a generic of the standard library specialised in a target that
// is compiled for a newer instruction set would be a weak symbol, which the linker could keep for
// the whole library. scripts/check-kernels looks for such symbols.

import CKernelContract

@inline(always)
func load(_ pointer: UnsafePointer<Float>) -> Vector {
  UnsafeRawPointer(pointer).loadUnaligned(as: Vector.self)
}

@inline(always)
func store(_ vector: Vector, _ pointer: UnsafeMutablePointer<Float>) {
  UnsafeMutableRawPointer(pointer).storeBytes(of: vector, as: Vector.self)
}

@inline(always)
func positivePart(_ vector: Vector) -> Vector {
  vector.replacing(with: Vector(), where: vector .< Vector())
}

/// Residual, activation, scale and shift of row `row`, and its place in the output.
@inline(always)
func finish(_ tile: UnsafePointer<colorize_gemm_tile>, _ row: Int, _ low: Vector, _ high: Vector) {
  var low = low
  var high = high
  if let residual = tile.pointee.residual {
    let start = residual + row &* tile.pointee.residual_stride
    low += load(start)
    high += load(start + lanes)
  }
  low = activated(low, tile.pointee.slope, tile.pointee.ceiling)
  high = activated(high, tile.pointee.slope, tile.pointee.ceiling)
  if let scale = tile.pointee.scale, let shift = tile.pointee.shift {
    low = multiplyAdd(low, load(scale), load(shift))
    high = multiplyAdd(high, load(scale + lanes), load(shift + lanes))
  }
  let start = tile.pointee.output! + row &* tile.pointee.output_stride
  store(low, start)
  store(high, start + lanes)
}

/// A row of sums to memory, added to what is there or in its place.
@inline(always)
func store(_ low: Vector, _ high: Vector, _ target: UnsafeMutablePointer<Float>, _ adds: Bool) {
  store(adds ? load(target) + low : low, target)
  store(adds ? load(target + lanes) + high : high, target + lanes)
}
