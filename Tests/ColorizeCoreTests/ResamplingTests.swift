// Resampling against Pillow and PyTorch.

import ColorizeCore
import Testing

@Suite struct ResamplingTests {
  /// Bit for bit: the weights are fixed-point numbers, so there is nothing to be lenient about.
  @Test(arguments: InstructionSet.available)
  func bicubicIsPillows(_ instructionSet: InstructionSet) throws {
    let fixture = try Fixture("resample")
    let cases = try fixture.forEachCase(inputs: UInt8.self) { number, input in
      let expected = try #require(try fixture.tensor("\(number).output", of: UInt8.self))
      let channels = input.shape[2]
      // Rows further apart than they are long, to be sure that the distance is what is used.
      let rowBytes = input.shape[1] * channels + 5
      let pixels = try Memory<UInt8>(count: input.shape[0] * rowBytes)
      pixels.fill(0xA5)
      for y in 0..<input.shape[0] {
        for x in 0..<(input.shape[1] * channels) {
          pixels.start[y * rowBytes + x] = input.values[y * input.shape[1] * channels + x]
        }
      }
      let view = try ImageView(
        pixels: pixels.start, rowBytes: rowBytes, width: input.shape[1], height: input.shape[0],
        format: channels == 1 ? .gray8 : .rgb8)
      let output = try Memory<UInt8>(count: expected.values.count)
      let resampler = try Resampler(
        view, width: expected.shape[1], height: expected.shape[0],
        kernels: KernelSet(instructionSet), workers: 1)
      for band in 0..<resampler.bands {
        resampler.run(band: band, worker: 0, into: output.start)
      }
      let values = (0..<output.count).map { output.start[$0] }
      #expect(values == expected.values, "case \(number), \(input.shape) to \(expected.shape)")
    }
    #expect(cases >= 10)
  }

  /// Values up to 110 with float32 weights on both sides: differences of some units in the last
  /// place.
  static let tolerance = 5e-5

  @Test(arguments: InstructionSet.available)
  func bilinearIsPyTorchs(_ instructionSet: InstructionSet) throws {
    let fixture = try Fixture("bilinear")
    let kernels = KernelSet(instructionSet)
    let cases = try fixture.forEachCase(inputs: Float.self) { number, input in
      let expected = try #require(try fixture.tensor("\(number).output", of: Float.self))
      let inputShape = Shape(
        channels: input.shape[0], height: input.shape[1], width: input.shape[2])
      let outputShape = Shape(
        channels: expected.shape[0], height: expected.shape[1], width: expected.shape[2])
      let reference = Bilinear().reference(
        [
          ReferenceTensor(inputShape, input.values.map(Double.init)),
          ReferenceTensor(outputShape),
        ], parameters: [])
      #expect(largestDifference(expected.values, reference.values) < Self.tolerance)

      let stride = inputShape.channels.roundedUp(to: 16)
      let source = try TestActivation(inputShape, stride: stride, planes: input.values)
      let target = try TestActivation(outputShape, stride: stride)
      try run(
        PlannedBilinear(hasResidual: false, relu: false), [source, target], target,
        kernels: kernels)
      #expect(
        largestDifference(target.planes, reference.values) < Self.tolerance, "case \(number)")
    }
    #expect(cases >= 5)
  }
}
