// A hint is kept: a network follows hints as far as it finds them plausible, and rounds them to its own
// resolution. What is missing at a hint is added afterwards, to the network's ab: all of it where the hint
// is, and less and less around it, the more so where the lightness is another one.

import Glibc

/// Draws the ab of a network to its hints.
struct HintBlend {
  /// How far a hint reaches, in cells of ab; the weight there is a hundredth.
  private static let reach = 4
  private static let deviation: Float = 1.5
  /// Of L.
  private static let lightnessDeviation: Float = 10

  /// - Parameters:
  ///   - ab: `[2, height, width]`, in place; its sides are those of the hints, or a part of them.
  ///   - lightness: L, `[hints.height, hints.width]`.
  static func apply(
    _ hints: RasterisedHints, lightness: UnsafePointer<Float>, to ab: Memory<Float>, width: Int,
    height: Int, _ team: Team
  ) throws(ColorizeError) {
    let cells = try Cells(hints, lightness, width: width, height: height, team)
    let count = width * height
    let side = 2 * reach + 1
    let nearness = try Memory<Float>(count: side * side)
    for index in 0..<nearness.count {
      let (down, right) = (Float(index / side - reach), Float(index % side - reach))
      nearness.start[index] = exp(
        -(down * down + right * right) / (2 * deviation * deviation))
    }
    // What each hinted cell lacks.
    let lackA = try Memory<Float>(count: count)
    let lackB = try Memory<Float>(count: count)
    for cell in 0..<count where cells.isHinted.start[cell] {
      lackA.start[cell] = cells.a.start[cell] - ab.start[cell]
      lackB.start[cell] = cells.b.start[cell] - ab.start[count + cell]
    }
    team.run(height) { y, _ in
      for x in 0..<width {
        let cell = y * width + x
        if cells.isHinted.start[cell] {
          ab.start[cell] = cells.a.start[cell]
          ab.start[count + cell] = cells.b.start[cell]
          continue
        }
        var (sum, sumA, sumB, most): (Float, Float, Float, Float) = (0, 0, 0, 0)
        for row in max(y - reach, 0)...min(y + reach, height - 1)
        where cells.hintedRows.start[row] {
          for column in max(x - reach, 0)...min(x + reach, width - 1) {
            let other = row * width + column
            guard cells.isHinted.start[other] else { continue }
            let step =
              (cells.lightness.start[other] - cells.lightness.start[cell]) / lightnessDeviation
            let share =
              nearness.start[(row - y + reach) * side + column - x + reach] * exp(-step * step / 2)
            sum += share
            sumA += share * lackA.start[other]
            sumB += share * lackB.start[other]
            most = max(most, share)
          }
        }
        guard sum > 0 else { continue }
        ab.start[cell] += sumA / sum * most
        ab.start[count + cell] += sumB / sum * most
      }
    }
  }

  /// Hints and lightness at the resolution of ab.
  private struct Cells {
    let a: Memory<Float>
    let b: Memory<Float>
    let isHinted: Memory<Bool>
    let hintedRows: Memory<Bool>
    let lightness: Memory<Float>

    init(
      _ hints: RasterisedHints, _ lightness: UnsafePointer<Float>, width: Int, height: Int,
      _ team: Team
    ) throws(ColorizeError) {
      let count = width * height
      a = try Memory(count: count)
      b = try Memory(count: count)
      isHinted = try Memory(count: count)
      hintedRows = try Memory(count: height)
      self.lightness = try Memory(count: count)
      hintedRows.fill(false)
      team.run(height) { y, _ in
        let rows = Self.part(y, height, of: hints.height)
        for x in 0..<width {
          var (sum, sumA, sumB, light): (Float, Float, Float, Float) = (0, 0, 0, 0)
          let columns = Self.part(x, width, of: hints.width)
          for row in rows {
            for column in columns {
              let pixel = row * hints.width + column
              light += lightness[pixel]
              sum += hints.mask.start[pixel]
              sumA += hints.a.start[pixel]
              sumB += hints.b.start[pixel]
            }
          }
          let cell = y * width + x
          self.lightness.start[cell] = light / Float(rows.count * columns.count)
          isHinted.start[cell] = sum > 0
          a.start[cell] = sum > 0 ? sumA / sum : 0
          b.start[cell] = sum > 0 ? sumB / sum : 0
          if sum > 0 { hintedRows.start[y] = true }
        }
      }
      try team.throwIfInterrupted()
    }

    /// The pixels of a cell; sides may be rounded up beyond the hints'.
    private static func part(_ cell: Int, _ cells: Int, of pixels: Int) -> Range<Int> {
      let first = min(cell * pixels / cells, pixels - 1)
      return first..<max((cell + 1) * pixels / cells, first + 1)
    }
  }
}
