// Which ab sRGB has at any lightness.

import Glibc

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
