// A network's colors, which have a few pixels of its input each, brought to every one of these pixels
// along the edges of the lightness that it saw. docs/upsampling.md has the figures behind the choice.

/// The first half of guided upsampling; the second one, to the picture's own size, is the renderer's.
///
/// A network gives a color for each cell of 4x4 pixels, say, that it was trained to make the mean of
/// the cell's colors. The colors of the pixels are looked for that have these means and that change
/// where lightness does:
///
/// 1. Joint bilateral upsampling (Kopf et al. 2007): a pixel is between four cells, and the more like
///    one the nearer to its mean lightness its own is.
/// 2. `steps` times: colors flow between neighbours, the less the more their lightness differs
///    (Perona and Malik 1990), and then what a cell's mean has lost is given back to it
///    (the back-projection of Irani and Peleg 1991), bilinearly.
/// 3. Colors are brought into the range of the cells around, so none arises that the network did not
///    give nearby.
package struct GuidedUpsampling {
  /// The difference of L at which a neighbour counts half.
  package static let range: Float = 12
  /// The difference of L at which half as much flows.
  static let flowRange: Float = 4
  /// Of the difference between two neighbours; four times as much has to be below 1.
  static let flow: Float = 0.24
  static let steps = 10

  /// Of the pixels: a multiple of the cells'.
  package let height: Int
  package let width: Int
  /// Lightness of the pixels, `[height, width]`, in units of `range`.
  package let guide: Memory<Float>

  private let cellsHigh: Int
  private let cellsWide: Int
  /// Pixels of a cell, down and across.
  private let down: Int
  private let across: Int

  private var cells: Int { cellsHigh * cellsWide }

  /// A `BilinearAxis` as a table.
  private typealias Columns = Memory<(first: Int, second: Int, share: Float)>

  private static func columns(from source: Int, to target: Int) throws(ColorizeError) -> Columns {
    let columns = try Columns(count: target)
    let axis = BilinearAxis(from: source, to: target)
    for x in 0..<target { columns.start[x] = axis[x] }
    return columns
  }

  /// The side of a cell. eccv16's cells reach beyond an input whose sides are no multiples of 8: then the
  /// lightness is stretched as its colors are.
  static func pixels(ofCells cells: Int, seen: Int) -> Int { max((seen + cells / 2) / cells, 1) }

  /// - Parameters:
  ///   - lightness: what the network saw, `[seenHeight, seenWidth]`, L 0 to 100.
  package init(
    cellsHigh: Int, cellsWide: Int, lightness: UnsafePointer<Float>, seenHeight: Int,
    seenWidth: Int, _ team: Team
  ) throws(ColorizeError) {
    self.cellsHigh = cellsHigh
    self.cellsWide = cellsWide
    down = Self.pixels(ofCells: cellsHigh, seen: seenHeight)
    across = Self.pixels(ofCells: cellsWide, seen: seenWidth)
    height = cellsHigh * down
    width = cellsWide * across
    guide = try Memory(count: height * width)
    let rows = BilinearAxis(from: seenHeight, to: height)
    let columns = try Self.columns(from: seenWidth, to: width)
    let (width, guide) = (width, guide.start)
    team.run(height) { y, _ in
      let row = rows[y]
      let upper = lightness + row.first * seenWidth
      let lower = lightness + row.second * seenWidth
      for x in 0..<width {
        let column = columns.start[x]
        let left = upper[column.first] + (lower[column.first] - upper[column.first]) * row.share
        let right =
          upper[column.second] + (lower[column.second] - upper[column.second]) * row.share
        guide[y * width + x] = (left + (right - left) * column.share) / Self.range
      }
    }
  }

  /// - Parameters:
  ///   - colors: of the cells, `[2, cellsHigh, cellsWide]`.
  ///   - ab: out, of the pixels, `[2, height, width]`.
  package func run(
    _ colors: UnsafePointer<Float>, into ab: UnsafeMutablePointer<Float>, _ team: Team,
    progress: (Float) throws(ColorizeError) -> Void
  ) throws(ColorizeError) {
    guard down > 1 || across > 1 else {
      team.run(2 * cellsHigh) { row, _ in
        (ab + row * cellsWide).update(from: colors + row * cellsWide, count: cellsWide)
      }
      return
    }
    var planes = try Planes(self, team)
    try start(colors, planes, team, progress)
    for step in 0..<Self.steps {
      flow(planes, colors, team)
      giveBack(planes, team)
      swap(&planes.now, &planes.next)
      try progress(Float(step + 2) / Float(Self.steps + 2))
    }
    finish(colors, planes, into: ab, team)
    try progress(1)
  }

  /// What is computed with. Planes of pixels have a pixel of 0 around them, to and from which nothing
  /// flows.
  private struct Planes {
    let stride: Int
    let size: Int
    /// a and b before a step and after it, `[2, size]`.
    var now: Memory<Float>
    var next: Memory<Float>
    /// The share of a difference that flows to the next pixel across, and down.
    let across: Memory<Float>
    let down: Memory<Float>
    /// What the cells have lost, `[2, cells]`; at first their lightness, `[cells]`.
    let cellsLost: Memory<Float>
    /// The same between the cells of a row, `[2, cellsHigh, width]`.
    let lost: Memory<Float>
    /// The range of colors between the cells of a row, `[2, cellsHigh, width]` each.
    let least: Memory<Float>
    let most: Memory<Float>
    /// Of cells, for each column of pixels.
    let columns: Columns

    init(_ owner: GuidedUpsampling, _ team: Team) throws(ColorizeError) {
      stride = owner.width + 2
      size = stride * (owner.height + 2)
      now = try Memory(count: 2 * size)
      next = try Memory(count: 2 * size)
      across = try Memory(count: size)
      down = try Memory(count: size)
      cellsLost = try Memory(count: 2 * owner.cells)
      lost = try Memory(count: 2 * owner.cellsHigh * owner.width)
      least = try Memory(count: lost.count)
      most = try Memory(count: lost.count)
      columns = try GuidedUpsampling.columns(from: owner.cellsWide, to: owner.width)
      for plane in [now, next, across, down] {
        let start = plane.start
        let rows = plane.count / stride
        let stride = stride
        team.run(rows) { row, _ in (start + row * stride).update(repeating: 0, count: stride) }
      }
    }

    /// The place of a row's first pixel.
    func row(_ y: Int) -> Int { (y + 1) * stride + 1 }
  }

  /// Joint bilateral upsampling, and how much flows where.
  private func start(
    _ colors: UnsafePointer<Float>, _ planes: Planes, _ team: Team,
    _ progress: (Float) throws(ColorizeError) -> Void
  ) throws(ColorizeError) {
    let guide = guide.start
    let cellGuide = planes.cellsLost.start
    team.run(cellsHigh) { cellY, _ in
      for cellX in 0..<cellsWide {
        var sum: Float = 0
        for y in (cellY * down)..<((cellY + 1) * down) {
          for x in (cellX * across)..<((cellX + 1) * across) { sum += guide[y * width + x] }
        }
        cellGuide[cellY * cellsWide + cellX] = sum / Float(down * across)
      }
    }
    try progress(0)
    let rows = BilinearAxis(from: cellsHigh, to: height)
    let columns = planes.columns.start
    let now = planes.now.start
    // So that half the distance counts half.
    let scale = Self.range / Self.flowRange
    team.run(height) { y, _ in
      let place = rows[y]
      let upper = place.first * cellsWide
      let lower = place.second * cellsWide
      let own = guide + y * width
      let target = planes.row(y)
      for x in 0..<width {
        let column = columns[x]
        let places = (
          upper + column.first, upper + column.second, lower + column.first, lower + column.second
        )
        func weight(_ cell: Int, _ share: Float) -> Float {
          let difference = own[x] - cellGuide[cell]
          return share / (1 + difference * difference)
        }
        let w0 = weight(places.0, (1 - place.share) * (1 - column.share))
        let w1 = weight(places.1, (1 - place.share) * column.share)
        let w2 = weight(places.2, place.share * (1 - column.share))
        let w3 = weight(places.3, place.share * column.share)
        let sum = w0 + w1 + w2 + w3
        for channel in 0..<2 {
          let plane = colors + channel * cells
          let mixed =
            w0 * plane[places.0] + w1 * plane[places.1] + w2 * plane[places.2]
            + w3 * plane[places.3]
          now[channel * planes.size + target + x] = mixed / sum
        }
        func share(_ other: Float) -> Float {
          let difference = (own[x] - other) * scale
          return Self.flow / (1 + difference * difference)
        }
        if x + 1 < width { planes.across.start[target + x] = share(own[x + 1]) }
        if y + 1 < height { planes.down.start[target + x] = share(own[x + width]) }
      }
    }
    try progress(1 / Float(Self.steps + 2))
  }

  /// A step of the flow, from `now` to `next`, and what the cells lose by it and have lost before.
  private func flow(_ planes: Planes, _ colors: UnsafePointer<Float>, _ team: Team) {
    let stride = planes.stride
    team.run(2 * cellsHigh) { item, _ in
      let (channel, cellY) = item.quotientAndRemainder(dividingBy: cellsHigh)
      let lost = planes.lost.start + item * width
      for x in 0..<width { lost[x] = 0 }
      for y in (cellY * down)..<((cellY + 1) * down) {
        let row = planes.row(y)
        let here = UnsafePointer(planes.now.start + (channel * planes.size + row))
        let (left, right) = (here - 1, here + 1)
        let (upper, lower) = (here - stride, here + stride)
        let toRight = UnsafePointer(planes.across.start + row)
        let toHere = toRight - 1
        let toLower = UnsafePointer(planes.down.start + row)
        let fromUpper = toLower - stride
        let result = planes.next.start + (channel * planes.size + row)
        for x in 0..<width {
          let value = here[x]
          let sides = toRight[x] * (right[x] - value) + toHere[x] * (left[x] - value)
          let rows = toLower[x] * (lower[x] - value) + fromUpper[x] * (upper[x] - value)
          let flowed = value + (sides + rows)
          result[x] = flowed
          lost[x] += flowed
        }
      }
      let cells = planes.cellsLost.start + item * cellsWide
      let own = colors + item * cellsWide
      for cell in 0..<cellsWide {
        var sum: Float = 0
        for x in 0..<across { sum += lost[cell * across + x] }
        cells[cell] = own[cell] - sum / Float(down * across)
      }
      for x in 0..<width {
        let column = planes.columns.start[x]
        let left = cells[column.first]
        lost[x] = left + (cells[column.second] - left) * column.share
      }
    }
  }

  private func giveBack(_ planes: Planes, _ team: Team) {
    let rows = BilinearAxis(from: cellsHigh, to: height)
    team.run(2 * height) { item, _ in
      let (channel, y) = item.quotientAndRemainder(dividingBy: height)
      let place = rows[y]
      let share = place.share
      let lost = UnsafePointer(planes.lost.start + channel * cellsHigh * width)
      let upper = lost + place.first * width
      let lower = lost + place.second * width
      let target = planes.next.start + channel * planes.size + planes.row(y)
      for x in 0..<width { target[x] += upper[x] + (lower[x] - upper[x]) * share }
    }
  }

  /// Brings colors into the range of the 3x3 cells around, which is between cells as colors are.
  private func finish(
    _ colors: UnsafePointer<Float>, _ planes: Planes, into ab: UnsafeMutablePointer<Float>,
    _ team: Team
  ) {
    let least = planes.least.start
    let most = planes.most.start
    team.run(2 * cellsHigh) { item, _ in
      let (channel, cellY) = item.quotientAndRemainder(dividingBy: cellsHigh)
      let plane = colors + channel * cells
      var column = (first: -1, left: range(plane, cellY, 0), right: range(plane, cellY, 0))
      for x in 0..<width {
        let place = planes.columns.start[x]
        if place.first != column.first {
          column.first = place.first
          column.left = range(plane, cellY, place.first)
          column.right = range(plane, cellY, place.second)
        }
        let (left, right) = (column.left, column.right)
        least[item * width + x] = left.least + (right.least - left.least) * place.share
        most[item * width + x] = left.most + (right.most - left.most) * place.share
      }
    }
    let rows = BilinearAxis(from: cellsHigh, to: height)
    team.run(2 * height) { item, _ in
      let (channel, y) = item.quotientAndRemainder(dividingBy: height)
      let place = rows[y]
      let share = place.share
      let upper = (channel * cellsHigh + place.first) * width
      let lower = (channel * cellsHigh + place.second) * width
      let (upperLeast, lowerLeast) = (least + upper, least + lower)
      let (upperMost, lowerMost) = (most + upper, most + lower)
      let source = planes.now.start + channel * planes.size + planes.row(y)
      let target = ab + item * width
      for x in 0..<width {
        let low = upperLeast[x] + (lowerLeast[x] - upperLeast[x]) * share
        let high = upperMost[x] + (lowerMost[x] - upperMost[x]) * share
        let value = source[x] < low ? low : source[x]
        target[x] = value > high ? high : value
      }
    }
  }

  /// Of the 3x3 cells around one.
  private func range(_ plane: UnsafePointer<Float>, _ cellY: Int, _ cellX: Int)
    -> (least: Float, most: Float)
  {
    var least = plane[cellY * cellsWide + cellX]
    var most = least
    for y in max(cellY - 1, 0)...min(cellY + 1, cellsHigh - 1) {
      for x in max(cellX - 1, 0)...min(cellX + 1, cellsWide - 1) {
        let value = plane[y * cellsWide + x]
        least = min(least, value)
        most = max(most, value)
      }
    }
    return (least, most)
  }
}
