// sRGB and CIE Lab in float64, as scikit-image's rgb2lab and lab2rgb define them. The kernels'
// (color.swift) are float32, whose rounding would show in figures that others compute in float64: of
// a gray pixel, for one, whether a and b are exactly 0.

import Glibc

/// Conversions of one color. Light is linear, 0 to 1 inside of sRGB's gamut; Lab has D65 for 2 degrees.
package enum CIELab {
  /// L, a, b of linear light.
  @inline(__always)
  package static func lab(light: SIMD3<Double>) -> SIMD3<Double> {
    let x = sum(light, 0.412453, 0.357580, 0.180423) / 0.95047
    let y = sum(light, 0.212671, 0.715160, 0.072169)
    let z = sum(light, 0.019334, 0.119193, 0.950227) / 1.08883
    let fx = f(x)
    let fy = f(y)
    return SIMD3(116 * fy - 16, 500 * (fx - fy), 200 * (fy - f(z)))
  }

  /// L of a luminance.
  @inline(__always)
  package static func lightness(luminance: Double) -> Double { 116 * f(luminance) - 16 }

  /// X, Y and Z of L, a, b.
  @inline(__always)
  static func xyz(lab: SIMD3<Double>) -> SIMD3<Double> {
    let fy = (lab.x + 16) / 116
    return SIMD3(
      inverseF(lab.y / 500 + fy) * 0.95047, inverseF(fy),
      // scikit-image clips f(Z), not Z.
      inverseF(max(fy - lab.z / 200, 0)) * 1.08883)
  }

  /// Linear light of L, a, b; outside of 0 to 1 for a color outside of the gamut.
  @inline(__always)
  package static func light(lab: SIMD3<Double>) -> SIMD3<Double> {
    let xyz = xyz(lab: lab)
    // The inverse of the matrix above.
    return SIMD3(
      sum(xyz, 3.240_481_343_200_526_6, -1.537_151_516_271_318_3, -0.498_536_326_168_887_8),
      sum(xyz, -0.969_254_949_996_568_2, 1.875_990_001_489_890_7, 0.041_555_926_558_292_84),
      sum(xyz, 0.055_646_639_135_177_166, -0.204_041_338_366_511_23, 1.057_311_069_645_344_3))
  }

  /// sRGB's transfer function, of light from 0 to 1.
  @inline(__always)
  package static func encoded(_ light: Double) -> Double {
    light > 0.0031308 ? 1.055 * pow(light, 1 / 2.4) - 0.055 : light * 12.92
  }

  /// And back.
  package static func light(encoded: Double) -> Double {
    encoded > 0.04045 ? pow((encoded + 0.055) / 1.055, 2.4) : encoded / 12.92
  }

  @inline(__always)
  private static func f(_ t: Double) -> Double { t > 0.008856 ? cbrt(t) : 7.787 * t + 16.0 / 116 }

  @inline(__always)
  private static func inverseF(_ f: Double) -> Double {
    f > 0.2068966 ? f * f * f : (f - 16.0 / 116) / 7.787
  }

  @inline(__always)
  private static func sum(
    _ values: SIMD3<Double>, _ first: Double, _ second: Double, _ third: Double
  ) -> Double {
    values.x * first + values.y * second + values.z * third
  }
}
