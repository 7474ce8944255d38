// The recipe's values by name and as text: as options give them, as a checkpoint notes them, and as
// an error quotes them.

import ColorizeCore

/// One value of a recipe.
package struct Setting {
  /// The option's, without its dashes.
  package let name: String
  /// Whether it may be another one when a run is resumed: no step comes out differently for it.
  package let isFree: Bool
  /// The value as text.
  package let text: (Recipe) -> String
  /// Takes a value, or throws and names it and its bounds.
  package let set: (inout Recipe, String) throws(ColorizeError) -> Void

  /// All there are.
  package static var all: [Setting] {
    [
      name("model", \.model, of: Network.trainable.map(\.architecture)),
      string("init", \.initial),
      list("freeze", \.frozen),
      list("slow", \.slow),
      number("slow-factor", \.slowFactor, 0...1),
      number("seed", \.seed, 0...(1 << 53)),

      list("data", \.data),
      number("size", \.size, 16...1024),
      number("batch", \.batch, 1...1024),
      scale,
      Setting(name: "flip", isFree: false, text: { $0.flips ? "yes" : "no" }) { recipe, text in
        recipe.flips = text.isSpelled("yes")
      },
      Setting(name: "hints", isFree: false, text: { $0.hints.map { "\($0)" } ?? "" }) {
        (recipe, text) throws(ColorizeError) in
        recipe.hints = text.isEmpty ? nil : try parsed(text, "hints", 0...1)
      },
      number("recolor", \.recolor, 0...1),
      number("film", \.film, 0...1),
      heldBack,
      string("validation", \.validation, isFree: true),

      Setting(name: "loss", isFree: false, text: { $0.loss?.rawValue ?? "" }) {
        (recipe, text) throws(ColorizeError) in
        recipe.loss = text.isEmpty ? nil : try chosen(text, "loss")
      },
      choice("regression", \.regression),
      number("regression-weight", \.regressionWeight, 0...1e6),
      number("lambda", \.lambda, 0...1),
      string("prior", \.prior),
      string("features", \.features),
      number("feature-weight", \.featureWeight, 0...1e6),

      number("steps", \.steps, Recipe.stepBounds),
      choice("optimiser", \.optimiser),
      number("learning-rate", \.learningRate, 1e-9...10),
      number("warmup", \.warmUp, 0...1_000_000),
      choice("schedule", \.schedule),
      number("step-every", \.stepEvery, 1...100_000_000),
      number("step-factor", \.stepFactor, 1e-6...1),
      number("weight-decay", \.weightDecay, 0...10),
      number("average", \.average, 0...0.999999),
      number("clip", \.clip, 0...1e6),

      string("licence", \.licence, isFree: true),
      string("history", \.history, isFree: true),
      number("metrics-every", \.metricsEvery, 1...100_000),
      Setting(name: "checkpoint-every", isFree: true, text: { $0.checkpointEvery.text }) {
        (recipe, text) throws(ColorizeError) in
        guard let interval = Interval(text) else {
          throw .invalidArgument(
            "checkpoint-every is \(text); it must be 1 to 1000000, for steps, or with an m behind it "
              + "for minutes")
        }
        recipe.checkpointEvery = interval
      },
      number("samples-every", \.samplesEvery, 0...100_000_000, isFree: true),
      string("samples", \.samples, isFree: true),
    ]
  }

  /// Crops that are larger than the picture do not exist, and very small ones show nothing.
  private static var scale: Setting {
    Setting(name: "scale", isFree: false, text: { $0.scale.map { "\($0)" }.joined(separator: " ") })
    {
      (recipe, text) throws(ColorizeError) in
      var bounds: [Float] = []
      for part in text.parts(at: " ") {
        bounds.append(try parsed(part, "scale", 0.05...1))
      }
      guard bounds.count == 2, bounds[0] <= bounds[1] else {
        throw .invalidArgument(
          "scale is \(text); it must be two numbers, the second not smaller than the first")
      }
      recipe.scale = bounds
    }
  }

  /// Holding back every picture would leave none.
  private static var heldBack: Setting {
    Setting(name: "hold-back", isFree: false, text: { "\($0.heldBack)" }) {
      (recipe, text) throws(ColorizeError) in
      guard let period = Int(text), period == 0 || (2...100_000).contains(period) else {
        throw .invalidArgument("hold-back is \(text); it must be 0, or 2 to 100000")
      }
      recipe.heldBack = period
    }
  }

  private static func number<Number: LosslessStringConvertible & Comparable>(
    _ name: String, _ path: WritableKeyPath<Recipe, Number>, _ bounds: ClosedRange<Number>,
    isFree: Bool = false
  ) -> Setting {
    Setting(name: name, isFree: isFree, text: { "\($0[keyPath: path])" }) {
      (recipe, text) throws(ColorizeError) in
      recipe[keyPath: path] = try parsed(text, name, bounds)
    }
  }

  private static func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ name: String, _ path: WritableKeyPath<Recipe, Choice>
  ) -> Setting {
    Setting(name: name, isFree: false, text: { $0[keyPath: path].rawValue }) {
      (recipe, text) throws(ColorizeError) in
      recipe[keyPath: path] = try chosen(text, name)
    }
  }

  private static func name(
    _ name: String, _ path: WritableKeyPath<Recipe, String>, of known: [String]
  ) -> Setting {
    Setting(name: name, isFree: false, text: { $0[keyPath: path] }) {
      (recipe, text) throws(ColorizeError) in
      guard let name = known.first(where: { text.isSpelled($0) }) else {
        throw unknown(text, name, known)
      }
      recipe[keyPath: path] = name
    }
  }

  private static func string(
    _ name: String, _ path: WritableKeyPath<Recipe, String>, isFree: Bool = false
  ) -> Setting {
    Setting(name: name, isFree: isFree, text: { $0[keyPath: path] }) { recipe, text in
      recipe[keyPath: path] = text
    }
  }

  /// As text, one a line.
  private static func list(
    _ name: String, _ path: WritableKeyPath<Recipe, [String]>
  ) -> Setting {
    Setting(
      name: name, isFree: false, text: { $0[keyPath: path].joined(separator: "\n") }
    ) { recipe, text in
      recipe[keyPath: path] = text.parts(at: "\n")
    }
  }

  private static func parsed<Number: LosslessStringConvertible & Comparable>(
    _ text: String, _ name: String, _ bounds: ClosedRange<Number>
  ) throws(ColorizeError) -> Number {
    guard let value = Number(text), bounds.contains(value) else {
      throw .invalidArgument(
        "\(name) is \(text); it must be \(bounds.lowerBound) to \(bounds.upperBound)")
    }
    return value
  }

  private static func chosen<Choice: RawRepresentable<String> & CaseIterable>(
    _ text: String, _ name: String
  ) throws(ColorizeError) -> Choice {
    guard let choice = Choice.allCases.first(where: { text.isSpelled($0.rawValue) }) else {
      throw unknown(text, name, Choice.allCases.map(\.rawValue))
    }
    return choice
  }

  private static func unknown(_ text: String, _ name: String, _ known: [String]) -> ColorizeError {
    .invalidArgument("\(name) is \(text); it must be \(known.joined(separator: ", "))")
  }
}

