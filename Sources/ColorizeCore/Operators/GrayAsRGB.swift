// What a classifier of color pictures is shown of a gray one: three equal channels, normalised as its photographs were.

import Glibc

/// How a network's red, green and blue are normalised: `(255 x - mean) / deviation` of an sRGB value x from 0 to 1.
package struct RGBNormalization: Sendable {
  /// Of red, green and blue, in levels of 255.
  package let mean: SIMD3<Float>
  package let deviation: SIMD3<Float>

  /// What EfficientNet-Lite (Tan and Le 2020) takes.
  package static let signed = RGBNormalization(
    mean: SIMD3(repeating: 127), deviation: SIMD3(repeating: 128))
  /// As it is, from 0 to 1.
  package static let unit = RGBNormalization(
    mean: SIMD3(repeating: 0), deviation: SIMD3(repeating: 255))

  /// The color of a pixel that is normalised, each value brought into 0 to 1; what is no number stays none.
  @inline(__always)
  package func color(_ pixel: UnsafePointer<Float>, into color: UnsafeMutablePointer<Float>) {
    for c in 0..<3 {
      let value = (pixel[c] * deviation[c] + mean[c]) / 255
      color[c] = value < 0 ? 0 : value > 1 ? 1 : value
    }
  }

  /// Of ImageNet's photographs: what torchvision's classifiers take.
  package static let imageNet = RGBNormalization(
    mean: 255 * SIMD3(0.485, 0.456, 0.406), deviation: 255 * SIMD3(0.229, 0.224, 0.225))
}

/// The sRGB value of the gray that has the lightness of channel 0, which is (L - 50) / 100, in each of three channels,
/// normalised. L is CIE Lab's as scikit-image has it, so a gray pixel's own value comes back.
package struct GrayAsRGB: Operator {
  package var normalization: RGBNormalization

  package init(_ normalization: RGBNormalization = .signed) { self.normalization = normalization }

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
        for c in 0..<3 {
          output[c, y, x] =
            (255 * encoded - Double(normalization.mean[c])) / Double(normalization.deviation[c])
        }
      }
    }
    return output
  }

  /// The gray of one value, in levels of 255, in float32. Above the bend the luminance is f^3, and its power of 1 / 2.4 is f^(5/4): two
  /// square roots.
  @inline(__always)
  package static func level(_ lightness: Float) -> Float {
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
    return 255 * encoded
  }

  /// The three channels of one value.
  @inline(__always)
  package func write(_ lightness: Float, to pixel: UnsafeMutablePointer<Float>) {
    let level = Self.level(lightness)
    for c in 0..<3 { pixel[c] = (level - normalization.mean[c]) / normalization.deviation[c] }
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
    PlannedGrayAsRGB(self)
  }
}

/// The same, a row at a time.
package struct PlannedGrayAsRGB: PlannedOperator {
  let gray: GrayAsRGB

  package init(_ gray: GrayAsRGB) { self.gray = gray }

  package var keepsToChannels: Bool { true }

  package func work(_ inputs: [Shape], _ output: Shape) -> Work {
    // Of the order of what two square roots take.
    let count = 10 * output.height * output.width
    return Work(algorithm: "gray", direct: count, done: count)
  }

  package func run(_ inputs: [Activation], _ output: Activation, _ execution: Execution) {
    let input = inputs[0]
    execution.team.run(output.shape.height) { y, _ in
      for pixel in (y * output.shape.width)..<((y + 1) * output.shape.width) {
        gray.write(
          input.start[pixel * input.stride], to: output.start + pixel * output.stride)
      }
    }
  }
}
