// All that a run's result follows from, and what else is said when it is begun. A checkpoint notes it,
// so that a run that is resumed goes on as it was.

/// What is trained, on what, and how. The defaults are those of the built-in model, but for what it begins from.
package struct Recipe: Equatable, Sendable {
  /// What is learnt of a picture.
  package enum Loss: String, CaseIterable, Sendable {
    /// The distribution over the ab bins.
    case classification = "class"
    /// ab itself, for a network that gives it.
    case regression
    case both
  }

  /// The learning rate after the warm-up.
  package enum Schedule: String, CaseIterable, Sendable {
    case constant, cosine, step
  }

  // What is trained.
  package var model = "lite"
  /// A model file, or "default" for the embedded model; empty: random weights.
  package var initial = ""
  /// Tensors whose names begin with one of these stay as they are.
  package var frozen: [String] = []
  /// Tensors whose names begin with one of these learn more slowly.
  package var slow: [String] = []
  /// What their learning rate is multiplied by.
  package var slowFactor: Float = 0.1
  package var seed: UInt64 = 1

  // The data.
  /// Folders and tars.
  package var data: [String] = []
  /// The side of the squares that the network sees, in pixels.
  package var size = 128
  package var batch = 24
  /// A picture's crop has this share of its shorter side, at least and at most.
  package var scale: [Float] = [0.6, 1]
  package var flips = true
  /// The share of the pictures that come with hints; nil: a third if the network takes hints, else none.
  package var hints: Float?
  /// The share of the pictures in which things are given other colors, and hints of them.
  package var recolor: Float = 0
  /// The share of the pictures whose lightness is made that of an old photograph.
  package var film: Float = 0
  /// Every so manyth picture is not trained on; 0: none.
  package var heldBack = 0
  /// Pictures to validate with; empty: those that are held back.
  package var validation = ""

  // The losses.
  /// nil: what the network has.
  package var loss: Loss?
  package var regression = Regression.huber
  package var regressionWeight: Float = 1
  /// How far the bins' frequencies are evened out: 0 fully, 1 not at all.
  package var lambda: Float = 0.5
  /// A file with the frequencies of the bins; empty: they are counted in the data.
  package var prior = ""
  /// A file with a classifier's features of the pictures; empty: none.
  package var features = ""
  package var featureWeight: Float = 0.7

  // The optimiser.
  package static let stepBounds = 1...100_000_000
  package var steps = 100_000
  package var optimiser = OptimiserOptions.Kind.adamw
  package var learningRate: Float = 2e-3
  package var warmUp = 500
  package var schedule = Schedule.cosine
  package var stepEvery = 10_000
  package var stepFactor: Float = 0.1
  package var weightDecay: Float = 0.01
  package var average: Float = 0.999
  /// The largest norm of all gradients together; 0: any.
  package var clip: Float = 0

  // What is written.
  package var licence = ""
  /// What the weights were before: of the model that the run begins with, and of those that it was made
  /// from. No option; a run that goes on has it from its checkpoint.
  package var history = ""
  package var metricsEvery = 20
  package var checkpointEvery = Interval.minutes(10)
  /// Steps from sheet to sheet, and from one validation to the next; 0: neither.
  package var samplesEvery = 1000
  /// A folder of pictures for the sheets; empty: some to validate with, or else some of the data.
  package var samples = ""

  package init() {}
}

/// How often something is done.
package enum Interval: Equatable, Sendable {
  case steps(Int)
  case minutes(Int)

  /// "500" or "10m"; nil for anything else.
  package init?(_ text: String) {
    let isMinutes = text.utf8.last == UInt8(ascii: "m")
    guard let number = Int(isMinutes ? String(Substring(text.utf8.dropLast())) : text),
      (1...1_000_000).contains(number)
    else { return nil }
    self = isMinutes ? .minutes(number) : .steps(number)
  }

  package var text: String {
    switch self {
    case .steps(let count): "\(count)"
    case .minutes(let count): "\(count)m"
    }
  }
}
