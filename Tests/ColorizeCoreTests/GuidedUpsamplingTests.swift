// Guided upsampling to the network's resolution against the same in float64, without a thought for
// speed; and what it is for.

import ColorizeCore
import Testing

@Suite struct GuidedUpsamplingTests {
  struct Case: CustomTestStringConvertible {
    let cells: (high: Int, wide: Int)
    let seen: (high: Int, wide: Int)

    init(_ cellsHigh: Int, _ cellsWide: Int, _ seenHigh: Int, _ seenWide: Int) {
      cells = (cellsHigh, cellsWide)
      seen = (seenHigh, seenWide)
    }

    var testDescription: String {
      "\(cells.high)x\(cells.wide) of \(seen.high)x\(seen.wide)"
    }
  }

  private func guided(
    _ colors: [Float], _ lightness: [Float], _ sizes: Case, threads: Int = 2
  ) throws -> (ab: [Float], height: Int, width: Int) {
    let team = Team(threads: threads)
    let upsampling = try GuidedUpsampling(
      cellsHigh: sizes.cells.high, cellsWide: sizes.cells.wide, lightness: lightness,
      seenHeight: sizes.seen.high, seenWidth: sizes.seen.wide, team)
    var ab = [Float](repeating: .nan, count: 2 * upsampling.height * upsampling.width)
    try upsampling.run(colors, into: &ab, team) { _ in }
    return (ab, upsampling.height, upsampling.width)
  }

  struct Place {
    let y: Int
    let x: Int
    let share: Double
  }

  /// A plane that is read by row and column, with the nearest value beyond its borders.
  struct Plane {
    let height: Int
    let width: Int
    var values: [Double]

    init(_ height: Int, _ width: Int, _ value: (Int, Int) -> Double) {
      self.height = height
      self.width = width
      values = (0..<(height * width)).map { value($0 / width, $0 % width) }
    }

    subscript(y: Int, x: Int) -> Double {
      values[min(max(y, 0), height - 1) * width + min(max(x, 0), width - 1)]
    }

    /// The four values around the place of a pixel of a larger plane, and their bilinear shares.
    func around(_ y: Int, _ x: Int, of height: Int, _ width: Int) -> [Place] {
      func axis(_ target: Int, _ from: Int, _ to: Int) -> (Int, Double) {
        let place = (Double(target) + 0.5) * Double(from) / Double(to) - 0.5
        let first = place.rounded(.down)
        return (Int(first), place - first)
      }
      let (top, down) = axis(y, self.height, height)
      let (left, across) = axis(x, self.width, width)
      return [
        Place(y: top, x: left, share: (1 - down) * (1 - across)),
        Place(y: top, x: left + 1, share: (1 - down) * across),
        Place(y: top + 1, x: left, share: down * (1 - across)),
        Place(y: top + 1, x: left + 1, share: down * across),
      ]
    }

    func bilinear(_ height: Int, _ width: Int) -> Plane {
      Plane(height, width) { y, x in
        around(y, x, of: height, width).reduce(0) { $0 + $1.share * self[$1.y, $1.x] }
      }
    }

    func means(_ height: Int, _ width: Int) -> Plane {
      let down = self.height / height
      let across = self.width / width
      return Plane(height, width) { y, x in
        var sum = 0.0
        for pixel in 0..<(down * across) {
          sum += self[y * down + pixel / across, x * across + pixel % across]
        }
        return sum / Double(down * across)
      }
    }

    /// Of the 3x3 values around each one.
    func chosen(_ choose: (Double, Double) -> Double) -> Plane {
      Plane(height, width) { y, x in
        (0..<9).reduce(self[y, x]) { choose($0, self[y + $1 / 3 - 1, x + $1 % 3 - 1]) }
      }
    }
  }

