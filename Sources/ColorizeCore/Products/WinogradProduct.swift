// A convolution by Winograd's F(4x4, 3x3): tiles of the input are transformed, multiplied by transformed
// weights, a product of matrices for each of the 36 positions, and transformed back.

import CKernelContract

/// The planned form of the convolutions that `WinogradShape` describes.
///
/// Weights are kept as they are and transformed whenever they are used, four positions and 64
/// inputs at a time, into memory that stays in the first-level cache. That is a tenth of eccv16's
/// time; transformed once and kept, they would take four times the memory, more than other runtimes
/// need in all.
struct WinogradProduct {
  let shape: WinogradShape
  let inputs: Int
  let outputs: Int
  /// By the output's phase, then by the input's. The first one of an output's phase has every
  /// position that the others have.
  let kernels: [[WinogradKernel]]
  let epilogue: Epilogue
  /// By the input's phase: the rows of positions that any of its kernels has.
  private let rows: [Range<Int>]
  /// Pixels outside of the picture, and empty taps.
  private let zeros: Memory<Float>
  let gemmRows: Int
  private let panel: Int
  private let panels: Int

  /// Inputs that are multiplied at a time.
  private static let block = Int(COLORIZE_GEMM_SUMS_DEPTH)
  private static let positions = WinogradShape.positions

  /// The channels that are transformed at a time, of which there are whole vectors behind the last one: of a value that
  /// a step writes, and so of any but the network's input.
  private static let channelsAtOnce = 16

  /// Whether there is a transform for so many channels, and the products are our own kernels'.
  static func takes(inputs: Int, _ kernels: KernelSet) -> Bool {
    inputs >= channelsAtOnce && kernels.blas == nil
  }

  init(
    _ shape: WinogradShape, inputs: Int, outputs: Int, _ kernels: [[WinogradKernel]],
    epilogue: Epilogue, gemm: KernelSet
  ) throws(ColorizeError) {
    precondition(Self.takes(inputs: inputs, gemm))
    self.shape = shape
    self.inputs = inputs
    self.outputs = outputs
    self.kernels = kernels
    self.epilogue = epilogue
    rows = kernels[0].indices.map { phase in
      let rows = kernels.map { $0[phase].rows }
      return rows.reduce(rows[0]) {
        min($0.lowerBound, $1.lowerBound)..<max($0.upperBound, $1.upperBound)
      }
    }
    gemmRows = gemm.gemmRows
    panel = gemm.gemmPanel
    panels = outputs.pieces(of: panel)
    zeros = try Memory(count: max(inputs.roundedUp(to: Self.channelsAtOnce), Self.block * panel))
    zeros.fill(0)
  }

  /// How the tiles of one output are dealt out. Made from shapes alone.
  private struct Layout {
    /// Tiles that are one left matrix of the kernel.
    let rows: Int
    /// Left matrices in all.
    let matrices: Int
    /// Left matrices that share transformed weights.
    let matricesInGroup: Int
    let groups: Int
    /// Floats from a position of a left matrix to the next one.
    let positionStride: Int
    /// Floats from a left matrix, with all its positions, to the next one.
    let matrixCount: Int
    /// Floats of all of a group's, for each phase and block of inputs.
    let groupCount: Int
    /// Whether a thread transforms a group and multiplies it: where there are enough of them. Otherwise several
    /// groups are transformed by all threads, and then multiplied by all.
    let isLocal: Bool
    /// The transformed groups that there is room for.
    let groupsAtOnce: Int

    /// Tiles that share transformed weights: so many that their sums stay in the second-level cache.
    private static let tilesInGroup = 66
    /// Groups that are transformed by all threads and then multiplied by all: what stays in the last cache.
    private static let sharedCount = 1280 << 10

    init(tiles: Int, inputs: Int, phases: Int, gemmRows: Int, workers: Int) {
      matrices = tiles.pieces(of: gemmRows)
      rows = tiles.pieces(of: matrices)
      groups = matrices.pieces(of: max(1, Self.tilesInGroup / rows))
      matricesInGroup = matrices.pieces(of: groups)
      positionStride = rows * block
      matrixCount = positions * positionStride
      groupCount = phases * inputs.pieces(of: block) * matricesInGroup * matrixCount
      isLocal = groups >= 2 * workers || groups % workers == 0
      groupsAtOnce =
        isLocal ? min(workers, groups) : max(1, min(groups, Self.sharedCount / groupCount))
    }

