// What a classifier of colour pictures is shown of a gray one: three equal channels, normalised as its photographs were.

import Glibc

/// The sRGB value x of the gray that has the lightness of channel 0, which is (L - 50) / 100, as (255 x - 127) / 128 in each
/// of three channels: what EfficientNet-Lite (Tan and Le 2020) takes for gray. L is CIE Lab's as scikit-image has it, so
/// a gray pixel's own value comes back.
package struct GrayAsRGB: Operator {
  package init() {}

  package func outputShape(_ inputs: [Shape]) -> Shape {
    Shape(channels: 3, height: inputs[0].height, width: inputs[0].width)
  }

  /// Lab's f above which the luminance is its cube.
  static let bend = 0.206_896_6
  /// The luminance below which sRGB is straight.
  static let straightLuminance = 0.003_130_8

  package func reference(_ inputs: [ReferenceTensor], parameters: [[Double]]) -> ReferenceTensor {
    let input = inputs[0]
    var output = ReferenceTensor(outputShape([input.shape]))
    for y in 0..<input.shape.height {
      for x in 0..<input.shape.width {
        let f = (100 * input[0, y, x] + 50 + 16) / 116
        let luminance = f > Self.bend ? f * f * f : (f - 16.0 / 116) / 7.787
        let encoded =
          luminance > Self.straightLuminance
          ? 1.055 * pow(luminance, 1 / 2.4) - 0.055 : 12.92 * luminance
        for c in 0..<3 { output[c, y, x] = (255 * encoded - 127) / 128 }
      }
    }
    return output
  }

  /// The same of one value, in float32. Above the bend the luminance is f^3, and its power of 1 / 2.4 is f^(5/4): two
  /// square roots.
  @inline(__always)
  package static func value(_ lightness: Float) -> Float {
    let f = (100 * lightness + 66) / 116
    let encoded: Float
    if f > Float(bend) {
      encoded = 1.055 * f * f.squareRoot().squareRoot() - 0.055
    } else {
      let luminance = (f - 16 / 116) / 7.787
      encoded =
        luminance > Float(straightLuminance)
        ? 1.055 * powf(luminance, 1 / 2.4) - 0.055 : 12.92 * luminance
    }
    return (255 * encoded - 127) / 128
  }

  /// Of `value` by the lightness.
  package static func slope(_ lightness: Float) -> Float {
    let f = (100 * lightness + 66) / 116
    let slope: Float
    if f > Float(bend) {
      slope = 1.055 * 1.25 * f.squareRoot().squareRoot()
    } else {
      let luminance = (f - 16 / 116) / 7.787
      let curve =
        luminance > Float(straightLuminance)
        ? 1.055 / 2.4 * powf(luminance, 1 / 2.4 - 1) : 12.92
      slope = curve / 7.787
    }
    return slope * (100.0 / 116) * (255.0 / 128)
  }

  package func planned(_ end: StepEnd, _ planning: Planning)
    throws(ColorizeError) -> any PlannedOperator
  {
    PlannedGrayAsRGB()
  }
}

/// The same, a row at a time.
package struct PlannedGrayAsRGB: PlannedOperator {
  package init() {}

  package func work(_ inputs: [Shape], _ output: Shape) -> Work {
    // Of the order of what two square roots take.
    let count = 10 * output.height * output.width
    return Work(algorithm: "gray", direct: count, done: count)
  }

  package func run(_ inputs: [Activation], _ output: Activation, _ execution: Execution) {
    let input = inputs[0]
    execution.team.run(output.shape.height) { y, _ in
      for pixel in (y * output.shape.width)..<((y + 1) * output.shape.width) {
        let value = GrayAsRGB.value(input.start[pixel * input.stride])
        let target = output.start + pixel * output.stride
        for c in 0..<3 { target[c] = value }
      }
    }
  }
}
