// What colorize_run, colorize_predict and colorize_distribution do.

/// Runs models.
package enum Colorizer {
  /// Colors `input` into `output`.
  package static func run(
    model: Model, input: ImageView, output: ImageView, options: RunOptions = RunOptions()
  ) throws(ColorizeError) {
    try options.validate()
    try validate(input, output)
    let team = Team(threads: options.threads)
    let costs = StageCosts(
      model, input, try Session.networkSize(model, input, options), options, options.preset)
    let progress = Progress(
      stages: [costs.resampling, costs.network, costs.upsampling, costs.rendering],
      callback: options.progress, team)
    let session = try Session(model: model, input, nil, options, team, progress)
    progress.nextStage()
    try run(session, output, options, team, progress)
  }

  /// Colors the picture of a session into `output`.
  package static func run(
    _ session: Session, output: ImageView, options: RunOptions = RunOptions()
  ) throws(ColorizeError) {
    try options.validate()
    try validate(session.picture, output)
    let team = Team(threads: options.threads)
    let costs = StageCosts(
      session.model, session.picture, (session.width, session.height), options, session.preset)
    let progress = Progress(
      stages: [costs.network, costs.upsampling, costs.rendering], callback: options.progress, team)
    try run(session, output, options, team, progress)
  }

  /// The stages behind the network's input.
  ///
  /// - Parameter frame: what makes its colors those of a frame of a sequence, if it is one.
  static func run(
    _ session: Session, _ output: ImageView, _ options: RunOptions, _ team: Team,
    _ progress: Progress, _ frame: FrameColoring? = nil
  ) throws(ColorizeError) {
    let model = session.model
    try model.validate(temperature: options.temperature)
    let kernels = model.compiled.kernels
    let isReference = session.preset == .reference
    let variant = Variant(options.variant)
    if variant != nil {
      guard case .annealedMean = model.network.colors else {
        throw .invalidArgument(
          "variant is \(options.variant); the colors of \(model.information.architecture) are a "
            + "regression, which has none but 0")
      }
    }
    if session.mergesRGB {
      try merge(session, output, options, team, progress)
      return
    }
    let hints = try session.hints(options, team)
    if isReference, options.hintReach != 0, options.hintReach < .infinity {
      throw .invalidArgument(
        "hint_reach is \(options.hintReach); preset reference takes the network's answer to hints as "
          + "it is, in the whole picture")
    }
    var palette: Palette?
    if let picture = options.palette { palette = try Palette(picture, kernels: kernels, team) }
    let reader = ColorReader(model, temperature: options.temperatureOfColors, team)
    let isGuided = isGuided(options, session.preset)
    let abShape =
      isGuided
      ? model.network.cellShape(height: session.height, width: session.width)
      : model.network.abShape(height: session.height, width: session.width)
    let guided =
      isGuided
      ? try GuidedUpsampling(
        cellsHigh: abShape.height, cellsWide: abShape.width, lightness: session.lightness.start,
        seenHeight: session.height, seenWidth: session.width, team) : nil
    let renderer = try Renderer(
      input: session.picture, output: output, abHeight: guided?.height ?? abShape.height,
      abWidth: guided?.width ?? abShape.width, guide: guided?.guide,
      isNearest: session.samplesPoints && options.upsampling == nil,
      gamutMapping: options.gamutMapping ?? (isReference ? .clip : .keepHue), kernels: kernels,
      workers: team.size)
    let ab = isGuided ? try Memory<Float>(count: abShape.count) : renderer.ab

    if frame?.runsNetwork ?? true {
      let plain = try colors(
        session, options, hints, palette, reader, variant, into: ab, abShape, enlarged: !isGuided,
        team, progress)
      progress.nextStage()
      try guided?.run(ab.start, into: renderer.ab.start, team, progress: progress.report)
      try frame?.steady(renderer.ab.start, plain, ab, abShape)
    } else {
      progress.nextStage()
      try frame?.carry(renderer.ab.start)
    }
    progress.nextStage()
    try renderer.run(team, progress: progress.report)
    try progress.finish()
  }

  /// The network's colors, with hints and palette.
  ///
  /// - Parameters:
  ///   - ab: out, of `abShape`.
  ///   - enlarged: whether the network's own bilinear upsampling is done.
  /// - Returns: the same without hints, if there are some.
  private static func colors(
    _ session: Session, _ options: RunOptions, _ hints: RasterisedHints?, _ palette: Palette?,
    _ reader: ColorReader, _ variant: Variant?, into ab: Memory<Float>, _ abShape: Shape,
    enlarged: Bool, _ team: Team, _ progress: Progress
  ) throws(ColorizeError) -> Memory<Float>? {
    let model = session.model
    // What hints change is judged by the colors without them.
    var blended: (blend: HintBlend, plain: Memory<Float>)?
    if let hints, session.preset != .reference {
      let blend = try HintBlend(
        hints, lightness: session.lightness.start, width: abShape.width, height: abShape.height,
        reach: options.hintReach, of: session.picture, team)
      blended = (blend, try Memory(count: abShape.count))
    }
    let saturation = options.saturationOfColors
    try model.withPlan(
      .ab, height: session.height, width: session.width, team
    ) { (plan, workspace) throws(ColorizeError) in
      func colors(_ hints: RasterisedHints?, into ab: Memory<Float>, _ stage: ClosedRange<Float>)
        throws(ColorizeError)
      {
        session.feed(hints, to: plan.input(workspace), team)
        try plan.run(workspace, team) { (share) throws(ColorizeError) in
          try progress.report(
            stage.lowerBound + share * (stage.upperBound - stage.lowerBound))
        }
        if let variant { try reader.tilt(plan.output(workspace), variant) }
        try reader.ab(plan.output(workspace), enlarged: enlarged, into: ab)
      }
      if let (blend, plain) = blended {
        try colors(nil, into: plain, 0...0.5)
        if options.hintReach == .infinity {
          blend.believe()
        } else if case .annealedMean = model.network.colors {
          try blend.weigh(
            plan.output(workspace), model.bins,
            plainTemperature: model.information.plainSoftmaxTemperature)
        } else {
          blend.weigh(plain: plain)
        }
        try colors(hints, into: ab, 0.5...1)
      } else {
        try colors(hints, into: ab, 0...1)
      }
    }
    func finish(_ ab: Memory<Float>) throws(ColorizeError) {
      if saturation != 1 {
        for index in 0..<ab.count { ab.start[index] *= saturation }
      }
      try palette?.apply(to: ab, strength: options.paletteStrength, team)
    }
    try finish(ab)
    if let (blend, plain) = blended {
      try finish(plain)
      try blend.apply(plain: plain, to: ab)
    }
    return blended?.plain
  }

  /// The same as the release of a network of red, green and blue does it.
  private static func merge(
    _ session: Session, _ output: ImageView, _ options: RunOptions, _ team: Team,
    _ progress: Progress
  ) throws(ColorizeError) {
    let model = session.model
    var refused: String?
    if options.saturationOfColors != 1 {
      refused = "saturation is \(options.saturationOfColors)"
    } else if options.palette != nil {
      refused = "there is a palette"
    } else if options.upsampling == .guided {
      refused = "upsampling is guided"
    } else if options.gamutMapping == .keepHue {
      refused = "gamut_mapping is keep-hue"
    }
    if let refused {
      throw .invalidArgument(
        "\(refused); preset reference has none of that for \(model.information.architecture), whose "
          + "colors are merged as bytes")
    }
    _ = try session.hints(options, team)
    let reader = ColorReader(model, temperature: options.temperatureOfColors, team)
    let small = try Memory<UInt8>(count: 3 * session.width * session.height)
    let merge = try YUVMerge(
      input: session.picture, output: output, small: small, width: session.width,
      height: session.height, kernels: model.compiled.kernels, workers: team.size)
    try model.withPlan(
      .ab, height: session.height, width: session.width, team
    ) { (plan, workspace) throws(ColorizeError) in
      session.feed(nil, to: plan.input(workspace), team)
      try plan.run(workspace, team, progress: progress.report)
      try reader.bytes(plan.output(workspace), into: small)
    }
    progress.nextStage()
    progress.nextStage()
    try merge.run(team, progress: progress.report)
    try progress.finish()
  }

  /// The sides of the ab that a session's colors have before they are brought to the picture's size.
  static func colorSize(_ session: Session, _ options: RunOptions) -> (height: Int, width: Int) {
    let (height, width) = (session.height, session.width)
    guard isGuided(options, session.preset) else {
      let shape = session.model.network.abShape(height: height, width: width)
      return (shape.height, shape.width)
    }
    let cells = session.model.network.cellShape(height: height, width: width)
    return (
      cells.height * GuidedUpsampling.pixels(ofCells: cells.height, seen: height),
      cells.width * GuidedUpsampling.pixels(ofCells: cells.width, seen: width)
    )
  }

  private static func isGuided(_ options: RunOptions, _ preset: Preset) -> Bool {
    (options.upsampling ?? (preset == .reference ? .bilinear : .guided)) == .guided
  }

  /// What the stages of a run cost, in the time of a multiply-add.
  struct StageCosts {
    let resampling: Float
    let network: Float
    let upsampling: Float
    let rendering: Float

    init(
      _ model: Model, _ picture: ImageView, _ size: (width: Int, height: Int),
      _ options: RunOptions, _ preset: Preset
    ) {
      let pixels = Float(picture.width) * Float(picture.height)
      resampling = pixels * 100
      rendering = pixels * 250
      let seen = Float(size.width * size.height)
      // With hints and without.
      let runs: Float = options.hints.isEmpty || preset == .reference ? 1 : 2
      network = runs * seen * model.costOfPixel
      upsampling = Colorizer.isGuided(options, preset) ? seen * 3000 : 0
    }
  }

  /// The network alone.
  ///
  /// - Parameter ab: out, of the network's `abShape`; untouched after an error.
  package static func predict(
    model: Model, input: NetworkInput, options: RunOptions = RunOptions(),
    into ab: UnsafeMutablePointer<Float>
  ) throws(ColorizeError) {
    try predict(
      model: model, height: input.height, width: input.width, options: options, into: ab,
      fill: input.write)
  }

  /// The network alone, from an input in the form in which it takes it.
  ///
  /// - Parameter fill: writes the network's input, channels last.
  static func predict(
    model: Model, height: Int, width: Int, options: RunOptions = RunOptions(),
    into ab: UnsafeMutablePointer<Float>, fill: (Activation) -> Void
  ) throws(ColorizeError) {
    try forward(model, .ab, height, width, options, fill) {
      (reader, output, commit) throws(ColorizeError) in
      let result = try Memory<Float>(
        count: model.network.abShape(height: height, width: width).count)
      try reader.ab(output, into: result)
      try commit()
      ab.update(from: result.start, count: result.count)
    }
  }

  /// The network alone, to the probabilities of the ab bins. The default temperature is 1.
  ///
  /// - Parameter probabilities: out, `[bins, h, w]`, as large as ab but for the stride, which is
  ///   `distributionStride`; untouched after an error.
  package static func distribution(
    model: Model, input: NetworkInput, options: RunOptions = RunOptions(),
    into probabilities: UnsafeMutablePointer<Float>
  ) throws(ColorizeError) {
    var options = options
    options.temperature = options.temperature ?? 1
    try forward(
      model, .distribution, input.height, input.width, options, input.write
    ) { (reader, logits, commit) throws(ColorizeError) in
      try reader.distribution(logits, into: probabilities, commit: commit)
    }
  }

  /// - Parameter read: makes the result of the network's values, calls `commit`, which is the last
  ///   chance to stop, and then writes it.
  private static func forward(
    _ model: Model, _ goal: Network.Goal, _ height: Int, _ width: Int, _ options: RunOptions,
    _ fill: (Activation) -> Void,
    _ read: (
      ColorReader, _ output: Activation, _ commit: () throws(ColorizeError) -> Void
    ) throws(ColorizeError) -> Void
  ) throws(ColorizeError) {
    try options.validate()
    if goal == .ab { try model.validate(temperature: options.temperature) }
    let team = Team(threads: options.threads)
    let reader = ColorReader(
      model, temperature: options.temperature ?? AnnealedMean.defaultTemperature, team)
    let progress = Progress(callback: options.progress, team)
    try model.withPlan(goal, height: height, width: width, team) {
      (plan, workspace) throws(ColorizeError) in
      fill(plan.input(workspace))
      try plan.run(workspace, team) { (share) throws(ColorizeError) in
        try progress.report(share)
      }
      try read(reader, plan.output(workspace)) { () throws(ColorizeError) in
        try progress.finish()
      }
    }
  }

  static func validate(_ input: ImageView, _ output: ImageView) throws(ColorizeError) {
    guard input.width == output.width, input.height == output.height else {
      throw .invalidArgument(
        "the output is \(output.width)x\(output.height); it must be as large as the input, "
          + "\(input.width)x\(input.height)")
    }
    guard output.format.colorChannels == 3 else {
      throw .invalidArgument("the output's format has no color")
    }
    guard input.isSame(as: output) || !input.overlaps(output) else {
      throw .invalidArgument("input and output overlap, and are not the same pixels")
    }
  }
}

extension Team {
  /// Like `run`, and calls `progress` after every `atOnce` items with the share that is done.
  func run(
    _ items: Int, atOnce: Int, _ progress: (Float) throws(ColorizeError) -> Void,
    _ body: (_ item: Int, _ worker: Int) -> Void
  ) throws(ColorizeError) {
    var first = 0
    while first < items {
      let count = min(atOnce, items - first)
      run(count) { item, worker in body(first + item, worker) }
      first += count
      try progress(Float(first) / Float(items))
    }
  }
}
