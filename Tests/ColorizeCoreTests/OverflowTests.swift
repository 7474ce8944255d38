// Numbers that a model file and dials can make too large, and what becomes of numbers that are none.

import ColorizeCore
import Testing

/// One at a time: a model takes 130 MB.
@Suite(.serialized) struct OverflowTests {
  /// eccv16 that gives one bin everywhere, whose a and b are these, for what the file calls 1.
  private func model(binAt centre: Float) throws -> Model {
    let network = Network.eccv16
    let file = try FormulaWeights(network).file()
    let floats = network.parameters.reduce(0) { $0 + $1.shape.reduce(1, *) }
    let values = UnsafeMutableRawPointer(file.start + file.count - 4 * floats)
      .assumingMemoryBound(to: Float.self)
    var start = values
    for parameter in network.parameters {
      let count = parameter.shape.reduce(1, *)
      start.update(repeating: parameter.name == "model_out.weight" ? centre : 0, count: count)
      if parameter.name == "model8.6.bias" { start[0] = 1000 }
      start += count
    }
    return try Model.open(bytes: UnsafeRawBufferPointer(start: file.start, count: file.count))
  }

  private func run(_ model: Model, _ change: (inout RunOptions) -> Void) throws {
    let input = try Picture(.gray8, width: 9, height: 7) { x, y, _ in UInt8(x * 20 + y) }
    let output = try Picture(.rgb8, width: 9, height: 7) { _, _, _ in 0 }
    let palette = try Picture(.rgb8, width: 3, height: 2) { x, _, channel in UInt8(x * 9 + channel)
    }
    var options = RunOptions()
    options.networkSize = 16
    change(&options)
    if options.paletteStrength != 1 { options.palette = palette.view }
    try Colorizer.run(model: model, input: input.view, output: output.view, options: options)
  }

  /// Each dial behind the network, alone and with the others.
  private static let dials: [@Sendable (inout RunOptions) -> Void] = [
    { _ in }, { $0.saturation = 10 }, { $0.paletteStrength = 0.99 },
    { ($0.saturation, $0.paletteStrength) = (10, 0.99) }, { $0.upsampling = .bilinear },
    { ($0.saturation, $0.upsampling) = (10, .bilinear) }, { $0.preset = .reference },
    { ($0.variant, $0.saturation, $0.paletteStrength) = (1, 10, 0.5) },
  ]

  /// 2e36 times 110 is a number, ten times as much is none.
  @Test(arguments: [Float(2e36), -2e36, 1e30])
  func colorsThatOverflowAreAnError(_ centre: Float) throws {
    let model = try model(binAt: centre)
    for dial in Self.dials {
      #expect(throws: ColorizeError.self) { try run(model, dial) }
      do {
        try run(model, dial)
      } catch ColorizeError.invalidModel(let text) {
        #expect(text.contains("overflow"))
      }
    }
  }

  /// No colors, and no overflow: the picture has the nearest that there are.
  @Test(arguments: [Float(1e18), -3e20, 5])
  func colorsThatAreFarOutside(_ centre: Float) throws {
    let model = try model(binAt: centre)
    for dial in Self.dials { try run(model, dial) }
  }

  @Test func conversionsHaveBounds() {
    let cases: [(Double, Int)] = [
      (.nan, -3), (.signalingNaN, -3), (-.infinity, -3), (.infinity, 100), (1e300, 100),
      (-1e300, -3), (-3, -3), (-2.9, -2), (-0.5, 0), (0.99, 0), (99.9, 99), (100, 100), (101, 100),
    ]
    for (value, expected) in cases {
      #expect(Int(value, within: -3...100) == expected, "\(value)")
      #expect(Int(Float(value), within: -3...100) == expected, "\(value)")
    }
    #expect(Int(Double.infinity, within: .min ... .max) == .max)
    #expect(Int(-Double.infinity, within: .min ... .max) == .min)
    #expect(Int(0x1p63, within: .min ... .max) == .max)
    #expect(Int(0x1p62, within: .min ... .max) == 1 << 62)
  }
}
