// `libcolorize train`: trains a network on photographs, from scratch or from a model that is there.

import ArgumentParser
import ColorizeCore
import ColorizeTraining
import Glibc

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Trains a network on photographs.",
    usage: "libcolorize train [OPTION]... --out OUT",
    discussion: """
      Learns from the color photographs in folders and tar archives: PNG and JPEG. OUT then holds \
      model.safetensors, for --model, metrics.csv and a plot of it, sample sheets, and a checkpoint. \
      Ctrl-C writes a checkpoint and stops; --resume continues, as if nothing had happened. \
      --help-hidden adds the options that are rarely needed.
      """)

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Folders and tar archives of photographs.", valueName: "PATH"))
  var data: [FileName] = []

  @Option(
    name: .customLong("out"),
    help: ArgumentHelp("The folder of the run; created if missing.", valueName: "OUT"))
  var output: FileName

  @Option(
    help: ArgumentHelp(
      "\(Network.trainable.map(\.architecture).joined(separator: ", ")). "
        + "(default: what --init is of, or else \(Recipe().model))", valueName: "NAME"))
  var model: String?

  @Option(
    name: .customLong("init"),
    help: ArgumentHelp("Weights to start from, or 'default'. (default: random)", valueName: "FILE"))
  var initial: FileName?

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Leave tensors with these prefixes as they are.", valueName: "PREFIX"))
  var freeze: [String] = []

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Train tensors with these prefixes more slowly.", valueName: "PREFIX"))
  var slow: [String] = []

  @Option(
    help: ArgumentHelp(
      "Factor of the learning rate of --slow: 0 to 1. (default: 0.1)",
      valueName: "X", visibility: .rare))
  var slowFactor: Float?

  @Flag(help: "Continue from the checkpoint in OUT.")
  var resume = false

  @Option(
    help: ArgumentHelp("Side of the squares, in pixels. (default: 128)", valueName: "N"))
  var size: Int?

  @Option(help: ArgumentHelp("Pictures per step, up to 1024. (default: 24)", valueName: "N"))
  var batch: Int?

  @Option(help: ArgumentHelp("Total number of steps. (default: 100000)", valueName: "N"))
  var steps: Int?

  @Option(help: ArgumentHelp("adam or adamw. (default: adamw)", valueName: "NAME"))
  var optimiser: String?

  @Option(help: ArgumentHelp("After the warm-up: up to 10. (default: 0.002)", valueName: "X"))
  var learningRate: Float?

  @Option(help: ArgumentHelp("Steps of rising learning rate. (default: 500)", valueName: "N"))
  var warmup: Int?

  @Option(help: ArgumentHelp("Then cosine, step or constant. (default: cosine)", valueName: "NAME"))
  var schedule: String?

  @Option(
    help: ArgumentHelp(
      "Steps between the drops of --schedule step. (default: 10000)",
      valueName: "N", visibility: .rare))
  var stepEvery: Int?

  @Option(
    help: ArgumentHelp("Factor of each drop. (default: 0.1)", valueName: "X", visibility: .rare))
  var stepFactor: Float?

  @Option(
    help: ArgumentHelp("0 to 10; not for biases, norms. (default: 0.01)", valueName: "X"))
  var weightDecay: Float?

  @Option(
    help: ArgumentHelp(
      "Decay of the moving average of the weights; 0: no average. (default: 0.999)",
      valueName: "D", visibility: .rare))
  var average: Float?

  @Option(help: ArgumentHelp("Largest norm of the gradients; 0: any. (default: 0)", valueName: "X"))
  var clip: Float?

  @Option(
    help: ArgumentHelp("0 favors rare colors, 1 does not. (default: 0.5)", valueName: "X"))
  var lambda: Float?

  @Option(
    help: ArgumentHelp(
      "Color frequencies, from 'libcolorize gamut'. (default: counted in up to 4000 pictures)",
      valueName: "FILE", visibility: .rare))
  var prior: FileName?

  @Option(
    help: ArgumentHelp(
      "class, regression or both. (default: all there are)",
      valueName: "NAME"))
  var loss: String?

  @Option(
    help: ArgumentHelp("l1 or huber. (default: huber)", valueName: "NAME", visibility: .rare))
  var regression: String?

  @Option(
    help: ArgumentHelp(
      "Weight of the regression. (default: 1)", valueName: "X", visibility: .rare))
  var regressionWeight: Float?

  @Option(
    help: ArgumentHelp(
      "A classifier's features, as an extra target. (default: none)",
      valueName: "FILE", visibility: .rare))
  var features: FileName?

  @Option(
    help: ArgumentHelp(
      "Weight of each of the two kinds of features. (default: 0.7)",
      valueName: "X", visibility: .rare))
  var featureWeight: Float?

  @Option(
    help: ArgumentHelp("Share of pictures with hints. (default: 1/3 or none)", valueName: "SHARE"))
  var hints: Float?

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Crop, as a share of the side. (default: 0.6 1)",
      valueName: "LOW HIGH"))
  var scale: [Float] = []

  @Flag(name: .customLong("no-flip"), help: "Do not mirror pictures.")
  var noFlip = false

  @Option(
    help: ArgumentHelp("Share of pictures aged like old film. (default: 0)", valueName: "SHARE"))
  var film: Float?

  @Option(
    help: ArgumentHelp(
      "Share of pictures recolored, hinted. (default: 0)", valueName: "SHARE"))
  var recolor: Float?

  @Option(help: ArgumentHelp("The same seed gives the same run. (default: 1)", valueName: "N"))
  var seed: Int?

  @Option(help: ArgumentHelp("Keep every Kth picture for validation. (default: 0)", valueName: "K"))
  var holdBack: Int?

  @Option(help: ArgumentHelp("Pictures to validate with instead.", valueName: "PATH"))
  var validation: FileName?

  @Option(help: ArgumentHelp("Steps, or minutes as in 10m. (default: 10m)", valueName: "N"))
  var checkpointEvery: String?

  @Option(
    help: ArgumentHelp(
      "Steps per row of metrics.csv. (default: 20)", valueName: "N", visibility: .rare))
  var metricsEvery: Int?

  @Option(
    help: ArgumentHelp(
      "Pictures for the sheets. (default: from validation or data)",
      valueName: "PATH", visibility: .rare))
  var samples: FileName?

  @Option(
    help: ArgumentHelp("Steps between sheets, and validations. (default: 1000)", valueName: "N"))
  var samplesEvery: Int?

  @Option(help: ArgumentHelp("The licence of the weights, in words.", valueName: "TEXT"))
  var licence: Words?

  @Option(help: ArgumentHelp("Threads, 1 to 256. (default: one per processor)", valueName: "N"))
  var threads: Int?

  @Flag(help: "Print errors only.")
  var quiet = false

  func validate() throws {
    try Bounds.check("--threads", threads, 1...Team.maximumSize)
    if !resume && data.isEmpty { throw ValidationError("--data is missing") }
    do {
      var recipe = Recipe()
      try recipe.take(options())
      // With --resume it depends on what the checkpoint says.
      if !resume { try recipe.check() }
    } catch let error as ColorizeError {
      throw ValidationError("--\(error.message)")
    } catch let refusal as Refusal {
      throw ValidationError(refusal.reason)
    }
  }

  func run() throws {
    do {
      let folder = try TrainFolder(output, resuming: resume)
      let start = try folder.start(options())
      Interrupt.listen()
      try TrainRun(folder, start, threads: threads, isQuiet: quiet).run()
    } catch let failure as Failure {
      throw failure.report()
    } catch let error as ColorizeError {
      Terminal.say(error.message)
      throw ExitCode.failure
    }
  }

  /// What was given, by option.
  private func options() throws(Refusal) -> [String: String] {
    let numbers: [(String, (any CustomStringConvertible)?)] = [
      ("size", size), ("batch", batch), ("steps", steps), ("learning-rate", learningRate),
      ("warmup", warmup), ("slow-factor", slowFactor), ("step-every", stepEvery),
      ("step-factor", stepFactor),
      ("weight-decay", weightDecay), ("average", average), ("clip", clip), ("lambda", lambda),
      ("regression-weight", regressionWeight), ("feature-weight", featureWeight),
      ("hints", hints), ("recolor", recolor), ("film", film), ("seed", seed),
      ("hold-back", holdBack),
      ("metrics-every", metricsEvery), ("samples-every", samplesEvery),
    ]
    let words = [
      ("model", model), ("optimiser", optimiser), ("schedule", schedule), ("loss", loss),
      ("regression", regression), ("checkpoint-every", checkpointEvery), ("licence", licence?.text),
    ]
    let paths = [
      ("prior", prior), ("features", features), ("validation", validation), ("samples", samples),
    ]
    var options: [String: String] = [:]
    for (name, value) in numbers { options[name] = value?.description }
    for (name, value) in words { options[name] = value }
    for (name, value) in paths { options[name] = try value.map(Self.noted) }
    if let initial {
      let isDefault = initial.shown == "default"
      options["init"] = isDefault ? "default" : try Self.noted(initial)
      // What cannot be read or trained is refused when the run begins.
      if model == nil, !resume,
        let network = try? Network.of(ModelChoice(file: isDefault ? nil : initial).tensors()),
        Network.trainable.contains(where: { $0.architecture == network.architecture })
      {
        options["model"] = network.architecture
      }
    }
    if !data.isEmpty {
      var noted: [String] = []
      for path in data { noted.append(try Self.noted(path)) }
      options["data"] = noted.joined(separator: "\n")
    }
    if !freeze.isEmpty { options["freeze"] = freeze.joined(separator: "\n") }
    if !slow.isEmpty { options["slow"] = slow.joined(separator: "\n") }
    if !scale.isEmpty { options["scale"] = scale.map { "\($0)" }.joined(separator: " ") }
    if noFlip { options["flip"] = "no" }
    return options
  }

  /// A path as a checkpoint notes it: from the root, so that it holds in any folder.
  private static func noted(_ path: FileName) throws(Refusal) -> String {
    guard let resolved = path.resolved else {
      throw Refusal("\(path.shown): \(String(cString: strerror(errno)))")
    }
    guard let text = String(validating: resolved.bytes, as: UTF8.self), text == resolved.shown
    else {
      throw Refusal(
        "\(resolved.shown) has characters that a checkpoint cannot store: use a link to it")
    }
    return text
  }
}
