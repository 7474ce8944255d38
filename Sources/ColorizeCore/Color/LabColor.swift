// A color in float64, and which colors sRGB has at a lightness.

import Glibc

/// One color in float64 (`CIELab`), with the gamut of the kernels.
package struct LabColor: BitwiseCopyable, Sendable {
  package var lightness: Double
  package var a: Double
  package var b: Double

  package init(lightness: Double, a: Double, b: Double) {
    self.lightness = lightness
    self.a = a
    self.b = b
  }

  /// - Parameter rgb: sRGB-encoded, 0 to 1.
  package init(rgb: SIMD3<Double>) {
    let lab = CIELab.lab(
      light: SIMD3(
        CIELab.light(encoded: rgb.x), CIELab.light(encoded: rgb.y), CIELab.light(encoded: rgb.z)))
    self.init(lightness: lab.x, a: lab.y, b: lab.z)
  }

  /// Linear light; outside of 0 to 1 for what sRGB has not. The matrix is the kernels' (color.swift), rounded as
  /// theirs is, and not the inverse of the other one: what is in the gamut here is not clipped there.
  private var light: SIMD3<Double> {
    let xyz = CIELab.xyz(lab: SIMD3(lightness, a, b))
    return SIMD3(
      3.24048134 * xyz.x - 1.53715152 * xyz.y - 0.49853633 * xyz.z,
      -0.96925495 * xyz.x + 1.87599 * xyz.y + 0.04155593 * xyz.z,
      0.05564664 * xyz.x - 0.20404134 * xyz.y + 1.05731107 * xyz.z)
  }

  /// sRGB-encoded, brought into 0 to 1.
  package var rgb: SIMD3<Double> {
    func encoded(_ value: Double) -> Double { min(CIELab.encoded(min(max(value, 0), 1)), 1) }
    let light = light
    return SIMD3(encoded(light.x), encoded(light.y), encoded(light.z))
  }

  /// Whether sRGB has it; white, which it has by definition, is off by 1e-5 in these formulas.
  package var isInGamut: Bool {
    let tolerance = 2e-5
    let light = light
    return light.min() >= -tolerance && light.max() <= 1 + tolerance
  }

  /// The same lightness and hue, with the chroma that sRGB has at most.
  package var broughtIntoGamut: LabColor {
    if isInGamut { return self }
    var inner = 0.0
    var outer = 1.0
    for _ in 0..<20 {
      let middle = (inner + outer) / 2
      if LabColor(lightness: lightness, a: a * middle, b: b * middle).isInGamut {
        inner = middle
      } else {
        outer = middle
      }
    }
    return LabColor(lightness: lightness, a: a * inner, b: b * inner)
  }

  /// The largest chroma that sRGB has.
  ///
  /// - Parameter hue: in degrees.
  package static func largestChroma(lightness: Double, hue: Double) -> Double {
    // Beyond the largest of all, blue's 133.8.
    let radians = hue * .pi / 180
    let far = LabColor(lightness: lightness, a: 150 * cos(radians), b: 150 * sin(radians))
    let border = far.broughtIntoGamut
    return (border.a * border.a + border.b * border.b).squareRoot()
  }
}
