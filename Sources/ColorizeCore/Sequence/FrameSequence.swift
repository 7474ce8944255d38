// The frames of a film, one after another. docs/video.md says how colors stay from one to the next.

/// What a sequence is opened for.
package struct SequenceOptions: Sendable {
  /// The most frames that a color is the mean of; 1: each frame is colored by itself.
  package var steadiness: Float = 16
  /// The network runs on one frame of so many at least.
  package var keyframeInterval = 1
  /// Whether a frame that is unlike the one before begins a shot.
  package var findsCuts = true

  package static let steadinesses: ClosedRange<Float> = 1...100
  package static let keyframeIntervals = 1...100

  package init() {}

  package func validate() throws(ColorizeError) {
    guard Self.steadinesses.contains(steadiness) else {
      throw .invalidArgument("steadiness is \(steadiness); it must be 1 to 100")
    }
    guard Self.keyframeIntervals.contains(keyframeInterval) else {
      throw .invalidArgument("keyframe_interval is \(keyframeInterval); it must be 1 to 100")
    }
  }
}

/// How a frame was colored.
package struct FrameReport: Sendable {
  /// Whether it begins a shot: nothing of the frames before is in it.
  package var beginsShot = true
  /// Whether the network ran.
  package var ranNetwork = true
  /// How far the colors of the frame before were believed where they were carried to: 0 to 1, the mean.
  package var agreement: Float = 0
  /// The hints that the frame has, its own and those that were carried to it.
  package var hints = 0
}

