// Color conversions against scikit-image, which computes them in float64.

import ColorizeCore
import Glibc
import Testing

@Suite struct LabTests {
  let fixture: Fixture

  init() throws { fixture = try Fixture("lab") }

  /// The bound of docs/exactness.md.
  @Test(arguments: InstructionSet.available)
  func fromRGBIsScikitImages(_ instructionSet: InstructionSet) throws {
    let rgb = try #require(try fixture.tensor("rgb", of: Float.self))
    let expected = try #require(try fixture.tensor("lab", of: Double.self))
    let lab = try Memory<Float>(count: rgb.values.count)
    Lab.fromRGB(
      rgb.values, into: lab.start, count: rgb.shape[0], kernels: KernelSet(instructionSet))
    let values = (0..<lab.count).map { lab.start[$0] }
    #expect(rgb.shape[0] > 100)
    #expect(largestDifference(values, expected.values) < 1e-3)
  }

  /// Unclipped colors reach far beyond 1, where the same relative precision is a larger
  /// difference: the bound is for values up to 1 in magnitude, and grows with them.
  @Test(arguments: InstructionSet.available, [true, false])
  func toRGBIsScikitImages(_ instructionSet: InstructionSet, _ clip: Bool) throws {
    let lab = try #require(try fixture.tensor("lab_in", of: Float.self))
    let name = clip ? "rgb_clipped" : "rgb_unclipped"
    let expected = try #require(try fixture.tensor(name, of: Double.self))
    let rgb = try Memory<Float>(count: lab.values.count)
    Lab.toRGB(
      lab.values, into: rgb.start, count: lab.shape[0], clip: clip,
      kernels: KernelSet(instructionSet))
    #expect(lab.shape[0] > 100)
    for index in 0..<rgb.count {
      let bound = 1e-4 * max(1, abs(expected.values[index]))
      #expect(abs(Double(rgb.start[index]) - expected.values[index]) < bound)
    }
    // The fixture has colors outside of sRGB's gamut, or clipping would not be tested.
    #expect(clip || expected.values.contains { $0 < -0.1 })
  }

  /// Numbers that no color has: the formula where float32 can hold its result, a number where it
  /// cannot, and no number where none came in.
  @Test(arguments: InstructionSet.available)
  func extremesAreTaken(_ instructionSet: InstructionSet) throws {
    let kernels = KernelSet(instructionSet)
    let tiny = Float.leastNonzeroMagnitude
    let rgb: [Float] = [
      0, 0, 0, -1, -1, -1, tiny, tiny, tiny, 1e6, 1e6, 1e6, 3e38, 3e38, 3e38,
      -.infinity, .infinity, .nan,
    ]
    let lab = try Memory<Float>(count: rgb.count)
    Lab.fromRGB(rgb, into: lab.start, count: rgb.count / 3, kernels: kernels)
    #expect(abs(lab.start[0]) < 1e-4)
    #expect(abs(lab.start[3] + 903.292 / 12.92) < 1e-3)
    #expect(abs(lab.start[6]) < 1e-4)
    #expect(abs(lab.start[9] / (116 * cbrt(pow(1e6 / 1.055, 2.4))) - 1) < 1e-5)
    #expect(lab.start[12] > 1e9)
    #expect(lab.start[15].isNaN)
    Lab.toRGB([.nan, 0, 0], into: lab.start, count: 1, clip: true, kernels: kernels)
    for channel in 0..<3 { #expect(lab.start[channel] == 0) }
  }

  @Test(arguments: InstructionSet.available)
  func worksInPlaceAndForEveryCount(_ instructionSet: InstructionSet) throws {
    let kernels = KernelSet(instructionSet)
    let lab = try #require(try fixture.tensor("lab_in", of: Float.self))
    let whole = try Memory<Float>(count: 3 * 40)
    Lab.toRGB(lab.values, into: whole.start, count: 40, clip: true, kernels: kernels)
    for count in 0...40 {
      let pixels = try Memory<Float>(count: 3 * 41)
      for index in 0..<pixels.count { pixels.start[index] = lab.values[index] }
      Lab.toRGB(pixels.start, into: pixels.start, count: count, clip: true, kernels: kernels)
      for index in 0..<(3 * count) { #expect(pixels.start[index] == whole.start[index]) }
      // What is behind the last pixel stays as it is.
      #expect(pixels.start[3 * count] == lab.values[3 * count])
    }
  }

  /// Every gray, and the primaries, by the table that pictures use.
  @Test(arguments: InstructionSet.available)
  func tableIsTheSameLightness(_ instructionSet: InstructionSet) throws {
    let kernels = KernelSet(instructionSet)
    let table = try LuminanceTable()
    var bytes: [UInt8] = (0...255).flatMap { [UInt8($0), UInt8($0), UInt8($0)] }
    bytes += [255, 0, 0, 0, 255, 0, 0, 0, 255, 1, 2, 3, 200, 30, 90]
    let count = bytes.count / 3
    let row = try Memory<Float>(count: count.roundedUp(to: 16))
    table.lightness(bytes, channels: 3, count: count, into: row.start, kernels: kernels)
    let lab = try Memory<Float>(count: bytes.count)
    Lab.fromRGB(
      bytes.map { Float($0) / 255 }, into: lab.start, count: count, kernels: kernels)
    for pixel in 0..<count {
      #expect(abs(row.start[pixel] - lab.start[3 * pixel]) < 1e-4)
    }
    let grays = try Memory<Float>(count: 256)
    table.lightness(Array(0...255), channels: 1, count: 256, into: grays.start, kernels: kernels)
    for gray in 0..<256 { #expect(grays.start[gray] == row.start[gray]) }
  }
}
