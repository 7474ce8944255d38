// sRGB to CIE Lab and back, as scikit-image's rgb2lab and lab2rgb define them: white point D65 for
// 2 degrees, sRGB's transfer function with its bend at 0.04045.

import Glibc

/// Conversions of eight pixels at a time.
package enum Lab {
  // XYZ of the white point.
  private static let whiteX: Float = 0.95047
  private static let whiteZ: Float = 1.08883

  /// sRGB's transfer function, to linear light. Values outside of 0 to 1 follow the same formula.
  @inline(__always)
  private static func linear(_ encoded: Float8) -> Float8 {
    (encoded * (1 / 12.92)).replacing(
      with: ((encoded + 0.055) * (1 / 1.055)).power(2.4), where: encoded .> 0.04045)
  }

  /// And back.
  @inline(__always)
  private static func encoded(_ linear: Float8) -> Float8 {
    (linear * 12.92).replacing(
      with: linear.power(1 / 2.4) * 1.055 - 0.055, where: linear .> 0.0031308)
  }

  /// Lab's f: a cube root with a straight start.
  @inline(__always)
  private static func f(_ t: Float8) -> Float8 {
    (t * 7.787 + Float(16.0 / 116.0)).replacing(with: t.cubeRoot, where: t .> 0.008856)
  }

  /// And back.
  @inline(__always)
  private static func inverseF(_ f: Float8) -> Float8 {
    ((f - Float(16.0 / 116.0)) * Float(1 / 7.787)).replacing(with: f * f * f, where: f .> 0.2068966)
  }

  /// L 0 to 100, a and b, from sRGB-encoded values 0 to 1.
  @inline(__always)
  package static func fromRGB(_ red: Float8, _ green: Float8, _ blue: Float8)
    -> (lightness: Float8, a: Float8, b: Float8)
  {
    let red = linear(red)
    let green = linear(green)
    let blue = linear(blue)
    let fx = f((red * 0.412453 + green * 0.357580 + blue * 0.180423) / whiteX)
    let fy = f(red * 0.212671 + green * 0.715160 + blue * 0.072169)
    let fz = f((red * 0.019334 + green * 0.119193 + blue * 0.950227) / whiteZ)
    return (fy * 116 - 16, (fx - fy) * 500, (fy - fz) * 200)
  }

  /// sRGB-encoded values, which lie outside of 0 to 1 for colours outside of sRGB's gamut.
  @inline(__always)
  package static func toRGB(_ lightness: Float8, _ a: Float8, _ b: Float8)
    -> (red: Float8, green: Float8, blue: Float8)
  {
    let fy = (lightness + 16) * (1 / 116)
    let fx = fy + a * (1 / 500)
    let fz = fy - b * (1 / 200)
    let x = inverseF(fx) * whiteX
    let y = inverseF(fy)
    // scikit-image clips f(Z), not Z.
    let z = inverseF(fz.replacing(with: Float8(), where: fz .< Float8())) * whiteZ
    return (
      encoded(x * 3.240_481_3 + y * -1.537_151_5 + z * -0.498_536_33),
      encoded(x * -0.969_254_9 + y * 1.875_990 + z * 0.041_555_93),
      encoded(x * 0.055_646_64 + y * -0.204_041_34 + z * 1.057_311_1)
    )
  }

  /// Each value brought into 0 to 1; what is not a number becomes 0.
  @inline(__always)
  package static func clipped(_ value: Float8) -> Float8 {
    let positive = Float8().replacing(with: value, where: value .> Float8())
    return positive.replacing(with: Float8(repeating: 1), where: positive .> Float8(repeating: 1))
  }
}

/// Lightness of 8-bit pixels.
package struct LightnessTable: Sendable {
  /// Linear light of each sRGB-encoded byte.
  private let linear: [Float]
  /// L of each gray byte.
  private let gray: [Float]

  package init() {
    var linear: [Float] = []
    var gray: [Float] = []
    for byte in 0..<256 {
      let encoded = Double(byte) / 255
      let light = encoded > 0.04045 ? pow((encoded + 0.055) / 1.055, 2.4) : encoded / 12.92
      linear.append(Float(light))
      let sum = light * 0.212671 + light * 0.715160 + light * 0.072169
      let f = sum > 0.008856 ? cbrt(sum) : 7.787 * sum + 16.0 / 116.0
      gray.append(Float(116 * f - 16))
    }
    self.linear = linear
    self.gray = gray
  }

  /// L of the pixels of a row: `[count]`, with room for `count` rounded up to 8.
  ///
  /// - Parameters:
  ///   - pixels: the first byte of the row.
  ///   - channels: how many bytes a pixel has; the first one is gray or the first three are RGB.
  package func lightness(
    _ pixels: UnsafePointer<UInt8>, channels: Int, count: Int,
    into row: UnsafeMutablePointer<Float>
  ) {
    linear.withUnsafeBufferPointer { linear in
      gray.withUnsafeBufferPointer { gray in
        if channels == 1 {
          for x in 0..<count { row[x] = gray[Int(pixels[x])] }
          return
        }
        for x in 0..<count {
          let pixel = pixels + x &* channels
          row[x] =
            linear[Int(pixel[0])] * 0.212671 + linear[Int(pixel[1])] * 0.715160
            + linear[Int(pixel[2])] * 0.072169
        }
        var x = 0
        while x < count {
          let place = UnsafeMutableRawPointer(row + x)
          let light = place.loadUnaligned(as: Float8.self)
          let lightness = (light * Float(7.787 * 116)).replacing(
            with: light.cubeRoot * 116 - 16, where: light .> 0.008856)
          place.storeBytes(of: lightness, as: Float8.self)
          x &+= 8
        }
      }
    }
  }
}
