// The three products of matrices that training a convolution takes: the convolution itself, its adjoint (the gradient
// of its input), and the gradient of its weights. A transposed convolution is the adjoint of a convolution, and its
// gradients are the other two.

import CKernelContract
import ColorizeCore

/// The linear map from `inputs` to `outputs` channels that a convolution's weights are, without its bias.
final class ConvolutionMaps {
  private let inputs: Int
  private let outputs: Int
  private let kernel: Int
  private let stride: Int
  private let padding: Int
  private let dilation: Int
  private let weight: TrainingParameter
  private let gradient: Memory<Float>
  private let panel: Int
  private let forward: TapProduct
  private let phases: [AdjointPhase]
  /// nil: all products are direct.
  private let winograd: WinogradMaps?
  /// What the convolution's sums begin with, `[outputs]`, and the adjoint's, `[inputs]`.
  private let outputEpilogue: Epilogue
  private let inputEpilogue: Epilogue

  /// What the adjoint gives at every `stride`th row and column.
  private struct AdjointPhase {
    let y: Int
    let x: Int
    /// The convolution's taps, in the order of the adjoint's.
    let taps: [Int]
    let matrix: Memory<Float>
    let product: TapProduct
  }

  /// Columns of the left matrix that are gathered for the gradient of weights, and positions.
  private static let columnsAtOnce = 64
  private static let positionsAtOnce = 256

  /// - Parameters:
  ///   - weight: `[outputs, inputs, kernel, kernel]`, packed.
  ///   - output: of the convolution.
  init(
    _ convolution: Convolution, weight: TrainingParameter, output: BatchActivation,
    kernels: TrainingKernels
  ) throws(ColorizeError) {
    let (inputs, outputs) = (convolution.inputs, convolution.outputs)
    let (kernel, stride) = (convolution.kernel, convolution.stride)
    self.inputs = inputs
    self.outputs = outputs
    self.kernel = kernel
    self.stride = stride
    padding = convolution.padding
    dilation = convolution.dilation
    self.weight = weight
    guard let gradient = weight.gradient else { preconditionFailure("weights are learnt") }
    self.gradient = gradient
    let panel = kernels.core.gemmPanel
    self.panel = panel
    let zeros = try Memory<Float>(count: max(inputs, outputs))
    zeros.fill(0)
    outputEpilogue = try Epilogue(channels: outputs, bias: zeros.start, kernels: kernels.core)
    inputEpilogue = try Epilogue(channels: inputs, bias: zeros.start, kernels: kernels.core)
    forward = TapProduct(
      rows: TapRows(
        channels: inputs, kernelRows: kernel, kernelColumns: kernel, stride: stride,
        dilation: dilation, originY: -padding, originX: -padding),
      matrix: PackedMatrix(
        packed: weight.values, depth: kernel * kernel * inputs, columns: outputs,
        kernels: kernels.core),
      epilogue: outputEpilogue)
    var phases: [AdjointPhase] = []
    for y in 0..<stride {
      let rows = Self.adjointTaps(convolution, y)
      for x in 0..<stride {
        let columns = Self.adjointTaps(convolution, x)
        precondition(!rows.taps.isEmpty && !columns.taps.isEmpty, "an input without an output")
        let taps = rows.taps.flatMap { row in columns.taps.map { row * kernel + $0 } }
        let matrix = try Memory<Float>(
          count: inputs.pieces(of: panel) * taps.count * outputs * panel)
        phases.append(
          AdjointPhase(
            y: y, x: x, taps: taps, matrix: matrix,
            product: TapProduct(
              rows: TapRows(
                channels: outputs, kernelRows: rows.taps.count, kernelColumns: columns.taps.count,
                dilation: dilation, originY: rows.origin, originX: columns.origin),
              matrix: PackedMatrix(
                packed: matrix, depth: taps.count * outputs, columns: inputs, kernels: kernels.core),
              epilogue: inputEpilogue)))
      }
    }
    self.phases = phases
    winograd =
      WinogradMaps.takes(convolution, tiles: WinogradMaps.tiles(output))
      ? try WinogradMaps(
        convolution, weight: weight, adjointWeight: phases[0].matrix, kernels: kernels) : nil
  }

  /// Input position `i * stride + parity` has been under tap t of output `i + (parity + padding - t dilation) / stride`:
  /// the taps by rising output, and that of the first one where i is 0.
  private static func adjointTaps(_ convolution: Convolution, _ parity: Int) -> (
    taps: [Int], origin: Int
  ) {
    let distances = (0..<convolution.kernel).reversed().map {
      (tap: $0, distance: parity + convolution.padding - $0 * convolution.dilation)
    }.filter { $0.distance % convolution.stride == 0 }
    return (distances.map(\.tap), (distances.first?.distance ?? 0) / convolution.stride)
  }

