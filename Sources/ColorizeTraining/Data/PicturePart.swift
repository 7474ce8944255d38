// Which pictures of a set are learnt from, and which are held back to choose dials by.

/// Some of the pictures of a set, by their numbers in it.
package struct PicturePart: Sendable {
  package let set: PictureSet
  package let count: Int
  /// nil: all.
  private let period: Int?
  private let isHeldBack: Bool

  fileprivate init(_ set: PictureSet, count: Int, period: Int?, isHeldBack: Bool) {
    self.set = set
    self.count = count
    self.period = period
    self.isHeldBack = isHeldBack
  }

  /// The number in the set of this part's picture `index`, which is below `count`.
  package subscript(index: Int) -> Int {
    guard let period else { return index }
    return isHeldBack ? index * period + period - 1 : index + index / (period - 1)
  }
}

extension PictureSet {
  package var all: PicturePart { PicturePart(self, count: count, period: nil, isHeldBack: false) }

  /// Every `period`th picture, from number `period` - 1 on.
  ///
  /// - Parameter period: at least 2.
  package func heldBack(every period: Int) -> PicturePart {
    PicturePart(self, count: count / period, period: period, isHeldBack: true)
  }

  /// All but those.
  package func withoutHeldBack(every period: Int) -> PicturePart {
    PicturePart(self, count: count - count / period, period: period, isHeldBack: false)
  }
}
