// Lab conversions of pixels in memory.

extension Lab {
  /// `count` pixels `[count, 3]`, from sRGB-encoded values to L, a, b; may work in place.
  package static func fromRGB(
    _ rgb: UnsafePointer<Float>, into lab: UnsafeMutablePointer<Float>, count: Int
  ) {
    forEachEight(rgb, lab, count) { red, green, blue in fromRGB(red, green, blue) }
  }

  /// And back; may work in place.
  ///
  /// - Parameter clip: whether each value is brought into 0 to 1.
  package static func toRGB(
    _ lab: UnsafePointer<Float>, into rgb: UnsafeMutablePointer<Float>, count: Int, clip: Bool
  ) {
    forEachEight(lab, rgb, count) { lightness, a, b in
      let color = toRGB(lightness, a, b)
      return clip ? (clipped(color.red), clipped(color.green), clipped(color.blue)) : color
    }
  }

  @inline(__always)
  private static func forEachEight(
    _ source: UnsafePointer<Float>, _ target: UnsafeMutablePointer<Float>, _ count: Int,
    _ convert: (Float8, Float8, Float8) -> (Float8, Float8, Float8)
  ) {
    var first = Float8()
    var second = Float8()
    var third = Float8()
    var pixel = 0
    while pixel < count {
      let lanes = min(8, count &- pixel)
      for lane in 0..<lanes {
        let value = source + (pixel &+ lane) &* 3
        first[lane] = value[0]
        second[lane] = value[1]
        third[lane] = value[2]
      }
      let result = convert(first, second, third)
      for lane in 0..<lanes {
        let value = target + (pixel &+ lane) &* 3
        value[0] = result.0[lane]
        value[1] = result.1[lane]
        value[2] = result.2[lane]
      }
      pixel &+= 8
    }
  }
}
