// sRGB to CIE Lab and back, a vector of pixels at a time, as scikit-image's rgb2lab and lab2rgb
// define them: white point D65 for 2 degrees, sRGB's transfer function with its bend at 0.04045.

/// `base` to the power of `exponent`, for normal numbers above 0 and results that are normal
/// numbers; relative error below 1e-6. Anything else gives some number.
///
/// base = 2^e (1 + f) with f from -0.29 to 0.41. log2(1 + f) and 2^r are minimax polynomials, with
/// errors of 3e-8 and 7e-8, that are exact at 0: 1 stays 1.
@inline(__always)
func power(_ base: Vector, _ exponent: Float) -> Vector {
  // Adding 1.5 * 2^23 rounds to a whole number, which then stands in the low bits.
  let magic = Vector(repeating: 12_582_912)
  let bits = unsafeBitCast(base, to: Words.self)
  let offset = bits &- Words(repeating: 0x3F35_04F3)
  let f =
    unsafeBitCast(bits &- (offset & Words(repeating: ~0x7F_FFFF)), to: Vector.self)
    - Vector(repeating: 1)
  var log = Vector(repeating: -0.145_616_25)
  log = multiplyAdd(log, f, Vector(repeating: 0.238_555_82))
  log = multiplyAdd(log, f, Vector(repeating: -0.250_870_8))
  log = multiplyAdd(log, f, Vector(repeating: 0.286_514_97))
  log = multiplyAdd(log, f, Vector(repeating: -0.359_983_95))
  log = multiplyAdd(log, f, Vector(repeating: 0.480_942_28))
  log = multiplyAdd(log, f, Vector(repeating: -0.721_360_1))
  log = multiplyAdd(log, f, Vector(repeating: 1.442_695))
  let e = (offset &>> Words(repeating: 23)) &+ unsafeBitCast(magic, to: Words.self)
  log = multiplyAdd(log, f, unsafeBitCast(e, to: Vector.self) - magic)
  let shifted = multiplyAdd(log, Vector(repeating: exponent), magic)
  let r = multiplyAdd(log, Vector(repeating: exponent), magic - shifted)
  var p = Vector(repeating: 0.001_335_272_4)
  p = multiplyAdd(p, r, Vector(repeating: 0.009_671_886))
  p = multiplyAdd(p, r, Vector(repeating: 0.055_504_49))
  p = multiplyAdd(p, r, Vector(repeating: 0.240_222_3))
  p = multiplyAdd(p, r, Vector(repeating: 0.693_147_24))
  p = multiplyAdd(p, r, Vector(repeating: 1))
  let scale = unsafeBitCast(shifted, to: Words.self) &<< Words(repeating: 23)
  return unsafeBitCast(unsafeBitCast(p, to: Words.self) &+ scale, to: Vector.self)
}

/// The larger of the two; `least` for what is not a number.
@inline(__always)
func atLeast(_ least: Float, _ value: Vector) -> Vector {
  let bound = Vector(repeating: least)
  return bound.replacing(with: value, where: value .> bound)
}

/// The smaller of the two.
@inline(__always)
func atMost(_ most: Float, _ value: Vector) -> Vector {
  let bound = Vector(repeating: most)
  return value.replacing(with: bound, where: value .> bound)
}

@inline(__always)
func smaller(_ a: Vector, _ b: Vector) -> Vector { a.replacing(with: b, where: b .< a) }

@inline(__always)
func larger(_ a: Vector, _ b: Vector) -> Vector { a.replacing(with: b, where: b .> a) }

/// sRGB's transfer function, to linear light. Values outside of 0 to 1 follow the same formula.
@inline(__always)
func linear(_ encoded: Vector) -> Vector {
  let bend = Vector(repeating: 0.04045)
  // 2^50: a larger number's power would not be one.
  let base = (atMost(0x1p50, encoded) + Vector(repeating: 0.055)) * Vector(repeating: 1 / 1.055)
  return (encoded * Vector(repeating: 1 / 12.92))
    .replacing(with: power(base, 2.4), where: encoded .> bend)
}

