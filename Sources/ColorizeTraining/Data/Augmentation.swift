// Which part of a picture a sample shows.

import ColorizeCore
import Glibc

/// How a sample's part of its picture is drawn.
package struct Augmentation: Sendable {
  /// The side of the square, as a share of the picture's shorter side; within 0 to 1.
  package var scale: ClosedRange<Double> = 0.6...1
  /// Whether half of the samples are mirrored.
  package var flips = true
  /// The most by which width and height of the part differ, as a ratio; 1: it is a square.
  package var aspect = 1.0
  /// Whether the part is in the picture's middle, and not anywhere.
  package var isCentred = false

  package init() {}

  /// The largest square in the middle.
  package static let none = {
    var none = Augmentation()
    none.scale = 1...1
    none.flips = false
    none.isCentred = true
    return none
  }()

  package func validate() throws(ColorizeError) {
    guard scale.lowerBound >= 0.05, scale.upperBound <= 1 else {
      throw .invalidArgument(
        "scale is \(scale.lowerBound) to \(scale.upperBound); it must be within 0.05 to 1")
    }
    guard (1...4).contains(aspect) else {
      throw .invalidArgument("aspect is \(aspect); it must be 1 to 4")
    }
  }

  /// The shorter side, in pixels, that a picture must have for no part of it to be enlarged.
  package func shorterSide(for side: Int) -> Int {
    Int((Double(side) / scale.lowerBound * aspect.squareRoot()).rounded(.up))
  }

  /// Always draws as many numbers.
  package func crop(width: Int, height: Int, numbers: inout RandomNumbers) -> Crop {
    let side = Double(min(width, height)) * numbers.value(in: scale)
    let ratio = pow(aspect, numbers.value(in: -0.5...0.5))
    let cropWidth = min(max(Int((side * ratio).rounded()), 1), width)
    let cropHeight = min(max(Int((side / ratio).rounded()), 1), height)
    let (across, down) = (numbers.fraction(), numbers.fraction())
    let isFlipped = numbers.fraction() < 0.5
    return Crop(
      left: isCentred
        ? (width - cropWidth) / 2 : Int(across * Double(width - cropWidth + 1)),
      top: isCentred
        ? (height - cropHeight) / 2 : Int(down * Double(height - cropHeight + 1)),
      width: cropWidth, height: cropHeight, isFlipped: flips && isFlipped)
  }
}

/// A part of a picture, in pixels of the picture as it was decoded.
package struct Crop: Equatable, Sendable {
  package var left: Int
  package var top: Int
  package var width: Int
  package var height: Int
  /// Whether it is seen mirrored.
  package var isFlipped: Bool

  package init(left: Int, top: Int, width: Int, height: Int, isFlipped: Bool) {
    self.left = left
    self.top = top
    self.width = width
    self.height = height
    self.isFlipped = isFlipped
  }
}
