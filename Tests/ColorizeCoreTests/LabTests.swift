// Colour conversions against scikit-image, which computes them in float64.

import ColorizeCore
import Testing

@Suite struct LabTests {
  let fixture: Fixture

  init() throws { fixture = try Fixture("lab") }

  /// The bound of docs/exactness.md.
  @Test func fromRGBIsScikitImages() throws {
    let rgb = try #require(try fixture.tensor("rgb", of: Float.self))
    let expected = try #require(try fixture.tensor("lab", of: Double.self))
    let lab = try Memory<Float>(count: rgb.values.count)
    Lab.fromRGB(rgb.values, into: lab.start, count: rgb.shape[0])
    let values = (0..<lab.count).map { lab.start[$0] }
    #expect(rgb.shape[0] > 100)
    #expect(largestDifference(values, expected.values) < 1e-3)
  }

  /// Unclipped colours reach far beyond 1, where the same relative precision is a larger
  /// difference: the bound is for values up to 1 in magnitude, and grows with them.
  @Test(arguments: [true, false]) func toRGBIsScikitImages(_ clip: Bool) throws {
    let lab = try #require(try fixture.tensor("lab_in", of: Float.self))
    let name = clip ? "rgb_clipped" : "rgb_unclipped"
    let expected = try #require(try fixture.tensor(name, of: Double.self))
    let rgb = try Memory<Float>(count: lab.values.count)
    Lab.toRGB(lab.values, into: rgb.start, count: lab.shape[0], clip: clip)
    #expect(lab.shape[0] > 100)
    for index in 0..<rgb.count {
      let bound = 1e-4 * max(1, abs(expected.values[index]))
      #expect(abs(Double(rgb.start[index]) - expected.values[index]) < bound)
    }
    // The fixture has colours outside of sRGB's gamut, or clipping would not be tested.
    #expect(clip || expected.values.contains { $0 < -0.1 })
  }

  @Test func worksInPlaceAndForEveryCount() throws {
    let lab = try #require(try fixture.tensor("lab_in", of: Float.self))
    let whole = try Memory<Float>(count: 3 * 20)
    Lab.toRGB(lab.values, into: whole.start, count: 20, clip: true)
    for count in 0...20 {
      let pixels = try Memory<Float>(count: 3 * 21)
      for index in 0..<pixels.count { pixels.start[index] = lab.values[index] }
      Lab.toRGB(pixels.start, into: pixels.start, count: count, clip: true)
      for index in 0..<(3 * count) { #expect(pixels.start[index] == whole.start[index]) }
      // What is behind the last pixel stays as it is.
      #expect(pixels.start[3 * count] == lab.values[3 * count])
    }
  }

  /// Every gray, and the primaries, through the table that pictures use.
  @Test func tableIsTheSameLightness() throws {
    let table = LightnessTable()
    var bytes: [UInt8] = (0...255).flatMap { [UInt8($0), UInt8($0), UInt8($0)] }
    bytes += [255, 0, 0, 0, 255, 0, 0, 0, 255, 1, 2, 3, 200, 30, 90]
    let count = bytes.count / 3
    let row = try Memory<Float>(count: count.roundedUp(to: 8))
    row.fill(0)
    table.lightness(bytes, channels: 3, count: count, into: row.start)
    let lab = try Memory<Float>(count: bytes.count)
    Lab.fromRGB(bytes.map { Float($0) / 255 }, into: lab.start, count: count)
    for pixel in 0..<count {
      #expect(abs(row.start[pixel] - lab.start[3 * pixel]) < 1e-4)
    }
    let grays = try Memory<Float>(count: 256)
    table.lightness(Array(0...255), channels: 1, count: 256, into: grays.start)
    for gray in 0..<256 { #expect(abs(grays.start[gray] - row.start[gray]) < 1e-4) }
  }
}
