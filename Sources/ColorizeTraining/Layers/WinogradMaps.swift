// The three products of a 3x3 convolution by Winograd's F(4x4, 3x3): forward, adjoint and the gradient of weights all are
// products of matrices for each of the 36 positions, of transformed tiles, transformed weights and transformed
// gradients.

import CKernelContract
import ColorizeCore

/// A convolution of 3x3 taps, stride 1 and padding 1, for a batch.
final class WinogradMaps {
  private let inputs: Int
  private let outputs: Int
  private let weight: TrainingParameter
  private let gradient: Memory<Float>
  /// The weights of the adjoint: as a convolution from `outputs` to `inputs` channels, packed.
  private let adjointWeight: Memory<Float>
  private let zeros: Memory<Float>
  private let panel: Int
  private let gemmRows: Int

  private static let positions = Int(COLORIZE_WINOGRAD_POSITIONS)
  private static let points = Int(COLORIZE_WINOGRAD_POINTS)
  private static let side = Int(COLORIZE_WINOGRAD_TILE)
  /// Inputs that are multiplied at a time.
  private static let block = Int(COLORIZE_GEMM_SUMS_DEPTH)
  /// What the transforms keep their columns in.
  private static let workspaceCount = positions * 16
  /// Floats of transformed tiles that a thread works on: what the second-level cache holds.
  private static let localCount = 256 << 10
  /// Floats of transformed tiles that all threads work on: what the last cache holds.
  private static let sharedCount = 1536 << 10

  /// Whether it can be done, and there are tiles enough to pay for transforming the weights.
  static func takes(_ convolution: Convolution, tiles: Int) -> Bool {
    convolution.kernel == 3 && convolution.stride == 1 && convolution.dilation == 1
      && convolution.padding == 1 && convolution.paddingAfter == 1 && convolution.inputs % 16 == 0
      && convolution.outputs % 16 == 0
      && tiles >= 32
  }

  static func tiles(_ activation: BatchActivation) -> Int {
    activation.count * activation.shape.height.pieces(of: side)
      * activation.shape.width.pieces(of: side)
  }

  /// - Parameters:
  ///   - weight: `[outputs, inputs, 3, 3]`, packed.
  ///   - adjointWeight: `[inputs, outputs, 3, 3]`, turned round, packed: set before each call of `applyAdjoint`.
  init(
    _ convolution: Convolution, weight: TrainingParameter, adjointWeight: Memory<Float>,
    kernels: TrainingKernels
  ) throws(ColorizeError) {
    inputs = convolution.inputs
    outputs = convolution.outputs
    self.weight = weight
    guard let gradient = weight.gradient else { preconditionFailure("weights are learnt") }
    self.gradient = gradient
    self.adjointWeight = adjointWeight
    panel = kernels.core.gemmPanel
    gemmRows = kernels.core.gemmRows
    zeros = try Memory(count: max(inputs, outputs).roundedUp(to: 64))
    zeros.fill(0)
  }

  /// One direction: what is multiplied with what.
  private struct Product {
    let inputs: Int
    let outputs: Int
    /// Packed: `[panels, 9 x inputs, panel]`.
    let weight: Memory<Float>
    let epilogue: Epilogue
  }

  private func tilesAtOnce(channels: Int, in floats: Int) -> Int {
    let rounded = channels.roundedUp(to: Self.block)
    return max(1, floats / (Self.positions * rounded) / gemmRows) * gemmRows
  }

  /// The floats of scratch that a worker needs.
  var scratchCount: Int {
    let channels = max(inputs, outputs).roundedUp(to: Self.block)
    let local = max(Self.localCount, Self.positions * channels * gemmRows) + gemmRows * Self.block
    let tiles = max(
      tilesAtOnce(channels: min(inputs, outputs), in: Self.localCount), Self.tilesInPiece)
    return Self.workspaceCount + local + Self.positions * tiles * panel
  }

