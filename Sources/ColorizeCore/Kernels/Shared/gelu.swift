// The Gaussian error linear unit.

import CKernelContract

/// See `colorize_gelu`. With 1 - erf(z) = p(1 / (1 + 0.3275911 z)) exp(-z^2) for z >= 0, which is right to 1.5e-7
/// (Abramowitz and Stegun, 7.1.26): of a negative x nothing large is subtracted.
func gelu(_ range: UnsafePointer<colorize_gelu>) {
  let values = range.pointee.values!
  let one = Vector(repeating: 1)
  var index = 0
  while index < range.pointee.count {
    let x = load(values + index)
    let isNegative = x .< Vector()
    let z = x.replacing(with: Vector() - x, where: isNegative) * Vector(repeating: 0.707_106_78)
    let t = one / multiplyAdd(z, Vector(repeating: 0.327_591_1), one)
    var p = multiplyAdd(t, Vector(repeating: 1.061_405_429), Vector(repeating: -1.453_152_027))
    p = multiplyAdd(p, t, Vector(repeating: 1.421_413_741))
    p = multiplyAdd(p, t, Vector(repeating: -0.284_496_736))
    p = multiplyAdd(p, t, Vector(repeating: 0.254_829_592))
    // Half of 1 - erf(z): the share of a normal distribution that is farther out.
    let beyond = p * t * exponential(Vector() - z * z) * Vector(repeating: 0.5)
    store(x * (one - beyond).replacing(with: beyond, where: isNegative), values + index)
    index &+= lanes
  }
}
