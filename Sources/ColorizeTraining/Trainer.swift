// A run's steps: forward, losses, backward, optimiser; and all that a run which goes on later needs.

import ColorizeCore
import Glibc

/// What a step does.
package struct TrainerOptions: Sendable, Equatable {
  /// What becomes of the learning rate after the warm-up.
  package enum Schedule: Sendable, Equatable {
    case constant
    /// Half a cosine, down to 0 at the last step (Loshchilov and Hutter 2017).
    case cosine
    /// Times `factor` after each `every` steps.
    case step(every: Int, factor: Float)
  }

  package var optimiser = OptimiserOptions()
  package var learningRate: Float = 2e-3
  /// Steps in which the learning rate rises evenly from 0.
  package var warmUp = 500
  package var schedule = Schedule.cosine
  /// In all.
  package var steps = 100_000
  package var losses = LossWeights()
  package var regression = Regression.huber
  /// Tensors whose names begin with one of these stay as they are, running statistics too.
  package var frozen: [String] = []
  /// The learning rate of tensors whose names begin with one of these is multiplied by `slowFactor`.
  package var slow: [String] = []
  package var slowFactor: Float = 0.1
  package var seed: UInt64 = 1

  package init() {}

  /// The learning rate of a step, counted from 0.
  package func learningRate(at step: Int) -> Float {
    if step < warmUp { return learningRate * Float(step + 1) / Float(warmUp) }
    switch schedule {
    case .constant: return learningRate
    case .cosine:
      let share = Double(step - warmUp) / Double(max(steps - warmUp, 1))
      return learningRate * Float((1 + cos(.pi * min(share, 1))) / 2)
    case .step(let every, let factor):
      return learningRate * Float(pow(Double(factor), Double((step - warmUp) / max(every, 1))))
    }
  }
}

/// What a step has given.
package struct StepReport: Sendable {
  /// The number of the step, counted from 1.
  package var step: Int
  package var loss: Double
  package var parts: LossParts
  package var learningRate: Float
  /// Of all gradients together, before they are clipped.
  package var gradientNorm: Double

  package init(
    step: Int, loss: Double, parts: LossParts, learningRate: Float, gradientNorm: Double
  ) {
    self.step = step
    self.loss = loss
    self.parts = parts
    self.learningRate = learningRate
    self.gradientNorm = gradientNorm
  }
}

/// A tensor as files have it: row-major.
package struct TrainingTensor {
  package let name: String
  package let shape: [Int]
  package let values: Memory<Float>

  package init(name: String, shape: [Int], values: Memory<Float>) {
    self.name = name
    self.shape = shape
    self.values = values
  }
}

