// Powers of eight numbers at a time. The C library's pow takes most of the time of a picture
// otherwise, and gives float64's precision, which 8 to 16 bits a channel have no use for.

/// Eight pixels' values of one channel.
package typealias Float8 = SIMD8<Float>

extension SIMD8<Float> {
  /// The base-2 logarithm of normal numbers above 0; absolute error below 2e-7 times the larger of
  /// 1 and the result. Writing x = 2^e m with m from 0.71 to 1.41, log m is 2 artanh((m-1)/(m+1)).
  @inline(__always)
  private var logarithm: Float8 {
    let bits = unsafeBitCast(self, to: SIMD8<Int32>.self)
    let exponent = (bits &- 0x3F35_04F3) &>> 23
    let m = unsafeBitCast(bits &- (exponent &<< 23), to: Float8.self)
    let s = (m - 1) / (m + 1)
    let t = s * s
    let series = (((t * 0.320_598_9 + 0.412_198_6) * t + 0.577_078) * t + 0.961_796_7) * t
    return (series + 2.885_390_1) * s + Float8(exponent)
  }

  /// 2 to the power of this, from -126 to 126; relative error below 2e-7.
  @inline(__always)
  private var powerOfTwo: Float8 {
    // Adding 1.5 * 2^23 rounds to a whole number, which then stands in the low bits.
    let shifted = self + 12_582_912
    let f = (self - (shifted - 12_582_912)) * 0.693_147_18
    var p = f * 1.984_127e-4 + 1.388_889e-3
    p = p * f + 8.333_333e-3
    p = p * f + 4.166_666_8e-2
    p = p * f + 0.166_666_67
    p = p * f + 0.5
    p = (p * f + 1) * f + 1
    let whole = unsafeBitCast(shifted, to: SIMD8<Int32>.self) &- 0x4B40_0000
    return p * unsafeBitCast((whole &+ 127) &<< 23, to: Float8.self)
  }

  /// This to the power of `exponent`, for normal numbers above 0 and results that are normal
  /// numbers. Relative error below 2e-6. Anything else gives some number.
  @inline(__always)
  func power(_ exponent: Float) -> Float8 {
    // Not clamped(): it is a call for each of its two comparisons.
    let power = logarithm * exponent
    let most = Float8(repeating: 126)
    let bounded = power.replacing(with: most, where: power .> most)
    return bounded.replacing(with: -most, where: bounded .< -most).powerOfTwo
  }

  /// The cube root of normal numbers above 0. Relative error below 2e-7.
  @inline(__always)
  var cubeRoot: Float8 {
    let y = power(1 / 3)
    return y - (y - self / (y * y)) * Float(1.0 / 3.0)
  }
}