  /// What docs/upsampling.md says, for a or b.
  private func formula(_ colors: Plane, _ lightness: Plane) -> Plane {
    let (height, width) = (lightness.height, lightness.width)
    let cellLightness = lightness.means(colors.height, colors.width)
    var now = Plane(height, width) { y, x in
      var sum = 0.0
      var weights = 0.0
      for place in colors.around(y, x, of: height, width) {
        let difference = (lightness[y, x] - cellLightness[place.y, place.x]) / 12
        let weight = place.share / (1 + difference * difference)
        sum += weight * colors[place.y, place.x]
        weights += weight
      }
      return sum / weights
    }
    for _ in 0..<10 {
      let flowed = Plane(height, width) { y, x in
        [(0, 1), (0, -1), (1, 0), (-1, 0)].reduce(now[y, x]) { value, step in
          let difference = (lightness[y + step.0, x + step.1] - lightness[y, x]) / 4
          return value + 0.24 / (1 + difference * difference)
            * (now[y + step.0, x + step.1] - now[y, x])
        }
      }
      let means = flowed.means(colors.height, colors.width)
      let lost = Plane(colors.height, colors.width) { colors[$0, $1] - means[$0, $1] }
      let back = lost.bilinear(height, width)
      now = Plane(height, width) { flowed[$0, $1] + back[$0, $1] }
    }
    let least = colors.chosen(min).bilinear(height, width)
    let most = colors.chosen(max).bilinear(height, width)
    return Plane(height, width) { min(max(now[$0, $1], least[$0, $1]), most[$0, $1]) }
  }

  /// ab up to 110 in float32, of which each of ten steps rounds some sums: 2e-4 is twenty units in the
  /// last place.
  static let tolerance = 2e-4

  /// Networks' 4x4 cells, a row, a column and a cell of them; a network that gives every pixel; and
  /// cells that reach beyond the input.
  @Test(arguments: [
    Case(5, 7, 20, 28), Case(1, 6, 4, 24), Case(6, 1, 24, 4), Case(1, 1, 4, 4), Case(6, 9, 6, 9),
    Case(6, 8, 21, 29), Case(2, 2, 1, 1), Case(3, 3, 6, 9),
  ])
  func isTheFormula(_ sizes: Case) throws {
    var numbers = Numbers(seed: 21)
    let cells = sizes.cells.high * sizes.cells.wide
    let colors = numbers.values(2 * cells).map { 110 * $0 }
    // Some edges and some even places.
    let lightness = numbers.values(sizes.seen.high * sizes.seen.wide).map {
      $0 > 0 ? 60 + 5 * $0 : 20 + 30 * $0
    }
    let (ab, height, width) = try guided(colors, lightness, sizes)
    #expect(
      height == sizes.cells.high
        * max((sizes.seen.high + sizes.cells.high / 2) / sizes.cells.high, 1))
    let seen = Plane(sizes.seen.high, sizes.seen.wide) {
      Double(lightness[$0 * sizes.seen.wide + $1])
    }
    .bilinear(height, width)
    for channel in 0..<2 {
      let plane = Plane(sizes.cells.high, sizes.cells.wide) {
        Double(colors[channel * cells + $0 * sizes.cells.wide + $1])
      }
      let expected =
        (height, width) == sizes.cells ? plane : formula(plane, seen)
      let own = Array(ab[(channel * height * width)..<((channel + 1) * height * width)])
      #expect(largestDifference(own, expected.values) < Self.tolerance)
    }
  }

  @Test func threadsHaveNoInfluence() throws {
    var numbers = Numbers(seed: 22)
    let sizes = Case(9, 11, 36, 44)
    let colors = numbers.values(2 * 99).map { 110 * $0 }
    let lightness = numbers.values(36 * 44).map { 50 + 50 * $0 }
    let one = try guided(colors, lightness, sizes, threads: 1)
    let many = try guided(colors, lightness, sizes, threads: 5)
    #expect(one.ab == many.ab)
  }

  /// Two things that differ in lightness and color, and meet within a cell, where bilinear colors are
  /// up to 35 off.
  @Test func colorsEndWhereThingsDo() throws {
    let sizes = Case(8, 8, 32, 32)
    // The left one reaches to the middle of the fourth cell.
    let lightness = (0..<1024).map { $0 % 32 < 14 ? Float(30) : 70 }
    let truth = (0..<1024).map { $0 % 32 < 14 ? Float(60) : -20 }
    let cells = (0..<64).map { [Float(60), 60, 60, 20, -20, -20, -20, -20][$0 % 8] }
    let (ab, _, _) = try guided(cells + cells, lightness, sizes)
    for pixel in 0..<1024 {
      #expect(abs(ab[pixel] - truth[pixel]) < 12, "\(pixel % 32), \(pixel / 32)")
      #expect((-20...60).contains(ab[pixel]))
    }
  }
}
