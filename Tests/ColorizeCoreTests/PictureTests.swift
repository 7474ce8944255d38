// Whole pictures: against the released Python pipeline, and the same picture in every layout.

import ColorizeCore
import Testing

@Suite struct PictureTests {
  let model: Model

  init() throws { model = try Model.open(bytes: defaultModel) }

  /// Half a level of rounding, the float bound, and the rounding of the fixture's 16 bits.
  static let levelTolerance = 0.5 + 255 * 2e-4 + 255 * 0.5 / 65535

  private func color(
    _ input: Picture, to format: PixelFormat = .rgb8,
    _ change: (inout RunOptions) -> Void = { _ in }
  ) throws -> Picture {
    let output = try Picture(format, width: input.view.width, height: input.view.height) {
      _, _, _ in 0
    }
    var options = RunOptions()
    change(&options)
    try Colorizer.run(model: model, input: input.view, output: output.view, options: options)
    return output
  }

  /// The pipeline's float picture, to the bounds of docs/exactness.md: 2e-4 before rounding, and
  /// thus half a level more after; at most one level of 8 bits, on at most 0.2 % of all values.
  @Test func areTheReleasedPipelines() throws {
    let fixture = try Fixture("picture")
    var values = 0
    var different = 0
    let cases = try fixture.forEachCase(inputs: UInt8.self) { number, input in
      let expected = try #require(try fixture.tensor("\(number).output", of: UInt16.self))
      let isGray = input.shape.count == 2
      let picture = try Picture(
        isGray ? .gray8 : .rgb8, width: input.shape[1], height: input.shape[0]
      ) { x, y, channel in
        input.values[(y * input.shape[1] + x) * (isGray ? 1 : 3) + channel]
      }
      let size = try #require(try fixture.number("\(number).network_size"))
      let output = try color(picture) { options in
        options.preset = .reference
        if size != 256 { options.networkSize = size }
      }
      for (value, expected) in zip(output.values, expected.values) {
        let exact = Double(expected) / 65535 * 255
        let difference = abs(Double(value) - exact)
        #expect(difference <= Self.levelTolerance, "case \(number)")
        values += 1
        if Double(value) != exact.rounded() { different += 1 }
      }
      #expect(output.gapsAreUntouched)
    }
    #expect(cases >= 5)
    #expect(Double(different) <= 0.002 * Double(values))
  }

  /// With `--fit aspect` the network sees as many pixels as in the square, but for the multiple of 16.
  @Test(
    arguments: [
      (3600, 600, 256, 624, 112), (600, 3600, 256, 112, 624), (500, 500, 256, 256, 256),
      (75, 50, 48, 64, 32), (400, 100, 64, 128, 32), (3600, 600, 2048, 2048, 336),
      (1 << 20, 1, 256, 2048, 16), (1, 1 << 20, 2048, 16, 2048), (1, 1, 16, 16, 16),
    ])
  func aspectKeepsTheArea(
    _ width: Int, _ height: Int, _ side: Int, _ networkWidth: Int, _ networkHeight: Int
  ) throws {
    let pixels = try Memory<UInt8>(count: width * height)
    let picture = try ImageView(
      pixels: pixels.start, rowBytes: width, width: width, height: height, format: .gray8)
    var options = RunOptions()
    options.networkFit = .aspect
    options.networkSize = side
    let size = try Session.networkSize(model, picture, options)
    #expect(size == (networkWidth, networkHeight))
  }

  /// A picture of the given format that has content in every channel.
  private func sample(_ format: PixelFormat, width: Int = 37, height: Int = 29) throws -> Picture {
    try Picture(format, width: width, height: height) { x, y, channel in
      UInt8(
        truncatingIfNeeded: channel == 3 ? x * 11 + y * 3 : 100 + (x * x + 5 * y) * (channel + 2))
    }
  }

  @Test func alphaIsCopiedAndChangesNothingElse() throws {
    let rgba = try sample(.rgba8)
    let rgb = try sample(.rgb8)
    let fromRGB = try color(rgb).values
    let fromRGBA = try color(rgba).values
    #expect(fromRGB == fromRGBA)
    let withAlpha = try color(rgba, to: .rgba8).values
    let opaque = try color(rgb, to: .rgba8).values
    for pixel in 0..<(37 * 29) {
      #expect(withAlpha[4 * pixel + 3] == rgba.values[4 * pixel + 3])
      #expect(opaque[4 * pixel + 3] == 255)
      for channel in 0..<3 {
        #expect(withAlpha[4 * pixel + channel] == fromRGB[3 * pixel + channel])
        #expect(opaque[4 * pixel + channel] == fromRGB[3 * pixel + channel])
      }
    }
  }

  @Test func grayIsRGBWithEqualChannels() throws {
    let gray = try sample(.gray8)
    let rgb = try Picture(.rgb8, width: 37, height: 29) { x, y, _ in gray.view.row(y)[x] }
    #expect(try color(gray).values == color(rgb).values)
  }

  @Test(arguments: [PixelFormat.rgb8, .rgba8]) func inPlaceIsTheSame(_ format: PixelFormat) throws {
    let picture = try sample(format)
    let expected = try color(picture, to: format).values
    try Colorizer.run(model: model, input: picture.view, output: picture.view)
    #expect(picture.values == expected)
    #expect(picture.gapsAreUntouched)
  }

