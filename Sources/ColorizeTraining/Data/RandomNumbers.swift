// Everything random of a run: numbers that follow from its seed alone, so that a sample is the same
// on any number of threads and after a resume.

import Glibc

/// SplitMix64 (Steele, Lea and Flood 2014).
package struct RandomNumbers {
  private static let step: UInt64 = 0x9E37_79B9_7F4A_7C15
  private var state: UInt64

  package init(state: UInt64) { self.state = state }

  /// The numbers that belong to something numbered: a sample of a run, an epoch. Those of
  /// neighbours have nothing in common.
  package init(seed: UInt64, number: Int) {
    state = Self.mixed(Self.mixed(seed &+ Self.step) &+ UInt64(bitPattern: Int64(number)))
  }

  package mutating func next() -> UInt64 {
    state &+= Self.step
    return Self.mixed(state)
  }

  /// From 0 to below 1.
  package mutating func fraction() -> Double { Double(next() >> 11) * 0x1p-53 }

  package mutating func value(in range: ClosedRange<Double>) -> Double {
    range.lowerBound + fraction() * (range.upperBound - range.lowerBound)
  }

  /// 0 to `count` - 1. The bias is below count / 2^53.
  package mutating func index(below count: Int) -> Int { Int(fraction() * Double(count)) }

  /// Mean 0, standard deviation 1 (Box and Muller 1958).
  package mutating func normal() -> Double {
    let radius = sqrt(-2 * log(1 - fraction()))
    return radius * cos(2 * .pi * fraction())
  }

  /// 1, 2, ... with the probabilities p, p (1 - p), ...
  package mutating func geometric(_ p: Double) -> Int {
    1 + Int(log(1 - fraction()) / log(1 - p))
  }

  fileprivate static func mixed(_ value: UInt64) -> UInt64 {
    var value = value
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}

/// A permutation of 0 to `count` - 1 that needs no memory: a Feistel network of four rounds over
/// the next power of 4, gone through again where it leaves the range (Black and Rogaway 2002).
package struct Permutation {
  private let count: Int
  private let halfBits: UInt64
  private let keys: (UInt64, UInt64, UInt64, UInt64)

  package init(count: Int, numbers: inout RandomNumbers) {
    self.count = count
    var bits: UInt64 = 1
    while bits < 31, 1 << (2 * bits) < UInt64(count) { bits += 1 }
    halfBits = bits
    keys = (numbers.next(), numbers.next(), numbers.next(), numbers.next())
  }

  /// - Parameter index: below `count`, which is below 2^62.
  package subscript(index: Int) -> Int {
    var value = UInt64(index)
    repeat { value = scrambled(value) } while value >= UInt64(count)
    return Int(value)
  }

  private func scrambled(_ value: UInt64) -> UInt64 {
    let mask: UInt64 = (1 << halfBits) - 1
    var left = value >> halfBits
    var right = value & mask
    for key in [keys.0, keys.1, keys.2, keys.3] {
      (left, right) = (right, left ^ (RandomNumbers.mixed(right &+ key) & mask))
    }
    return left << halfBits | right
  }
}
