// The color difference CIEDE2000 (Sharma, Wu and Dalal 2005), with kL = kC = kH = 1.

import Glibc

/// CIEDE2000 of two colors L, a, b.
package func differenceCIEDE2000(_ first: SIMD3<Double>, _ second: SIMD3<Double>) -> Double {
  // a is stretched where the mean chroma is low; the names are the paper's, without its primes.
  let meanChroma = (chroma(first.y, first.z) + chroma(second.y, second.z)) / 2
  let stretch = 1 + (1 - seventhPowerShare(meanChroma)) / 2
  let c1 = chroma(first.y * stretch, first.z)
  let c2 = chroma(second.y * stretch, second.z)
  let h1 = hue(first.y * stretch, first.z)
  let h2 = hue(second.y * stretch, second.z)

  var hueDifference = h2 - h1
  var hueSum = h1 + h2
  if c1 * c2 == 0 {
    // A gray has no hue: the mean is the other one's.
    hueDifference = 0
    hueSum *= 2
  } else if abs(hueDifference) > .pi {
    hueDifference += hueDifference > 0 ? -2 * .pi : 2 * .pi
    hueSum += hueSum < 2 * .pi ? 2 * .pi : -2 * .pi
  }
  let deltaH = 2 * (c1 * c2).squareRoot() * sin(hueDifference / 2)
  let h = hueSum / 2
  let c = (c1 + c2) / 2
  let degree = Double.pi / 180

  let t =
    1 - 0.17 * cos(h - 30 * degree) + 0.24 * cos(2 * h) + 0.32 * cos(3 * h + 6 * degree)
    - 0.20 * cos(4 * h - 63 * degree)
  let fromMiddle = (first.x + second.x) / 2 - 50
  let lightnessScale =
    1 + 0.015 * fromMiddle * fromMiddle / (20 + fromMiddle * fromMiddle).squareRoot()
  let lightnessTerm = (second.x - first.x) / lightnessScale
  let chromaTerm = (c2 - c1) / (1 + 0.045 * c)
  let hueTerm = deltaH / (1 + 0.015 * c * t)
  let fromBlue = (h / degree - 275) / 25
  let rotation = -sin(60 * degree * exp(-fromBlue * fromBlue)) * 2 * seventhPowerShare(c)
  let square =
    lightnessTerm * lightnessTerm + chromaTerm * chromaTerm + hueTerm * hueTerm
    + rotation * chromaTerm * hueTerm
  return max(square, 0).squareRoot()
}

@inline(__always)
private func chroma(_ a: Double, _ b: Double) -> Double { (a * a + b * b).squareRoot() }

/// 0 to 2 pi.
@inline(__always)
private func hue(_ a: Double, _ b: Double) -> Double {
  let angle = atan2(b, a)
  return angle < 0 ? angle + 2 * .pi : angle
}

/// The root of C^7 / (C^7 + 25^7).
@inline(__always)
private func seventhPowerShare(_ chroma: Double) -> Double {
  let third = chroma * chroma * chroma
  let seventh = third * third * chroma
  return (seventh / (seventh + 6_103_515_625)).squareRoot()
}