  /// The floats of scratch that a worker needs.
  var scratchCount: Int {
    let gathered = Self.positionsAtOnce * Self.columnsAtOnce + 16
    return max(
      forward.scratchCount, phases.map(\.product.scratchCount).max() ?? 0, gathered,
      winograd?.scratchCount ?? 0)
  }

  /// The floats that all workers share.
  var sharedCount: Int { winograd?.sharedCount ?? 0 }

  /// `output = convolution(input) + bias`.
  func apply(
    _ input: BatchActivation, _ output: BatchActivation, bias: UnsafePointer<Float>? = nil,
    adds: Bool = false, _ execution: LayerExecution
  ) {
    if let bias { outputEpilogue.setBias(bias, channels: outputs) }
    if let winograd {
      winograd.apply(input, output, outputEpilogue, adds: adds, execution)
      return
    }
    let width = output.shape.width
    let pieces = Pieces(forward, positions: output.pixels, pictures: output.count, execution)
    execution.team.run(pieces.count) { item, worker in
      let (picture, first, count) = pieces[item]
      let target = output.picture(picture).start + first * output.stride
      forward.run(
        input.picture(picture), y: first / width, x: first % width, width: width, count: count,
        into: TapProduct.Target(
          output: target, stride: output.stride, residual: adds ? UnsafePointer(target) : nil),
        kernels: execution.kernels.core, scratch: execution.scratch(of: worker))
    }
  }

  /// `input = adjoint(output) + bias`: what a transposed convolution is, and the gradient of the convolution's input from
  /// that of its output.
  func applyAdjoint(
    _ output: BatchActivation, _ input: BatchActivation, bias: UnsafePointer<Float>? = nil,
    adds: Bool = false, _ execution: LayerExecution
  ) {
    if let bias { inputEpilogue.setBias(bias, channels: inputs) }
    for phase in phases { transpose(phase, execution) }
    if let winograd {
      winograd.applyAdjoint(output, input, inputEpilogue, adds: adds, execution)
      return
    }
    if stride == 1 {
      let product = phases[0].product
      let width = input.shape.width
      let pieces = Pieces(product, positions: input.pixels, pictures: input.count, execution)
      execution.team.run(pieces.count) { item, worker in
        let (picture, first, count) = pieces[item]
        let target = input.picture(picture).start + first * input.stride
        product.run(
          output.picture(picture), y: first / width, x: first % width, width: width, count: count,
          into: TapProduct.Target(
            output: target, stride: input.stride, residual: adds ? UnsafePointer(target) : nil),
          kernels: execution.kernels.core, scratch: execution.scratch(of: worker))
      }
      return
    }
    // One row of a phase at a time: its targets are evenly apart.
    let rows = input.shape.height.pieces(of: stride)
    execution.team.run(input.count * phases.count * rows) { item, worker in
      let phase = phases[item / rows % phases.count]
      let picture = item / (rows * phases.count)
      let row = item % rows
      let y = row * stride + phase.y
      guard y < input.shape.height, phase.x < input.shape.width else { return }
      let width = (input.shape.width - phase.x).pieces(of: stride)
      let atOnce =
        phase.product.tilesAtOnce(execution.kernels.core) * execution.kernels.core.gemmRows
      for x in Swift.stride(from: 0, to: width, by: atOnce) {
        let place = (y * input.shape.width + x * stride + phase.x) * input.stride
        let target = input.picture(picture).start + place
        phase.product.run(
          output.picture(picture), y: row, x: x, width: width, count: min(atOnce, width - x),
          into: TapProduct.Target(
            output: target, stride: stride * input.stride,
            residual: adds ? UnsafePointer(target) : nil),
          kernels: execution.kernels.core, scratch: execution.scratch(of: worker))
      }
    }
  }

  /// The weights as the adjoint's right matrix: `[panels of inputs, taps x outputs, panel]`.
  private func transpose(_ phase: AdjointPhase, _ execution: LayerExecution) {
    let depth = kernel * kernel * inputs
    let adjointDepth = phase.taps.count * outputs
    execution.team.run(inputs.pieces(of: panel) * phase.taps.count) { item, _ in
      let (number, index) = item.quotientAndRemainder(dividingBy: phase.taps.count)
      let firstInput = number * panel
      let width = min(panel, inputs - firstInput)
      for firstOutput in Swift.stride(from: 0, to: outputs, by: panel) {
        let source =
          weight.values.start
          + (firstOutput / panel * depth + phase.taps[index] * inputs + firstInput) * panel
        let target =
          phase.matrix.start + (number * adjointDepth + index * outputs + firstOutput) * panel
        for o in 0..<min(panel, outputs - firstOutput) {
          let row = target + o * panel
          for i in 0..<width { row[i] = source[i * panel + o] }
          for i in width..<panel { row[i] = 0 }
        }
      }
    }
  }

