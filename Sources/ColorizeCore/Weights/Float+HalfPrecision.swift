// IEEE half precision, and bfloat16, as they are stored in model files.

extension Float {
  /// The number that an IEEE half-precision pattern stands for.
  @inline(__always)
  init(halfPrecision bits: UInt16) {
    let sign = UInt32(bits & 0x8000) << 16
    let magnitude = UInt32(bits & 0x7FFF)
    // Shifted into place the exponent is 112 too small, for subnormal numbers too: a product with
    // 2^112 is exact and right for both. Infinity and NaN need the largest exponent.
    let scaled = Float(bitPattern: magnitude &<< 13) * 0x1p112
    let special: UInt32 = magnitude >= 0x7C00 ? 0x7F80_0000 : 0
    self = Float(bitPattern: scaled.bitPattern | special | sign)
  }

  /// The number that a bfloat16 pattern stands for: the upper half of a float's.
  @inline(__always)
  init(brainPrecision bits: UInt16) { self.init(bitPattern: UInt32(bits) << 16) }

  /// The nearest bfloat16 pattern, the even one of two, of a finite number.
  @inline(__always)
  var brainPrecision: UInt16 {
    UInt16(truncatingIfNeeded: (bitPattern &+ 0x7FFF &+ (bitPattern >> 16 & 1)) >> 16)
  }

  /// The nearest half-precision pattern, the even one of two; nil beyond the largest number, 65504,
  /// and what would be rounded to it.
  var halfPrecision: UInt16? {
    let sign = UInt16(truncatingIfNeeded: bitPattern >> 16) & 0x8000
    let magnitude = bitPattern & 0x7FFF_FFFF
    // 65520 lies in the middle between 65504 and what would be the next number.
    guard magnitude < 0x477F_F000 else { return nil }
    if magnitude < 0x3880_0000 {
      // Subnormal: one half has the last place 2^-24, as these have, so the sum is rounded to it.
      let sum = Float(bitPattern: magnitude) + 0.5
      return sign | UInt16(truncatingIfNeeded: sum.bitPattern &- 0x3F00_0000)
    }
    // The exponent becomes 112 smaller; just below a half is added, or a half where the last place
    // that stays is odd, and the rest cut off.
    let rounded = magnitude &- (112 << 23) &+ 0xFFF &+ (magnitude >> 13 & 1)
    return sign | UInt16(truncatingIfNeeded: rounded >> 13)
  }
}