  /// The floats that all workers share: transformed weights, and then transformed tiles.
  var sharedCount: Int {
    let channels = inputs.roundedUp(to: Self.block) + outputs.roundedUp(to: 32)
    return weightsCount + max(Self.sharedCount, Self.positions * channels * gemmRows)
      + gemmRows * Self.block
  }

  /// `[panels, positions, inputs, panel]` of the weights, of the adjoint's, or of the gradient of the first.
  private var weightsCount: Int {
    Self.positions
      * max(inputs.roundedUp(to: panel) * outputs, outputs.roundedUp(to: panel) * inputs)
  }

  private func sharedTiles(_ execution: LayerExecution) -> UnsafeMutablePointer<Float> {
    execution.shared + weightsCount
  }

  /// Tiles of one piece of work where threads share transformed tiles.
  private static let tilesInPiece = 104

  func apply(
    _ input: BatchActivation, _ output: BatchActivation, _ epilogue: Epilogue, adds: Bool,
    _ execution: LayerExecution
  ) {
    multiply(
      Product(inputs: inputs, outputs: outputs, weight: weight.values, epilogue: epilogue), input,
      output, adds: adds, execution)
  }

  func applyAdjoint(
    _ output: BatchActivation, _ input: BatchActivation, _ epilogue: Epilogue, adds: Bool,
    _ execution: LayerExecution
  ) {
    multiply(
      Product(inputs: outputs, outputs: inputs, weight: adjointWeight, epilogue: epilogue),
      output, input, adds: adds, execution)
  }

  private func multiply(
    _ product: Product, _ input: BatchActivation, _ output: BatchActivation, adds: Bool,
    _ execution: LayerExecution
  ) {
    transformWeights(product, execution)
    let tiles = Self.tiles(output)
    let panels = product.outputs.pieces(of: panel)
    let local = tilesAtOnce(channels: product.inputs, in: Self.localCount)
    let groups = tiles.pieces(of: local)
    if groups >= 2 * execution.team.size {
      // A thread transforms a group of tiles and multiplies it. Groups are of about the same size.
      let atOnce = tiles.pieces(of: groups)
      execution.team.run(groups) { group, worker in
        let range = (group * atOnce)..<min((group + 1) * atOnce, tiles)
        guard !range.isEmpty else { return }
        let workspace = execution.scratch(of: worker)
        let own = workspace + Self.workspaceCount
        transformInput(
          input, range, channels: product.inputs, firstOfAll: range.lowerBound, of: range.count,
          into: own, workspace, execution)
        let sums =
          own + Self.positions * product.inputs.roundedUp(to: Self.block) * range.count
          + gemmRows * Self.block
        for number in 0..<panels {
          multiply(
            product, own, tilesOfAll: range.count, range, firstOfAll: range.lowerBound,
            panel: number, output, adds: adds, sums: sums, workspace, execution)
        }
      }
      return
    }
    let atOnce = tilesAtOnce(channels: product.inputs, in: Self.sharedCount)
    for first in stride(from: 0, to: tiles, by: atOnce) {
      let all = first..<min(first + atOnce, tiles)
      forPieces(of: all, atOnce: gemmRows, execution) { range, worker in
        transformInput(
          input, range, channels: product.inputs, firstOfAll: first, of: all.count,
          into: sharedTiles(execution), execution.scratch(of: worker), execution)
      }
      let pieces = all.count.pieces(of: Self.tilesInPiece)
      execution.team.run(panels * pieces) { item, worker in
        let start = first + item % pieces * Self.tilesInPiece
        let workspace = execution.scratch(of: worker)
        multiply(
          product, sharedTiles(execution), tilesOfAll: all.count,
          start..<min(start + Self.tilesInPiece, all.upperBound), firstOfAll: first,
          panel: item / pieces, output, adds: adds, sums: workspace + Self.workspaceCount,
          workspace, execution)
      }
    }
  }

