// The annealed mean on each instruction set, against the formula in float64.

import ColorizeCore
import Glibc
import Testing

@Suite struct AnnealedMeanTests {
  private func probabilities(_ logits: [Float], _ temperature: Double) -> [Double] {
    let most = Double(logits.max() ?? 0)
    let weights = logits.map { exp((Double($0) - most) / temperature) }
    let sum = weights.reduce(0, +)
    return weights.map { $0 / sum }
  }

  /// Logits of one pixel: ordinary ones, far apart, all equal, all far below 0, one alone.
  private static let pixels: [[Float]] = {
    var numbers = Numbers(seed: 17)
    return [
      numbers.values(313).map { $0 * 10 },
      numbers.values(313).map { $0 * 1000 },
      Array(repeating: 3, count: 313),
      numbers.values(313).map { $0 * 5 - 500 },
      (0..<313).map { $0 == 312 ? 50 : -50 },
    ]
  }()

  @Test(arguments: InstructionSet.available, [Float(0.01), 0.38, 1, 10])
  func isTheFormula(_ instructionSet: InstructionSet, _ temperature: Float) throws {
    let shape = Shape(channels: 313, height: 1, width: Self.pixels.count)
    let planes = (0..<313).flatMap { bin in Self.pixels.map { $0[bin] } }
    // What is between one pixel's logits and the next one's is large: it must not be read as one.
    let logits = try TestActivation(shape, stride: 320, planes: planes)
    let plain: Float = 0.5
    let mean = AnnealedMean(
      bins: try BinCentres(Gamut.centres), temperature: temperature, plainTemperature: plain)
    let team = Team(threads: 1)
    let scratch = try Memory<Float>(count: mean.scratchCount)
    let ab = try Memory<Float>(count: 2 * Self.pixels.count)
    let sameAB = try Memory<Float>(count: 2 * Self.pixels.count)
    let kernels = KernelSet(instructionSet)
    mean.decode(
      logits.activation, into: ab.start, kernels: kernels, team: team, scratch: scratch.start)
    mean.distribution(
      inPlaceOf: logits.activation, sameAB.start, kernels: kernels, team: team,
      scratch: scratch.start)
    for index in 0..<ab.count { #expect(sameAB.start[index] == ab.start[index]) }
    for (index, pixel) in Self.pixels.enumerated() {
      let expected = probabilities(pixel, Double(temperature / plain))
      let a = zip(expected, Gamut.centres).reduce(0) { $0 + $1.0 * Double($1.1.x) }
      let b = zip(expected, Gamut.centres).reduce(0) { $0 + $1.0 * Double($1.1.y) }
      // A hundredth of the bound that DESIGN's exactness allows ab, except where the exponent's
      // rounding is magnified by a temperature of 0.01.
      let tolerance = temperature < 0.1 ? 5e-2 : 1e-3
      #expect(abs(Double(ab.start[index]) - a) < tolerance)
      #expect(abs(Double(ab.start[Self.pixels.count + index]) - b) < tolerance)
      for bin in 0..<313 {
        let value = Double(logits.activation.start[index * logits.activation.stride + bin])
        #expect(abs(value - expected[bin]) < tolerance / 50)
      }
    }
  }

  @Test func gridIsTheClassHeads() {
    #expect(Gamut.grid.count == 529)
    #expect(Gamut.grid[0] == SIMD2(-110, -110))
    #expect(Gamut.grid[1] == SIMD2(-110, -100))
    #expect(Gamut.grid[23] == SIMD2(-100, -110))
    #expect(Gamut.grid[528] == SIMD2(110, 110))
  }

  @Test func binsAreTheReleasedOnes() {
    #expect(Gamut.centres.count == 313)
    #expect(Gamut.centres[0] == SIMD2(-90, 50))
    #expect(Gamut.centres[312] == SIMD2(100, 0))
    // In the order of the release: a major, b rising.
    for index in 1..<313 {
      let previous = Gamut.centres[index - 1]
      let centre = Gamut.centres[index]
      #expect(centre.x > previous.x || (centre.x == previous.x && centre.y == previous.y + 10))
    }
  }
}
