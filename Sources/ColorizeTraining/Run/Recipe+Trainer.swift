// What a recipe means for its network: what fits, what is learnt, and how.

import ColorizeCore

extension Recipe {
  /// The network that is trained.
  package var network: Network {
    guard let network = Network.trainable.first(where: { $0.architecture == model }) else {
      preconditionFailure("no network \(model)")
    }
    return network
  }

  /// What is learnt of a picture: unless something else is asked for, all that the network gives.
  private var wantedLoss: Loss { loss ?? (network.hasRegression ? .both : .classification) }

  /// Throws where values do not fit each other.
  package func check() throws(ColorizeError) {
    let multiple = max(network.mapStride, network.sizeMultiple)
    guard size.isMultiple(of: multiple) else {
      throw .invalidArgument("size is \(size); it must be a multiple of \(multiple)")
    }
    guard wantedLoss == .classification || network.hasRegression else {
      throw .invalidArgument(
        "loss is \(wantedLoss.rawValue), and the network \(model) gives a distribution only")
    }
    guard hints ?? 0 == 0 || network.takesHints else {
      throw .invalidArgument("hints is \(hints ?? 0), and the network \(model) takes none")
    }
    guard recolor == 0 || network.takesHints else {
      throw .invalidArgument("recolor is \(recolor), and the network \(model) takes no hints")
    }
    for (option, prefixes) in [("freeze", frozen), ("slow", slow)] {
      for prefix in prefixes
      where !network.parameters.contains(where: { $0.name.isSpelled(beginning: prefix) }) {
        throw .invalidArgument(
          "\(option) is \(prefix), and the network \(model) has no tensor whose name begins like that"
        )
      }
    }
  }

  /// What the batches are to hold.
  package func shape(_ features: FeatureFile?) -> BatchShape {
    BatchShape(
      count: batch, side: size, inputChannels: network.input.channels,
      distributionStride: network.distribution?.stride ?? 1, hasAB: wantedLoss != .classification,
      mapChannels: features?.mapChannels ?? 0, pooledChannels: features?.pooledChannels ?? 0,
      mapStride: network.mapStride)
  }

  /// How pictures become samples.
  ///
  /// - Parameter prior: of the network's bins; nil: all count alike.
  package func samples(_ features: FeatureFile?, prior: [Double]?) throws(ColorizeError)
    -> SampleOptions
  {
    var options = SampleOptions(centres: network.binCentres)
    options.augmentation.scale = Double(scale[0])...Double(scale[1])
    options.augmentation.flips = flips
    if let hints {
      options.hints?.hintedShare = Double(hints)
    }
    if recolor > 0 { options.recoloring = Recoloring(share: Double(recolor)) }
    if film > 0 { options.film = FilmSimulation(share: Double(film)) }
    if let prior { options.balance = try ClassBalance(prior: prior, lambda: Double(lambda)) }
    options.features = features
    return options
  }

  /// Whether it matters how frequent the bins are.
  package var needsPrior: Bool { lambda < 1 && wantedLoss != .regression }

  /// What a step does.
  package func trainer(_ shape: BatchShape) -> TrainerOptions {
    var options = TrainerOptions()
    options.optimiser.kind = optimiser
    options.optimiser.weightDecay = weightDecay
    options.optimiser.averageDecay = average
    options.optimiser.clip = clip
    options.learningRate = learningRate
    options.warmUp = warmUp
    switch schedule {
    case .constant: options.schedule = .constant
    case .cosine: options.schedule = .cosine
    case .step: options.schedule = .step(every: stepEvery, factor: stepFactor)
    }
    options.steps = steps
    options.losses.classification = wantedLoss == .regression ? 0 : 1
    options.losses.regression = wantedLoss == .classification ? 0 : regressionWeight
    options.losses.map = shape.mapChannels > 0 ? featureWeight : 0
    options.losses.pooled = shape.pooledChannels > 0 ? featureWeight : 0
    options.regression = regression
    options.frozen = frozen
    options.slow = slow
    options.slowFactor = slowFactor
    options.seed = seed
    return options
  }
}

extension Network {
  /// Of the place for a map of features, in pixels of the input; 16, the coarsest of all networks' insides without
  /// one.
  package var mapStride: Int {
    guard let map = features["map"] else { return 16 }
    let side = 16 * sizeMultiple
    return side / shapes(height: side, width: side)[map].height
  }

  /// Those with a distribution to train, whose operators all have a layer.
  package static let trainable = all.filter {
    $0.distribution != nil
      && $0.nodes.allSatisfy { $0.operation.map { $0 is any TrainableOperator } ?? true }
  }

  /// Whether it gives ab itself beside a distribution.
  package var hasRegression: Bool {
    if case .ab = colors { true } else { false }
  }

  /// a and b of each of its bins.
  package var binCentres: [SIMD2<Float>] {
    switch distribution?.bins {
    case .gamut, .tensor: Gamut.centres
    case .grid: Gamut.grid
    case nil: []
    }
  }
}