  private func forPieces(
    of tiles: Range<Int>, atOnce: Int, _ execution: LayerExecution,
    _ body: (_ range: Range<Int>, _ worker: Int) -> Void
  ) {
    execution.team.run(tiles.count.pieces(of: atOnce)) { piece, worker in
      let first = tiles.lowerBound + piece * atOnce
      body(first..<min(first + atOnce, tiles.upperBound), worker)
    }
  }

  /// `[panels, positions, inputs, panel]` of `[panels, taps x inputs, panel]`.
  private func transformWeights(_ product: Product, _ execution: LayerExecution) {
    let count = product.inputs * panel
    let panels = product.outputs.pieces(of: panel)
    // 3 x 3 pairs of rows and columns.
    execution.team.run(panels * 9) { item, _ in
      let (number, pair) = item.quotientAndRemainder(dividingBy: 9)
      var arguments = colorize_winograd_weights()
      withUnsafeMutableBytes(of: &arguments.tap) { bytes in
        let taps = bytes.assumingMemoryBound(to: UnsafePointer<Float>?.self)
        for tap in 0..<9 {
          taps[tap] = UnsafePointer(product.weight.start + (number * 9 + tap) * count)
        }
      }
      arguments.output = execution.shared + (number * Self.positions + pair * 4) * count
      arguments.position_stride = count
      arguments.count = product.inputs
      arguments.rows = pair / 3
      arguments.columns = pair % 3
      execution.kernels.core.table.winograd_weights(&arguments)
    }
  }

  /// Where the four positions of a pair of rows and columns stand: place `((rows * 3 + columns) * 2 + i) * 2 + j`.
  private static let places: [Int] = (0..<positions).map { position in
    func pair(_ index: Int) -> (pair: Int, second: Int) {
      index == 0 ? (0, 0) : index == points - 1 ? (0, 1) : ((index + 1) / 2, (index + 1) % 2)
    }
    let row = pair(position / points)
    let column = pair(position % points)
    return ((row.pair * 3 + column.pair) * 2 + row.second) * 2 + column.second
  }

  /// Transforms tiles: `[blocks, positions, tiles of all, block]`.
  private func transformInput(
    _ input: BatchActivation, _ tiles: Range<Int>, channels: Int, firstOfAll: Int, of all: Int,
    into target: UnsafeMutablePointer<Float>, _ workspace: UnsafeMutablePointer<Float>,
    _ execution: LayerExecution
  ) {
    var arguments = colorize_winograd_input()
    arguments.position_stride = all * Self.block
    arguments.workspace = workspace
    arguments.end_row = Self.points
    let columns = input.shape.width.pieces(of: Self.side)
    let inPicture = input.shape.height.pieces(of: Self.side) * columns
    // 288 bytes, which are on the stack.
    withUnsafeTemporaryAllocation(of: UnsafePointer<Float>?.self, capacity: Self.positions) {
      pixels in
      arguments.pixel = UnsafePointer(pixels.baseAddress)
      for tile in tiles {
        let (number, place) = tile.quotientAndRemainder(dividingBy: inPicture)
        let picture = input.picture(number)
        setPixels(
          picture, place / columns * Self.side - 1, place % columns * Self.side - 1,
          side: Self.points, pixels)
        for first in stride(from: 0, to: channels, by: Self.block) {
          arguments.first_channel = first
          arguments.channels = min(Self.block, channels - first)
          arguments.output =
            target
            + (first / Self.block * Self.positions * all + tile - firstOfAll) * Self.block
          execution.kernels.core.table.winograd_input(&arguments)
        }
      }
    }
  }

