// One product of gathered rows and a packed matrix: what a convolution and each phase of a
// transposed one come down to.

import CKernelContract

/// `[positions, taps x channels] x [taps x channels, outputs]`, with an epilogue.
package struct TapProduct {
  let rows: TapRows
  /// `[taps x channels, outputs]`.
  let matrix: PackedMatrix
  let epilogue: Epilogue

  /// Where the outputs of positions go, and what is added to them.
  package struct Target {
    /// The first position's channels.
    var output: UnsafeMutablePointer<Float>
    /// From a position's channels to the next one's.
    var stride: Int
    /// Has the same stride.
    var residual: UnsafePointer<Float>?

    package init(
      output: UnsafeMutablePointer<Float>, stride: Int, residual: UnsafePointer<Float>?
    ) {
      self.output = output
      self.stride = stride
      self.residual = residual
    }

    func advanced(by positions: Int) -> Target {
      let floats = positions * stride
      return Target(
        output: output + floats, stride: stride, residual: residual.map { $0 + floats })
    }
  }

  package init(rows: TapRows, matrix: PackedMatrix, epilogue: Epilogue) {
    self.rows = rows
    self.matrix = matrix
    self.epilogue = epilogue
  }

  /// The bytes of packed tiles that a worker keeps: what leaves room for a panel of weights in a
  /// second-level cache of 1 MB.
  private static let packedBytes = 384 << 10
  private static let block = Int(COLORIZE_GEMM_BLOCK)
  /// Columns of the left matrix that are packed at a time, at most: several tiles of so many fit,
  /// and a panel of so many rows, so that each value of the matrix, once read, serves them all.
  private static let columnsAtOnce = 1024

  /// Positions that OpenBLAS takes at once: it packs a block of the matrix again for each piece, which
  /// so many positions pay for.
  private static let positionsForBLAS = 512

  /// Of a step's inputs, what is added (`PlannedOperator`). It is added when all sums are there by OpenBLAS, and where
  /// the addition comes last.
  var overwritableInput: Int? {
    epilogue.hasResidual && !epilogue.addsLast && matrix.blas == nil ? 1 : nil
  }

  private var tapsAtOnce: Int { max(1, min(rows.taps, Self.columnsAtOnce / rows.channels)) }

  /// How many tiles are packed at a time.
  package func tilesAtOnce(_ kernels: KernelSet) -> Int {
    if matrix.blas != nil { return Self.positionsForBLAS / kernels.gemmRows }
    return max(1, Self.packedBytes / 4 / rows.tileCount(taps: tapsAtOnce, rows: kernels.gemmRows))
  }

  /// Whether a product of such rows can be done in bfloat16, which takes two columns at a time: where each piece of
  /// taps begins with an even one.
  static func takesBrain(_ rows: TapRows) -> Bool {
    rows.channels % 2 == 0 || rows.taps <= max(1, columnsAtOnce / rows.channels)
  }

  /// The floats of scratch that `run` needs.
  package var scratchCount: Int {
    if matrix.blas != nil {
      return rows.tileCount(taps: tapsAtOnce, rows: Self.positionsForBLAS)
    }
    // The largest number of rows that a tile of any instruction set has is 16 or less.
    return max(Self.packedBytes / 4, rows.tileCount(taps: tapsAtOnce, rows: 16))
  }

  /// The time of so many positions, in that of a multiply-add.
  func cost(_ positions: Int, gemmRows: Int) -> Int {
    // Gathering takes about 4 for each value.
    positions.roundedUp(to: gemmRows) * matrix.depth * (matrix.panels * matrix.panel + 4)
  }

  /// Computes `count` positions from (y, x) on, in the order of a grid of `width` columns: at most
  /// `tilesAtOnce` tiles of them.
  package func run(
    _ input: Activation, y: Int, x: Int, width: Int, count: Int, into target: Target,
    kernels: KernelSet, scratch: UnsafeMutablePointer<Float>
  ) {
    var (target, addend) = (target, UnsafePointer<Float>?.none)
    if epilogue.addsLast { swap(&target.residual, &addend) }
    if let blas = matrix.blas {
      run(
        input, y: y, x: x, width: width, count: count, into: target, blas: blas, scratch: scratch)
    } else {
      runTiles(
        input, y: y, x: x, width: width, count: count, into: target, kernels: kernels,
        scratch: scratch)
    }
    if epilogue.hasGELU {
      Epilogue.applyGELU(to: target.output, count: count * target.stride, kernels)
    }
    if let addend {
      for index in 0..<(count * target.stride) { target.output[index] += addend[index] }
    }
  }

  /// The same with a kernel of ours, but for GELU.
  private func runTiles(
    _ input: Activation, y: Int, x: Int, width: Int, count: Int, into target: Target,
    kernels: KernelSet, scratch: UnsafeMutablePointer<Float>
  ) {
    let tileRows = kernels.gemmRows
    var target = target
    var x = x
    var count = count
    if rows.arePixels, width == input.shape.width, kernels.gemmTakesAnyStride, !matrix.isBrain {
      // The last tile may be one of fewer rows, past which there may be no memory: it is packed.
      let whole = count - count % tileRows
      runInPlace(
        input.start + (y * width + x) * input.stride, stride: input.stride, count: whole,
        into: target, kernels: kernels)
      target = target.advanced(by: whole)
      x += whole
      count -= whole
    }
    let tiles = count.pieces(of: tileRows)
    var tap = 0
    while tap < rows.taps {
      let taps = tap..<min(tap + tapsAtOnce, rows.taps)
      let tileCount = rows.tileCount(taps: taps.count, rows: tileRows)
      for tile in 0..<tiles {
        let position = x + tile * tileRows
        rows.pack(
          input, taps: taps, y: y + position / width, x: position % width, width: width,
          count: min(tileRows, count - tile * tileRows), rows: tileRows,
          into: scratch + tile * tileCount)
        if let brain = kernels.brain, matrix.isBrain {
          round(scratch + tile * tileCount, columns: taps.count * rows.channels, tileRows, brain)
        }
      }
      for panel in 0..<matrix.panels {
        for block in 0..<(taps.count * rows.channels).pieces(of: Self.block) {
          let left = Left(
            // Of bfloat16 two are as large as a float.
            start: scratch + block * Self.block * tileRows / (matrix.isBrain ? 2 : 1),
            stride: Self.block, tile: tileCount)
          multiply(left, taps, block, panel, count: count, into: target, kernels: kernels)
        }
      }
      tap = taps.upperBound
    }
  }

  /// Rounds a packed tile to bfloat16, in place.
  private func round(
    _ tile: UnsafeMutablePointer<Float>, columns: Int, _ tileRows: Int, _ brain: BrainKernels
  ) {
    let blocks = columns.pieces(of: Self.block)
    if columns % 2 != 0 {
      // Times a row of zeros, what lies behind the last column must be a number.
      let last = tile + (blocks - 1) * Self.block * tileRows + columns % Self.block
      for row in 0..<tileRows { last[row * Self.block] = 0 }
    }
    brain.round(tile, blocks * Self.block * tileRows)
  }

  /// The same where the rows are pixels that lie `stride` apart, of which there are whole tiles.
  private func runInPlace(
    _ pixels: UnsafePointer<Float>, stride: Int, count: Int, into target: Target, kernels: KernelSet
  ) {
    for panel in 0..<matrix.panels {
      for block in 0..<rows.channels.pieces(of: Self.block) {
        let left = Left(
          start: pixels + block * Self.block, stride: stride, tile: kernels.gemmRows * stride)
        multiply(left, 0..<1, block, panel, count: count, into: target, kernels: kernels)
      }
    }
  }

  /// The same with OpenBLAS. All rows are one tile, each block of which is a plain matrix.
  private func run(
    _ input: Activation, y: Int, x: Int, width: Int, count: Int, into target: Target,
    blas: OpenBLAS, scratch: UnsafeMutablePointer<Float>
  ) {
    for first in stride(from: 0, to: rows.taps, by: tapsAtOnce) {
      let taps = first..<min(first + tapsAtOnce, rows.taps)
      rows.pack(
        input, taps: taps, y: y, x: x, width: width, count: count, rows: count, into: scratch)
      let columns = taps.count * rows.channels
      for column in stride(from: 0, to: columns, by: Self.block) {
        let row = taps.lowerBound * rows.channels + column
        blas.multiply(
          scratch + column * count, leftStride: Self.block, matrix.start(ofPanel: 0, row: row),
          rows: count, columns: matrix.panel, depth: min(Self.block, columns - column),
          into: target.output, outputStride: target.stride, adding: row > 0)
      }
    }
    for position in 0..<count {
      epilogue.apply(
        to: target.output + position * target.stride, count: matrix.panel,
        residual: target.residual.map { $0 + position * target.stride })
    }
  }

  /// One block of columns of the left matrix.
  private struct Left {
    let start: UnsafePointer<Float>
    /// From a row to the next one, and from a tile to the next one.
    let stride: Int
    let tile: Int
  }

  /// Goes on with the sums of one panel by one block of columns of the left matrix.
  ///
  /// A sum is thus one of sums over blocks: rounding errors grow with the length of what is summed up
  /// in one go.
  private func multiply(
    _ left: Left, _ taps: Range<Int>, _ block: Int, _ panel: Int, count: Int, into target: Target,
    kernels: KernelSet
  ) {
    let tileRows = kernels.gemmRows
    let first = block * Self.block
    let depth = min(Self.block, taps.count * rows.channels - first)
    let isFirst = taps.lowerBound == 0 && block == 0
    let isLast = taps.upperBound == rows.taps && first + depth == taps.count * rows.channels
    let channel = panel * matrix.panel

    var arguments = colorize_gemm_tile()
    arguments.left_stride = left.stride
    arguments.right = matrix.start(ofPanel: panel, row: taps.lowerBound * rows.channels + first)
    arguments.depth = matrix.isBrain ? depth.roundedUp(to: 2) : depth
    arguments.is_narrow = matrix.isNarrow(panel) ? 1 : 0
    arguments.output_stride = target.stride
    arguments.residual_stride = target.stride
    if isLast {
      epilogue.apply(to: &arguments, channel: channel)
    } else {
      epilogue.applyNothing(to: &arguments)
    }
    for tile in 0..<count.pieces(of: tileRows) {
      let row = tile * tileRows
      arguments.left = left.start + tile * left.tile
      arguments.output = target.output + row * target.stride + channel
      if !isFirst {
        // The sums so far.
        arguments.residual = UnsafePointer(arguments.output)
      } else {
        arguments.residual = target.residual.map { $0 + row * target.stride + channel }
      }
      arguments.rows = min(tileRows, count - row)
      if let brain = kernels.brain, matrix.isBrain {
        brain.gemm(&arguments)
      } else {
        kernels.table.gemm(&arguments)
      }
    }
  }
}

extension Execution {
  /// Deals positions out in runs of whole tiles: made from their number alone, so that it does not matter how many
  /// threads share the work; at least 8 runs where there are that many tiles.
  ///
  /// - Parameter tilesAtOnce: of a run, at most.
  func forEachRun(
    of positions: Int, tilesAtOnce: Int, _ body: (_ positions: Range<Int>, _ worker: Int) -> Void
  ) {
    let tiles = positions.pieces(of: kernels.gemmRows)
    let tilesAtOnce = max(1, min(tilesAtOnce, tiles / 8))
    let count = tilesAtOnce * kernels.gemmRows
    team.run(tiles.pieces(of: tilesAtOnce)) { item, worker in
      body(item * count..<min((item + 1) * count, positions), worker)
    }
  }
}
