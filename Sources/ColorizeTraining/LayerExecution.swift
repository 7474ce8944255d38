// What the layers of a network share while they run.

import CKernelContract
import ColorizeCore

/// What the layers of a network work with.
struct LayerExecution {
  let kernels: TrainingKernels
  let team: Team
  /// `scratchCount` floats for each worker.
  let scratch: UnsafeMutablePointer<Float>
  let scratchCount: Int
  /// Floats for all of them together.
  let shared: UnsafeMutablePointer<Float>

  func scratch(of worker: Int) -> UnsafeMutablePointer<Float> { scratch + worker * scratchCount }

  /// `target = activation(a_scale * a + b_scale * b + shift + more)` over all rows; see
  /// `colorize_channel_affine`. `operation` has the first row's pointers.
  func affine(_ operation: colorize_channel_affine, rows: Int) {
    let pieces = RowPieces(rows: rows)
    team.run(pieces.count) { piece, _ in
      let range = pieces.range(piece)
      let offset = range.lowerBound * operation.stride
      var part = operation
      part.a = operation.a + offset
      part.b = operation.b.map { $0 + offset }
      part.more = operation.more.map { $0 + offset }
      part.target = operation.target + offset
      part.rows = range.count
      kernels.table.channel_affine(&part)
    }
  }

  /// Sums over all rows, in float64 from those of pieces; see `colorize_channel_sums`. `operation` has the first row's
  /// pointers. The shared memory has room for two times the channels for each piece.
  func sums(
    _ operation: colorize_channel_sums, rows: Int, _ sums: UnsafeMutablePointer<Double>,
    _ products: UnsafeMutablePointer<Double>? = nil
  ) {
    let pieces = RowPieces(rows: rows)
    let channels = operation.channels
    let shared = shared
    team.run(pieces.count) { piece, _ in
      let range = pieces.range(piece)
      let offset = range.lowerBound * operation.stride
      let own = shared + piece * 2 * channels
      own.update(repeating: 0, count: 2 * channels)
      var part = operation
      part.a = operation.a.map { $0 + offset }
      part.b = operation.b.map { $0 + offset }
      part.mask = operation.mask.map { $0 + offset }
      part.sums = own
      part.products = own + channels
      part.rows = range.count
      kernels.table.channel_sums(&part)
    }
    for c in 0..<channels {
      var sum = 0.0
      var product = 0.0
      for piece in 0..<pieces.count {
        sum += Double(shared[piece * 2 * channels + c])
        product += Double(shared[piece * 2 * channels + channels + c])
      }
      sums[c] = sum
      products?[c] = product
    }
  }

  /// The floats of shared memory that `sums` needs.
  static func sharedCount(_ activation: BatchActivation) -> Int {
    RowPieces(rows: activation.rows).count * 2 * activation.stride
  }
}
