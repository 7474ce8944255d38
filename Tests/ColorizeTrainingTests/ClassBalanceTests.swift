// Priors and the weights that follow from them.

import CImageFiles
import ColorizeCore
import ColorizeTraining
import Glibc
import Testing

@Suite struct ClassBalanceTests {
  static let prior: [Double] = {
    let values = (0..<313).map { 1 + Double($0 * 7 % 311) }
    let sum = values.reduce(0, +)
    return values.map { $0 / sum }
  }()

  /// Rounding of float64 sums of 313 numbers, and of weights to float.
  @Test(arguments: [0, 0.25, 0.5, 1])
  func weightsHaveAMeanOfOne(_ lambda: Double) throws {
    let weights = try ClassBalance(prior: Self.prior, lambda: lambda).weights
    let mean = zip(Self.prior, weights).reduce(0) { $0 + $1.0 * Double($1.1) }
    #expect(abs(mean - 1) < 1e-6)
    let (rare, common) = (weights[0], weights[310])
    let expected =
      ((1 - lambda) * Self.prior[310] + lambda / 313)
      / ((1 - lambda) * Self.prior[0] + lambda / 313)
    #expect(abs(Double(rare / common) / expected - 1) < 1e-6)
    if lambda == 1 { #expect(weights.allSatisfy { $0 == 1 }) }
  }

  @Test func badNumbersAreNamed() throws {
    #expect(throws: ColorizeError.invalidArgument("lambda is 1.5; it must be 0 to 1")) {
      try ClassBalance(prior: Self.prior, lambda: 1.5)
    }
    #expect(throws: ColorizeError.self) { try ClassBalance(prior: Self.prior, lambda: .nan) }
    var prior = Self.prior
    prior[17] = 0
    #expect(throws: ColorizeError.self) { try ClassBalance(prior: prior, lambda: 0) }
    #expect(try ClassBalance(prior: prior, lambda: 0.5).weights.allSatisfy(\.isFinite))
  }

  @Test func smoothingIsAGaussianOfTheCentres() {
    var histogram = [Double](repeating: 0, count: 313)
    let bin = Gamut.centres.firstIndex(of: SIMD2(0, 0)) ?? 0
    histogram[bin] = 12
    let prior = ClassBalance.smoothed(histogram, centres: Gamut.centres)
    #expect(abs(prior.reduce(0, +) - 1) < 1e-12)
    for (other, distance) in [(SIMD2<Float>(10, 0), 100.0), (SIMD2(-10, 20), 500)] {
      let index = Gamut.centres.firstIndex(of: other) ?? 0
      #expect(abs(prior[index] / prior[bin] - exp(-distance / 50)) < 1e-12)
    }
  }

  /// Two pictures of one color each: half of the prior is around each.
  @Test func priorIsThatOfThePictures() throws {
    let folder = try TemporaryFolder()
    for (name, color) in [("red", (200, 40, 40)), ("blue", (40, 60, 200))]
      as [(String, (UInt8, UInt8, UInt8))]
    {
      try folder.write(name, try pictureFile(width: 70, height: 40, in: folder) { _, _ in color })
    }
    try folder.write(
      "gray",
      try pictureFile(width: 70, height: 40, in: folder) { x, _ in
        (UInt8(x), UInt8(x), UInt8(x))
      })
    let encoding = try SoftEncoding(Gamut.centres)
    let set = try folder.set()
    func prior(threads: Int) throws -> [Double] {
      try ClassBalance.prior(of: set.all, encoding: encoding, side: 32, stride: 4, threads: threads)
    }
    let found = try prior(threads: 1)
    #expect(try prior(threads: 2) == found)
    #expect(abs(found.reduce(0, +) - 1) < 1e-12)
    var histogram = [Double](repeating: 0, count: 313)
    for color in [[200, 40, 40], [40, 60, 200]] as [[Float]] {
      let lab = try Memory<Float>(count: 3)
      Lab.fromRGB(color.map { $0 / 255 }, into: lab.start, count: 1, kernels: KernelSet(.best))
      var bins = [Int32](repeating: 0, count: 5)
      var shares = [Float](repeating: 0, count: 5)
      encoding.encode(a: lab.start[1], b: lab.start[2], bins: &bins, shares: &shares)
      for place in 0..<5 { histogram[Int(bins[place])] += Double(shares[place]) }
    }
    // Sums of float32 over 16 equal pixels.
    let expected = ClassBalance.smoothed(histogram, centres: Gamut.centres)
    for (value, other) in zip(found, expected) { #expect(abs(value - other) < 1e-6) }
  }
}
