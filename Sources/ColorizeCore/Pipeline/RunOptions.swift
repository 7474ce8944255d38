// How to run a model: what colorize_options means.

/// How a picture is brought to the network and back.
package enum Preset: String, CaseIterable, Sendable {
  /// The best picture that this version knows how to make.
  case standard = "default"
  /// Step by step what the released Python pipeline does.
  case reference
}

/// To which size a picture is brought for the network.
package enum NetworkFit: String, CaseIterable, Sendable {
  /// Squashed to a square.
  case square
  /// With its own proportions and the square's area, as far as the sides that the network takes allow.
  case aspect
}

/// How the network's colors are brought to the picture's size.
package enum Upsampling: String, CaseIterable, Sendable {
  case bilinear
  /// Following the edges of the picture's lightness.
  case guided
}

/// Temperature and saturation in plain words.
package enum Style: String, CaseIterable, Sendable {
  case standard = "default"
  case natural
  case vivid

  /// Of the annealed mean.
  package var temperature: Float {
    switch self {
    case .standard: AnnealedMean.defaultTemperature
    case .natural: 0.6
    case .vivid: 0.25
    }
  }

  package var saturation: Float {
    switch self {
    case .standard: 1
    case .natural: 0.9
    case .vivid: 1.3
    }
  }
}

/// How to run a model. What is nil has its default.
package struct RunOptions {
  package var preset: Preset = .standard
  /// The side of the square that the network sees, or of one of the same area. nil: the preset's or the model's.
  package var networkSize: Int?
  package var networkFit: NetworkFit = .square
  package var style: Style = .standard
  /// nil: the style's, or 1 for distributions.
  package var temperature: Float?
  /// What a and b are multiplied by. nil: the style's.
  package var saturation: Float?
  /// nil: the preset's.
  package var upsampling: Upsampling?
  /// nil: the preset's.
  package var gamutMapping: GamutMapping?
  /// 0: the most likely coloring; up to `Variant.count`: another one.
  package var variant = 0
  package var hints = Hints()
  /// How far they reach. 0: each colors the thing that it is on; a number: that, and nothing that is so many of the
  /// picture's pixels away; infinity: the network's answer counts in the whole picture.
  package var hintReach: Float = 0
  /// A picture whose colors are to be this one's.
  package var palette: ImageView?
  /// How far: 0.01 to 1.
  package var paletteStrength: Float = 1
  /// 1 to `maximumThreads`. nil: the processors that the calling thread may run on.
  package var threads: Int?
  /// Called on the calling thread with the share of the work that is done; true stops the run.
  package var progress: ((Float) -> Bool)?

  package static let maximumThreads = Team.maximumSize
  package static let saturations: ClosedRange<Float> = 0.01...10
  package static let paletteStrengths: ClosedRange<Float> = 0.01...1
  package static let variants = 0...Variant.count

  package init() {}

  /// Throws where a value is not one that it may be.
  package func validate() throws(ColorizeError) {
    func check(_ name: String, _ value: Float?, _ bounds: ClosedRange<Float>) throws(ColorizeError)
    {
      guard let value, !bounds.contains(value) else { return }
      let most = Int(bounds.upperBound, within: 0...Int.max)
      throw .invalidArgument("\(name) is \(value); it must be \(bounds.lowerBound) to \(most)")
    }
    try check("temperature", temperature, AnnealedMean.temperatures)
    try check("saturation", saturation, Self.saturations)
    try check("palette_strength", paletteStrength, Self.paletteStrengths)
    guard hintReach >= 0 else {
      throw .invalidArgument("hint_reach is \(hintReach); it must be 0 or more")
    }
    guard Self.variants.contains(variant) else {
      throw .invalidArgument("variant is \(variant); it must be 0 to \(Variant.count)")
    }
    if let threads, !(1...Self.maximumThreads).contains(threads) {
      throw .invalidArgument("threads is \(threads); it must be 1 to \(Self.maximumThreads)")
    }
  }

  var temperatureOfColors: Float { temperature ?? style.temperature }
  var saturationOfColors: Float { saturation ?? style.saturation }
}