  /// The pixels of a square of `side` from (y, x) on.
  private func setPixels(
    _ picture: Activation, _ y: Int, _ x: Int, side: Int,
    _ pixels: UnsafeMutableBufferPointer<UnsafePointer<Float>?>
  ) {
    let outside = UnsafePointer(zeros.start)
    for i in 0..<side {
      let isInside = (0..<picture.shape.height).contains(y + i)
      let line = picture.start + (isInside ? y + i : 0) * picture.shape.width * picture.stride
      for j in 0..<side {
        pixels[i * side + j] =
          isInside && (0..<picture.shape.width).contains(x + j)
          ? UnsafePointer(line + (x + j) * picture.stride) : outside
      }
    }
  }

  /// Multiplies transformed tiles by one panel of the transformed weights, and transforms them back.
  private func multiply(
    _ product: Product, _ left: UnsafePointer<Float>, tilesOfAll: Int, _ tiles: Range<Int>,
    firstOfAll: Int, panel number: Int, _ output: BatchActivation, adds: Bool,
    sums: UnsafeMutablePointer<Float>, _ workspace: UnsafeMutablePointer<Float>,
    _ execution: LayerExecution
  ) {
    let weights = execution.shared + number * Self.positions * product.inputs * panel
    let sumsStride = tiles.count * panel
    var tile = colorize_gemm_sums()
    tile.matrix_rows = gemmRows
    tile.matrix_stride = gemmRows * Self.block
    tile.rows = tiles.count
    tile.next = tilesOfAll * Self.block
    for first in stride(from: 0, to: product.inputs, by: Self.block) {
      tile.depth = min(Self.block, product.inputs - first)
      tile.adds = first == 0 ? 0 : 1
      for position in 0..<Self.positions {
        let row = (first / Self.block * Self.positions + position) * tilesOfAll
        tile.left = left + (row + tiles.lowerBound - firstOfAll) * Self.block
        tile.right = UnsafePointer(
          weights + (Self.places[position] * product.inputs + first) * panel)
        tile.later = tile.right
        tile.sums = sums + position * sumsStride
        execution.kernels.core.table.gemm_sums(&tile)
      }
    }
    var arguments = colorize_winograd_output()
    let channel = number * panel
    product.epilogue.apply(to: &arguments, channel: channel)
    arguments.position_stride = sumsStride
    arguments.pixel_stride = output.stride
    arguments.row_stride = output.shape.width * output.stride
    arguments.workspace = workspace
    let columns = output.shape.width.pieces(of: Self.side)
    let inPicture = output.shape.height.pieces(of: Self.side) * columns
    for (index, tile) in tiles.enumerated() {
      let (picture, place) = tile.quotientAndRemainder(dividingBy: inPicture)
      let (row, column) = place.quotientAndRemainder(dividingBy: columns)
      let pixel = row * Self.side * output.shape.width + column * Self.side
      arguments.sums = UnsafePointer(sums + index * panel)
      arguments.output = output.picture(picture).start + pixel * output.stride + channel
      arguments.residual = adds ? UnsafePointer(arguments.output) : nil
      arguments.next = UnsafePointer(arguments.output)
      arguments.rows = min(Self.side, output.shape.height - row * Self.side)
      arguments.columns = min(Self.side, output.shape.width - column * Self.side)
      execution.kernels.core.table.winograd_output(&arguments)
    }
  }

  /// The gradient of the weights, in place of what is there.
  func setWeightGradient(
    _ input: BatchActivation, _ output: BatchActivation, _ execution: LayerExecution
  ) {
    let tiles = Self.tiles(output)
    let outputStride = outputs.roundedUp(to: panel)
    let inputCount = inputs.roundedUp(to: Self.block)
    let atOnce = max(
      gemmRows, Self.sharedCount / (Self.positions * (inputCount + outputStride)))
    for first in stride(from: 0, to: tiles, by: atOnce) {
      let all = first..<min(first + atOnce, tiles)
      let left = sharedTiles(execution)
      let right = left + Self.positions * inputCount * all.count + gemmRows * Self.block
      forPieces(of: all, atOnce: gemmRows, execution) { range, worker in
        transformInput(
          input, range, channels: inputs, firstOfAll: first, of: all.count, into: left,
          execution.scratch(of: worker), execution)
        transformOutputGradient(
          output, range, firstOfAll: first, of: all.count, stride: outputStride, into: right,
          execution.scratch(of: worker), execution)
      }
      multiplyGradients(
        left, right, tiles: all.count, stride: outputStride, adds: first > 0, execution)
    }
    transformWeightGradients(execution)
  }

