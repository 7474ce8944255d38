// What colorize_run, colorize_predict and colorize_distribution do.

/// How a picture is brought to the network and back.
package enum Preset: String, CaseIterable, Sendable {
  /// The best picture that this version knows how to make.
  case standard = "default"
  /// Step by step what the released Python pipeline does.
  case reference

  /// The released pipeline's network size.
  static let referenceNetworkSize = 256
}

/// How to run a model.
package struct RunOptions {
  package var preset: Preset = .standard
  /// The side of the square that the network sees. nil: the preset's or the model's.
  package var networkSize: Int?
  /// nil: that of the paper, or 1 for distributions.
  package var temperature: Float?
  /// 1 to `maximumThreads`. nil: the processors that the calling thread may run on.
  package var threads: Int?
  /// Called on the calling thread with the share of the work that is done; true stops the run.
  package var progress: ((Float) -> Bool)?

  package static let maximumThreads = Team.maximumSize

  package init() {}

  fileprivate func validate() throws(ColorizeError) {
    if let temperature, !AnnealedMean.temperatures.contains(temperature) {
      throw .invalidArgument("temperature is \(temperature); it must be 0.01 to 10")
    }
    if let threads, !(1...Self.maximumThreads).contains(threads) {
      throw .invalidArgument("threads is \(threads); it must be 1 to \(Self.maximumThreads)")
    }
  }
}

/// Runs models.
package enum Colorizer {
  /// Colours `input` into `output`.
  package static func run(
    model: Model, input: ImageView, output: ImageView, options: RunOptions = RunOptions()
  ) throws(ColorizeError) {
    try options.validate()
    try validate(input, output)
    let side =
      options.networkSize
      ?? (options.preset == .reference
        ? Preset.referenceNetworkSize : model.information.defaultNetworkSize)
    try model.validateNetworkSize(side, "network_size")
    let mean = try AnnealedMean(
      temperature: options.temperature ?? AnnealedMean.defaultTemperature,
      plainTemperature: model.information.plainSoftmaxTemperature)
    let team = Team(threads: options.threads)
    let renderer = try Renderer(
      input: input, output: output, abHeight: side / model.information.outputStride,
      abWidth: side / model.information.outputStride, workers: team.size)

    try model.withPlan(height: side, width: side, workers: team.size) {
      (plan, workspace) throws(ColorizeError) in
      // Multiply-adds, and what a pixel costs in the time of as many.
      let pixels = Float(input.width) * Float(input.height)
      var progress = Progress(
        stages: [pixels * 500, plan.cost, pixels * 1000], callback: options.progress)
      try feed(input, to: plan.input(workspace), team) { (share) throws(ColorizeError) in
        try progress.report(share)
      }
      progress.nextStage()
      try plan.run(workspace, team) { (share) throws(ColorizeError) in
        try progress.report(share)
      }
      progress.nextStage()
      let scratch = try Memory<Float>(count: AnnealedMean.scratchCount * team.size)
      mean.decode(
        plan.output(workspace), into: renderer.ab.start, kernels: plan.compiled.kernels,
        team: team, scratch: scratch.start)
      try validate(renderer.ab)
      try renderer.run(team) { (share) throws(ColorizeError) in try progress.report(share) }
      try progress.finish()
    }
  }

  /// The network alone.
  ///
  /// - Parameter ab: out, `[2, height / outputStride, width / outputStride]`; untouched after an
  ///   error.
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
    try forward(
      model, height, width, options, defaultTemperature: AnnealedMean.defaultTemperature, fill
    ) { decoded, _, _, _, _, _ in
      ab.update(from: decoded.start, count: decoded.count)
    }
  }

  /// The network alone, to the probabilities of the ab bins. The default temperature is 1.
  ///
  /// - Parameter probabilities: out, `[bins, height / outputStride, width / outputStride]`;
  ///   untouched after an error.
  package static func distribution(
    model: Model, input: NetworkInput, options: RunOptions = RunOptions(),
    into probabilities: UnsafeMutablePointer<Float>
  ) throws(ColorizeError) {
    try forward(
      model, input.height, input.width, options, defaultTemperature: 1, input.write
    ) { _, mean, logits, kernels, team, scratch in
      mean.distribution(
        logits, into: probabilities, kernels: kernels, team: team, scratch: scratch)
    }
  }

  private static func forward(
    _ model: Model, _ height: Int, _ width: Int, _ options: RunOptions, defaultTemperature: Float,
    _ fill: (Activation) -> Void,
    _ read: (
      _ ab: Memory<Float>, AnnealedMean, Activation, KernelSet, Team, UnsafeMutablePointer<Float>
    ) -> Void
  ) throws(ColorizeError) {
    try options.validate()
    let mean = try AnnealedMean(
      temperature: options.temperature ?? defaultTemperature,
      plainTemperature: model.information.plainSoftmaxTemperature)
    let team = Team(threads: options.threads)
    try model.withPlan(height: height, width: width, workers: team.size) {
      (plan, workspace) throws(ColorizeError) in
      var progress = Progress(stages: [plan.cost], callback: options.progress)
      fill(plan.input(workspace))
      try plan.run(workspace, team) { (share) throws(ColorizeError) in
        try progress.report(share)
      }
      let scratch = try Memory<Float>(count: AnnealedMean.scratchCount * team.size)
      let logits = plan.output(workspace)
      let ab = try Memory<Float>(count: 2 * logits.pixels)
      mean.decode(
        logits, into: ab.start, kernels: plan.compiled.kernels, team: team,
        scratch: scratch.start)
      try validate(ab)
      // The last chance to stop comes before the first byte is written.
      try progress.finish()
      read(ab, mean, logits, plan.compiled.kernels, team, scratch.start)
    }
  }

  /// Weights and inputs are finite, but sums of their products may have overflowed.
  private static func validate(_ ab: Memory<Float>) throws(ColorizeError) {
    for index in 0..<ab.count where !ab.start[index].isFinite {
      throw .invalidModel("the network's result is not a number: its weights or its input overflow")
    }
  }

  private static func validate(_ input: ImageView, _ output: ImageView) throws(ColorizeError) {
    guard input.width == output.width, input.height == output.height else {
      throw .invalidArgument(
        "the output is \(output.width)x\(output.height); it must be as large as the input, "
          + "\(input.width)x\(input.height)")
    }
    guard output.format.colorChannels == 3 else {
      throw .invalidArgument("the output's format has no colour; it must be RGB8 or RGBA8")
    }
    guard input.isSame(as: output) || !input.overlaps(output) else {
      throw .invalidArgument("input and output overlap, and are not the same pixels")
    }
  }

  /// Squashes a picture to the network's size and writes its lightness as the network takes it,
  /// without hints.
  private static func feed(
    _ image: ImageView, to input: Activation, _ team: Team,
    progress: (Float) throws(ColorizeError) -> Void
  ) throws(ColorizeError) {
    let width = input.shape.width
    let height = input.shape.height
    let resampler = try BicubicResampler(image, width: width, height: height, workers: team.size)
    let small = try Memory<UInt8>(count: width * height * resampler.channels)
    try team.run(resampler.bands, progress) { band, worker in
      resampler.run(band: band, worker: worker, into: small.start)
    }
    let table = LightnessTable()
    let row = try Memory<Float>(count: width.roundedUp(to: 8))
    let channels = input.shape.channels
    input.start.update(repeating: 0, count: width * height * input.stride)
    for y in 0..<height {
      table.lightness(
        small.start + y * width * resampler.channels, channels: resampler.channels, count: width,
        into: row.start)
      let target = input.start + y * width * channels
      for x in 0..<width { target[x * channels] = NetworkInput.normalized(lightness: row.start[x]) }
    }
  }
}

