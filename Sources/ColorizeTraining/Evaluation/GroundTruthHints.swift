// What a user would have known, taken from the photograph itself: the sweep over the number of hints
// of Zhang et al. 2017 (section 4.1). Patches of 6x6 pixels lie around the centre, and each tells the
// mean color of what is under it.

import ColorizeCore

/// A rectangle of pixels.
package struct Patch: Equatable, Sendable {
  package let rows: Range<Int>
  package let columns: Range<Int>

  package init(rows: Range<Int>, columns: Range<Int>) {
    self.rows = rows
    self.columns = columns
  }
}

/// The hints of one photograph.
package struct GroundTruthHints {
  /// In pixels of the photograph.
  package static let patchSide = 6

  package let patches: [Patch]
  private let width: Int
  private let height: Int

  /// The first hints of a longer row are those of a shorter one.
  ///
  /// - Parameters:
  ///   - count: how many patches; they may overlap.
  ///   - picture: its number, which decides the places.
  package init(count: Int, width: Int, height: Int, picture: Int) {
    var numbers = RandomNumbers(seed: 0, number: picture)
    // Gaussian about the middle, with a quarter of the room as its deviation, brought inside.
    func place(in side: Int) -> Range<Int> {
      let length = min(Self.patchSide, side)
      let room = Double(side - length)
      let wanted = (room + 1) / 2 + (room + 1) / 4 * numbers.normal()
      let first = Int(min(max(wanted, 0), room))
      return first..<(first + length)
    }
    patches = (0..<count).map { _ in
      let rows = place(in: height)
      return Patch(rows: rows, columns: place(in: width))
    }
    self.width = width
    self.height = height
  }

  /// The hints as a network of this side takes them: a and b of Lab, `[2, side, side]`, and the mask,
  /// `[side, side]`. The pixels whose centres a patch covers have its color, and one at least.
  package func rasterised(
    truth: ImageView, side: Int
  ) throws(ColorizeError) -> (ab: Memory<Float>, mask: Memory<Float>) {
    let ab = try Memory<Float>(count: 2 * side * side)
    let mask = try Memory<Float>(count: side * side)
    ab.fill(0)
    mask.fill(0)
    for patch in patches {
      let mean = Self.mean(patch, of: truth)
      for y in Self.scaled(patch.rows, from: height, to: side) {
        for x in Self.scaled(patch.columns, from: width, to: side) {
          ab.start[y * side + x] = Float(mean.x)
          ab.start[(side + y) * side + x] = Float(mean.y)
          mask.start[y * side + x] = 1
        }
      }
    }
    return (ab, mask)
  }

  /// Those of `target` pixels whose centres are in `range` of `source` ones.
  private static func scaled(_ range: Range<Int>, from source: Int, to target: Int) -> Range<Int> {
    let scale = Double(target) / Double(source)
    let first = Int((Double(range.lowerBound) * scale - 0.5).rounded(.up))
    let end = Int((Double(range.upperBound) * scale - 0.5).rounded(.up))
    if first < end { return first..<end }
    let middle = Int(Double(range.lowerBound + range.upperBound) / 2 * scale)
    return middle..<(middle + 1)
  }

  /// The mean of a and of b.
  private static func mean(_ patch: Patch, of truth: ImageView) -> SIMD2<Double> {
    var sum = SIMD2<Double>.zero
    for y in patch.rows {
      for x in patch.columns {
        let bytes = truth.bytes(x, y)
        let encoded = SIMD3(Double(bytes.red), Double(bytes.green), Double(bytes.blue)) / 255
        let lab = CIELab.lab(
          light: SIMD3(
            CIELab.light(encoded: encoded.x), CIELab.light(encoded: encoded.y),
            CIELab.light(encoded: encoded.z)))
        sum += SIMD2(lab.y, lab.z)
      }
    }
    return sum / Double(patch.rows.count * patch.columns.count)
  }
}