  /// `[positions, tiles of all, outputs]`.
  private func transformOutputGradient(
    _ output: BatchActivation, _ tiles: Range<Int>, firstOfAll: Int, of all: Int, stride: Int,
    into target: UnsafeMutablePointer<Float>, _ workspace: UnsafeMutablePointer<Float>,
    _ execution: LayerExecution
  ) {
    var arguments = colorize_winograd_output_gradient()
    arguments.position_stride = all * stride
    arguments.workspace = workspace
    arguments.channels = outputs
    let columns = output.shape.width.pieces(of: Self.side)
    let inPicture = output.shape.height.pieces(of: Self.side) * columns
    withUnsafeTemporaryAllocation(
      of: UnsafePointer<Float>?.self, capacity: Self.side * Self.side
    ) { pixels in
      arguments.pixel = UnsafePointer(pixels.baseAddress)
      for tile in tiles {
        let (number, place) = tile.quotientAndRemainder(dividingBy: inPicture)
        setPixels(
          output.picture(number), place / columns * Self.side, place % columns * Self.side,
          side: Self.side, pixels)
        arguments.output = target + (tile - firstOfAll) * stride
        execution.kernels.table.winograd_output_gradient(&arguments)
      }
    }
  }

  /// The gradients of the transformed weights: for each position the product of transformed tiles and gradients.
  private func multiplyGradients(
    _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, tiles: Int, stride: Int,
    adds: Bool, _ execution: LayerExecution
  ) {
    let panels = outputs.pieces(of: panel)
    let blocks = inputs.pieces(of: Self.block)
    execution.team.run(Self.positions * blocks) { item, _ in
      let (position, block) = item.quotientAndRemainder(dividingBy: blocks)
      let rows = min(Self.block, inputs - block * Self.block)
      var product = colorize_gemm_outer()
      product.left_stride = Self.block
      product.right_stride = stride
      product.depth = tiles
      product.adds = adds ? 1 : 0
      for number in 0..<panels {
        product.right = right + position * tiles * stride + number * panel
        for row in Swift.stride(from: 0, to: rows, by: gemmRows) {
          product.left = left + (block * Self.positions + position) * tiles * Self.block + row
          product.rows = min(gemmRows, rows - row)
          let place = number * Self.positions + Self.places[position]
          product.sums =
            execution.shared + (place * inputs + block * Self.block + row) * panel
          execution.kernels.table.gemm_outer(&product)
        }
      }
    }
  }

  private func transformWeightGradients(_ execution: LayerExecution) {
    let count = inputs * panel
    let atOnce = 16 * panel
    let pieces = count.pieces(of: atOnce)
    execution.team.run(outputs.pieces(of: panel) * pieces) { item, _ in
      let (number, piece) = item.quotientAndRemainder(dividingBy: pieces)
      let first = piece * atOnce
      var arguments = colorize_winograd_weights_gradient()
      arguments.transformed = UnsafePointer(
        execution.shared + number * Self.positions * count + first)
      arguments.position_stride = count
      withUnsafeMutableBytes(of: &arguments.tap) { bytes in
        let taps = bytes.assumingMemoryBound(to: UnsafeMutablePointer<Float>?.self)
        for tap in 0..<9 { taps[tap] = gradient.start + (number * 9 + tap) * count + first }
      }
      arguments.count = min(atOnce, count - first)
      execution.kernels.table.winograd_weights_gradient(&arguments)
    }
  }
}
