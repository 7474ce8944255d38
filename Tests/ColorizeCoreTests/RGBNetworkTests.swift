// Networks whose outputs are red, green and blue, against PyTorch and against the release's pipeline, with the weights of
// a formula.

import ColorizeCore
import Testing

extension Network: CustomTestStringConvertible {
  package var testDescription: String { architecture }

  var givesRGB: Bool {
    if case .rgb = colors { true } else { false }
  }
}

/// One at a time: a model takes 250 MB and more.
@Suite(.serialized) struct RGBNetworkTests {
  static let networks = Network.all.filter(\.givesRGB)

  private func open(_ file: Memory<UInt8>, _ engine: Engine = Engine.available[0]) throws -> Model {
    try Model.open(
      bytes: UnsafeRawBufferPointer(start: file.start, count: file.count),
      options: ModelOptions(instructionSet: engine.instructionSet, gemm: engine.gemm))
  }

  /// The network's output of a lightness, `[3, height, width]`.
  private func output(
    _ model: CompiledNetwork, _ lightness: [Float], height: Int, width: Int, threads: Int = 2
  ) throws -> [Float] {
    let plan = Plan(model, .ab, height: height, width: width)
    let team = Team(threads: threads)
    let workspace = try Workspace(plan, workers: team.size)
    for (pixel, value) in lightness.enumerated() {
      plan.input(workspace).start[pixel] = InputForm.normalized(lightness: value)
    }
    try plan.run(workspace, team) { _ in }
    let output = plan.output(workspace)
    return (0..<output.shape.count).map {
      output.start[($0 % output.pixels) * output.stride + $0 / output.pixels]
    }
  }

