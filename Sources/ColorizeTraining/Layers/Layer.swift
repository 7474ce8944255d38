// What a network in training is made of: operators, some of them fused, that go both ways.

import CKernelContract
import ColorizeCore
import Glibc

/// One or several nodes of a network, for batches of one size. Memory is the network's.
protocol Layer {
  /// The floats of scratch that each worker needs, and those that all share.
  var scratchCount: Int { get }
  var sharedCount: Int { get }

  /// Computes the output from the inputs.
  func forward(_ run: Run)

  /// Computes the gradients of the inputs and the parameters from that of the output, which it may overwrite.
  func backward(_ run: Run)
}

extension Layer {
  var scratchCount: Int { 0 }
  var sharedCount: Int { 0 }
}

/// The activations around a layer, and the gradients of the loss by them.
struct Connections {
  var inputs: [BatchActivation]
  var output: BatchActivation
  /// nil: not wanted.
  var inputGradients: [InputGradient?]
  var outputGradient: BatchActivation

  /// A gradient, and whether something has been put there that it is added to.
  struct InputGradient {
    var activation: BatchActivation
    var adds: Bool
  }

  /// `target (+)= source` with everything that `operation` asks for.
  func write(
    _ source: BatchActivation, to target: InputGradient, _ run: Run,
    _ change: (inout colorize_channel_affine) -> Void = { _ in }
  ) {
    var operation = colorize_channel_affine()
    operation.a = UnsafePointer(source.start)
    operation.target = target.activation.start
    operation.channels = source.stride
    operation.stride = source.stride
    operation.adds = target.adds ? 1 : 0
    operation.slope = 1
    operation.ceiling = .infinity
    change(&operation)
    run.affine(operation, rows: source.rows)
  }
}

/// A convolution, with stride and dilation; or the fully connected layer, which is one of 1x1 pixels.
struct ConvolutionLayer: Layer {
  let connections: Connections
  let maps: ConvolutionMaps
  /// nil: none.
  let bias: TrainingParameter?
  /// Whether its gradients are wanted.
  let isLearnt: Bool

  var scratchCount: Int { maps.scratchCount }
  var sharedCount: Int { max(Run.sharedCount(connections.output), maps.sharedCount) }

  func forward(_ run: Run) {
    maps.apply(
      connections.inputs[0], connections.output, bias: bias.map { UnsafePointer($0.values.start) },
      run)
  }

  func backward(_ run: Run) {
    if isLearnt {
      maps.setWeightGradient(connections.inputs[0], connections.outputGradient, run)
      bias?.setBiasGradient(connections.outputGradient, run)
    }
    if let gradient = connections.inputGradients[0] {
      maps.applyAdjoint(
        connections.outputGradient, gradient.activation, adds: gradient.adds, run)
    }
  }
}

/// A transposed convolution: the adjoint of the convolution that `maps` is.
struct TransposedConvolutionLayer: Layer {
  let connections: Connections
  let maps: ConvolutionMaps
  let bias: TrainingParameter
  let isLearnt: Bool

  var scratchCount: Int { maps.scratchCount }
  var sharedCount: Int { max(Run.sharedCount(connections.output), maps.sharedCount) }

  func forward(_ run: Run) {
    maps.applyAdjoint(
      connections.inputs[0], connections.output, bias: UnsafePointer(bias.values.start), run)
  }

  func backward(_ run: Run) {
    if isLearnt {
      maps.setWeightGradient(connections.outputGradient, connections.inputs[0], run)
      bias.setBiasGradient(connections.outputGradient, run)
    }
    if let gradient = connections.inputGradients[0] {
      maps.apply(connections.outputGradient, gradient.activation, adds: gradient.adds, run)
    }
  }
}