    /// What a kernel reads behind the last row.
    func count(groups: Int, gemmRows: Int) -> Int {
      groups * groupCount + (gemmRows - rows) * block
    }
  }

  private func layout(_ output: Shape, workers: Int) -> Layout {
    Layout(
      tiles: shape.tileCount(output), inputs: inputs,
      phases: shape.inputPhases * shape.inputPhases, gemmRows: gemmRows, workers: workers)
  }

  /// The floats that a worker needs: what a transform's columns are kept in until its rows are done,
  /// transformed weights, and sums.
  private static let workspaceCount = positions * 16
  private func weightsCount() -> Int { 4 * Self.block * panel }
  private func sumsCount(_ layout: Layout) -> Int {
    Self.positions * layout.matricesInGroup * layout.rows * panel
  }

  func scratchCount(_ output: Shape) -> Int {
    Self.workspaceCount + weightsCount() + sumsCount(layout(output, workers: 1))
  }

  func sharedCount(_ output: Shape, workers: Int) -> Int {
    let layout = layout(output, workers: workers)
    return layout.count(groups: layout.groupsAtOnce, gemmRows: gemmRows)
  }

  /// How many products of matrices there are.
  private var products: Int {
    kernels.reduce(0) { $0 + $1.reduce(0) { $0 + $1.positions.count } }
  }

  /// Multiply-adds of the products.
  func products(_ output: Shape) -> Int {
    products * shape.tileCount(output) * inputs * outputs
  }

  /// The time that it takes, in that of a multiply-add.
  func cost(_ output: Shape) -> Int {
    let layout = layout(output, workers: 1)
    let phases = kernels.count * kernels[0].count
    let tiles = layout.matrices * layout.rows
    let outputs = panels * panel
    // Measured: transforming takes the time of 90 multiply-adds for a weight, 500 for a tile's input
    // and 170 for a tile's output, a channel.
    return products * tiles * inputs * outputs + 90 * phases * layout.groups * inputs * outputs
      + 500 * kernels[0].count * tiles * inputs.roundedUp(to: Self.block) + 170 * kernels.count
      * tiles * outputs
  }

  func run(
    _ input: Activation, residual: Activation?, _ output: Activation, _ execution: Execution
  ) {
    let layout = layout(output.shape, workers: execution.team.size)
    let tiles = shape.tileCount(output.shape)
    let outputPhases = kernels.count
    let product = Pass(
      product: self, layout: layout, tiles: tiles, input: input, residual: residual,
      output: output, kernels: execution.kernels)
    if layout.isLocal {
      execution.team.run(layout.groups) { group, worker in
        let transformed = execution.shared + worker * layout.groupCount
        // With many channels a group takes tens of milliseconds.
        for matrix in product.matrices(of: group) {
          product.transform(
            matrix, group: group, into: transformed, scratch: execution.scratch(of: worker))
          if execution.team.isStopping(worker) { return }
        }
        for phase in 0..<outputPhases {
          for panel in 0..<panels {
            product.multiply(
              transformed, group: group, phase: phase, panel: panel,
              scratch: execution.scratch(of: worker))
            if execution.team.isStopping(worker) { return }
          }
        }
      }
      return
    }
    var firstGroup = 0
    while firstGroup < layout.groups {
      let groups = firstGroup..<min(firstGroup + layout.groupsAtOnce, layout.groups)
      let firstMatrix = groups.lowerBound * layout.matricesInGroup
      let endMatrix = min(groups.upperBound * layout.matricesInGroup, layout.matrices)
      execution.team.run(endMatrix - firstMatrix) { item, worker in
        let matrix = firstMatrix + item
        let group = matrix / layout.matricesInGroup
        product.transform(
          matrix, group: group,
          into: execution.shared + (group - groups.lowerBound) * layout.groupCount,
          scratch: execution.scratch(of: worker))
      }
      // A panel's weights are taken for one group after the other.
      execution.team.run(groups.count * outputPhases * panels) { item, worker in
        let group = item % groups.count
        let panel = item / groups.count
        product.multiply(
          execution.shared + group * layout.groupCount, group: groups.lowerBound + group,
          phase: panel / panels, panel: panel % panels, scratch: execution.scratch(of: worker))
      }
      firstGroup = groups.upperBound
    }
  }

  /// One product of an input.
  private struct Pass {
    let product: WinogradProduct
    let layout: Layout
    let tiles: Int
    let input: Activation
    let residual: Activation?
    let output: Activation
    let kernels: KernelSet