extension Recipe {
  /// Takes what options say, by name.
  package mutating func take(_ options: [String: String]) throws(ColorizeError) {
    for setting in Setting.all {
      if let text = options[setting.name] { try setting.set(&self, text) }
    }
  }

  /// Takes what options say when a run is resumed that has been begun with this recipe. Throws where
  /// an option would have made steps that are done others.
  ///
  /// - Parameter done: steps.
  package mutating func takeAgain(_ options: [String: String], done: Int) throws(ColorizeError) {
    let old = self
    try take(options)
    for setting in Setting.all where !setting.isFree {
      let (before, now) = (setting.text(old), setting.text(self))
      // The cosine's length is the run's; the others do not know where a run ends.
      if before.isSpelled(now) || setting.name == "steps" && schedule != .cosine { continue }
      throw .invalidArgument(
        "\(setting.name) is \(now.isEmpty ? "not given" : now), and the run was started with "
          + (before.isEmpty ? "none" : before)
          + (setting.name == "steps" ? ", by which a cosine schedule goes" : ""))
    }
    guard steps >= done else {
      throw .invalidArgument("steps is \(steps), and the run has done \(done)")
    }
  }

  /// As a checkpoint notes it.
  package var settings: [String: String] {
    Dictionary(Setting.all.map { ($0.name, $0.text(self)) }) { first, _ in first }
  }

  /// For people: what is not the default of it. Of a file only the name, and not where somebody keeps it.
  package var summary: String {
    let defaults = Recipe()
    return Setting.all.filter { !$0.isFree && $0.name != "data" }.compactMap { setting in
      let text = setting.text(self)
      guard !text.isSpelled(setting.text(defaults)) else { return nil }
      let parts = text.parts(at: "\n").map { $0.parts(at: "/").last ?? $0 }
      return "\(setting.name) \(parts.joined(separator: " "))"
    }.joined(separator: ", ")
  }
}
