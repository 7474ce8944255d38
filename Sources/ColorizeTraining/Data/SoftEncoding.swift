// A color as a distribution over the ab bins: its nearest bins, by their distance (Zhang et al.
// 2016, section 2.2, formula 2 and what follows).

import ColorizeCore
import Glibc

/// Finds the nearest bins of colors, exactly: of bins that are equally near the lower number is
/// the nearer.
package final class SoftEncoding: Sendable {
  package static let neighbours = Batch.neighbours
  /// Standard deviation of the Gaussian that turns distances into shares, in units of ab.
  package static let sigma = 5.0

  package let centres: [SIMD2<Float>]

  /// The ab plane from -range to range is cut into squares; what is outside is compared with every
  /// bin.
  private static let range = 128
  private static let cell = 4
  private static let cells = 2 * range / cell

  /// By square: where its candidates begin in `candidates`. They are all bins that can be among the
  /// nearest of a color in the square, in their order.
  private let starts: Memory<Int32>
  private let candidates: Memory<Int32>
  private let positions: Memory<SIMD2<Double>>

  /// - Parameter centres: a and b of each bin, at least `neighbours` of them.
  package init(_ centres: [SIMD2<Float>]) throws(ColorizeError) {
    guard centres.count >= Self.neighbours else {
      throw .invalidArgument("there are \(centres.count) bins; the minimum is \(Self.neighbours)")
    }
    self.centres = centres
    positions = try Memory(count: centres.count)
    for (bin, centre) in centres.enumerated() { positions.start[bin] = SIMD2<Double>(centre) }
    starts = try Memory(count: Self.cells * Self.cells + 1)
    var list = try GrowingMemory<Int32>()
    // No color is further from its square's middle than half a diagonal (and a little, for
    // rounding), so the nearest bins of the one are within a diagonal more than those of the other.
    let diagonal = Double(Self.cell) * 2.0.squareRoot() * 1.0001
    for row in 0..<Self.cells {
      for column in 0..<Self.cells {
        let middle = SIMD2(Self.middle(row), Self.middle(column))
        var nearest = Nearest()
        for bin in 0..<centres.count {
          nearest.offer(bin, Self.squaredDistance(positions.start[bin], middle))
        }
        let bound = nearest.distances[Self.neighbours - 1].squareRoot() + diagonal
        starts.start[row * Self.cells + column] = Int32(list.count)
        for bin in 0..<centres.count
        where Self.squaredDistance(positions.start[bin], middle) <= bound * bound {
          try list.append(Int32(bin))
        }
      }
    }
    starts.start[Self.cells * Self.cells] = Int32(list.count)
    candidates = list.memory
  }

  /// Writes the nearest bins, the nearest first, and their shares, which sum up to 1.
  ///
  /// - Parameters:
  ///   - bins: `[neighbours]`, out.
  ///   - shares: `[neighbours]`, out.
  package func encode(
    a: Float, b: Float, bins: UnsafeMutablePointer<Int32>, shares: UnsafeMutablePointer<Float>
  ) {
    let color = SIMD2(Double(a), Double(b))
    var nearest = Nearest()
    if let cell = Self.cell(color) {
      for place in Int(starts.start[cell])..<Int(starts.start[cell + 1]) {
        let bin = Int(candidates.start[place])
        nearest.offer(bin, Self.squaredDistance(positions.start[bin], color))
      }
    } else {
      for bin in 0..<centres.count {
        nearest.offer(bin, Self.squaredDistance(positions.start[bin], color))
      }
    }
    // Relative to the nearest one, no color is too far away for its shares to be numbers.
    var weights = SIMD8<Double>(repeating: 0)
    for place in 0..<Self.neighbours {
      let excess = nearest.distances[place] - nearest.distances[0]
      weights[place] = exp(-excess / (2 * Self.sigma * Self.sigma))
    }
    let sum = weights.sum()
    for place in 0..<Self.neighbours {
      bins[place] = Int32(nearest.bins[place])
      shares[place] = Float(weights[place] / sum)
    }
  }

  private static func middle(_ index: Int) -> Double {
    (Double(index) + 0.5) * Double(cell) - Double(range)
  }

  /// nil outside of the squares, and for what is not a number.
  private static func cell(_ color: SIMD2<Double>) -> Int? {
    let place = (color + Double(range)) / Double(cell)
    guard place.x >= 0, place.y >= 0, place.x < Double(cells), place.y < Double(cells) else {
      return nil
    }
    return Int(place.x) * cells + Int(place.y)
  }

  @inline(__always)
  private static func squaredDistance(_ position: SIMD2<Double>, _ color: SIMD2<Double>) -> Double {
    let difference = position - color
    return difference.x * difference.x + difference.y * difference.y
  }

  /// The nearest bins of those that have been offered, in the order of their numbers.
  private struct Nearest {
    var bins = SIMD8<Int>(repeating: 0)
    var distances = SIMD8<Double>(repeating: .infinity)

    @inline(__always)
    mutating func offer(_ bin: Int, _ distance: Double) {
      var place = SoftEncoding.neighbours - 1
      guard distance < distances[place] else { return }
      while place > 0, distance < distances[place - 1] {
        bins[place] = bins[place - 1]
        distances[place] = distances[place - 1]
        place -= 1
      }
      bins[place] = bin
      distances[place] = distance
    }
  }
}
