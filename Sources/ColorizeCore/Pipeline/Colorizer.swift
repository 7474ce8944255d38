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
    let team = Team(threads: options.threads)
    let kernels = model.compiled.kernels
    let decoder = Decoder(model, temperature: options.temperature, team)
    let abShape = model.network.abShape(height: side, width: side)
    let renderer = try Renderer(
      input: input, output: output, abHeight: abShape.height, abWidth: abShape.width,
      kernels: kernels, workers: team.size)

    try model.withPlan(.ab, height: side, width: side, workers: team.size) {
      (plan, workspace) throws(ColorizeError) in
      // Multiply-adds, and what a pixel costs in the time of as many.
      let pixels = Float(input.width) * Float(input.height)
      var progress = Progress(
        stages: [pixels * 100, plan.cost, pixels * 250], callback: options.progress)
      let maskOffset = model.information.maskConvention.offset
      try feed(input, to: plan.input(workspace), maskOffset: maskOffset, kernels, team) {
        (share) throws(ColorizeError) in
        try progress.report(share)
      }
      progress.nextStage()
      try plan.run(workspace, team) { (share) throws(ColorizeError) in
        try progress.report(share)
      }
      progress.nextStage()
      try decoder.ab(plan.output(workspace), into: renderer.ab)
      try renderer.run(team) { (share) throws(ColorizeError) in try progress.report(share) }
      try progress.finish()
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
      (decoder, output, commit) throws(ColorizeError) in
      let result = try Memory<Float>(
        count: model.network.abShape(height: height, width: width).count)
      try decoder.ab(output, into: result)
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
    ) { (decoder, logits, commit) throws(ColorizeError) in
      try decoder.distribution(logits, into: probabilities, commit: commit)
    }
  }

  /// - Parameter decode: makes the result of the network's values, calls `commit`, which is the last
  ///   chance to stop, and then writes it.
  private static func forward(
    _ model: Model, _ goal: Network.Goal, _ height: Int, _ width: Int, _ options: RunOptions,
    _ fill: (Activation) -> Void,
    _ decode: (
      Decoder, _ output: Activation, _ commit: () throws(ColorizeError) -> Void
    ) throws(ColorizeError) -> Void
  ) throws(ColorizeError) {
    try options.validate()
    let team = Team(threads: options.threads)
    let decoder = Decoder(model, temperature: options.temperature, team)
    try model.withPlan(goal, height: height, width: width, workers: team.size) {
      (plan, workspace) throws(ColorizeError) in
      var progress = Progress(stages: [plan.cost], callback: options.progress)
      fill(plan.input(workspace))
      try plan.run(workspace, team) { (share) throws(ColorizeError) in
        try progress.report(share)
      }
      try decode(decoder, plan.output(workspace)) { () throws(ColorizeError) in
        try progress.finish()
      }
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
    _ image: ImageView, to input: Activation, maskOffset: Float, _ kernels: KernelSet, _ team: Team,
    progress: (Float) throws(ColorizeError) -> Void
  ) throws(ColorizeError) {
    let width = input.shape.width
    let height = input.shape.height
    let resampler = try BicubicResampler(
      image, width: width, height: height, kernels: kernels, workers: team.size)
    let small = try Memory<UInt8>(count: width * height * resampler.channels)
    try team.run(resampler.bands, atOnce: team.size, progress) { band, worker in
      resampler.run(band: band, worker: worker, into: small.start)
    }
    let table = try LuminanceTable()
    let row = try Memory<Float>(count: width.roundedUp(to: 16))
    for y in 0..<height {
      table.lightness(
        small.start + y * width * resampler.channels, channels: resampler.channels, count: width,
        into: row.start, kernels: kernels)
      for x in 0..<width {
        NetworkInput.write(
          lightness: row.start[x], maskOffset: maskOffset, to: input, y * width + x)
      }
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
