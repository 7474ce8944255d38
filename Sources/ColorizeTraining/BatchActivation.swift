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
