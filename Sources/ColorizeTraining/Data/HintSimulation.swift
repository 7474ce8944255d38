// Hints like a user's: some squares, mostly near the middle, that tell the color below them (Zhang
// et al. 2017, section 3.2).

import ColorizeCore

/// How hints are drawn.
package struct HintSimulation: Sendable {
  /// The share of the samples that have hints.
  package var hintedShare = 1.0 / 3
  /// The share of those in which every pixel is one.
  package var wholeShare = 1.0 / 64
  /// The number of hints is geometric: n = 1, 2, ... with p (1 - p)^(n - 1).
  package var p = 1.0 / 8

  package init() {}

  package func validate() throws(ColorizeError) {
    for (name, share) in [("hintedShare", hintedShare), ("wholeShare", wholeShare)] {
      guard (0...1).contains(share) else {
        throw .invalidArgument("\(name) is \(share); it must be 0 to 1")
      }
    }
    guard p >= 0.001, p < 1 else {
      throw .invalidArgument("p is \(p); it must be 0.001 to below 1")
    }
  }

  /// A square of pixels.
  package struct Patch: Equatable, Sendable {
    package var left: Int
    package var top: Int
    package var side: Int

    package init(left: Int, top: Int, side: Int) {
      self.left = left
      self.top = top
      self.side = side
    }
  }

  package enum Hints: Equatable, Sendable {
    case none
    case everywhere
    /// Later ones lie over earlier ones.
    case patches([Patch])

    mutating func add(_ more: [Patch]) {
      guard !more.isEmpty else { return }
      switch self {
      case .none: self = .patches(more)
      case .everywhere: break
      case .patches(let patches): self = .patches(patches + more)
      }
    }
  }

  /// The largest patch has 9 pixels in a picture of 256.
  private static let largestPatch = 9
  private static let patchPicture = 256

  /// - Parameter side: of the sample, in pixels.
  package func draw(side: Int, numbers: inout RandomNumbers) -> Hints {
    let isHinted = numbers.fraction() < hintedShare
    let isWhole = numbers.fraction() < wholeShare
    guard isHinted else { return .none }
    guard !isWhole else { return .everywhere }
    let count = numbers.geometric(p)
    return .patches(
      (0..<count).map { _ in
        let patch = Self.drawPatchSide(pictureSide: side, numbers: &numbers)
        let room = side - patch
        func place() -> Int {
          let place = Double(room) / 2 + numbers.normal() * Double(side) / 4
          return min(max(Int(place.rounded()), 0), room)
        }
        return Patch(left: place(), top: place(), side: patch)
      })
  }

  static func drawPatchSide(pictureSide: Int, numbers: inout RandomNumbers) -> Int {
    let size = Double((1 + numbers.index(below: largestPatch)) * pictureSide)
    return min(max(Int((size / Double(patchPicture)).rounded()), 1), pictureSide)
  }

  /// Writes hints into a sample.
  ///
  /// - Parameters:
  ///   - ab: `[side, side, 2]`: a / 110 and b / 110.
  ///   - input: `[side, side, 4]`; all but the lightness is written.
  package static func write(
    _ hints: Hints, side: Int, ab: UnsafePointer<Float>, input: UnsafeMutablePointer<Float>
  ) {
    let isWhole = hints == .everywhere
    for pixel in 0..<(side * side) {
      input[4 * pixel + 1] = isWhole ? ab[2 * pixel] : 0
      input[4 * pixel + 2] = isWhole ? ab[2 * pixel + 1] : 0
      input[4 * pixel + 3] = isWhole ? 1 : 0
    }
    guard case .patches(let patches) = hints else { return }
    for patch in patches {
      var sum = SIMD2<Float>(0, 0)
      patch.forEachPixel(side) { sum += SIMD2(ab[2 * $0], ab[2 * $0 + 1]) }
      let mean = sum / Float(patch.side * patch.side)
      patch.forEachPixel(side) {
        input[4 * $0 + 1] = mean.x
        input[4 * $0 + 2] = mean.y
        input[4 * $0 + 3] = 1
      }
    }
  }
}

extension HintSimulation.Patch {
  fileprivate func forEachPixel(_ pictureSide: Int, _ body: (Int) -> Void) {
    for y in top..<(top + side) {
      for x in left..<(left + side) { body(y * pictureSide + x) }
    }
  }
}
