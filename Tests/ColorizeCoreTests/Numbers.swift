// Numbers that look random and are the same every time.

/// A generator of small numbers: Knuth's MMIX constants, the upper bits.
struct Numbers {
  private var state: UInt64

  init(seed: UInt64) { state = seed &* 2 &+ 1 }

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state >> 33
  }

  /// From -1 to 1.
  mutating func value() -> Float { Float(next()) / Float(UInt32.max >> 2) - 1 }

  mutating func values(_ count: Int) -> [Float] { (0..<count).map { _ in value() } }

  mutating func byte() -> UInt8 { UInt8(truncatingIfNeeded: next()) }
}
