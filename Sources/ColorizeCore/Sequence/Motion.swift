// Where things in a frame were in the frame before: dense inverse search (Kroeger, Timofte, Dai and Van Gool, "Fast
// Optical Flow using Dense Inverse Search", ECCV 2016) without its variational refinement.
//
// From coarse to fine, each patch of 8x8 pixels of the new frame is looked for in the old one by the inverse
// compositional method of Baker and Matthews, whose gradients are the patch's own and so computed once. Patches overlap
// by half. Then each block of 4x4 pixels takes the mean of what the patches over it found, the more of one the better
// the block itself fits there. Patches are compared without their means: a change of exposure is no motion.

/// The displacement, in pixels, from a frame to the one before it.
struct Motion {
  /// Sides of patches and blocks, in pixels.
  private static let patch = 8
  static let block = 4
  private static let iterations = 6
  /// For each pixel of a patch, what is added to the squares of its gradients: about the noise of L.
  private static let damping: Float = 0.15
  /// How far a patch moves from where its search began, in pixels.
  private static let reach: Float = 6
  /// Squared differences up to this, for each pixel, are noise; what does not move is not moved for less.
  private static let noise: Float = 0.05
  private static let stillness: Float = 1.1

  /// Of blocks.
  let width: Int
  let height: Int
  /// `[height, width]`: x and y.
  let blocks: Memory<SIMD2<Float>>

  private init(_ level: LightnessPyramid.Level) throws(ColorizeError) {
    width = max(level.width / Self.block, 1)
    height = max(level.height / Self.block, 1)
    blocks = try Memory(count: width * height)
    blocks.fill(.zero)
  }

  /// - Parameters:
  ///   - frame, before: of the same size.
  init(
    from frame: LightnessPyramid, to before: LightnessPyramid, _ team: Team
  ) throws(ColorizeError) {
    var index = frame.levels.count - 1
    let whole = Self.wholeFrame(frame.levels[index], before.levels[index])
    var motion = try Motion(frame.levels[index])
    motion.blocks.fill(whole)
    while true {
      motion = try motion.refined(
        frame.levels[index], before.levels[index],
        whole: whole * Float(1 << (frame.levels.count - 1 - index)), isFinest: index == 0, team)
      if index == 0 { break }
      index -= 1
      motion = try motion.enlarged(frame.levels[index])
    }
    self = motion
  }

  /// Between the centers of the blocks, bilinearly; beyond them, that of the nearest.
  ///
  /// - Parameters:
  ///   - x: in pixels, as `y`; 0.5 is the center of the first.
  func at(x: Float, y: Float) -> SIMD2<Float> {
    let column = min(max(x / Float(Self.block) - 0.5, 0), Float(width - 1))
    let row = min(max(y / Float(Self.block) - 0.5, 0), Float(height - 1))
    let left = Int(column, within: 0...(width - 1))
    let upper = Int(row, within: 0...(height - 1))
    let right = min(left + 1, width - 1)
    let lower = min(upper + 1, height - 1)
    let across = column - Float(left)
    let down = row - Float(upper)
    func between(_ row: Int) -> SIMD2<Float> {
      let start = blocks.start + row * width
      return start[left] + across * (start[right] - start[left])
    }
    let above = between(upper)
    return above + down * (between(lower) - above)
  }

  /// The same for a level that is twice as large.
  private func enlarged(_ level: LightnessPyramid.Level) throws(ColorizeError) -> Motion {
    let result = try Motion(level)
    for y in 0..<result.height {
      for x in 0..<result.width {
        let place = SIMD2(Float(x) + 0.5, Float(y) + 0.5) * Float(Self.block) / 2
        result.blocks.start[y * result.width + x] = 2 * at(x: place.x, y: place.y)
      }
    }
    return result
  }

  /// The one displacement, in whole pixels, at which the frames are most alike.
  private static func wholeFrame(
    _ frame: LightnessPyramid.Level, _ before: LightnessPyramid.Level
  ) -> SIMD2<Float> {
    let (width, height) = (frame.width, frame.height)
    func mean(_ level: LightnessPyramid.Level) -> Float {
      var sum: Float = 0
      for y in 0..<height { for x in 0..<width { sum += level.row(y)[x] } }
      return sum / Float(width * height)
    }
    let difference = mean(frame) - mean(before)
    var best = (shift: SIMD2<Float>.zero, difference: Float.infinity)
    let (most, high) = (min(width / 4, 12), min(height / 4, 12))
    for down in -high...high {
      for across in -most...most {
        let rows = max(0, -down)..<min(height, height - down)
        let columns = max(0, -across)..<min(width, width - across)
        var sum: Float = 0
        for y in rows {
          let (here, there) = (frame.row(y), before.row(y + down) + across)
          for x in columns { sum += (here[x] - there[x] - difference).magnitude }
        }
        sum /= Float(rows.count * columns.count)
        // Of equal ones the smallest: where there is nothing to see, nothing moves.
        sum += 0.002 * Float(down * down + across * across).squareRoot()
        if sum < best.difference { best = (SIMD2(Float(across), Float(down)), sum) }
      }
    }
    return best.shift
  }

