// Things in colors that nobody would guess, each with a hint of its color: from these a network learns that a hint is
// about a thing, about all of it and about nothing else, however unlikely its color is.

import ColorizeCore
import Glibc

/// How things of a sample are recolored.
package struct Recoloring: Sendable {
  /// The share of the samples in which some are.
  package var share: Double
  /// Their number is geometric: n = 1, 2, ... with p (1 - p)^(n - 1).
  package var p = 0.5
  /// The share of the things that become gray.
  package var grayShare = 0.2
  /// What a thing is, as a share of the picture.
  package var area = 0.01...0.4
  /// Of the new colors, in ab.
  package var chroma = 15.0...65

  package init(share: Double) { self.share = share }

  package func validate() throws(ColorizeError) {
    guard (0...1).contains(share) else {
      throw .invalidArgument("recolor is \(share); it must be 0 to 1")
    }
  }

  /// A pixel belongs to a thing if its color is so near to the thing's mean, in Lab; drawn for each thing.
  private static let spread = 8.0...25
  /// And so near to that of its neighbour in it.
  private static let step: Float = 5
  /// Lightness varies within a thing more than a and b do.
  private static let lightnessShare: Float = 0.5
  /// What becomes of the differences of ab within a thing.
  private static let keptVariation: Float = 0.5
  /// Places that are tried for a thing, and for its hint.
  private static let attempts = 8
  private static let patchAttempts = 8

  /// Recolors things of a sample, if it is one of those in which some are; the hints that say so, none otherwise.
  ///
  /// - Parameters:
  ///   - lab: L, a and b, `[side, side, 3]`, in place.
  ///   - search: memory for pictures of this side.
  func apply(
    to lab: UnsafeMutablePointer<Float>, _ search: ThingSearch, numbers: inout RandomNumbers
  ) -> [HintSimulation.Patch] {
    guard numbers.fraction() < share else { return [] }
    var patches: [HintSimulation.Patch] = []
    search.forgetAll()
    let side = search.side
    for _ in 0..<numbers.geometric(p) {
      guard let thing = find(lab, search, &numbers) else { continue }
      let isGray = numbers.fraction() < grayShare
      let angle = 2 * Double.pi * numbers.fraction()
      let chroma = isGray ? 0 : numbers.value(in: chroma)
      let color = SIMD2(Float(chroma * cos(angle)), Float(chroma * sin(angle)))
      paint(thing, color, keeping: isGray ? 0 : Self.keptVariation, lab)
      patches.append(patch(in: thing, search, side: side, &numbers))
    }
    return patches
  }

  /// The pixels of a thing that has not been found before.
  private func find(
    _ lab: UnsafePointer<Float>, _ search: ThingSearch, _ numbers: inout RandomNumbers
  ) -> UnsafeBufferPointer<Int32>? {
    let pixels = Double(search.side * search.side)
    for _ in 0..<Self.attempts {
      let seed = numbers.index(below: search.side * search.side)
      let spread = Float(numbers.value(in: Self.spread))
      let thing = search.grow(
        from: seed, lab, spread: spread, step: Self.step, lightnessShare: Self.lightnessShare)
      if area.contains(Double(thing.count) / pixels) { return thing }
      search.forget(thing)
    }
    return nil
  }

  /// Gives a thing another mean color. Near black and white there are no strong ones.
  private func paint(
    _ thing: UnsafeBufferPointer<Int32>, _ color: SIMD2<Float>, keeping variation: Float,
    _ lab: UnsafeMutablePointer<Float>
  ) {
    var mean = SIMD2<Float>(0, 0)
    for pixel in thing { mean += SIMD2(lab[3 * Int(pixel) + 1], lab[3 * Int(pixel) + 2]) }
    mean /= Float(thing.count)
    for pixel in thing {
      let place = lab + 3 * Int(pixel)
      let room = min(max(min(place[0] / 40, (100 - place[0]) / 25), 0), 1)
      let ab = color * room + (SIMD2(place[1], place[2]) - mean) * variation
      place[1] = ab.x
      place[2] = ab.y
    }
  }

  /// A square of a thing's pixels; a single one where no square was found.
  private func patch(
    in thing: UnsafeBufferPointer<Int32>, _ search: ThingSearch, side: Int,
    _ numbers: inout RandomNumbers
  ) -> HintSimulation.Patch {
    let wanted = HintSimulation.drawPatchSide(pictureSide: side, numbers: &numbers)
    var pixel = 0
    for _ in 0..<Self.patchAttempts {
      pixel = Int(thing[numbers.index(below: thing.count)])
      let (left, top) = (pixel % side - wanted / 2, pixel / side - wanted / 2)
      guard left >= 0, top >= 0, left + wanted <= side, top + wanted <= side else { continue }
      let patch = HintSimulation.Patch(left: left, top: top, side: wanted)
      if search.isOneThing(patch) { return patch }
    }
    return HintSimulation.Patch(left: pixel % side, top: pixel / side, side: 1)
  }
}

/// Finds things: the pixels around one that are like it, and like their neighbours.
final class ThingSearch {
  let side: Int
  /// The pixels of the things that have been found, one thing behind the other.
  private let pixels: Memory<Int32>
  private var end = 0
  /// By pixel: the number of its thing, 0 for none.
  private let things: Memory<Int32>
  private var count: Int32 = 0

  init(side: Int) throws(ColorizeError) {
    self.side = side
    pixels = try Memory(count: side * side)
    things = try Memory(count: side * side)
    things.fill(0)
  }

  func forgetAll() {
    things.fill(0)
    end = 0
    count = 0
  }

  /// The last thing.
  func forget(_ thing: UnsafeBufferPointer<Int32>) {
    for pixel in thing { things.start[Int(pixel)] = 0 }
    end -= thing.count
  }

  /// Whether all pixels belong to the last thing.
  func isOneThing(_ patch: HintSimulation.Patch) -> Bool {
    for y in patch.top..<(patch.top + patch.side) {
      for x in patch.left..<(patch.left + patch.side)
      where things.start[y * side + x] != count { return false }
    }
    return true
  }

  /// The pixels that are reached from `seed`, which is not one of another thing. Valid until the next search.
  func grow(
    from seed: Int, _ lab: UnsafePointer<Float>, spread: Float, step: Float, lightnessShare: Float
  ) -> UnsafeBufferPointer<Int32> {
    let first = end
    func color(_ pixel: Int) -> SIMD4<Float> {
      SIMD4(lightnessShare * lab[3 * pixel], lab[3 * pixel + 1], lab[3 * pixel + 2], 0)
    }
    func square(_ difference: SIMD4<Float>) -> Float { (difference * difference).sum() }
    if things.start[seed] == 0 {
      count += 1
      var mean = color(seed)
      func take(_ pixel: Int) {
        things.start[pixel] = count
        pixels.start[end] = Int32(pixel)
        end += 1
      }
      take(seed)
      var next = first
      while next < end {
        let pixel = Int(pixels.start[next])
        next += 1
        let own = color(pixel)
        mean += (own - mean) / Float(next - first)
        let (x, y) = (pixel % side, pixel / side)
        for (dx, dy) in [(-1, 0), (1, 0), (0, -1), (0, 1)] {
          guard x + dx >= 0, x + dx < side, y + dy >= 0, y + dy < side else { continue }
          let other = pixel + dy * side + dx
          guard things.start[other] == 0 else { continue }
          let color = color(other)
          if square(color - own) < step * step, square(color - mean) < spread * spread {
            take(other)
          }
        }
      }
    }
    return UnsafeBufferPointer(start: pixels.start + first, count: end - first)
  }
}
