// The soft encoding against its definition, in float64 and with all bins.

import ColorizeCore
import ColorizeTraining
import Glibc
import Testing

@Suite struct SoftEncodingTests {
  /// By sorting all bins by distance, then number.
  private func reference(_ a: Float, _ b: Float, _ centres: [SIMD2<Float>]) -> [(Int, Double)] {
    let distances = centres.map {
      let (x, y) = (Double($0.x) - Double(a), Double($0.y) - Double(b))
      return x * x + y * y
    }
    let nearest = centres.indices.sorted { (distances[$0], $0) < (distances[$1], $1) }.prefix(5)
    let weights = nearest.map { exp(-(distances[$0] - distances[nearest[0]]) / 50) }
    let sum = weights.reduce(0, +)
    return zip(nearest, weights).map { ($0, $1 / sum) }
  }

  private static let colors: [SIMD2<Float>] = {
    var numbers = RandomNumbers(seed: 5, number: 0)
    func value(_ range: Double) -> Float { Float(numbers.value(in: -range...range)) }
    var colors = (0..<20_000).map { _ in SIMD2(value(128), value(128)) }
    // Beyond the table, and far beyond.
    colors += (0..<200).map { _ in SIMD2(value(400), value(400)) }
    colors += [SIMD2(1e6, -1e6), SIMD2(-128, 128), SIMD2(128, -128)]
    // On every middle and edge of the bins several are equally near.
    for a in stride(from: Float(-130), through: 130, by: 5) {
      for b in stride(from: Float(-130), through: 130, by: 5) { colors.append(SIMD2(a, b)) }
    }
    return colors
  }()

  @Test(arguments: [Gamut.centres, Gamut.grid])
  func isItsDefinition(_ centres: [SIMD2<Float>]) throws {
    let encoding = try SoftEncoding(centres)
    var bins = [Int32](repeating: -1, count: 5)
    var shares = [Float](repeating: -1, count: 5)
    var wrong = 0
    var largest = 0.0
    for color in Self.colors {
      encoding.encode(a: color.x, b: color.y, bins: &bins, shares: &shares)
      let expected = reference(color.x, color.y, centres)
      if bins.map(Int.init) != expected.map(\.0) { wrong += 1 }
      for place in 0..<5 { largest = max(largest, abs(Double(shares[place]) - expected[place].1)) }
      // Five roundings to float.
      #expect(abs(shares.reduce(0, +) - 1) < 4e-7)
    }
    #expect(wrong == 0)
    // One rounding of a number up to 1.
    #expect(largest < 6.1e-8)
  }

  /// siggraph17's 529 bins and the 313 are different: nothing that is asked for once may be used
  /// for both.
  @Test func knowsItsBins() throws {
    var bins = [Int32](repeating: -1, count: 5)
    var shares = [Float](repeating: -1, count: 5)
    try SoftEncoding(Gamut.grid).encode(a: -110, b: -110, bins: &bins, shares: &shares)
    #expect(bins[0] == 0)
    #expect(shares[0] > 0.6)
    try SoftEncoding(Gamut.centres).encode(a: -90, b: 50, bins: &bins, shares: &shares)
    #expect(bins[0] == 0)
    #expect(throws: ColorizeError.self) { try SoftEncoding(Array(Gamut.centres.prefix(4))) }
  }
}