  @Test func anyNumberOfThreadsGivesTheSameBytes() throws {
    let picture = try sample(.rgb8, width: 301, height: 203)
    let one = try color(picture) { $0.threads = 1 }.values
    for threads in [2, 3, 5, 16] {
      #expect(try color(picture) { $0.threads = threads }.values == one)
    }
  }

  @Test(arguments: [(1, 1), (1, 50), (50, 1), (2, 2), (1000, 3), (16, 16), (160, 160)])
  func anySize(_ width: Int, _ height: Int) throws {
    let output = try color(try sample(.gray8, width: width, height: height))
    #expect(output.gapsAreUntouched)
    // Color came out, not only the gray that went in.
    #expect(
      output.values.indices.contains { $0 % 3 == 0 && output.values[$0] != output.values[$0 + 1] })
  }

  /// Colors at a high temperature are duller than at a low one.
  /// Towards 0 the most probable bin of each cell alone decides, and neighbours differ.
  @Test func temperatureEvensColors() throws {
    let fixture = try Fixture("picture")
    let input = try #require(try fixture.tensor("6.input", of: UInt8.self))
    let picture = try Picture(.gray8, width: input.shape[1], height: input.shape[0]) { x, y, _ in
      input.values[(y * input.shape[1] + x) * (input.shape.count == 3 ? 3 : 1)]
    }
    /// How much the warmth changes from pixel to pixel.
    func patchiness(_ temperature: Float) throws -> Int {
      let values = try color(picture) { $0.temperature = temperature }.values
      let warmth = stride(from: 0, to: values.count, by: 3).map {
        Int(values[$0]) - Int(values[$0 + 2])
      }
      return zip(warmth, warmth.dropFirst()).reduce(0) { $0 + abs($1.0 - $1.1) }
    }
    #expect(try patchiness(0.1) > patchiness(0.38))
    #expect(try patchiness(0.38) > patchiness(1))
  }

  @Test func progressRisesToOne() throws {
    var seen: [Float] = []
    _ = try color(try sample(.rgb8, width: 400, height: 300)) { options in
      options.progress = { fraction in
        seen.append(fraction)
        return false
      }
    }
    #expect(seen.count > 10)
    #expect(zip(seen, seen.dropFirst()).allSatisfy { $0 <= $1 })
    #expect(seen.filter { $0 == 1 }.count == 1)
    #expect(seen.last == 1)
  }

  /// What a run says of itself, without what it says again while a step takes long.
  private func fractions(_ run: (@escaping (Float) -> Bool) throws -> Void) throws -> [Float] {
    var seen: [Float] = []
    try run { fraction in
      if seen.last != fraction { seen.append(fraction) }
      return false
    }
    return seen
  }

  @Test func cancelStopsAtOnce() throws {
    let picture = try sample(.rgb8)
    for stop in try fractions({ callback in _ = try color(picture) { $0.progress = callback } }) {
      var calls = 0
      var callsThatStop = 0
      #expect(throws: ColorizeError.cancelled) {
        _ = try color(picture) { options in
          options.progress = { fraction in
            calls += 1
            if fraction >= stop { callsThatStop += 1 }
            return fraction >= stop
          }
        }
      }
      #expect(callsThatStop == 1 && calls > 0)
    }
  }

  /// Large pictures are finished in steps of about a megapixel, in the order of their rows; whoever
  /// stops in between finds no row touched that was not done yet.
  @Test func largePicturesCanBeStoppedBetweenRows() throws {
    let input = try sample(.gray8, width: 1500, height: 1900)
    func rows(_ callback: @escaping (Float) -> Bool) throws -> [Bool] {
      let output = try Picture(.rgb8, width: 1500, height: 1900) { _, _, _ in 0xA5 }
      var options = RunOptions()
      options.networkSize = 16
      options.threads = 2
      options.progress = callback
      do {
        try Colorizer.run(model: model, input: input.view, output: output.view, options: options)
      } catch {
        #expect((error as? ColorizeError) == .cancelled)
      }
      return (0..<1900).map { y in
        (0..<(3 * 1500)).contains { output.view.row(y)[$0] != 0xA5 }
      }
    }
    let all = try fractions { callback in
      let rows = try rows(callback)
      #expect(rows.allSatisfy { $0 })
    }
    // A report after 64 bands of 10 rows, after 128, after all, and at the end.
    for (stop, count) in [(all.count - 5, 0), (all.count - 4, 640), (all.count - 3, 1280)] {
      let done = try rows { $0 >= all[stop] }.count { $0 }
      // Asked in the middle of the next bands, too, if these take long.
      #expect(done >= count && done < count + 640)
    }
  }

  @Test func badValuesAreNamed() throws {
    let picture = try sample(.gray8)
    func message(_ change: (inout RunOptions) -> Void) -> String {
      do {
        _ = try color(picture, change)
        return ""
      } catch { return (error as? ColorizeError)?.message ?? "" }
    }
    #expect(message { $0.networkSize = 100 }.contains("network_size is 100"))
    #expect(message { $0.networkSize = 0 }.contains("16 to 2048"))
    #expect(message { $0.networkSize = 4096 }.contains("4096"))
    #expect(message { $0.temperature = 0 }.contains("temperature is 0"))
    #expect(message { $0.temperature = .nan }.contains("temperature is nan"))
    #expect(message { $0.threads = 0 }.contains("threads is 0"))
    #expect(message { $0.threads = 257 }.contains("1 to 256"))
  }
}
