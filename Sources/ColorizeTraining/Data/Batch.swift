// What a network is trained on at a time: the contract between the data side, which fills batches in
// threads of its own, and the trainer, which takes them.

import ColorizeCore

/// How the pictures of a batch are laid out, and what belongs to them.
package struct BatchShape: Equatable, Sendable {
  /// Pictures.
  package var count: Int
  /// The side of the squares that the network sees, in pixels.
  package var side: Int
  /// The network's input channels: 1 (lightness) or 4 (lightness, a and b hints, mask).
  package var inputChannels: Int
  /// The distribution over the bins has side / stride positions a side.
  package var distributionStride: Int
  /// Whether `Batch.ab` is wanted.
  package var hasAB: Bool
  /// The channels of `Batch.map` and of `Batch.pooled`; 0: none.
  package var mapChannels: Int
  package var pooledChannels: Int
  /// `Batch.map` has side / stride positions a side.
  package var mapStride: Int

  package init(
    count: Int, side: Int, inputChannels: Int, distributionStride: Int, hasAB: Bool,
    mapChannels: Int = 0, pooledChannels: Int = 0, mapStride: Int = 16
  ) {
    self.count = count
    self.side = side
    self.inputChannels = inputChannels
    self.distributionStride = distributionStride
    self.hasAB = hasAB
    self.mapChannels = mapChannels
    self.pooledChannels = pooledChannels
    self.mapStride = mapStride
  }

  package var pixels: Int { count * side * side }
  /// Positions at which there is a distribution.
  package var positions: Int { count * (side / distributionStride) * (side / distributionStride) }
  /// Positions of `Batch.map`.
  package var mapPositions: Int { count * (side / mapStride) * (side / mapStride) }
}

/// Pictures with what is to be learnt of them.
package final class Batch: Sendable {
  /// Bins that a color is spread over: its nearest ones.
  package static let neighbours = 5

  package let shape: BatchShape
  /// `[count, side, side, inputChannels]`: (L - 50) / 100, a hint / 110, b hint / 110, mask (1 where a hint
  /// is, else 0, and the hints with it).
  package let input: Memory<Float>
  /// `[positions, neighbours]`: numbers of bins, and what each of them has of the color; the shares of a
  /// position sum up to 1.
  package let bins: Memory<Int32>
  package let shares: Memory<Float>
  /// `[positions]`: what the loss of a position counts (class rebalancing).
  package let weights: Memory<Float>
  /// `[count, side, side, 2]`: the true a / 110 and b / 110.
  package let ab: Memory<Float>
  /// `[mapPositions, mapChannels]` and `[count, pooledChannels]`: what extra heads are to give.
  package let map: Memory<Float>
  package let pooled: Memory<Float>

  package init(_ shape: BatchShape) throws(ColorizeError) {
    self.shape = shape
    input = try Memory(count: shape.pixels * shape.inputChannels)
    bins = try Memory(count: shape.positions * Self.neighbours)
    shares = try Memory(count: shape.positions * Self.neighbours)
    weights = try Memory(count: shape.positions)
    ab = try Memory(count: shape.hasAB ? shape.pixels * 2 : 0)
    map = try Memory(count: shape.mapPositions * shape.mapChannels)
    pooled = try Memory(count: shape.count * shape.pooledChannels)
  }
}

/// Whatever gives batches, one after the other.
package protocol BatchSource: AnyObject {
  /// Waits until it is there. The next one may take its memory: it is the caller's until the next call.
  func next() throws(ColorizeError) -> Batch
}