  /// The gradient of the weights, from the map's input and the gradient of its output; in place of what is there.
  ///
  /// A piece of work has some columns of the gathered left matrix, for all positions: no two threads write to the same
  /// weights, and sums come out the same with any number of them.
  func setWeightGradient(
    _ input: BatchActivation, _ output: BatchActivation, _ execution: LayerExecution
  ) {
    if let winograd {
      winograd.setWeightGradient(input, output, execution)
      return
    }
    let depth = kernel * kernel * inputs
    let pieces = columnPieces
    let step = Self.columnsAtOnce
    let panels = outputs.pieces(of: panel)
    execution.team.run(pieces.count) { item, worker in
      let columns = pieces[item]
      let gathered = execution.scratch(of: worker)
      var product = colorize_gemm_outer()
      product.left_stride = step
      product.right_stride = output.stride
      for first in Swift.stride(from: 0, to: output.rows, by: Self.positionsAtOnce) {
        let count = min(Self.positionsAtOnce, output.rows - first)
        gather(input, columns, output, first, count, into: gathered)
        product.depth = count
        product.adds = first == 0 ? 0 : 1
        for number in 0..<panels {
          product.right = UnsafePointer(output.start + first * output.stride + number * panel)
          for row in Swift.stride(from: 0, to: columns.count, by: execution.kernels.core.gemmRows) {
            product.left = UnsafePointer(gathered + row)
            product.rows = min(execution.kernels.core.gemmRows, columns.count - row)
            product.sums = gradient.start + (number * depth + columns.lowerBound + row) * panel
            execution.kernels.table.gemm_outer(&product)
          }
        }
      }
      // Columns past the last output are no weights.
      let used = outputs - (panels - 1) * panel
      guard used < panel else { return }
      for row in columns {
        let start = gradient.start + ((panels - 1) * depth + row) * panel
        (start + used).update(repeating: 0, count: panel - used)
      }
    }
  }

  /// Columns of the left matrix, `[taps, inputs]`: whole taps, or parts of one.
  private var columnPieces: [Range<Int>] {
    let depth = kernel * kernel * inputs
    let atOnce =
      inputs >= Self.columnsAtOnce
      ? Self.columnsAtOnce : max(1, Self.columnsAtOnce / inputs) * inputs
    var pieces: [Range<Int>] = []
    var first = 0
    while first < depth {
      // Where a tap is not a multiple of what is done at once, its end is an end of a piece.
      let endOfTap = (first / inputs + 1) * inputs
      let end = min(first + atOnce, inputs >= Self.columnsAtOnce ? endOfTap : depth)
      pieces.append(first..<end)
      first = end
    }
    return pieces
  }

  /// Some columns of the left matrix for `count` positions of the output, from position `first` of the batch on: a row
  /// every `columnsAtOnce` floats.
  private func gather(
    _ input: BatchActivation, _ columns: Range<Int>, _ output: BatchActivation, _ first: Int,
    _ count: Int, into target: UnsafeMutablePointer<Float>
  ) {
    let width = output.shape.width
    let height = output.shape.height
    let (firstPicture, rest) = first.quotientAndRemainder(dividingBy: output.pixels)
    var picture = firstPicture
    var (y, x) = rest.quotientAndRemainder(dividingBy: width)
    for position in 0..<count {
      let row = target + position * Self.columnsAtOnce
      var column = columns.lowerBound
      while column < columns.upperBound {
        let (tap, channel) = column.quotientAndRemainder(dividingBy: inputs)
        let length = min(columns.upperBound - column, inputs - channel)
        let sourceY = y * stride - padding + tap / kernel * dilation
        let sourceX = x * stride - padding + tap % kernel * dilation
        let place = row + (column - columns.lowerBound)
        if sourceY >= 0, sourceY < input.shape.height, sourceX >= 0, sourceX < input.shape.width {
          let pixel = (picture * input.shape.height + sourceY) * input.shape.width + sourceX
          place.update(from: input.start + pixel * input.stride + channel, count: length)
        } else {
          place.update(repeating: 0, count: length)
        }
        column += length
      }
      x += 1
      if x == width {
        x = 0
        y += 1
        if y == height {
          y = 0
          picture += 1
        }
      }
    }
  }
}

/// The positions of a batch in pieces that a thread does at once.
private struct Pieces {
  private let positions: Int
  private let atOnce: Int
  private let inPicture: Int
  let count: Int

  init(_ product: TapProduct, positions: Int, pictures: Int, _ execution: LayerExecution) {
    let tiles = positions.pieces(of: execution.kernels.core.gemmRows)
    let tilesAtOnce = max(1, min(product.tilesAtOnce(execution.kernels.core), tiles))
    self.positions = positions
    atOnce = tilesAtOnce * execution.kernels.core.gemmRows
    inPicture = positions.pieces(of: atOnce)
    count = inPicture * pictures
  }

  subscript(item: Int) -> (picture: Int, first: Int, count: Int) {
    let (picture, piece) = item.quotientAndRemainder(dividingBy: inPicture)
    let first = piece * atOnce
    return (picture, first, min(atOnce, positions - first))
  }
}