    /// The left matrices of a group.
    func matrices(of group: Int) -> Range<Int> {
      let first = group * layout.matricesInGroup
      return first..<min(first + layout.matricesInGroup, layout.matrices)
    }

    /// Where the block of a phase and a group's left matrix starts: `[positions, rows, BLOCK]`.
    private func offset(phase: Int, block: Int, matrix: Int) -> Int {
      let blocks = product.inputs.pieces(of: WinogradProduct.block)
      return ((phase * blocks + block) * layout.matricesInGroup + matrix) * layout.matrixCount
    }

    /// Transforms the input of the tiles of one left matrix.
    func transform(
      _ matrix: Int, group: Int, into transformed: UnsafeMutablePointer<Float>,
      scratch: UnsafeMutablePointer<Float>
    ) {
      var arguments = colorize_winograd_input()
      arguments.position_stride = layout.positionStride
      arguments.workspace = scratch
      // 288 bytes, which are on the stack.
      withUnsafeTemporaryAllocation(
        of: UnsafePointer<Float>?.self, capacity: WinogradProduct.positions
      ) { pixels in
        arguments.pixel = UnsafePointer(pixels.baseAddress)
        let firstTile = matrix * layout.rows
        for row in 0..<min(layout.rows, tiles - firstTile) {
          let tile = product.shape.tile(firstTile + row, output.shape)
          for phase in 0..<product.kernels[0].count {
            arguments.first_row = product.rows[phase].lowerBound
            arguments.end_row = product.rows[phase].upperBound
            product.shape.setPixels(
              of: tile, phase: phase, input, zeros: product.zeros.start,
              pixels.baseAddress.unsafelyUnwrapped)
            for block in 0..<product.inputs.pieces(of: WinogradProduct.block) {
              let first = block * WinogradProduct.block
              arguments.first_channel = first
              // What lies behind the last channel is transformed too, and not multiplied.
              arguments.channels = min(WinogradProduct.block, product.inputs - first)
                .roundedUp(to: WinogradProduct.channelsAtOnce)
              // Behind the last block comes the next tile, which is mostly the one to the right.
              arguments.next =
                first + WinogradProduct.block < product.inputs
                ? WinogradProduct.block
                : WinogradShape.tile * product.shape.inputStep * input.stride - first
              arguments.output =
                transformed
                + offset(
                  phase: phase, block: block, matrix: matrix - group * layout.matricesInGroup)
                + row * WinogradProduct.block
              kernels.table.winograd_input(&arguments)
            }
          }
        }
      }
    }

    /// Multiplies a group's tiles by one panel of one output phase, and transforms them back.
    func multiply(
      _ transformed: UnsafePointer<Float>, group: Int, phase: Int, panel: Int,
      scratch: UnsafeMutablePointer<Float>
    ) {
      let weights = scratch + WinogradProduct.workspaceCount
      let sums = weights + product.weightsCount()
      let positionStride = layout.matricesInGroup * layout.rows * product.panel
      let kernelsOfPhase = product.kernels[phase]
      // The positions that no kernel has.
      if kernelsOfPhase[0].positions.count < WinogradProduct.positions {
        sums.update(repeating: 0, count: WinogradProduct.positions * positionStride)
      }
      var transform = colorize_winograd_weights()
      transform.output = weights
      transform.position_stride = WinogradProduct.block * product.panel
      let matrices = matrices(of: group)
      var tile = colorize_gemm_sums()
      tile.matrix_rows = layout.rows
      tile.matrix_stride = layout.matrixCount
      tile.rows = min(matrices.upperBound * layout.rows, tiles) - matrices.lowerBound * layout.rows
      let blocks = product.inputs.pieces(of: WinogradProduct.block)
      for inputPhase in kernelsOfPhase.indices {
        let kernel = kernelsOfPhase[inputPhase]
        for block in 0..<blocks {
          let first = block * WinogradProduct.block
          transform.count = min(WinogradProduct.block, product.inputs - first)
          setTaps(kernel, panel: panel, first, in: &transform)
          let later = LaterWeights(product, kernelsOfPhase, inputPhase, panel, block)
          tile.depth = transform.count
          tile.adds = inputPhase == 0 && block == 0 ? 0 : 1
          let left = transformed + offset(phase: inputPhase, block: block, matrix: 0)
          for (index, position) in kernel.positions.enumerated() {
            if position.rowPair != transform.rows || position.columnPair != transform.columns
              || index == 0
            {
              transform.rows = position.rowPair
              transform.columns = position.columnPair
              kernels.table.winograd_weights(&transform)
            }
            tile.left = left + position.number * layout.positionStride
            tile.next =
              index + 1 < kernel.positions.count
              ? (kernel.positions[index + 1].number - position.number) * layout.positionStride
              : layout.matricesInGroup * layout.matrixCount
                - position.number * layout.positionStride
            tile.right = UnsafePointer(weights + position.place * transform.position_stride)
            later.set(index, in: &tile)
            tile.sums = sums + position.number * positionStride
            kernels.table.gemm_sums(&tile)
          }
        }
      }
      writeOutput(
        sums, positionStride, group: group, phase: phase, panel: panel, workspace: scratch)
    }

