// The lightness of a frame at halving sizes, as motion is looked for in it.

/// Lightness L, 0 to 100, each level half as wide and high as the one before.
struct LightnessPyramid {
  /// One size. Beyond its borders, up to `margin` pixels, there is the outermost pixel again.
  struct Level {
    static let margin = 16

    let width: Int
    let height: Int
    let stride: Int
    private let pixels: Memory<Float>

    init(width: Int, height: Int) throws(ColorizeError) {
      self.width = width
      self.height = height
      stride = width + 2 * Self.margin
      pixels = try Memory(count: stride * (height + 2 * Self.margin))
    }

    /// The upper left pixel; those left of it and above are the margin.
    var start: UnsafeMutablePointer<Float> { pixels.start + Self.margin * (stride + 1) }

    func row(_ y: Int) -> UnsafeMutablePointer<Float> { start + y * stride }

    func fillMargin() {
      for y in 0..<height {
        let row = row(y)
        for x in 1...Self.margin {
          row[-x] = row[0]
          row[width - 1 + x] = row[width - 1]
        }
      }
      for y in 1...Self.margin {
        (row(-y) - Self.margin).update(from: row(0) - Self.margin, count: stride)
        (row(height - 1 + y) - Self.margin).update(
          from: row(height - 1) - Self.margin, count: stride)
      }
    }
  }

  /// The largest first; one at least.
  let levels: [Level]

  /// The shorter side of a level that is not halved any more is below twice this.
  private static let smallestSide = 32

  /// - Parameter lightness: `[height, width]`. It is smoothed a little (3x3, binomial): noise is no motion.
  init(_ lightness: UnsafePointer<Float>, width: Int, height: Int, _ team: Team)
    throws(ColorizeError)
  {
    let first = try Level(width: width, height: height)
    team.run(height) { y, _ in
      let above = lightness + max(y - 1, 0) * width
      let here = lightness + y * width
      let below = lightness + min(y + 1, height - 1) * width
      let target = first.row(y)
      func column(_ x: Int) -> Float { above[x] + 2 * here[x] + below[x] }
      target[0] = (3 * column(0) + column(min(1, width - 1))) / 16
      for x in 1..<max(width - 1, 1) {
        target[x] = (column(x - 1) + 2 * column(x) + column(x + 1)) / 16
      }
      if width > 1 { target[width - 1] = (column(width - 2) + 3 * column(width - 1)) / 16 }
    }
    try team.throwIfInterrupted()
    first.fillMargin()
    var levels = [first]
    var last = first
    while min(last.width, last.height) >= 2 * Self.smallestSide {
      let next = try Level(width: last.width / 2, height: last.height / 2)
      team.run(next.height) { [last] y, _ in
        let (upper, lower) = (last.row(2 * y), last.row(2 * y + 1))
        let target = next.row(y)
        for x in 0..<next.width {
          target[x] =
            (upper[2 * x] + upper[2 * x + 1] + lower[2 * x] + lower[2 * x + 1]) / 4
        }
      }
      try team.throwIfInterrupted()
      next.fillMargin()
      levels.append(next)
      last = next
    }
    self.levels = levels
  }
}