extension TrainingParameter {
  /// The gradient of a bias: the sum of its output's.
  fileprivate func setBiasGradient(_ output: BatchActivation, _ run: Run) {
    guard let gradient else { preconditionFailure("a bias is learnt") }
    var operation = colorize_channel_sums()
    operation.a = output.start
    operation.channels = output.stride
    operation.stride = output.stride
    withUnsafeTemporaryAllocation(of: Double.self, capacity: output.stride) { sums in
      run.sums(operation, rows: output.rows, sums.baseAddress.unsafelyUnwrapped)
      for c in 0..<elements { gradient.start[c] = Float(sums[c]) }
    }
  }
}

/// A sum of two activations, the second of which may be a single position a picture; and a ReLU, if there is one.
struct AddLayer: Layer {
  let connections: Connections
  /// nil: none.
  let relu: ReLU?

  private var isBroadcast: Bool {
    connections.inputs[1].pixels == 1 && connections.inputs[0].pixels > 1
  }

  func forward(_ run: Run) {
    let (left, right) = (connections.inputs[0], connections.inputs[1])
    let output = connections.output
    var operation = colorize_channel_affine()
    operation.channels = output.stride
    operation.stride = output.stride
    operation.setActivation(relu)
    guard isBroadcast else {
      operation.a = UnsafePointer(left.start)
      operation.more = UnsafePointer(right.start)
      operation.target = output.start
      run.affine(operation, rows: output.rows)
      return
    }
    run.team.run(output.count) { picture, _ in
      var part = operation
      part.a = UnsafePointer(left.picture(picture).start)
      part.shift = UnsafePointer(right.picture(picture).start)
      part.target = output.picture(picture).start
      part.rows = output.pixels
      run.kernels.table.channel_affine(&part)
    }
  }

  var sharedCount: Int { connections.output.count * connections.output.stride * 2 }

  func backward(_ run: Run) {
    let output = connections.outputGradient
    var sums = colorize_channel_sums()
    sums.channels = output.stride
    sums.stride = output.stride
    // The ReLU's mask, and the sums over each picture.
    run.team.run(output.count) { picture, _ in
      var part = sums
      part.a = output.picture(picture).start
      part.b = UnsafePointer(output.picture(picture).start)
      part.setMask(relu, connections.output.picture(picture).start)
      part.rows = output.pixels
      part.sums = run.shared + picture * 2 * output.stride
      part.products = part.sums + output.stride
      part.sums.update(repeating: 0, count: 2 * output.stride)
      part.centre = UnsafePointer(part.products)
      run.kernels.table.channel_sums(&part)
    }
    for (index, gradient) in connections.inputGradients.enumerated() {
      guard let gradient else { continue }
      guard index == 1, isBroadcast else {
        connections.write(output, to: gradient, run)
        continue
      }
      for picture in 0..<output.count {
        let target = gradient.activation.picture(picture).start
        let own = run.shared + picture * 2 * output.stride
        for c in 0..<output.stride { target[c] = (gradient.adds ? target[c] : 0) + own[c] }
      }
    }
  }
}

extension colorize_channel_affine {
  /// Of the sums: a ReLU's, or none.
  mutating func setActivation(_ relu: ReLU?) {
    slope = relu == nil ? 1 : 0
    ceiling = relu?.ceiling ?? .infinity
  }
}

extension colorize_channel_sums {
  /// Of gradients: where a ReLU has let values through, as its output says.
  mutating func setMask(_ relu: ReLU?, _ output: UnsafeMutablePointer<Float>) {
    mask = relu == nil ? nil : UnsafePointer(output)
    ceiling = relu?.ceiling ?? .infinity
  }
}

/// ReLU, with a ceiling or without, and leaky ReLU.
struct ActivationLayer: Layer {
  let connections: Connections
  let slope: Float
  var ceiling: Float = .infinity

  func forward(_ run: Run) {
    let target = Connections.InputGradient(activation: connections.output, adds: false)
    connections.write(connections.inputs[0], to: target, run) {
      $0.slope = slope
      $0.ceiling = ceiling
    }
  }