    private func setTaps(
      _ kernel: WinogradKernel, panel: Int, _ first: Int,
      in transform: inout colorize_winograd_weights
    ) {
      withUnsafeMutableBytes(of: &transform.tap) { bytes in
        let taps = bytes.assumingMemoryBound(to: UnsafePointer<Float>?.self)
        for (index, tap) in kernel.taps.enumerated() {
          taps[index] =
            tap.map { kernel.matrix.start(ofPanel: panel, row: $0 * product.inputs + first) }
            ?? UnsafePointer(product.zeros.start)
        }
      }
    }

    private func writeOutput(
      _ sums: UnsafePointer<Float>, _ positionStride: Int, group: Int, phase: Int, panel: Int,
      workspace: UnsafeMutablePointer<Float>
    ) {
      let shape = product.shape
      let channel = panel * product.panel
      var arguments = colorize_winograd_output()
      product.epilogue.apply(to: &arguments, channel: channel)
      arguments.position_stride = positionStride
      arguments.pixel_stride = shape.outputStep * output.stride
      arguments.row_stride = shape.outputStep * output.shape.width * output.stride
      let firstTile = group * layout.matricesInGroup * layout.rows
      let endTile = min(firstTile + layout.matricesInGroup * layout.rows, tiles)
      arguments.workspace = workspace
      var tile = shape.tile(firstTile, output.shape)
      var place = start(of: tile, phase: phase) + channel
      for number in firstTile..<endTile {
        arguments.sums = sums + (number - firstTile) * product.panel
        arguments.output = output.start + place
        let added = residual.map { UnsafePointer($0.start + place) }
        if product.epilogue.addsLast {
          arguments.addend = added
        } else {
          arguments.residual = added
        }
        arguments.rows = tile.rows
        arguments.columns = tile.columns
        tile = shape.tile(min(number + 1, endTile - 1), output.shape)
        place = start(of: tile, phase: phase) + channel
        arguments.next = UnsafePointer(output.start + place)
        kernels.table.winograd_output(&arguments)
      }
    }

    /// Where a tile's first pixel is in the output.
    private func start(of tile: WinogradShape.Tile, phase: Int) -> Int {
      let shape = product.shape
      let y = shape.outputStep * tile.y + tile.gridY + phase / shape.outputPhases
      let x = shape.outputStep * tile.x + tile.gridX + phase % shape.outputPhases
      return (y * output.shape.width + x) * output.stride
    }
  }
}

/// The weights that come after those of a panel and block: they are on their way from memory while these are
/// multiplied. With a large network's weights, which no cache holds, waiting for them took a tenth of the time.
private struct LaterWeights {
  private let kernel: WinogradKernel
  private let inputs: Int
  private let panel: Int
  private let first: Int
  private let count: Int

  init(
    _ product: WinogradProduct, _ kernels: [WinogradKernel], _ inputPhase: Int, _ panel: Int,
    _ block: Int
  ) {
    let blockSize = Int(COLORIZE_GEMM_SUMS_DEPTH)
    inputs = product.inputs
    var inputPhase = inputPhase
    var panel = panel
    var block = block + 1
    if block * blockSize >= inputs {
      block = 0
      inputPhase += 1
      if inputPhase == kernels.count {
        inputPhase = 0
        panel += 1
      }
    }
    kernel = kernels[inputPhase]
    self.panel = panel
    first = block * blockSize
    count = panel < kernel.matrix.panels ? min(blockSize, inputs - first) * kernel.matrix.panel : 0
  }

  /// Sets what is fetched during a call: during each of the first 9, one tap.
  func set(_ call: Int, in tile: inout colorize_gemm_sums) {
    guard count > 0, call < kernel.taps.count, let tap = kernel.taps[call] else {
      tile.later = tile.left
      tile.later_count = 0
      return
    }
    tile.later = kernel.matrix.start(ofPanel: panel, row: tap * inputs + first)
    tile.later_count = count
  }
}
