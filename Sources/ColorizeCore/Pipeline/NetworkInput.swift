// What a caller gives to a network directly: lightness, and colors at some places.

/// What a network's mask input is where a hint is and where none is.
package enum MaskConvention: String, CaseIterable, Sendable {
  /// 1 and 0: the released siggraph17, and compact.
  case zeroOne = "zero-one"
  /// 0.5 and -0.5: checkpoints of the paper's repository for training.
  case centred

  /// What the network's mask is where there is no hint.
  package var offset: Float { self == .centred ? -0.5 : 0 }
}

/// Lightness and hints at a network's resolution, in memory that is borrowed. They are what the
/// network takes, no more and no less: hints are looked at everywhere.
package struct NetworkInput {
  /// The largest magnitude of a hint's a and b.
  package static let largestHint: Float = 128

  package let height: Int
  package let width: Int
  /// `[height, width]`, L of CIE Lab.
  private let lightness: UnsafePointer<Float>
  /// a and b of CIE Lab, `[2, height, width]`, and the mask `[height, width]`.
  private let hints: (ab: UnsafePointer<Float>, mask: UnsafePointer<Float>)?
  private let maskOffset: Float
  private let form: InputForm

  private var pixels: Int { width * height }

  /// Reads nothing before the size is known to be one that the model takes. Throws where a value is
  /// not finite, or a hint is beyond `largestHint`.
  package init(
    model: Model, height: Int, width: Int, lightness: UnsafePointer<Float>,
    hints: (ab: UnsafePointer<Float>, mask: UnsafePointer<Float>)?
  ) throws(ColorizeError) {
    try model.validateNetworkSize(width, "width")
    try model.validateNetworkSize(height, "height")
    guard hints == nil || model.information.takesHints else {
      throw .invalidArgument(
        "the network \(model.information.architecture) takes no hints; hints and mask must be NULL")
    }
    self.height = height
    self.width = width
    self.lightness = lightness
    self.hints = hints
    maskOffset = model.information.maskConvention.offset
    form = model.network.input
    for pixel in 0..<pixels where !lightness[pixel].isFinite {
      throw .invalidArgument("lightness[\(pixel)] is \(lightness[pixel])")
    }
    guard let (ab, mask) = hints else { return }
    for pixel in 0..<pixels {
      guard mask[pixel].isFinite else {
        throw .invalidArgument("mask[\(pixel)] is \(mask[pixel]); it must be a finite number")
      }
    }
    for index in 0..<(2 * pixels) {
      guard abs(ab[index]) <= Self.largestHint else {
        throw .invalidArgument("hints[\(index)] is \(ab[index]); it must be -128 to 128")
      }
    }
  }

  /// Writes what the network takes.
  func write(to input: Activation) {
    for pixel in 0..<pixels {
      let target = input.start + pixel * input.stride
      form.write(lightness: lightness[pixel], maskOffset: maskOffset, to: target)
      guard let hints else { continue }
      InputForm.add(
        a: hints.ab[pixel], b: hints.ab[pixels + pixel], mask: hints.mask[pixel], to: target)
    }
  }
}