  func backward(_ run: Run) {
    guard let gradient = connections.inputGradients[0] else { return }
    let output = connections.output
    let source = connections.outputGradient
    forEachRow(output, run) { start, count in
      let target = gradient.activation.start + start
      for index in 0..<count {
        let value = source.start[start + index]
        let given = output.start[start + index]
        let own = given > 0 ? (given < ceiling ? value : 0) : slope * value
        target[index] = gradient.adds ? target[index] + own : own
      }
    }
  }
}

struct TanhLayer: Layer {
  let connections: Connections

  func forward(_ run: Run) {
    let input = connections.inputs[0]
    forEachRow(input, run) { start, count in
      for index in start..<(start + count) {
        connections.output.start[index] = tanh(input.start[index])
      }
    }
  }

  func backward(_ run: Run) {
    guard let gradient = connections.inputGradients[0] else { return }
    let output = connections.output
    let source = connections.outputGradient
    forEachRow(output, run) { start, count in
      for index in start..<(start + count) {
        let own = source.start[index] * (1 - output.start[index] * output.start[index])
        let target = gradient.activation.start + index
        target.pointee = gradient.adds ? target.pointee + own : own
      }
    }
  }
}

/// Pieces of rows, as the first float and the number of floats.
private func forEachRow(
  _ activation: BatchActivation, _ run: Run, _ body: (_ start: Int, _ count: Int) -> Void
) {
  let pieces = RowPieces(rows: activation.rows)
  run.team.run(pieces.count) { piece, _ in
    let range = pieces.range(piece)
    body(range.lowerBound * activation.stride, range.count * activation.stride)
  }
}

/// The gray of a lightness, in three channels. Nothing is learnt before it, so it has no way back.
struct GrayAsRGBLayer: Layer {
  let connections: Connections

  func forward(_ run: Run) {
    let (input, output) = (connections.inputs[0], connections.output)
    let pieces = RowPieces(rows: output.rows)
    run.team.run(pieces.count) { piece, _ in
      for row in pieces.range(piece) {
        let value = GrayAsRGB.value(input.start[row * input.stride])
        let target = output.start + row * output.stride
        for c in 0..<3 { target[c] = value }
      }
    }
  }

  func backward(_ run: Run) {
    precondition(connections.inputGradients[0] == nil, "the gradient of a lightness is not there")
  }
}

/// Every other pixel of every other row.
struct SubsampleLayer: Layer {
  let connections: Connections

  func forward(_ run: Run) {
    let (input, output) = (connections.inputs[0], connections.output)
    run.team.run(output.count * output.shape.height) { row, _ in
      let (picture, y) = row.quotientAndRemainder(dividingBy: output.shape.height)
      for x in 0..<output.shape.width {
        (output.picture(picture).start + (y * output.shape.width + x) * output.stride).update(
          from: input.picture(picture).start + (2 * y * input.shape.width + 2 * x) * input.stride,
          count: output.stride)
      }
    }
  }

  func backward(_ run: Run) {
    guard let gradient = connections.inputGradients[0] else { return }
    let output = connections.outputGradient
    let input = gradient.activation
    run.team.run(input.count * input.shape.height) { row, _ in
      let (picture, y) = row.quotientAndRemainder(dividingBy: input.shape.height)
      let target = input.picture(picture).start + y * input.shape.width * input.stride
      if !gradient.adds {
        target.update(repeating: 0, count: input.shape.width * input.stride)
      }
      guard y % 2 == 0 else { return }
      let source =
        output.picture(picture).start + y / 2 * output.shape.width * output.stride
      for x in 0..<output.shape.width {
        for c in 0..<output.stride {
          target[2 * x * input.stride + c] += source[x * output.stride + c]
        }
      }
    }
  }
}

/// Bilinear resampling to the size of another activation.
struct BilinearLayer: Layer {
  let connections: Connections

