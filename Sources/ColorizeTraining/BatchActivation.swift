// The activations of a batch: pictures behind one another, each as inference has them.

import CKernelContract
import ColorizeCore

/// Channels are padded to whole panels of every instruction set. What is in the padding is finite, and has no
/// meaning.
package struct BatchActivation {
  package let start: UnsafeMutablePointer<Float>
  /// Pictures.
  package let count: Int
  /// Of one picture.
  package let shape: Shape
  /// Floats from a position to the next one.
  package let stride: Int

  package init(start: UnsafeMutablePointer<Float>, count: Int, shape: Shape, stride: Int) {
    self.start = start
    self.count = count
    self.shape = shape
    self.stride = stride
  }

  /// The floats from a position to the next one for so many channels.
  static func stride(channels: Int) -> Int { channels.roundedUp(to: 32) }

  package var pixels: Int { shape.height * shape.width }
  /// Positions of all pictures.
  package var rows: Int { count * pixels }
  package var floats: Int { rows * stride }

  package func picture(_ number: Int) -> Activation {
    Activation(start: start + number * pixels * stride, shape: shape, stride: stride)
  }
}

/// Rows are dealt out to threads in pieces that depend on nothing but their number: sums over them come out the
/// same with any number of threads.
struct RowPieces {
  let rows: Int
  static let rowsAtOnce = 256

  var count: Int { rows.pieces(of: Self.rowsAtOnce) }

  func range(_ piece: Int) -> Range<Int> {
    let first = piece * Self.rowsAtOnce
    return first..<min(first + Self.rowsAtOnce, rows)
  }
}

/// What the layers of a network work with.
struct Run {
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