  /// Of numbers from -3 to 3.
  @Test(arguments: networks) func outputIsPyTorchs(_ network: Network) throws {
    let fixture = try Fixture(network.architecture)
    let bytes = try FormulaWeights(network).file()
    let file = try TensorFile(
      ByteSource(UnsafeRawBufferPointer(start: bytes.start, count: bytes.count)))
    for engine in Engine.available {
      let compiled = try CompiledNetwork(network, weights: file, kernels: engine.kernels())
      var deviation = 0.0
      let cases = try fixture.forEachCase(inputs: Float.self) { number, input in
        let expected = try #require(try fixture.tensor("\(number).rgb", of: Float.self)).values
        let (height, width) = (input.shape[1], input.shape[2])
        let values = try output(compiled, input.values, height: height, width: width)
        let differences = zip(values, expected).map { abs(Double($0 - $1)) }
        #expect(differences.count == 3 * height * width)
        #expect((differences.max() ?? .infinity) < 6e-4, "\(engine), case \(number)")
        #expect(
          differences.reduce(0, +) / Double(differences.count) < 6e-5, "\(engine), case \(number)")
        let several = try output(compiled, input.values, height: height, width: width, threads: 5)
        #expect(several == values, "\(engine), case \(number)")
        // Of the channel that has the least.
        let least = (0..<3).map { channel in
          let values = expected[(channel * height * width)..<((channel + 1) * height * width)]
          let mean = values.reduce(0, +) / Float(values.count)
          return Double(values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(values.count))
            .squareRoot()
        }.min()
        deviation = max(deviation, least ?? 0)
      }
      #expect(cases >= 2 && deviation > 0.3)
    }
  }

  /// a and b are those of the color, which is brought into 0 to 1; and what has no distribution takes nothing for one.
  @Test func colors() throws {
    let bytes = try FormulaWeights(.deOldifyDeep).file()
    let model = try open(bytes)
    let values = (0..<512).map { Float($0 % 100) }
    // Borrowed by the input for as long as that is used.
    let lightness = try Memory<Float>(count: values.count)
    lightness.start.update(from: values, count: values.count)
    let file = try TensorFile(
      ByteSource(UnsafeRawBufferPointer(start: bytes.start, count: bytes.count)))
    let compiled = try CompiledNetwork(.deOldifyDeep, weights: file, kernels: KernelSet(.best))
    let rgb = try output(compiled, values, height: 16, width: 32)
    let ab = try Memory<Float>(count: 1024)
    let input = try NetworkInput(
      model: model, height: 16, width: 32, lightness: lightness.start, hints: nil)
    try Colorizer.predict(model: model, input: input, into: ab.start)
    let mean = [0.485, 0.456, 0.406]
    let deviation = [0.229, 0.224, 0.225]
    for pixel in 0..<512 {
      func light(_ c: Int) -> Double {
        let value = Double(rgb[512 * c + pixel]) * deviation[c] + mean[c]
        return CIELab.light(encoded: min(max(value, 0), 1))
      }
      let lab = CIELab.lab(light: SIMD3(light(0), light(1), light(2)))
      #expect(abs(Double(ab.start[pixel]) - lab.y) < 2e-3)
      #expect(abs(Double(ab.start[512 + pixel]) - lab.z) < 2e-3)
    }

    var options = RunOptions()
    options.temperature = 0.5
    let refused = ColorizeError.invalidArgument(
      "temperature is 0.5; the network deoldify-deep gives colors alone, and no distribution that has one"
    )
    #expect(throws: refused) {
      try Colorizer.predict(model: model, input: input, options: options, into: ab.start)
    }
    #expect(throws: ColorizeError.self) {
      try Colorizer.distribution(model: model, input: input, into: ab.start)
    }
  }

  /// What is outside of 0 to 1 is brought inside; what is no number stays none.
  @Test func normalizedColors() {
    let imageNet = RGBNormalization.imageNet
    var color: [Float] = [9, 9, 9]
    imageNet.color([-3, 3, 0], into: &color)
    #expect(color[0] == 0 && color[1] == 1 && abs(color[2] - 0.406) < 1e-6)
    imageNet.color([1, -1, .nan], into: &color)
    #expect(abs(color[0] - 0.714) < 1e-6 && abs(color[1] - 0.232) < 1e-6 && color[2].isNaN)
    imageNet.color([.infinity, -.infinity, 1], into: &color)
    #expect(color[0] == 1 && color[1] == 0)
  }

  /// Bytes, cut off and merged: one level where a value is at the edge of one.
  @Test func picturesAreTheReleasesPipeline() throws {
    let fixture = try Fixture("deoldify-deep-picture")
    let bytes = try FormulaWeights(.deOldifyDeep).file()
    let model = try open(bytes)
    var different = 0
    var farther = 0
    var count = 0
    let cases = try fixture.forEachCase(inputs: UInt8.self) { number, input in
      let expected = try #require(try fixture.tensor("\(number).output", of: UInt8.self))
      let (height, width) = (input.shape[0], input.shape[1])
      let channels = input.shape.count == 2 ? 1 : 3
      var options = RunOptions()
      options.preset = .reference
      options.networkSize = try fixture.number("\(number).network_size")
      let picture = try Picture(
        channels == 1 ? .gray8 : .rgb8, width: width, height: height
      ) { x, y, c in input.values[(y * width + x) * channels + c] }
      let output = try Picture(.rgb8, width: width, height: height) { _, _, _ in 0 }
      try Colorizer.run(model: model, input: picture.view, output: output.view, options: options)
      for (value, expected) in zip(output.values, expected.values) {
        // Y, U and V are rounded from a byte that may be the next one, and blue has twice of U.
        let levels = abs(Int(value) - Int(expected))
        #expect(levels <= 3, "case \(number)")
        if levels > 0 { different += 1 }
        if levels > 1 { farther += 1 }
      }
      count += expected.values.count
      #expect(output.gapsAreUntouched)

      // The same in every depth, in place, and with the alpha that comes with it.
      let deep = try Picture(.rgba16, width: width, height: height) { x, y, byte in
        let value = input.values[
          (y * width + x) * channels + (channels == 1 ? 0 : min(byte / 2, 2))]
        return byte >= 6 ? UInt8(7 + byte) : value
      }
      try Colorizer.run(model: model, input: deep.view, output: deep.view, options: options)
      let values = deep.values
      for pixel in 0..<(width * height) {
        for byte in 0..<6 {
          #expect(values[8 * pixel + byte] == output.values[3 * pixel + byte / 2])
        }
        #expect(values[8 * pixel + 6] == 13 && values[8 * pixel + 7] == 14)
      }
    }
    #expect(cases >= 4)
    #expect(Double(different) <= 0.002 * Double(count), "\(different) of \(count)")
    #expect(Double(farther) <= 0.0005 * Double(count), "\(farther) of \(count)")
  }

  /// What the merge of bytes has no place for is refused by its name; hints and variants are by any network of this kind.
  @Test func whatReferenceHasNotIsRefused() throws {
    let bytes = try FormulaWeights(.deOldifyDeep).file()
    let model = try open(bytes)
    let picture = try Picture(.rgb8, width: 4, height: 4) { _, _, _ in 99 }
    func message(_ change: (inout RunOptions) -> Void) -> String {
      var options = RunOptions()
      options.networkSize = 16
      options.preset = .reference
      change(&options)
      do throws(ColorizeError) {
        try Colorizer.run(
          model: model, input: picture.view, output: picture.view, options: options)
      } catch { return error.message }
      return ""
    }
    #expect(message { _ in } == "")
    #expect(message { $0.saturation = 2 }.hasPrefix("saturation is 2.0;"))
    #expect(message { $0.palette = picture.view }.hasPrefix("there is a palette;"))
    #expect(message { $0.upsampling = .guided }.hasPrefix("upsampling is guided;"))
    #expect(message { $0.gamutMapping = .keepHue }.hasPrefix("gamut_mapping is keep-hue;"))
    for preset in Preset.allCases {
      #expect(
        message {
          $0.preset = preset
          $0.variant = 1
        }.hasPrefix("variant is 1;"))
      #expect(
        message {
          $0.preset = preset
          $0.temperature = 1
        }.hasPrefix("temperature is 1.0;"))
    }
  }
}
