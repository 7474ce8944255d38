// The vector of the baseline: SSE2 (16 registers) or NEON.

import CKernelContract

typealias Vector = SIMD4<Float>
typealias Words = SIMD4<Int32>
typealias Bytes = SIMD4<UInt8>

@inline(always) var lanes: Int { 4 }

@inline(always) var laneNumbers: Vector { Vector(0, 1, 2, 3) }

/// Rows of the packed left matrix that `gemm` takes at once.
var gemmRows: Int { 6 }

/// Whether rows of the left matrix may lie any distance apart.
var gemmTakesAnyStride: Bool { true }

/// Columns of the packed right matrix that `gemm` takes at once.
var gemmPanel: Int { 2 &* lanes }

// In place of Swift's own operators: see vector_arithmetic.h.

@inline(always) func + (_ a: Vector, _ b: Vector) -> Vector { colorize_sum4(a, b) }
@inline(always) func - (_ a: Vector, _ b: Vector) -> Vector { colorize_difference4(a, b) }
@inline(always) func * (_ a: Vector, _ b: Vector) -> Vector { colorize_product4(a, b) }
@inline(always) func / (_ a: Vector, _ b: Vector) -> Vector { colorize_quotient4(a, b) }
@inline(always) func += (_ a: inout Vector, _ b: Vector) { a = a + b }

/// `a * b + c`: in one rounding where the instruction set has it, else in two.
@inline(always)
func multiplyAdd(_ a: Vector, _ b: Vector, _ c: Vector) -> Vector {
  colorize_multiply_add4(a, b, c)
}

/// `x < 0 ? slope * x : x`, and the ceiling where that is above it.
@inline(always)
func activated(_ x: Vector, _ slope: Float, _ ceiling: Float) -> Vector {
  colorize_activated4(x, slope, ceiling)
}

@inline(always) func squareRoot(_ x: Vector) -> Vector { colorize_root4(x) }

/// `x` where `mask` is above 0 and below the ceiling, else 0.
@inline(always)
func masked(_ x: Vector, _ mask: Vector, _ ceiling: Float) -> Vector {
  colorize_masked4(x, mask, ceiling)
}

/// Whether an element is above `bound`.
@inline(always)
func anyAbove(_ x: Vector, _ bound: Float) -> Bool { colorize_any_above4(x, bound) != 0 }
