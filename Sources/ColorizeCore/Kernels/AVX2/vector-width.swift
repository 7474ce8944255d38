// The vector of AVX2 (16 registers).

import CKernelContract

typealias Vector = SIMD8<Float>
typealias Words = SIMD8<Int32>
typealias Bytes = SIMD8<UInt8>

@inline(always) var lanes: Int { 8 }

@inline(always) var laneNumbers: Vector { Vector(0, 1, 2, 3, 4, 5, 6, 7) }

/// Rows of the packed left matrix that `gemm` takes at once.
var gemmRows: Int { 6 }

/// Whether rows of the left matrix may lie any distance apart.
var gemmTakesAnyStride: Bool { true }

/// Columns of the packed right matrix that `gemm` takes at once.
var gemmPanel: Int { 2 &* lanes }

// In place of Swift's own operators: see vector_arithmetic.h.

@inline(always) func + (_ a: Vector, _ b: Vector) -> Vector { colorize_sum8(a, b) }
@inline(always) func - (_ a: Vector, _ b: Vector) -> Vector { colorize_difference8(a, b) }
@inline(always) func * (_ a: Vector, _ b: Vector) -> Vector { colorize_product8(a, b) }
@inline(always) func / (_ a: Vector, _ b: Vector) -> Vector { colorize_quotient8(a, b) }
@inline(always) func += (_ a: inout Vector, _ b: Vector) { a = a + b }

/// `a * b + c`: in one rounding where the instruction set has it, else in two.
@inline(always)
func multiplyAdd(_ a: Vector, _ b: Vector, _ c: Vector) -> Vector {
  colorize_multiply_add8(a, b, c)
}

/// `x < 0 ? slope * x : x`, and the ceiling where that is above it.
@inline(always)
func activated(_ x: Vector, _ slope: Float, _ ceiling: Float) -> Vector {
  colorize_activated8(x, slope, ceiling)
}

@inline(always) func squareRoot(_ x: Vector) -> Vector { colorize_root8(x) }

/// `x` where `mask` is above 0 and below the ceiling, else 0.
@inline(always)
func masked(_ x: Vector, _ mask: Vector, _ ceiling: Float) -> Vector {
  colorize_masked8(x, mask, ceiling)
}

/// Whether an element is above `bound`.
@inline(always)
func anyAbove(_ x: Vector, _ bound: Float) -> Bool { colorize_any_above8(x, bound) != 0 }