  func forward(_ run: Run) {
    let (input, output) = (connections.inputs[0], connections.output)
    forEachOutput(run.team) { picture, pixel, corners in
      var arguments = colorize_blend()
      let start = input.picture(picture).start
      arguments.corner = (
        UnsafePointer(start + corners[0].pixel * input.stride),
        UnsafePointer(start + corners[1].pixel * input.stride),
        UnsafePointer(start + corners[2].pixel * input.stride),
        UnsafePointer(start + corners[3].pixel * input.stride)
      )
      arguments.weight = (corners[0].share, corners[1].share, corners[2].share, corners[3].share)
      arguments.output = output.picture(picture).start + pixel * output.stride
      arguments.count = output.stride
      run.kernels.core.table.blend(&arguments)
    }
  }

  func backward(_ run: Run) {
    guard let gradient = connections.inputGradients[0] else { return }
    let (input, output) = (gradient.activation, connections.outputGradient)
    if !gradient.adds {
      run.team.run(input.count) { picture, _ in
        input.picture(picture).start.update(repeating: 0, count: input.pixels * input.stride)
      }
    }
    forEachOutput(run.team) { picture, pixel, corners in
      let source = output.picture(picture).start + pixel * output.stride
      for corner in 0..<4 {
        let target = input.picture(picture).start + corners[corner].pixel * input.stride
        let share = corners[corner].share
        for c in 0..<output.stride { target[c] += share * source[c] }
      }
    }
  }

  private struct Corner {
    var pixel: Int
    var share: Float
  }

  /// A picture is one piece of work: two pixels of it may go to the same one.
  private func forEachOutput(
    _ team: Team, _ body: (_ picture: Int, _ pixel: Int, _ corners: InlineArray<4, Corner>) -> Void
  ) {
    let (input, output) = (connections.inputs[0].shape, connections.output.shape)
    let rows = BilinearAxis(from: input.height, to: output.height)
    let columns = BilinearAxis(from: input.width, to: output.width)
    team.run(connections.output.count) { picture, _ in
      for y in 0..<output.height {
        let row = rows[y]
        for x in 0..<output.width {
          let column = columns[x]
          let corners: InlineArray<4, Corner> = [
            Corner(
              pixel: row.first * input.width + column.first,
              share: (1 - row.share) * (1 - column.share)),
            Corner(
              pixel: row.first * input.width + column.second, share: (1 - row.share) * column.share),
            Corner(
              pixel: row.second * input.width + column.first, share: row.share * (1 - column.share)),
            Corner(
              pixel: row.second * input.width + column.second, share: row.share * column.share),
          ]
          body(picture, y * output.width + x, corners)
        }
      }
    }
  }
}

/// The mean of each channel over the picture.
struct GlobalMeanLayer: Layer {
  let connections: Connections

  func forward(_ run: Run) {
    let (input, output) = (connections.inputs[0], connections.output)
    run.team.run(input.count) { picture, _ in
      let target = output.picture(picture).start
      target.update(repeating: 0, count: output.stride)
      var part = colorize_channel_sums()
      part.a = input.picture(picture).start
      part.sums = target
      part.rows = input.pixels
      part.channels = input.stride
      part.stride = input.stride
      run.kernels.table.channel_sums(&part)
      for c in 0..<output.stride { target[c] /= Float(input.pixels) }
    }
  }

  func backward(_ run: Run) {
    guard let gradient = connections.inputGradients[0] else { return }
    let (input, output) = (gradient.activation, connections.outputGradient)
    let share = 1 / Float(input.pixels)
    run.team.run(input.count) { picture, _ in
      let source = output.picture(picture).start
      for pixel in 0..<input.pixels {
        let target = input.picture(picture).start + pixel * input.stride
        for c in 0..<input.stride {
          target[c] = (gradient.adds ? target[c] : 0) + share * source[c]
        }
      }
    }
  }
}
