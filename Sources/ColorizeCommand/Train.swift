// `libcolorize train`: trains a network on photographs, from scratch or from a model that is there.

import ArgumentParser
import ColorizeCore
import ColorizeTraining
import Glibc

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Trains a network on photographs.",
    discussion: """
      Learns colours from colour photographs: PNG and JPEG files in folders, and in tars of them. \
      Gray and broken pictures are skipped. OUT then holds model.safetensors, which --model takes, \
      metrics.csv and a plot of it (if gnuplot is installed), samples/ with sheets of pictures as \
      they are coloured on the way, and checkpoint.safetensors.

      Ctrl-C writes a checkpoint and stops; --resume goes on from the last one, with the options \
      that the run was begun with, as if nothing had happened.
      """)

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Folders with photographs, and tars of them.", valueName: "PATH"))
  var data: [FileName] = []

  @Option(
    name: .customLong("out"),
    help: ArgumentHelp("The folder of the run; it is made if it is not there.", valueName: "OUT"))
  var output: FileName

  @Option(
    help: ArgumentHelp(
      "The network: \(Network.trainable.map(\.architecture).joined(separator: ", ")). "
        + "(default: \(Recipe().model))", valueName: "NAME"))
  var model: String?

  @Option(
    name: .customLong("init"),
    help: ArgumentHelp(
      "Start from the weights of this model file or checkpoint of PyTorch, or, by the word "
        + "'default', of the built-in model. (default: random weights)", valueName: "FILE"))
  var initial: FileName?

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Tensors whose names begin with PREFIX keep their values.", valueName: "PREFIX"))
  var freeze: [String] = []

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Tensors whose names begin with PREFIX learn more slowly ...", valueName: "PREFIX"))
  var slow: [String] = []

  @Option(
    help: ArgumentHelp(
      "... their learning rate is multiplied by this. (default: 0.1)", valueName: "X"))
  var slowFactor: Float?

  @Flag(help: "Go on from the checkpoint in OUT.")
  var resume = false

  @Option(
    help: ArgumentHelp(
      "The side, in pixels, of the squares that the network sees. (default: 128)", valueName: "N"))
  var size: Int?

  @Option(help: ArgumentHelp("Pictures in a step. (default: 24)", valueName: "N"))
  var batch: Int?

  @Option(help: ArgumentHelp("Steps in all. (default: 100000)", valueName: "N"))
  var steps: Int?

  @Option(help: ArgumentHelp("adam or adamw. (default: adamw)", valueName: "NAME"))
  var optimiser: String?

  @Option(
    help: ArgumentHelp("After the warm-up: up to 10. (default: 0.002)", valueName: "X"))
  var learningRate: Float?

  @Option(
    help: ArgumentHelp(
      "Steps in which the learning rate rises from 0. (default: 500)", valueName: "N"))
  var warmup: Int?

  @Option(
    help: ArgumentHelp(
      "The learning rate after the warm-up: cosine (down to 0 with the last step), step or "
        + "constant. (default: cosine)", valueName: "NAME"))
  var schedule: String?

  @Option(
    help: ArgumentHelp(
      "With --schedule step: after so many steps ... (default: 10000)", valueName: "N"))
  var stepEvery: Int?

  @Option(
    help: ArgumentHelp(
      "... the learning rate is multiplied by this. (default: 0.1)", valueName: "X"))
  var stepFactor: Float?

  @Option(
    help: ArgumentHelp(
      "Of all tensors but biases and batch norms: 0 to 10. (default: 0.01)", valueName: "X"))
  var weightDecay: Float?

  @Option(
    help: ArgumentHelp(
      "What the model is: the moving average of the weights, of which each step keeps this share; "
        + "0: the weights themselves. (default: 0.999)", valueName: "D"))
  var average: Float?

  @Option(
    help: ArgumentHelp(
      "The largest norm of all gradients together; 0: any. (default: 0)", valueName: "X"))
  var clip: Float?

  @Option(
    help: ArgumentHelp(
      "0 to 1: rare colours count most at 0, and like all others at 1. (default: 0.5)",
      valueName: "X"))
  var lambda: Float?

  @Option(
    help: ArgumentHelp(
      "How frequent each ab bin is: a table as 'libcolorize gamut' writes it. (default: counted in up to 4000 of the pictures)",
      valueName: "FILE"))
  var prior: FileName?

  @Option(
    help: ArgumentHelp(
      "What is learnt: class (a distribution over the ab bins), regression (ab itself, of a network "
        + "that gives it), or both. (default: both if the network gives both, else class)",
      valueName: "NAME"))
  var loss: String?

  @Option(help: ArgumentHelp("l1 or huber. (default: huber)", valueName: "NAME"))
  var regression: String?

  @Option(
    help: ArgumentHelp(
      "What the regression counts beside the distribution. (default: 1)", valueName: "X"))
  var regressionWeight: Float?

  @Option(
    help: ArgumentHelp(
      "A classifier's features of the pictures, which the network is to give as well. (default: "
        + "none)", valueName: "FILE"))
  var features: FileName?

  @Option(
    help: ArgumentHelp(
      "What each of the two kinds of features counts. (default: 0.7)", valueName: "X"))
  var featureWeight: Float?

  @Option(
    help: ArgumentHelp(
      "0 to 1: the share of the pictures that come with hints. (default: a third if the network "
        + "takes hints)", valueName: "SHARE"))
  var hints: Float?

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "A square of this share of a picture's shorter side is cut out: at least and at most. "
        + "(default: 0.6 1)", valueName: "LOW HIGH"))
  var scale: [Float] = []

  @Flag(name: .customLong("no-flip"), help: "Never mirror a picture.")
  var noFlip = false

  @Option(
    help: ArgumentHelp(
      "0 to 1: the share of the pictures that are made old photographs: other sensitivity to colours, "
        + "faded, soft, with grain. (default: 0)", valueName: "SHARE"))
  var film: Float?

  @Option(
    help: ArgumentHelp(
      "The share of the pictures in which things are given colours that nobody would guess, with "
        + "hints of these: 0 to 1. (default: 0)", valueName: "SHARE"))
  var recolour: Float?

  @Option(
    help: ArgumentHelp(
      "Where all that is random begins. The same seed gives the same run. (default: 1)",
      valueName: "N"))
  var seed: Int?

  @Option(
    help: ArgumentHelp(
      "Every Kth picture of the data is not trained on. (default: 0, for none)", valueName: "K"))
  var holdBack: Int?

  @Option(
    help: ArgumentHelp(
      "Pictures that validation.csv is about. (default: those that are held back)",
      valueName: "PATH"))
  var validation: FileName?

  @Option(
    help: ArgumentHelp(
      "How often a checkpoint is written: a number of steps, or, as in 10m, minutes. (default: 10m)",
      valueName: "N"))
  var checkpointEvery: String?

  @Option(
    help: ArgumentHelp("Steps that a row of metrics.csv is about. (default: 20)", valueName: "N"))
  var metricsEvery: Int?

  @Option(
    help: ArgumentHelp(
      "Pictures for the sheets. (default: some to validate with, or else some of the data)",
      valueName: "PATH"))
  var samples: FileName?

  @Option(
    help: ArgumentHelp(
      "Steps from sheet to sheet, and from one validation to the next; 0: neither. (default: 1000)",
      valueName: "N"))
  var samplesEvery: Int?

  @Option(
    help: ArgumentHelp(
      "The licence of the weights, in words, for the model file.", valueName: "TEXT"))
  var licence: String?

  @Option(
    help: ArgumentHelp(
      "How many threads work: 1 to 256. The weights are the same with any number. (default: one "
        + "for each processor)", valueName: "N"))
  var threads: Int?

  @Flag(help: "Say nothing but errors.")
  var quiet = false

  func validate() throws {
    if let threads, !(1...Team.maximumSize).contains(threads) {
      throw ValidationError("--threads is \(threads); it must be 1 to \(Team.maximumSize).")
    }
    if !resume && data.isEmpty { throw ValidationError("--data is missing.") }
    do {
      var recipe = Recipe()
      try recipe.take(options())
      // With --resume it depends on what the checkpoint says.
      if !resume { try recipe.check() }
    } catch let error as ColorizeError {
      throw ValidationError("--\(error.message).")
    } catch let refusal as Refusal {
      throw ValidationError("\(refusal.reason).")
    }
  }

  func run() throws {
    do {
      let folder = try TrainFolder(output, resuming: resume)
      let start = try folder.start(options())
      Interrupt.listen()
      try TrainRun(folder, start, threads: threads, isQuiet: quiet).run()
    } catch let refusal as Refusal {
      throw refusal.report()
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
      ("hints", hints), ("recolour", recolour), ("film", film), ("seed", seed),
      ("hold-back", holdBack),
      ("metrics-every", metricsEvery), ("samples-every", samplesEvery),
    ]
    let words = [
      ("model", model), ("optimiser", optimiser), ("schedule", schedule), ("loss", loss),
      ("regression", regression), ("checkpoint-every", checkpointEvery), ("licence", licence),
    ]
    let paths = [
      ("prior", prior), ("features", features), ("validation", validation), ("samples", samples),
    ]
    var options: [String: String] = [:]
    for (name, value) in numbers { options[name] = value?.description }
    for (name, value) in words { options[name] = value }
    for (name, value) in paths { options[name] = try value.map(Self.noted) }
    if let initial {
      options["init"] = initial.shown == "default" ? "default" : try Self.noted(initial)
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
        "\(resolved.shown) has characters that a checkpoint cannot note: name a link to it")
    }
    return text
  }
}
