// Old photographs made of new ones.

import ColorizeCore
import ColorizeTraining
import Testing

@Suite struct FilmTests {
  private static let side = 16

  /// The lightness of a picture on a film.
  private func lightness(
    _ film: Film, side: Int = Self.side, _ fill: (_ x: Int, _ y: Int) -> (UInt8, UInt8, UInt8)
  ) -> [Float] {
    let rgb = (0..<(side * side)).flatMap { pixel in
      let (red, green, blue) = fill(pixel % side, pixel / side)
      return [red, green, blue]
    }
    var values = [Float](repeating: .nan, count: side * side)
    film.lightness(of: rgb, side: side, into: &values)
    return values
  }

  private static func gray(_ x: Int, _ y: Int) -> (UInt8, UInt8, UInt8) {
    let value = UInt8(17 * x)
    return (value, value, value)
  }

  /// A film that sees as eyes do gives CIE Lab's lightness.
  @Test func atFirstNothingChanges() throws {
    let values = lightness(Film()) { colorful(2)($0, $1) }
    let lab = try Memory<Float>(count: 3 * values.count)
    for y in 0..<Self.side {
      for x in 0..<Self.side {
        let place = lab.start + 3 * (y * Self.side + x)
        let (red, green, blue) = colorful(2)(x, y)
        for (channel, value) in [red, green, blue].enumerated() {
          place[channel] = Float(value) / 255
        }
      }
    }
    Lab.fromRGB(lab.start, into: lab.start, count: values.count, kernels: KernelSet(.best))
    for (pixel, value) in values.enumerated() {
      // The coefficients are rounded in other places.
      #expect(abs(value - lab.start[3 * pixel]) < 0.01)
    }
  }

  @Test func redIsBlackOnAnOrthochromaticFilm() {
    var film = Film()
    film.sensitivity = SIMD3(0, 0.6, 0.4)
    #expect(lightness(film) { _, _ in (255, 0, 0) }.allSatisfy { $0 == 0 })
    #expect(lightness(film) { _, _ in (0, 0, 255) }.allSatisfy { $0 > 65 && $0 < 75 })
    // Gray is as light on any film.
    for (value, expected) in zip(lightness(film, Self.gray), lightness(Film(), Self.gray)) {
      #expect(abs(value - expected) < 1e-3)
    }
  }

  @Test func aPrintFades() {
    var film = Film()
    film.black = 0.1
    film.white = 0.8
    film.gamma = 1.5
    let values = lightness(film, Self.gray)
    let plain = lightness(Film(), Self.gray)
    #expect(abs(values[0] - 10) < 1e-4 && abs(values[15] - 80) < 1e-3)
    for x in 1..<Self.side {
      #expect(values[x] > values[x - 1])
      let share = Double(plain[x]) / 100
      #expect(abs(Double(values[x]) - (10 + 70 * share * share.squareRoot())) < 1e-3)
    }
  }

  /// One light pixel becomes the kernel; what is even, to its edges, stays.
  @Test func softnessSpreads() {
    var film = Film()
    film.softness = 1
    let point = lightness(film) { x, y in x == 5 && y == 7 ? (255, 255, 255) : (0, 0, 0) }
    let sixteenths: [Float] = [1, 2, 1, 2, 4, 2, 1, 2, 1]
    for (index, share) in sixteenths.enumerated() {
      let place = (6 + index / 3) * Self.side + 4 + index % 3
      #expect(abs(point[place] - 100 * share / 16) < 1e-3)
    }
    #expect(abs(point.reduce(0, +) - 100) < 1e-2)
    let even = lightness(film) { _, _ in (119, 119, 119) }
    for value in even { #expect(abs(value - even[0]) < 1e-4) }
    film.softness = 0.5
    let half = lightness(film) { x, _ in x < 8 ? (0, 0, 0) : (255, 255, 255) }
    #expect(half[6] == 0 && abs(half[7] - 12.5) < 1e-3 && abs(half[8] - 87.5) < 1e-3)
  }

  /// 16,384 pixels: the bounds are five standard deviations of the figures.
  @Test func grainIsNormal() {
    var film = Film()
    film.grain = 3
    film.grainSeed = 11
    let side = 128
    let values = lightness(film, side: side) { _, _ in (119, 119, 119) }
    let count = Float(values.count)
    let mean = values.reduce(0, +) / count
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
    let level = lightness(Film(), side: 1) { _, _ in (119, 119, 119) }[0]
    #expect(abs(mean - level) < 5 * 3 / 128)
    #expect(abs(variance.squareRoot() - 3) < 5 * 3 / (2 * count).squareRoot())
    #expect(values == lightness(film, side: side) { _, _ in (119, 119, 119) })
    film.grainSeed = 12
    #expect(values != lightness(film, side: side) { _, _ in (119, 119, 119) })
    // It does not leave what there is of lightness.
    film.grain = 40
    #expect(lightness(film, Self.gray).allSatisfy { (0...100).contains($0) })
  }

  @Test func drawnFilmsAreWithinTheirBounds() throws {
    let simulation = FilmSimulation(share: 0.25)
    var films = 0
    var soft = 0
    for number in 0..<4000 {
      var numbers = RandomNumbers(seed: 5, number: number)
      guard let film = simulation.draw(numbers: &numbers) else { continue }
      films += 1
      soft += film.softness > 0 ? 1 : 0
      #expect(abs(film.sensitivity.sum() - 1) < 1e-6)
      #expect(film.sensitivity.min() >= 0 && film.sensitivity.x <= 0.35)
      #expect(film.gamma > 0.63 && film.gamma < 1.57)
      #expect((0...0.2).contains(film.black) && (0.75...1).contains(film.white))
      #expect((0...1).contains(film.softness) && (0...5).contains(film.grain))
    }
    // Five standard deviations.
    #expect(abs(films - 1000) < 138)
    #expect(abs(2 * soft - films) < 170)
    #expect(throws: ColorizeError.self) { try FilmSimulation(share: 1.5).validate() }
  }
}
