// What a network in training is made of: operators, some of them fused, that go both ways.

import CKernelContract
import ColorizeCore

/// One or several nodes of a network, for batches of one size. Memory is the network's.
protocol Layer {
  /// The floats of scratch that each worker needs, and those that all share.
  var scratchCount: Int { get }
  var sharedCount: Int { get }

  /// Computes the output from the inputs.
  func forward(_ execution: LayerExecution)

  /// Computes the gradients of the inputs and the parameters from that of the output, which it may overwrite.
  func backward(_ execution: LayerExecution)
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
    _ source: BatchActivation, to target: InputGradient, _ execution: LayerExecution,
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
    execution.affine(operation, rows: source.rows)
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

/// Pieces of rows, as the first float and the number of floats.
func forEachRow(
  _ activation: BatchActivation, _ execution: LayerExecution,
  _ body: (_ start: Int, _ count: Int) -> Void
) {
  let pieces = RowPieces(rows: activation.rows)
  execution.team.run(pieces.count) { piece, _ in
    let range = pieces.range(piece)
    body(range.lowerBound * activation.stride, range.count * activation.stride)
  }
}
