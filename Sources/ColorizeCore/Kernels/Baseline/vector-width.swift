// The vector of the baseline: SSE2 (16 registers) or NEON.

typealias Vector = SIMD4<Float>
typealias Words = SIMD4<Int32>

@inline(__always) var lanes: Int { 4 }

@inline(__always) var laneNumbers: Vector { Vector(0, 1, 2, 3) }

/// Rows of the packed left matrix that `gemm` takes at once.
@inline(__always) package var gemmRows: Int { 6 }

/// Columns of the packed right matrix that `gemm` takes at once.
@inline(__always) package var gemmPanel: Int { 2 &* lanes }
