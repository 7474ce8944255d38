// The vector of AVX-512 (32 registers).

typealias Vector = SIMD16<Float>
typealias Words = SIMD16<Int32>

@inline(__always) var lanes: Int { 16 }

@inline(__always) var laneNumbers: Vector {
  Vector(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
}

/// Rows of the packed left matrix that `gemm` takes at once.
@inline(__always) package var gemmRows: Int { 13 }

/// Columns of the packed right matrix that `gemm` takes at once.
@inline(__always) package var gemmPanel: Int { 2 &* lanes }
