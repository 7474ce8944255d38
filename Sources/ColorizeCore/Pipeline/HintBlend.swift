// A hint is kept, and keeps to its thing. A network follows hints as far as it finds them plausible, rounds them to its
// own resolution, and lets those that it finds improbable change what has nothing to do with them. So it is run without
// hints as well; docs/control.md says what is made of both, and what that was measured to give.

import Glibc

/// Makes colors of those that a network gives with hints and without.
struct HintBlend {
  /// A cell belongs to a hint's thing up to this distance; `softness` of it before and after, partly.
  private static let reach: Float = 18
  /// The same for hints that are plausible: the network has them already.
  private static let plausibleReach: Float = 8
  private static let softness: Float = 0.2
  /// Of a color and a bin that count as alike.
  private static let binDeviation: Float = 12
  /// -log of a hint's probability: plausible up to the lower bound, improbable from the upper one.
  private static let surprise: ClosedRange<Float> = 0.8...3.2
  /// For networks without a distribution: the distance in ab to the network's color.
  private static let difference: ClosedRange<Float> = 20...40
  /// How much of a thing with an improbable hint gets the hint's color and not the network's.
  private static let share: Float = 0.8
  /// Between the things of two hints.
  private static let smoothingSteps = 16

  private let cells: HintCells
  private let team: Team
  /// By cell, where it is hinted: how plausible the network finds the hint, 0 to 1.
  private let plausibility: Memory<Float>
  /// What the caller's bound leaves of it all; nil where there is none.
  private let bounds: HintBounds?

  /// - Parameters:
  ///   - lightness: L, `[hints.height, hints.width]`.
  ///   - width: of the network's ab, as `height`: the sides of the hints, or a part of them.
  ///   - reach: `RunOptions.hintReach`, in pixels of `picture`.
  init(
    _ hints: RasterisedHints, lightness: UnsafePointer<Float>, width: Int, height: Int,
    reach: Float, of picture: ImageView, _ team: Team
  ) throws(ColorizeError) {
    cells = try HintCells(hints, lightness, width: width, height: height, team)
    plausibility = try Memory(count: width * height)
    if reach > 0, reach < .infinity {
      bounds = try HintBounds(
        cells, pixels: reach, cellWidth: Float(picture.width) / Float(width),
        cellHeight: Float(picture.height) / Float(height), team)
    } else {
      bounds = nil
    }
    self.team = team
  }

  /// Takes all hints for plausible: then the network's answer to them counts in the whole picture.
  func believe() { plausibility.fill(1) }

  /// Asks the distribution that the network gives without hints.
  ///
  /// - Parameter logits: one position for each cell.
  func weigh(_ logits: Activation, _ bins: BinCentres, plainTemperature: Float)
    throws(ColorizeError)
  {
    let scale = 1 / (2 * Self.binDeviation * Self.binDeviation)
    team.run(cells.height) { y, _ in
      guard cells.hintedRows.start[y] else { return }
      for cell in (y * cells.width)..<((y + 1) * cells.width) where cells.isHinted.start[cell] {
        let logits = logits.start + cell * logits.stride
        var largest = logits[0]
        for bin in 1..<bins.count { largest = max(largest, logits[bin]) }
        var (sum, near): (Float, Float) = (0, 0)
        for bin in 0..<bins.count {
          let weight = exp((logits[bin] - largest) * plainTemperature)
          let (a, b) = (bins.a[bin] - cells.a.start[cell], bins.b[bin] - cells.b.start[cell])
          sum += weight
          near += weight * exp(-(a * a + b * b) * scale)
        }
        plausibility.start[cell] = Self.fall(-log(near / sum + 1e-6), over: Self.surprise)
      }
    }
    try team.throwIfInterrupted()
  }

  /// The same for a network that gives no distribution.
  ///
  /// - Parameter plain: ab without hints, `[2, height, width]`.
  func weigh(plain: Memory<Float>) {
    let count = plausibility.count
    for cell in 0..<count where cells.isHinted.start[cell] {
      let a = cells.a.start[cell] - plain.start[cell]
      let b = cells.b.start[cell] - plain.start[count + cell]
      plausibility.start[cell] = Self.fall((a * a + b * b).squareRoot(), over: Self.difference)
    }
  }

  /// After `weigh`.
  ///
  /// - Parameters:
  ///   - plain: ab without hints, `[2, height, width]`.
  ///   - ab: with hints, in place.
  func apply(plain: Memory<Float>, to ab: Memory<Float>) throws(ColorizeError) {
    let count = plausibility.count
    let reach = try HintReach(
      cells, plain: plain.start, limit: Self.reach * (1 + Self.softness), team)
    // How far the network is believed where no hint's thing is.
    var (trust, hinted): (Double, Int) = (0, 0)
    for cell in 0..<count where cells.isHinted.start[cell] {
      trust += Double(plausibility.start[cell])
      hinted += 1
    }
    trust /= Double(max(hinted, 1))
    let far = Float(trust * trust)
    let wishes = try wishes(plain, ab, reach)
    team.run(cells.height) { y, _ in
      for cell in (y * cells.width)..<((y + 1) * cells.width) {
        let distance = reach.distance.start[cell]
        let thing = Self.membership(distance, Self.reach)
        let believed = thing + (1 - thing) * far
        let (atA, atB) = (cell, count + cell)
        let network = SIMD2(ab.start[atA], ab.start[atB])
        let alone = SIMD2(plain.start[atA], plain.start[atB])
        var color = alone + believed * (network - alone)
        if distance < .infinity {
          let wish = wishes.start[cell]
          let near = Self.membership(distance, Self.plausibleReach)
          let weight = thing + wish.plausibility * (near - thing)
          let improbable = Self.share * (1 - wish.plausibility)
          let inside =
            improbable * (alone + wish.change) + (1 - improbable) * (network + wish.rest)
          color += weight * (inside - network)
        }
        if let bounds { color = alone + bounds.share.start[cell] * (color - alone) }
        if cells.isHinted.start[cell] {
          color = SIMD2(cells.a.start[cell], cells.b.start[cell])
        }
        ab.start[atA] = color.x
        ab.start[atB] = color.y
      }
    }
    try team.throwIfInterrupted()
  }