extension Team {
  /// Like `run`, and calls `progress` in between with the share that is done.
  func run(
    _ items: Int, _ progress: (Float) throws(ColorizeError) -> Void,
    _ body: (_ item: Int, _ worker: Int) -> Void
  ) throws(ColorizeError) {
    let atOnce = 2 * size
    var first = 0
    while first < items {
      let count = min(atOnce, items - first)
      run(count) { item, worker in body(first + item, worker) }
      first += count
      try progress(Float(first) / Float(items))
    }
  }
}

/// One fraction for the stages of a run.
private struct Progress {
  private let stages: [Float]
  private let callback: ((Float) -> Bool)?
  private var stage = 0
  private var last: Float = 0

  /// - Parameter stages: what each costs.
  init(stages: [Float], callback: ((Float) -> Bool)?) {
    self.stages = stages
    self.callback = callback
  }

  mutating func nextStage() { stage += 1 }

  /// - Parameter share: of the stage's work.
  mutating func report(_ share: Float) throws(ColorizeError) {
    let done = stages[..<stage].reduce(0, +) + share * stages[stage]
    // 1 is kept for the end.
    try tell(min(done / stages.reduce(0, +), 0.999))
  }

  mutating func finish() throws(ColorizeError) { try tell(1) }

  private mutating func tell(_ fraction: Float) throws(ColorizeError) {
    guard let callback else { return }
    last = max(last, fraction)
    if callback(last) { throw .cancelled }
  }
}