  private typealias Row = SIMD8<Float>

  /// Finds every patch, and makes blocks of them.
  ///
  /// - Parameter whole: the displacement of the frame as a whole, which a patch may follow too.
  private func refined(
    _ frame: LightnessPyramid.Level, _ before: LightnessPyramid.Level, whole: SIMD2<Float>,
    isFinest: Bool, _ team: Team
  ) throws(ColorizeError) -> Motion {
    guard frame.width >= Self.patch, frame.height >= Self.patch else { return self }
    func patches(_ side: Int) -> Int { (side - Self.patch).pieces(of: Self.block) + 1 }
    let (across, down) = (patches(frame.width), patches(frame.height))
    func place(_ index: Int, _ side: Int) -> Int { min(index * Self.block, side - Self.patch) }
    let found = try Memory<SIMD2<Float>>(count: across * down)
    let scratch = try Memory<Row>(count: team.size * 3 * Self.patch)
    team.run(down) { row, worker in
      let y = place(row, frame.height)
      for column in 0..<across {
        let x = place(column, frame.width)
        let half = Float(Self.patch / 2)
        var search = PatchSearch(
          frame, before, x: x, y: y, scratch: scratch.start + worker * 3 * Self.patch)
        found.start[row * across + column] = search.run(
          from: at(x: Float(x) + half, y: Float(y) + half), or: whole,
          prefersStillness: isFinest)
      }
    }
    try team.throwIfInterrupted()

    let result = try Motion(frame)
    team.run(result.height) { blockY, _ in
      let y = blockY * Self.block
      let rows = max(blockY - 1, 0)...min(blockY, down - 1)
      for blockX in 0..<result.width {
        let x = blockX * Self.block
        let columns = max(blockX - 1, 0)...min(blockX, across - 1)
        var (sum, weights): (SIMD2<Float>, Float) = (.zero, 0)
        for row in rows {
          for column in columns {
            let shift = found.start[row * across + column]
            let error = Self.difference(frame, before, x: x, y: y, shift)
            let weight = 1 / ((error + Self.noise) * (error + Self.noise))
            sum += weight * shift
            weights += weight
          }
        }
        result.blocks.start[blockY * result.width + blockX] = sum / weights
      }
    }
    try team.throwIfInterrupted()
    return result
  }

  /// The mean squared difference of a block and what is at a displacement from it.
  private static func difference(
    _ frame: LightnessPyramid.Level, _ before: LightnessPyramid.Level, x: Int, y: Int,
    _ shift: SIMD2<Float>
  ) -> Float {
    let window = Window(before, x: x, y: y, shift, side: block)
    var (sum, squares): (SIMD4<Float>, SIMD4<Float>) = (.zero, .zero)
    var above = window.between4(0)
    for row in 0..<block {
      let below = window.between4(row + 1)
      let there = above + window.down * (below - above)
      let here = UnsafeRawPointer(frame.row(y + row) + x).loadUnaligned(as: SIMD4<Float>.self)
      let rest = there - here
      sum += rest
      squares += rest * rest
      above = below
    }
    let count = Float(block * block)
    let mean = sum.sum() / count
    return max(squares.sum() / count - mean * mean, 0)
  }

  /// A square of the old frame between its pixels.
  private struct Window {
    private let start: UnsafePointer<Float>
    private let stride: Int
    private let across: Float
    let down: Float

    /// Brought back to where there are pixels.
    init(_ level: LightnessPyramid.Level, x: Int, y: Int, _ shift: SIMD2<Float>, side: Int) {
      let margin = LightnessPyramid.Level.margin - 1
      let columns = -margin...(level.width - side - 1 + margin)
      let rows = -margin...(level.height - side - 1 + margin)
      let left = min(max(Float(x) + shift.x, Float(columns.lowerBound)), Float(columns.upperBound))
      let top = min(max(Float(y) + shift.y, Float(rows.lowerBound)), Float(rows.upperBound))
      let column = left.rounded(.down)
      let row = top.rounded(.down)
      across = left - column
      down = top - row
      stride = level.stride
      start = UnsafePointer(
        level.row(Int(row, within: rows)) + Int(column, within: columns))
    }

    func between8(_ row: Int) -> SIMD8<Float> {
      let place = UnsafeRawPointer(start + row * stride)
      let left = place.loadUnaligned(as: SIMD8<Float>.self)
      let right = (place + 4).loadUnaligned(as: SIMD8<Float>.self)
      return left + across * (right - left)
    }

