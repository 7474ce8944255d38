// How far hints may reach at most, where the caller says so: a distance in the picture, whatever is there.

import Glibc

/// What a bound leaves of the change that hints make, by cell.
struct HintBounds {
  /// Of the bound: where the change begins to fade.
  private static let full: Float = 0.8

  /// `[height, width]`: 1 near hints, 0 from the bound on.
  let share: Memory<Float>

  /// - Parameters:
  ///   - pixels: the bound, in pixels of the picture, between a cell and the nearest hinted one.
  ///   - cellWidth: in pixels of the picture, as `cellHeight`.
  init(
    _ cells: HintCells, pixels: Float, cellWidth: Float, cellHeight: Float, _ team: Team
  ) throws(ColorizeError) {
    let (width, height) = (cells.width, cells.height)
    let share = try Memory<Float>(count: width * height)
    let vertical = try Self.vertical(cells, cellHeight)
    let fade = max((1 - Self.full) * pixels, .leastNormalMagnitude)
    // Columns that may hold a hint near enough.
    let window = Int(pixels / cellWidth, within: 0...width)
    team.run(height) { y, _ in
      for x in 0..<width {
        var least = Float.infinity
        for column in max(x - window, 0)...min(x + window, width - 1) {
          let (across, down) = (
            Float(column - x) * cellWidth, vertical.start[y * width + column]
          )
          least = min(least, across * across + down * down)
        }
        share.start[y * width + x] = min(max((pixels - least.squareRoot()) / fade, 0), 1)
      }
    }
    try team.throwIfInterrupted()
    self.share = share
  }

  /// The distance of each cell to the nearest hinted one in its column, in pixels; infinite without one.
  private static func vertical(
    _ cells: HintCells, _ cellHeight: Float
  ) throws(ColorizeError) -> Memory<Float> {
    let (width, height) = (cells.width, cells.height)
    let distance = try Memory<Float>(count: width * height)
    for cell in 0..<(width * height) {
      let above = cell < width ? Float.infinity : distance.start[cell - width] + cellHeight
      distance.start[cell] = cells.isHinted.start[cell] ? 0 : above
    }
    for cell in (0..<(width * max(height - 1, 0))).reversed() {
      let below = distance.start[cell + width] + cellHeight
      distance.start[cell] = min(distance.start[cell], below)
    }
    return distance
  }
}