/// Frames of one size, colored in their order. Used by one thread at a time.
package final class FrameSequence: @unchecked Sendable {
  package let model: Model
  package let width: Int
  package let height: Int
  private let settings: SequenceOptions
  /// What the network sees of every frame, and how its colors are enlarged.
  private let seen: RunOptions
  /// After the last frame; nil before the first of a shot.
  private var state: State?

  /// What a frame leaves to the next one.
  private struct State {
    let pyramid: LightnessPyramid
    let history: History
    let hints: Memory<Hint>?
    let dials: Dials
    let framesSinceNetwork: Int
  }

  /// What changes all colors at once when it is changed.
  private struct Dials: Equatable {
    let temperature: Float
    let saturation: Float
    let variant: Int
    let paletteStrength: Float?

    init(_ options: RunOptions) {
      temperature = options.temperatureOfColors
      saturation = options.saturationOfColors
      variant = options.variant
      paletteStrength = options.palette == nil ? nil : options.paletteStrength
    }
  }

  /// Where this much of a frame is new the network runs before its turn.
  private static let newShare: Float = 0.02
  /// A hint is lost where less than this is left of what it marks.
  private static let hintAgreement: Float = 0.1
  /// The change of ab by a hint from which on nothing of earlier colors stays.
  private static let hintChange: Float = 4
  /// What looking for motion costs for each pixel that the network sees, as other work is counted.
  private static let motionCost: Float = 2000

  /// - Parameter options: of these the preset, which must be the default, and the network's size and fit and the
  ///   upsampling, which hold for all frames.
  package init(
    model: Model, width: Int, height: Int, options: RunOptions, settings: SequenceOptions
  ) throws(ColorizeError) {
    try options.validate()
    try settings.validate()
    for (name, side) in [("width", width), ("height", height)] {
      guard side >= 1, side <= ImageView.maximumSide else {
        throw .invalidArgument("\(name) is \(side); it must be 1 to \(ImageView.maximumSide)")
      }
    }
    guard options.preset == .standard else {
      throw .invalidArgument("preset is reference; sequences are colored with the default one")
    }
    self.model = model
    self.width = width
    self.height = height
    self.settings = settings
    var seen = RunOptions()
    seen.networkSize = options.networkSize
    seen.networkFit = options.networkFit
    seen.upsampling = options.upsampling
    _ = try Session.networkSize(model, width: width, height: height, seen)
    self.seen = seen
  }

  /// Forgets all frames and hints: the next one begins a shot.
  package func reset() { state = nil }

  /// Colors the next frame. After an error the sequence is as it was before.
  package func run(input: ImageView, output: ImageView, options given: RunOptions)
    throws(ColorizeError) -> FrameReport
  {
    var options = given
    options.preset = .standard
    options.networkSize = seen.networkSize
    options.networkFit = seen.networkFit
    options.upsampling = seen.upsampling
    try options.validate()
    try Colorizer.validate(input, output)
    guard input.width == width, input.height == height else {
      throw .invalidArgument(
        "the frame is \(input.width)x\(input.height); the sequence is of \(width)x\(height)")
    }
    guard options.hints.map == nil else {
      throw .invalidArgument("hint_map is not NULL; a sequence takes hints only")
    }
    let team = Team(threads: options.threads)
    let size = try Session.networkSize(model, width: width, height: height, options)
    let costs = Colorizer.StageCosts(model, input, size, options, .standard)
    let progress = Progress(
      stages: [
        costs.resampling + Self.motionCost * Float(size.width * size.height), costs.network,
        costs.upsampling, costs.rendering,
      ], callback: options.progress, team)
    let session = try Session(model: model, input, nil, options, team, progress)
    let pyramid = try LightnessPyramid(
      session.lightness.start, width: session.width, height: session.height, team)
    let places = Colorizer.colorSize(session, options)
    let lightness = try Self.lightness(
      pyramid.levels[0], height: places.height, width: places.width, team)

    var report = FrameReport()
    let dials = Dials(options)
    var carried: CarriedHistory?
    var hints = state?.hints
    if let state {
      let motion = try Motion(from: pyramid, to: state.pyramid, team)
      let moved = try CarriedHistory(
        state.history, along: motion, frame: pyramid.levels[0], before: state.pyramid.levels[0],
        lightness: lightness, team)
      if settings.findsCuts, moved.isCut {
        hints = nil
      } else {
        report.beginsShot = false
        report.agreement = moved.meanAgreement
        hints = try hints.flatMap { (old) throws(ColorizeError) in
          try carry(old, along: motion, moved, pyramid.levels[0])
        }
        // With other dials all colors are others.
        if state.dials == dials { carried = moved }
      }
    }
    let hasNewHints = !options.hints.isEmpty
    hints = try Self.joined(hints, options.hints.squares)
    options.hints.squares = hints
    report.hints = hints?.count ?? 0
    let sinceNetwork = (state?.framesSinceNetwork ?? 0) + 1
    if let carried, !hasNewHints, sinceNetwork < settings.keyframeInterval,
      carried.lost <= Self.newShare
    {
      report.ranNetwork = false
    }

    var history: History?
    let coloring = FrameColoring(
      runsNetwork: report.ranNetwork,
      steady: { [settings] (ab, plain, cells, shape) throws(ColorizeError) in
        guard let carried else {
          history = try History(
            first: ab, lightness: lightness, width: places.width, height: places.height, team)
          return
        }
        var changed: Memory<Float>?
        if hasNewHints, let plain {
          changed = try Self.change(
            plain, cells, shape, height: places.height, width: places.width, team)
        }
        history = try carried.mix(
          ab, lightness: lightness, steadiness: settings.steadiness, changed: changed, team)
      },
      carry: { (ab) throws(ColorizeError) in history = try carried?.colors(into: ab, team) })
    progress.nextStage()
    try Colorizer.run(session, output, options, team, progress, coloring)
    if let history {
      state = State(
        pyramid: pyramid, history: history, hints: hints, dials: dials,
        framesSinceNetwork: report.ranNetwork ? 0 : sinceNetwork)
    }
    return report
  }

  /// Lightness at the places of colors, `[height, width]`.
  private static func lightness(
    _ level: LightnessPyramid.Level, height: Int, width: Int, _ team: Team
  ) throws(ColorizeError) -> Memory<Float> {
    let result = try Memory<Float>(count: height * width)
    let rows = BilinearAxis(from: level.height, to: height)
    let columns = BilinearAxis(from: level.width, to: width)
    team.run(height) { y, _ in
      let row = rows[y]
      let (upper, lower) = (level.row(row.first), level.row(row.second))
      for x in 0..<width {
        let column = columns[x]
        func between(_ line: UnsafePointer<Float>) -> Float {
          line[column.first] + (line[column.second] - line[column.first]) * column.share
        }
        let (above, below) = (between(upper), between(lower))
        result.start[y * width + x] = above + (below - above) * row.share
      }
    }
    try team.throwIfInterrupted()
    return result
  }

  /// Moves hints with the things that they mark, and drops those whose things are gone.
  private func carry(
    _ hints: Memory<Hint>, along motion: Motion, _ carried: CarriedHistory,
    _ level: LightnessPyramid.Level
  ) throws(ColorizeError) -> Memory<Hint>? {
    let scale = SIMD2(
      Float(level.width) / Float(width), Float(level.height) / Float(height))
    let history = carried.history
    let moved = try Memory<Hint>(count: hints.count)
    var count = 0
    for index in 0..<hints.count {
      var hint = hints.start[index]
      // Motion leads back: the place is looked for from which it leads to where the hint was.
      let before = SIMD2(hint.x, hint.y) * scale
      var now = before
      for _ in 0..<8 { now = before - motion.at(x: now.x, y: now.y) }
      (hint.x, hint.y) = (now.x / scale.x, now.y / scale.y)
      guard hint.x >= 0, hint.y >= 0, hint.x <= Float(width), hint.y <= Float(height) else {
        continue
      }
      let column = Int(
        hint.x * Float(history.width) / Float(width), within: 0...(history.width - 1))
      let row = Int(
        hint.y * Float(history.height) / Float(height), within: 0...(history.height - 1))
      guard carried.agreement.start[row * history.width + column] >= Self.hintAgreement else {
        continue
      }
      moved.start[count] = hint
      count += 1
    }
    guard count > 0 else { return nil }
    let result = try Memory<Hint>(count: count)
    result.start.update(from: moved.start, count: count)
    return result
  }

  private static func joined(_ old: Memory<Hint>?, _ new: Memory<Hint>?) throws(ColorizeError)
    -> Memory<Hint>?
  {
    guard let old, let new else { return new ?? old }
    let count = old.count + new.count
    guard count <= Hints.maximumCount else {
      throw .invalidArgument(
        "there are \(old.count) hints of earlier frames and \(new.count) of this one; together "
          + "they must be at most \(Hints.maximumCount)")
    }
    let result = try Memory<Hint>(count: count)
    result.start.update(from: old.start, count: old.count)
    (result.start + old.count).update(from: new.start, count: new.count)
    return result
  }

  /// By place, how much hints change the network's colors, 0 to 1.
  private static func change(
    _ plain: Memory<Float>, _ hinted: Memory<Float>, _ shape: Shape, height: Int, width: Int,
    _ team: Team
  ) throws(ColorizeError) -> Memory<Float> {
    let result = try Memory<Float>(count: height * width)
    let count = shape.height * shape.width
    team.run(height) { y, _ in
      let row = y * shape.height / height
      for x in 0..<width {
        let cell = row * shape.width + x * shape.width / width
        let a = hinted.start[cell] - plain.start[cell]
        let b = hinted.start[count + cell] - plain.start[count + cell]
        result.start[y * width + x] = min((a * a + b * b).squareRoot() / hintChange, 1)
      }
    }
    try team.throwIfInterrupted()
    return result
  }
}

/// How a frame gets its colors.
struct FrameColoring {
  /// Whether the network runs, and `steady` is called, or not, and `carry`.
  let runsNetwork: Bool
  /// Called with the network's colors, `[2, height, width]`, to be made the frame's; and with the same by cell, `[2,
  /// shape.height, shape.width]`, without hints, if there are some, and with them.
  let steady:
    (
      _ ab: UnsafeMutablePointer<Float>, _ plain: Memory<Float>?, _ cells: Memory<Float>,
      _ shape: Shape
    ) throws(ColorizeError) -> Void
  /// Called to write the frame's colors, `[2, height, width]`.
  let carry: (_ ab: UnsafeMutablePointer<Float>) throws(ColorizeError) -> Void
}