/// Trains a network.
package final class Trainer {
  package let network: Network
  package let shape: BatchShape
  package let options: TrainerOptions
  package let parameters = Parameters()
  package let training: TrainingNetwork
  private let optimiser: Optimiser
  private let losses: Losses
  private let ends: Ends

  /// The nodes that the losses are of.
  private struct Ends {
    var logits: Int?
    var regression: Int?
    var map: Int?
    var pooled: Int?

    var all: [Int] { [logits, regression, map, pooled].compactMap(\.self) }
  }

  /// The names of what is dropped after training begin with this.
  package static let extraPrefix = "extra."

  /// Begins with random weights, which the seed decides.
  package init(
    _ network: Network, _ shape: BatchShape, _ options: TrainerOptions,
    kernels: TrainingKernels, team: Team
  ) throws(ColorizeError) {
    self.network = network
    self.shape = shape
    self.options = options
    precondition(shape.side % 16 == 0 && shape.inputChannels == network.input.channels)
    precondition(shape.mapChannels == 0 || shape.mapStride == network.mapStride)
    var nodes = network.nodes
    ends = try Self.ends(network, shape, options.losses, &nodes)
    if let bins = try Self.binCentres(network) { parameters.add(bins) }
    // All of them, needed or not: a model file has them.
    for node in nodes { try parameters.add(node, kernels) }
    try parameters.initialise(seed: options.seed)
    Self.setBins(network, parameters)
    for tensor in parameters.tensors {
      tensor.isFrozen = options.frozen.contains { tensor.name.isSpelled(beginning: $0) }
      if options.slow.contains(where: { tensor.name.isSpelled(beginning: $0) }) {
        tensor.rateFactor = options.slowFactor
      }
    }
    training = try TrainingNetwork(
      nodes, ends: ends.all, parameters: parameters, count: shape.count, height: shape.side,
      width: shape.side, kernels: kernels, team: team)
    // What no loss reaches has no gradient, and weight decay alone would shrink it.
    for tensor in parameters.tensors where !training.reached.contains(tensor.name) {
      tensor.isFrozen = true
    }
    optimiser = try Optimiser(parameters, options.optimiser, kernels: kernels, team: team)
    losses = try Losses(bins: network.distribution?.binCount ?? 0, kernels: kernels, team: team)
  }

  /// Adds extra heads to the nodes and says what is an end.
  private static func ends(
    _ network: Network, _ shape: BatchShape, _ weights: LossWeights, _ nodes: inout [Network.Node]
  ) throws(ColorizeError) -> Ends {
    var ends = Ends()
    if weights.classification > 0 {
      guard let distribution = network.distribution else {
        throw .invalidArgument("\(network.architecture) has no distribution to train")
      }
      ends.logits = distribution.node
    }
    if weights.regression > 0 {
      guard case .ab(let node, _) = network.colors else {
        throw .invalidArgument("\(network.architecture) has no regression to train")
      }
      ends.regression = node
    }
    if weights.map > 0 || weights.pooled > 0 {
      guard let map = network.features["map"], let pooled = network.features["pooled"] else {
        throw .invalidArgument("\(network.architecture) has no place for extra targets")
      }
      func head(_ name: String, on node: Int, channels: Int) -> Int {
        let operation = Convolution(
          inputs: nodes[node].channels, outputs: channels, kernel: 1, stride: 1, padding: 0,
          bias: true)
        nodes.append(
          Network.Node(
            name: extraPrefix + name, operation: operation, inputs: [node], channels: channels))
        return nodes.count - 1
      }
      if weights.map > 0 { ends.map = head("map", on: map, channels: shape.mapChannels) }
      if weights.pooled > 0 {
        ends.pooled = head("pooled", on: pooled, channels: shape.pooledChannels)
      }
    }
    guard !ends.all.isEmpty else { throw .invalidArgument("no loss has a weight above 0") }
    return ends
  }

  private static func binCentres(_ network: Network) throws(ColorizeError) -> TrainingParameter? {
    guard let distribution = network.distribution, case .tensor(let name) = distribution.bins else {
      return nil
    }
    return try TrainingParameter(name, [2, distribution.binCount, 1, 1], isLearnt: false)
  }

  private static func setBins(_ network: Network, _ parameters: Parameters) {
    guard let distribution = network.distribution, case .tensor(let name) = distribution.bins,
      let bins = parameters[name]
    else { return }
    for (index, centre) in Gamut.centres.enumerated() {
      bins.values.start[index] = centre.x / Lab.abRange
      bins.values.start[distribution.binCount + index] = centre.y / Lab.abRange
    }
  }

  /// Steps done.
  package var step: Int { optimiser.step }

  /// Takes the weights of a model, and begins the averages with them. Extra heads stay as they are. The
  /// loss takes the plain softmax, at a temperature of 1: where that of the file stands at another one the
  /// logits are multiplied by it, which changes no color.
  package func load(_ file: TensorFile) throws(ColorizeError) {
    let temperature = try Model.plainSoftmaxTemperature(file, network)
    let logits = network.distribution.map { "\(network.nodes[$0.node].name)." }
    for tensor in parameters.tensors where !tensor.name.hasPrefix(Self.extraPrefix) {
      let values = try file.floats(tensor.name, shape: tensor.shape)
      if let logits, tensor.name.hasPrefix(logits) {
        for index in 0..<values.count { values.start[index] *= temperature }
      }
      tensor.set(tensor.values, rowMajor: values.start)
    }
    optimiser.resetAverages()
  }

  /// One step.
  package func run(_ batch: Batch) throws(ColorizeError) -> StepReport {
    precondition(batch.shape == shape, "a batch of another shape")
    let parts = try gradients(batch)
    let rate = options.learningRate(at: step)
    let norm = optimiser.step(learningRate: rate)
    return StepReport(
      step: step, loss: parts.total(options.losses), parts: parts, learningRate: rate,
      gradientNorm: norm)
  }

  /// Sets the gradients of the parameters for a batch, and moves the running statistics.
  package func gradients(_ batch: Batch) throws(ColorizeError) -> LossParts {
    training.forward(batch.input.start)
    var parts = LossParts()
    let weights = options.losses
    if let node = ends.logits {
      parts.classification = try losses.classification(
        training[end: node], batch, factor: weights.classification)
    }
    if let node = ends.regression {
      parts.regression = try losses.regression(
        training[end: node], batch, options.regression, factor: weights.regression)
    }
    if let node = ends.map {
      parts.map = try losses.squares(training[end: node], batch.map, factor: weights.map)
    }
    if let node = ends.pooled {
      parts.pooled = try losses.squares(training[end: node], batch.pooled, factor: weights.pooled)
    }
    training.backward()
    return parts
  }

  /// All that a run which goes on needs, besides the number of steps done.
  package var state: [TrainingTensor] {
    get throws(ColorizeError) {
      var state: [TrainingTensor] = []
      for slot in optimiser.slots {
        for (prefix, memory) in Self.memories(slot) {
          state.append(
            TrainingTensor(
              name: prefix + slot.parameter.name, shape: slot.parameter.shape,
              values: try slot.parameter.rowMajor(memory)))
        }
      }
      return state
    }
  }

  private static func memories(_ slot: Optimiser.Slot) -> [(prefix: String, memory: Memory<Float>)]
  {
    var memories = [("value.", slot.parameter.values)]
    if let moments = slot.moments {
      memories += [("first.", moments.first), ("second.", moments.second)]
    }
    if let average = slot.average { memories.append(("average.", average)) }
    return memories
  }

  /// Goes on from a state.
  ///
  /// - Parameter step: the steps that had been done.
  package func restore(_ file: TensorFile, step: Int) throws(ColorizeError) {
    for slot in optimiser.slots {
      for (prefix, memory) in Self.memories(slot) {
        let values = try file.floats(prefix + slot.parameter.name, shape: slot.parameter.shape)
        slot.parameter.set(memory, rowMajor: values.start)
      }
    }
    optimiser.step = step
  }

  /// The tensors of a model file: the averages, if there are such.
  package var model: [TrainingTensor] {
    get throws(ColorizeError) {
      var model: [TrainingTensor] = []
      for slot in optimiser.slots where !slot.parameter.name.hasPrefix(Self.extraPrefix) {
        model.append(
          TrainingTensor(
            name: slot.parameter.name, shape: slot.parameter.shape,
            values: try slot.parameter.rowMajor(slot.average ?? slot.parameter.values)))
      }
      return model
    }
  }
}
