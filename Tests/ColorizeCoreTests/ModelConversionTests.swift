// Converting the published networks: the vectors of a converted file, which the naive references
// compute in float64, are met by its plans.

import ColorizeCore
import Glibc
import Testing

@Suite(.serialized) struct ModelConversionTests {
  /// siggraph17 with the other mask convention, which only its vectors show; and with 8 bits.
  @Test(arguments: ["eccv16", "siggraph17"]) func vectorsAreMet(_ architecture: String) throws {
    let hasEightBits = architecture == "siggraph17"
    let network = try #require(Network.all.first { $0.architecture == architecture })
    let weights = try FormulaWeights(network).file()
    let source = try #require(tmpfile())
    defer { fclose(source) }
    try #require(fwrite(weights.start, 1, weights.count, source) == weights.count)
    fflush(source)

    var options = ModelConversion.Options()
    options.halfPrecision = !hasEightBits
    options.eightBits = hasEightBits
    options.licence = "none"
    if network.takesHints { options.maskConvention = .centred }
    let conversion = try ModelConversion(
      path: "/proc/self/fd/\(fileno(source))", name: "x.pth", options: options
    ) { false }
    let file = try Memory<UInt8>(count: conversion.byteCount)
    try conversion.write(to: .memory(file)) { false }
    #expect(file.count < weights.count * (hasEightBits ? 26 : 52) / 100)
    #expect((conversion.eightBitError != nil) == hasEightBits)
    if let error = conversion.eightBitError {
      // 127 steps to each side are some per cent of what large sums of products vary by.
      #expect((1e-4..<0.3).contains(error.relative) && error.largest > 0, "\(error)")
    }

    let model = try Model.open(bytes: UnsafeRawBufferPointer(start: file.start, count: file.count))
    #expect(model.information.architecture == architecture)
    #expect(model.information.licence == "none")
    #expect(model.information.maskConvention == (network.takesHints ? .centred : .zeroOne))
    #expect(model.testVectors.count == (network.takesHints ? 2 : 1))
    for vector in model.testVectors {
      let pixels = vector.height * vector.width
      let offset = model.information.maskConvention.offset
      let lightness = (0..<pixels).map { vector.input.start[$0] * 100 + 50 }
      let hints = (pixels..<vector.input.count).map { index in
        index < 3 * pixels
          ? vector.input.start[index] * 110 : vector.input.start[index] - offset
      }
      let ab = try Memory<Float>(count: vector.ab.count)
      try lightness.withUnsafeBufferPointer { lightness in
        try hints.withUnsafeBufferPointer { hints in
          let start = hints.baseAddress
          let input = try NetworkInput(
            model: model, height: vector.height, width: vector.width,
            lightness: try #require(lightness.baseAddress),
            hints: network.takesHints ? start.map { ($0, $0 + 2 * pixels) } : nil)
          try Colorizer.predict(model: model, input: input, into: ab.start)
        }
      }
      let expected = (0..<ab.count).map { Double(vector.ab.start[$0]) }
      let values = (0..<ab.count).map { ab.start[$0] }
      // The bound of docs/exactness.md.
      #expect(largestDifference(values, expected) < 2e-3)
      // Colors that vary, or a network that says the same everywhere would pass.
      #expect((expected.max() ?? 0) - (expected.min() ?? 0) > 1)
    }
  }

  @Test func whatDoesNotApplyIsAnError() throws {
    let weights = try FormulaWeights(.eccv16).file()
    let source = try #require(tmpfile())
    defer { fclose(source) }
    try #require(fwrite(weights.start, 1, weights.count, source) == weights.count)
    fflush(source)
    let path = "/proc/self/fd/\(fileno(source))"
    var options = ModelConversion.Options()
    #expect(throws: ColorizeError.cancelled) {
      try ModelConversion(path: path, name: "x", options: options) { true }
    }
    options.maskConvention = .centred
    #expect(
      throws: ColorizeError.invalidArgument(
        "the network eccv16 takes no hints, so it has no mask convention")
    ) { try ModelConversion(path: path, name: "x", options: options) { false } }
  }
}
