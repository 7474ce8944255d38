// What a network's values cost, and the gradients of that.

import CKernelContract
import ColorizeCore
import Glibc

/// How much each loss counts; 0: not at all.
package struct LossWeights: Sendable, Equatable {
  /// Cross entropy of the distribution over the bins with the soft-encoded color, rebalanced by class (Zhang et al. 2016,
  /// equations 2 to 4).
  package var classification: Float = 1
  /// Of a / 110 and b / 110, summed over both (Zhang et al. 2017, section 3.1).
  package var regression: Float = 0
  /// Squared distance of what extra heads give from `Batch.map` and `Batch.pooled`.
  package var map: Float = 0
  package var pooled: Float = 0

  package init() {}
}

/// The regression loss.
package enum Regression: String, CaseIterable, Sendable {
  case l1
  /// Quadratic up to a distance of 1 in ab, linear from there, with the slope of L1.
  case huber

  /// Where it becomes linear, in units of ab / 110.
  fileprivate static let bound: Float = 1 / 110
}

/// The parts of a batch's loss, not yet weighted. A part that does not count is 0.
package struct LossParts: Sendable, Equatable {
  package var classification = 0.0
  package var regression = 0.0
  package var map = 0.0
  package var pooled = 0.0

  package init() {}

  package func total(_ weights: LossWeights) -> Double {
    Double(weights.classification) * classification + Double(weights.regression) * regression
      + Double(weights.map) * map + Double(weights.pooled) * pooled
  }
}

/// Computes losses and sets the gradients of the values they are of.
package final class Losses {
  private let kernels: TrainingKernels
  private let team: Team
  /// Centres that nobody asks for; and for each worker the weights of the bins.
  private let scratch: Memory<Float>
  private let stride: Int
  private var sums: Memory<Double>

  /// - Parameter bins: of the distribution.
  package init(bins: Int, kernels: TrainingKernels, team: Team) throws(ColorizeError) {
    self.kernels = kernels
    self.team = team
    stride = bins.roundedUp(to: 16)
    scratch = try Memory(count: (1 + team.size) * stride)
    scratch.fill(0)
    sums = try Memory(count: 1)
  }

  /// The mean over all positions of weight * cross entropy; `factor` times its gradient goes to the end.
  package func classification(
    _ end: TrainingNetwork.End, _ batch: Batch, factor: Float
  ) throws(ColorizeError) -> Double {
    let (logits, gradient) = (end.value, end.gradient)
    let positions = logits.rows
    precondition(positions == batch.shape.positions, "a batch of another size")
    let bins = logits.shape.channels
    return try sum(positions) { range, worker in
      let exponentials = scratch.start + (1 + worker) * stride
      var result = 0.0
      var sums: (Float, Float, Float) = (0, 0, 0)
      withUnsafeMutableBytes(of: &sums) { bytes in
        let place = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
        var arguments = colorize_annealed_mean()
        arguments.a = UnsafePointer(scratch.start)
        arguments.b = UnsafePointer(scratch.start)
        arguments.weights = exponentials
        arguments.sums = place
        arguments.count = bins
        arguments.scale = 1
        for position in range {
          arguments.logits = UnsafePointer(logits.start + position * logits.stride)
          kernels.core.table.annealed_mean(&arguments)
          let target = gradient.start + position * gradient.stride
          let weight = batch.weights.start[position] * factor / Float(positions)
          let share = weight / place[0]
          for bin in 0..<bins { target[bin] = exponentials[bin] * share }
          for bin in bins..<gradient.stride { target[bin] = 0 }
          let logOfSum = log(Double(place[0]))
          var entropy = 0.0
          for neighbour in 0..<Batch.neighbours {
            let index = position * Batch.neighbours + neighbour
            let bin = Int(batch.bins.start[index])
            let own = batch.shares.start[index]
            entropy += Double(own) * (logOfSum - log(Double(exponentials[bin])))
            target[bin] -= weight * own
          }
          result += Double(batch.weights.start[position]) * entropy
        }
      }
      return result
    } / Double(positions)
  }

  /// The mean over all pixels of the loss of a / 110 plus that of b / 110.
  package func regression(
    _ end: TrainingNetwork.End, _ batch: Batch, _ kind: Regression, factor: Float
  ) throws(ColorizeError) -> Double {
    let (value, gradient) = (end.value, end.gradient)
    let pixels = value.rows
    precondition(2 * pixels == batch.ab.count, "a batch of another size")
    let bound = Regression.bound
    return try sum(pixels) { range, _ in
      var result = 0.0
      for pixel in range {
        let target = gradient.start + pixel * gradient.stride
        target.update(repeating: 0, count: gradient.stride)
        for channel in 0..<2 {
          let difference =
            value.start[pixel * value.stride + channel] - batch.ab.start[2 * pixel + channel]
          let distance = abs(difference)
          let isQuadratic = kind == .huber && distance <= bound
          if isQuadratic {
            result += Double(distance * distance / (2 * bound))
          } else {
            result += Double(kind == .huber ? distance - bound / 2 : distance)
          }
          let slope =
            isQuadratic ? difference / bound : difference > 0 ? 1 : difference < 0 ? -1 : 0
          target[channel] = slope * factor / Float(pixels)
        }
      }
      return result
    } / Double(pixels)
  }

  /// The mean over all values of the squared distance from `wanted`, `[rows, channels]`.
  package func squares(
    _ end: TrainingNetwork.End, _ wanted: Memory<Float>, factor: Float
  ) throws(ColorizeError) -> Double {
    let (value, gradient) = (end.value, end.gradient)
    let channels = value.shape.channels
    precondition(value.rows * channels == wanted.count, "a batch of another size")
    let share = 2 * factor / Float(wanted.count)
    return try sum(value.rows) { range, _ in
      var result = 0.0
      for row in range {
        let target = gradient.start + row * gradient.stride
        for channel in 0..<channels {
          let difference =
            value.start[row * value.stride + channel] - wanted.start[row * channels + channel]
          result += Double(difference * difference)
          target[channel] = difference * share
        }
        for channel in channels..<gradient.stride { target[channel] = 0 }
      }
      return result
    } / Double(wanted.count)
  }

  /// The sum of what `body` gives for pieces of rows, in their order.
  private func sum(_ rows: Int, _ body: (_ range: Range<Int>, _ worker: Int) -> Double)
    throws(ColorizeError) -> Double
  {
    let pieces = RowPieces(rows: rows)
    if sums.count < pieces.count { sums = try Memory(count: pieces.count) }
    let sums = sums
    team.run(pieces.count) { piece, worker in
      sums.start[piece] = body(pieces.range(piece), worker)
    }
    return (0..<pieces.count).reduce(0) { $0 + sums.start[$1] }
  }
}
