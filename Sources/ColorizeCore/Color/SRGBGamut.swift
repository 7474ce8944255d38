// Which colors sRGB has: at a lightness, and at any.

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

/// The a and b that some color of sRGB has: what the most colorful ones, in which one channel is 0 and
/// another one 1, enclose in the ab plane.
struct GamutOutline {
  /// In the order of their angles: where the outline is cut.
  private let angles: [Double]
  private let chromas: [Double]

  /// Colors from one corner of the outline to the next: the outline is then true to 0.1.
  private static let steps = 32
  /// In units of a and b: what is on the outline is to count as inside.
  private static let tolerance = 0.5

  init() {
    // Red, yellow, green, cyan, blue, magenta: from one to the next a channel changes.
    let corners: [SIMD3<Double>] = [
      [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 1, 1], [0, 0, 1], [1, 0, 1],
    ]
    var points: [(angle: Double, chroma: Double)] = []
    for (index, corner) in corners.enumerated() {
      let next = corners[(index + 1) % corners.count]
      for step in 0..<Self.steps {
        let share = Double(step) / Double(Self.steps)
        let color = LabColor(rgb: corner + (next - corner) * share)
        points.append(
          (atan2(color.b, color.a), (color.a * color.a + color.b * color.b).squareRoot()))
      }
    }
    points.sort { $0.angle < $1.angle }
    angles = points.map(\.angle)
    chromas = points.map(\.chroma)
  }

  /// False for what is not a number.
  func contains(_ ab: SIMD2<Float>) -> Bool {
    let (a, b) = (Double(ab.x), Double(ab.y))
    let chroma = (a * a + b * b).squareRoot()
    guard chroma.isFinite else { return false }
    // What every hue has.
    if chroma < 30 { return true }
    let angle = atan2(b, a)
    // The first point behind the angle, which is the first of all behind the last one.
    var (after, end) = (0, angles.count)
    while after < end {
      let middle = (after + end) / 2
      if angles[middle] > angle { end = middle } else { after = middle + 1 }
    }
    let before = (after == 0 ? angles.count : after) - 1
    if after == angles.count { after = 0 }
    var span = angles[after] - angles[before]
    var part = angle - angles[before]
    if span <= 0 { span += 2 * .pi }
    if part < 0 { part += 2 * .pi }
    let share = span > 0 ? min(part / span, 1) : 0
    let most = chromas[before] + (chromas[after] - chromas[before]) * share
    return chroma <= most + Self.tolerance
  }
}