    func between4(_ row: Int) -> SIMD4<Float> {
      let place = UnsafeRawPointer(start + row * stride)
      let left = place.loadUnaligned(as: SIMD4<Float>.self)
      let right = (place + 4).loadUnaligned(as: SIMD4<Float>.self)
      return left + across * (right - left)
    }
  }

  /// One patch.
  private struct PatchSearch {
    private let before: LightnessPyramid.Level
    private let x: Int
    private let y: Int
    /// The patch and its gradients, `[8]` each.
    private let template: UnsafeMutablePointer<Row>
    private let gradientX: UnsafeMutablePointer<Row>
    private let gradientY: UnsafeMutablePointer<Row>
    /// The sums of the gradients, and the inverse of the matrix of their products.
    private var sums = SIMD2<Float>.zero
    private var inverse = SIMD3<Float>.zero

    /// - Parameter scratch: `[3 * 8]`.
    init(
      _ frame: LightnessPyramid.Level, _ before: LightnessPyramid.Level, x: Int, y: Int,
      scratch: UnsafeMutablePointer<Row>
    ) {
      self.before = before
      self.x = x
      self.y = y
      template = scratch
      gradientX = scratch + Motion.patch
      gradientY = scratch + 2 * Motion.patch
      func load(_ x: Int, _ y: Int) -> Row {
        UnsafeRawPointer(frame.row(y) + x).loadUnaligned(as: Row.self)
      }
      var (sumX, sumY): (Row, Row) = (.zero, .zero)
      var (squaresX, products, squaresY): (Row, Row, Row) = (.zero, .zero, .zero)
      for row in 0..<Motion.patch {
        template[row] = load(x, y + row)
        let across = (load(x + 1, y + row) - load(x - 1, y + row)) / 2
        let down = (load(x, y + row + 1) - load(x, y + row - 1)) / 2
        gradientX[row] = across
        gradientY[row] = down
        sumX += across
        sumY += down
        squaresX += across * across
        products += across * down
        squaresY += down * down
      }
      let count = Float(Motion.patch * Motion.patch)
      sums = SIMD2(sumX.sum(), sumY.sum())
      let damping = Motion.damping * count
      let xx = squaresX.sum() - sums.x * sums.x / count + damping
      let xy = products.sum() - sums.x * sums.y / count
      let yy = squaresY.sum() - sums.y * sums.y / count + damping
      // Positive: of a matrix of products, to whose diagonal something was added.
      let determinant = max(xx * yy - xy * xy, damping * damping)
      inverse = SIMD3(yy, -xy, xx) / determinant
    }

    /// - Parameters:
    ///   - likely: where the search begins, unless the patch fits better at `other` or where it is.
    mutating func run(from likely: SIMD2<Float>, or other: SIMD2<Float>, prefersStillness: Bool)
      -> SIMD2<Float>
    {
      let still = error(.zero).error
      var best = (shift: likely, error: error(likely).error)
      if other != likely {
        let there = error(other).error
        if there < best.error { best = (other, there) }
      }
      if still < best.error { best = (.zero, still) }
      let start = best.shift
      var shift = start
      for _ in 0..<Motion.iterations {
        let now = error(shift)
        if now.error < best.error { best = (shift, now.error) }
        let step = SIMD2(
          inverse.x * now.slope.x + inverse.y * now.slope.y,
          inverse.y * now.slope.x + inverse.z * now.slope.y)
        shift -= step
        let way = shift - start
        guard (way * way).sum() <= Motion.reach * Motion.reach else { break }
        if (step * step).sum() < 0.0004 { break }
      }
      let last = error(shift)
      let way = shift - start
      if last.error < best.error, (way * way).sum() <= Motion.reach * Motion.reach {
        best = (shift, last.error)
      }
      let count = Float(Motion.patch * Motion.patch)
      if prefersStillness, still <= Motion.stillness * best.error + Motion.noise * count {
        return .zero
      }
      return best.shift
    }

    /// The sum of squared differences at a displacement, and what they are times the gradients.
    private func error(_ shift: SIMD2<Float>) -> (error: Float, slope: SIMD2<Float>) {
      let window = Window(before, x: x, y: y, shift, side: Motion.patch)
      var (sum, squares): (Row, Row) = (.zero, .zero)
      var (slopeX, slopeY): (Row, Row) = (.zero, .zero)
      var above = window.between8(0)
      for row in 0..<Motion.patch {
        let below = window.between8(row + 1)
        let rest = above + window.down * (below - above) - template[row]
        sum += rest
        squares += rest * rest
        slopeX += gradientX[row] * rest
        slopeY += gradientY[row] * rest
        above = below
      }
      let count = Float(Motion.patch * Motion.patch)
      let mean = sum.sum() / count
      return (
        squares.sum() - count * mean * mean,
        SIMD2(slopeX.sum() - mean * sums.x, slopeY.sum() - mean * sums.y)
      )
    }
  }
}
