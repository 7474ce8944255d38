// Float64 colors against scikit-image, and CIEDE2000 against the pairs that were published for it.

import ColorizeCore
import ColorizeTraining
import Glibc
import Testing

@Suite struct ColorDifferenceTests {
  /// Sharma, Wu and Dalal 2005, table 1: L, a, b of two colors, and their difference.
  static let pairs: [(SIMD3<Double>, SIMD3<Double>, Double)] = [
    (50, 2.6772, -79.7751, 50, 0, -82.7485, 2.0425),
    (50, 3.1571, -77.2803, 50, 0, -82.7485, 2.8615),
    (50, 2.8361, -74.02, 50, 0, -82.7485, 3.4412),
    (50, -1.3802, -84.2814, 50, 0, -82.7485, 1.0000),
    (50, -1.1848, -84.8006, 50, 0, -82.7485, 1.0000),
    (50, -0.9009, -85.5211, 50, 0, -82.7485, 1.0000),
    (50, 0, 0, 50, -1, 2, 2.3669),
    (50, -1, 2, 50, 0, 0, 2.3669),
    (50, 2.49, -0.001, 50, -2.49, 0.0009, 7.1792),
    (50, 2.49, -0.001, 50, -2.49, 0.001, 7.1792),
    (50, 2.49, -0.001, 50, -2.49, 0.0011, 7.2195),
    (50, 2.49, -0.001, 50, -2.49, 0.0012, 7.2195),
    (50, -0.001, 2.49, 50, 0.0009, -2.49, 4.8045),
    (50, -0.001, 2.49, 50, 0.001, -2.49, 4.8045),
    (50, -0.001, 2.49, 50, 0.0011, -2.49, 4.7461),
    (50, 2.5, 0, 50, 0, -2.5, 4.3065),
    (50, 2.5, 0, 73, 25, -18, 27.1492),
    (50, 2.5, 0, 61, -5, 29, 22.8977),
    (50, 2.5, 0, 56, -27, -3, 31.9030),
    (50, 2.5, 0, 58, 24, 15, 19.4535),
    (50, 2.5, 0, 50, 3.1736, 0.5854, 1.0000),
    (50, 2.5, 0, 50, 3.2972, 0, 1.0000),
    (50, 2.5, 0, 50, 1.8634, 0.5757, 1.0000),
    (50, 2.5, 0, 50, 3.2592, 0.335, 1.0000),
    (60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644),
    (63.0109, -31.0961, -5.8663, 62.8187, -29.7946, -4.0864, 1.2630),
    (61.2901, 3.7196, -5.3901, 61.4292, 2.248, -4.962, 1.8731),
    (35.0831, -44.1164, 3.7933, 35.0232, -40.0716, 1.5901, 1.8645),
    (22.7233, 20.0904, -46.694, 23.0331, 14.973, -42.5619, 2.0373),
    (36.4612, 47.858, 18.3852, 36.2715, 50.5065, 21.2231, 1.4146),
    (90.8027, -2.0831, 1.441, 91.1528, -1.6435, 0.0447, 1.4441),
    (90.9257, -0.5406, -0.9208, 88.6381, -0.8985, -0.7239, 1.5381),
    (6.7747, -0.2908, -2.4247, 5.8714, -0.0985, -2.2286, 0.6377),
    (2.0776, 0.0795, -1.135, 0.9033, -0.0636, -0.5514, 0.9082),
  ].map { (SIMD3($0.0, $0.1, $0.2), SIMD3($0.3, $0.4, $0.5), $0.6) }

  /// They were published with four digits.
  @Test func isThatOfThePublishedPairs() {
    #expect(Self.pairs.count == 34)
    for (first, second, difference) in Self.pairs {
      #expect(abs(differenceCIEDE2000(first, second) - difference) <= 0.5001e-4)
      #expect(abs(differenceCIEDE2000(second, first) - difference) <= 0.5001e-4)
    }
  }

  /// Its rgb2lab, printed with all digits. Both are float64, and differ by the order of their sums.
  @Test func labIsScikitImages() {
    let colors: [(SIMD3<Double>, SIMD3<Double>)] = [
      (SIMD3(0, 0, 0), SIMD3(0, 0, 0)),
      (SIMD3(255, 255, 255), SIMD3(100, -0.0024549378620508655, 0.004653421154054982)),
      (SIMD3(255, 0, 0), SIMD3(53.2405879437449, 80.0923082256922, 67.2027510444287)),
      (SIMD3(3, 9, 200), SIMD3(24.899446031708635, 64.04885687000738, -88.68518755932568)),
      (SIMD3(10, 11, 12), SIMD3(2.984614289837282, -0.11720069376322528, -0.5055173964567172)),
      (SIMD3(250, 240, 20), SIMD3(92.88204006572353, -16.255787494689923, 89.50093686411769)),
    ]
    for (bytes, expected) in colors {
      var light = SIMD3<Double>()
      for index in 0..<3 { light[index] = CIELab.light(encoded: bytes[index] / 255) }
      let lab = CIELab.lab(light: light)
      for index in 0..<3 {
        #expect(abs(lab[index] - expected[index]) < 1e-11)
        // The matrix and its inverse are given with 16 digits, the bends of the curves with 7.
        let back = CIELab.light(lab: lab)
        #expect(abs(CIELab.encoded(max(back[index], 0)) - bytes[index] / 255) < 1e-7)
      }
    }
  }

  /// Its lab2rgb; colors inside and outside of sRGB's gamut.
  @Test func rgbIsScikitImages() {
    let colors: [(SIMD3<Double>, SIMD3<Double>)] = [
      (SIMD3(50, 0, 0), SIMD3(0.46632823364204584, 0.46632434773601533, 0.4663442328977632)),
      (SIMD3(50, 40, -60), SIMD3(0.487339171833248, 0.38624260188240045, 0.8715390087873499)),
      (SIMD3(30, -80, -100), SIMD3(0, 0.4064005224798121, 0.9150953737499411)),
      (SIMD3(2, 1, 1), SIMD3(0.043225229681056264, 0.02517378726415238, 0.019233825052560206)),
      (SIMD3(95, 90, 90), SIMD3(1, 0.5801359310178794, 0.2449681669796504)),
      // f(Z) is below 0, and is clipped.
      (SIMD3(20, 30, 90), SIMD3(0.3812667912458776, 0.08955993590394007, 0)),
    ]
    for (lab, expected) in colors {
      let light = CIELab.light(lab: lab).clamped(lowerBound: .zero, upperBound: .one)
      for index in 0..<3 {
        #expect(abs(CIELab.encoded(light[index]) - expected[index]) < 1e-11)
      }
    }
  }
}
