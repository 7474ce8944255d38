// Two fully connected layers, one behind the other, the first of which widens: the feed-forward part of a ConvNeXt's block.

/// Both in one step, a band of positions after another: the wide map between them, the largest of its network, never
/// exists as a whole, and what there is of it stays in a second-level cache. The sums are those of two steps, in their
/// order.
package final class PlannedProductPair: PlannedOperator {
  private let first: TapProduct
  private let second: TapProduct
  /// From a position of the band between them to the next one.
  private let stride: Int

  /// The bytes of both matrices at most: larger ones would have to be read again for every band, from farther away than
  /// the map between them.
  private static let matrixBytes = 1536 << 10
  /// The rows of the largest tile that any instruction set has are 16 or less.
  private static let largestTile = 16

  /// - Returns: nil if two steps are better.
  init?(_ first: TapProduct, _ second: TapProduct) {
    let matrices = [first.matrix, second.matrix]
    guard first.rows.arePixels, second.rows.arePixels, !first.epilogue.hasResidual,
      matrices.allSatisfy({ $0.blas == nil }),
      second.matrix.depth > first.matrix.depth,
      matrices.reduce(0, { $0 + $1.byteCount }) <= Self.matrixBytes
    else { return nil }
    self.first = first
    self.second = second
    stride = (first.matrix.panels * first.matrix.panel).roundedUp(to: 16)
  }

  /// For packing, which both do, and for the band.
  package func scratchCount(_ inputs: [Shape], _ output: Shape) -> Int {
    packingCount + max(second.scratchCount, Self.largestTile * stride)
  }

  private var packingCount: Int {
    max(first.scratchCount, second.scratchCount).roundedUp(to: 16)
  }

  package func work(_ inputs: [Shape], _ output: Shape) -> Work {
    let count =
      output.height * output.width * second.matrix.depth * (first.matrix.depth + output.channels)
    return Work(algorithm: "in bands", direct: count, done: count)
  }

  package func overwritableInput(_ output: Shape) -> Int? { second.overwritableInput }

  package func run(_ inputs: [Activation], _ output: Activation, _ execution: Execution) {
    let kernels = execution.kernels
    let residual = second.epilogue.hasResidual ? inputs[1] : nil
    let width = output.shape.width
    let tilesAtOnce = min(first.tilesAtOnce(kernels), second.tilesAtOnce(kernels))
    execution.forEachRun(of: output.pixels, tilesAtOnce: tilesAtOnce) { positions, worker in
      let (position, count) = (positions.lowerBound, positions.count)
      let scratch = execution.scratch(of: worker)
      let band = Activation(
        start: scratch + packingCount,
        shape: Shape(channels: second.matrix.depth, height: 1, width: count), stride: stride)
      first.run(
        inputs[0], y: position / width, x: position % width, width: width, count: count,
        into: TapProduct.Target(output: band.start, stride: stride, residual: nil),
        kernels: kernels, scratch: scratch)
      second.run(
        band, y: 0, x: 0, width: count, count: count,
        into: TapProduct.Target(
          output: output.start + position * output.stride, stride: output.stride,
          residual: residual.map { UnsafePointer($0.start + position * $0.stride) }),
        kernels: kernels, scratch: scratch)
    }
  }
}