  /// What a cell's nearest hint asks for.
  private struct Wish: BitwiseCopyable {
    /// Of the network's ab without hints.
    var change = SIMD2<Float>(0, 0)
    /// Of its ab with hints.
    var rest = SIMD2<Float>(0, 0)
    var plausibility: Float = 0
    /// Whether a hint reaches the cell.
    var isThere = false

    mutating func add(_ other: Wish) {
      change += other.change
      rest += other.rest
      plausibility += other.plausibility
    }

    mutating func divide(by count: Float) {
      change /= count
      rest /= count
      plausibility /= count
    }
  }

  /// By cell. Where the things of several hints meet their wishes go over into each other.
  private func wishes(_ plain: Memory<Float>, _ ab: Memory<Float>, _ reach: HintReach)
    throws(ColorizeError) -> Memory<Wish>
  {
    let (width, height, count) = (cells.width, cells.height, plausibility.count)
    var now = try Memory<Wish>(count: count)
    var next = try Memory<Wish>(count: count)
    team.run(height) { [now] y, _ in
      for cell in (y * width)..<((y + 1) * width) {
        var wish = Wish()
        let source = Int(reach.source.start[cell])
        if source >= 0 {
          let asked = SIMD2(cells.a.start[source], cells.b.start[source])
          wish.change = asked - SIMD2(plain.start[source], plain.start[count + source])
          wish.rest = asked - SIMD2(ab.start[source], ab.start[count + source])
          wish.plausibility = plausibility.start[source]
          wish.isThere = true
        }
        now.start[cell] = wish
      }
    }
    for _ in 0..<Self.smoothingSteps {
      team.run(height) { [now, next] y, _ in
        for x in 0..<width {
          let cell = y * width + x
          var wish = now.start[cell]
          if wish.isThere, !cells.isHinted.start[cell] {
            var found: Float = 1
            func add(_ other: Int) {
              guard now.start[other].isThere else { return }
              wish.add(now.start[other])
              found += 1
            }
            if x > 0 { add(cell - 1) }
            if x + 1 < width { add(cell + 1) }
            if y > 0 { add(cell - width) }
            if y + 1 < height { add(cell + width) }
            wish.divide(by: found)
          }
          next.start[cell] = wish
        }
      }
      try team.throwIfInterrupted()
      swap(&now, &next)
    }
    return now
  }

  /// 1 up to the lower bound, 0 from the upper one.
  private static func fall(_ value: Float, over range: ClosedRange<Float>) -> Float {
    let share = (range.upperBound - value) / (range.upperBound - range.lowerBound)
    return min(max(share, 0), 1)
  }

  private static func membership(_ distance: Float, _ reach: Float) -> Float {
    fall(distance, over: (reach * (1 - softness))...(reach * (1 + softness)))
  }
}

/// Hints and lightness at the resolution of a network's ab.
struct HintCells {
  let width: Int
  let height: Int
  let a: Memory<Float>
  let b: Memory<Float>
  let isHinted: Memory<Bool>
  let hintedRows: Memory<Bool>
  let lightness: Memory<Float>
  /// The deviation of L within a cell.
  let texture: Memory<Float>

  init(
    _ hints: RasterisedHints, _ lightness: UnsafePointer<Float>, width: Int, height: Int,
    _ team: Team
  ) throws(ColorizeError) {
    let count = width * height
    (self.width, self.height) = (width, height)
    a = try Memory(count: count)
    b = try Memory(count: count)
    isHinted = try Memory(count: count)
    hintedRows = try Memory(count: height)
    self.lightness = try Memory(count: count)
    texture = try Memory(count: count)
    hintedRows.fill(false)
    team.run(height) { y, _ in
      let rows = Self.part(y, height, of: hints.height)
      for x in 0..<width {
        var (sum, sumA, sumB, light, squares): (Float, Float, Float, Float, Float) = (0, 0, 0, 0, 0)
        let columns = Self.part(x, width, of: hints.width)
        for row in rows {
          for column in columns {
            let pixel = row * hints.width + column
            light += lightness[pixel]
            squares += lightness[pixel] * lightness[pixel]
            sum += hints.mask.start[pixel]
            sumA += hints.a.start[pixel]
            sumB += hints.b.start[pixel]
          }
        }
        let cell = y * width + x
        let pixels = Float(rows.count * columns.count)
        let mean = light / pixels
        self.lightness.start[cell] = mean
        texture.start[cell] = max(squares / pixels - mean * mean, 0).squareRoot()
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
