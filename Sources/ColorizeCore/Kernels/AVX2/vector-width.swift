// The vector of AVX2 (16 registers).

typealias Vector = SIMD8<Float>
typealias Words = SIMD8<Int32>

@inline(__always) var lanes: Int { 8 }

@inline(__always) var laneNumbers: Vector { Vector(0, 1, 2, 3, 4, 5, 6, 7) }

/// Rows of the packed left matrix that `gemm` takes at once.
@inline(__always) package var gemmRows: Int { 6 }

/// Columns of the packed right matrix that `gemm` takes at once.
@inline(__always) package var gemmPanel: Int { 2 &* lanes }