/// And back, times `scale`.
@inline(__always)
func encoded(_ linear: Vector, scale: Float) -> Vector {
  let curve = multiplyAdd(
    power(linear, 1 / 2.4), Vector(repeating: 1.055 * scale), Vector(repeating: -0.055 * scale))
  return (linear * Vector(repeating: 12.92 * scale))
    .replacing(with: curve, where: linear .> Vector(repeating: 0.003_130_8))
}

/// Lab's f: a cube root with a straight start.
@inline(__always)
func labF(_ t: Vector) -> Vector {
  multiplyAdd(t, Vector(repeating: 7.787), Vector(repeating: 16.0 / 116.0))
    .replacing(with: power(t, 1.0 / 3.0), where: t .> Vector(repeating: 0.008856))
}

/// And back.
@inline(__always)
private func inverseF(_ f: Vector) -> Vector {
  ((f - Vector(repeating: 16.0 / 116.0)) * Vector(repeating: 1 / 7.787))
    .replacing(with: f * f * f, where: f .> Vector(repeating: 0.206_896_6))
}

/// L 0 to 100 of Lab's f of the luminance.
@inline(__always)
func lightness(_ fy: Vector) -> Vector {
  multiplyAdd(fy, Vector(repeating: 116), Vector(repeating: -16))
}

/// Three numbers for each pixel of a vector.
struct Triple {
  var first: Vector
  var second: Vector
  var third: Vector

  /// The sum of the three, weighted.
  @inline(__always)
  func sum(_ first: Float, _ second: Float, _ third: Float) -> Vector {
    multiplyAdd(
      self.third, Vector(repeating: third),
      multiplyAdd(
        self.second, Vector(repeating: second), self.first * Vector(repeating: first)))
  }
}

/// L, a, b of sRGB-encoded values.
@inline(__always)
func lab(_ rgb: Triple) -> Triple {
  let light = Triple(
    first: linear(rgb.first), second: linear(rgb.second), third: linear(rgb.third))
  let fx = labF(light.sum(0.412453 / 0.95047, 0.357580 / 0.95047, 0.180423 / 0.95047))
  let fy = labF(light.sum(0.212671, 0.715160, 0.072169))
  let fz = labF(light.sum(0.019334 / 1.08883, 0.119193 / 1.08883, 0.950227 / 1.08883))
  return Triple(
    first: lightness(fy), second: (fx - fy) * Vector(repeating: 500),
    third: (fy - fz) * Vector(repeating: 200))
}

/// Linear light of a color; outside of 0 to 1 for those outside of sRGB's gamut.
///
/// - Parameters:
///   - y: the luminance.
///   - fy: Lab's f of it.
@inline(__always)
func light(y: Vector, fy: Vector, a: Vector, b: Vector) -> Triple {
  let fx = multiplyAdd(a, Vector(repeating: 1 / 500), fy)
  let fz = multiplyAdd(b, Vector(repeating: -1 / 200), fy)
  // scikit-image clips f(Z), not Z.
  let xyz = Triple(first: inverseF(fx), second: y, third: inverseF(atLeast(0, fz)))
  return Triple(
    first: xyz.sum(3.240_481_34 * 0.95047, -1.537_151_52, -0.498_536_33 * 1.08883),
    second: xyz.sum(-0.969_254_95 * 0.95047, 1.875_990, 0.041_555_93 * 1.08883),
    third: xyz.sum(0.055_646_64 * 0.95047, -0.204_041_34, 1.057_311_07 * 1.08883))
}

/// sRGB-encoded values of L, a, b.
@inline(__always)
func rgb(_ lab: Triple) -> Triple {
  let fy = (lab.first + Vector(repeating: 16)) * Vector(repeating: 1 / 116)
  let light = light(y: inverseF(fy), fy: fy, a: lab.second, b: lab.third)
  return Triple(
    first: encoded(light.first, scale: 1), second: encoded(light.second, scale: 1),
    third: encoded(light.third, scale: 1))
}
