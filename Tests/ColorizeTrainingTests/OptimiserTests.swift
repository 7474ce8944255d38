// Adam and AdamW against their papers' formulas in float64.

import ColorizeCore
import ColorizeTraining
import Testing

@Suite struct OptimiserTests {
  static let steps = 20
  static let rate: Float = 1.0 / 1024

  /// A convolution and a norm: packed weights, tensors of one dimension, running statistics.
  private static func graph(_ instructionSet: InstructionSet) throws -> TrainingGraph {
    let what = GradientCase(
      "optimised", [(GradientCase.convolution(kernel: 3), [1]), (BatchNorm(channels: 5), [2])])
    let naive = NaiveTraining(what.nodes, count: 1, Shape(channels: 2, height: 3, width: 3))
    return try TrainingGraph(naive, ends: [3], instructionSet)
  }

  /// What the optimiser leaves after some steps, and what it should have left; averages where there are such.
  private func run(
    _ options: OptimiserOptions, _ instructionSet: InstructionSet
  ) throws -> (actual: [String: [Double]], wanted: [String: [Double]]) {
    let graph = try Self.graph(instructionSet)
    let optimiser = try Optimiser(
      graph.parameters, options, kernels: TrainingKernels(instructionSet), team: Team(threads: 2))
    let learnt = graph.parameters.tensors.filter { $0.gradient != nil }
    var naive = learnt.map { tensor in
      NaiveAdam(
        graph.naive.parameters[tensor.name] ?? [], options,
        decay: tensor.shape.count > 1 ? Double(options.weightDecay) : 0)
    }
    var numbers = SmallNumbers()
    for step in 1...Self.steps {
      // Of other sizes in every step.
      let gradients = learnt.map { tensor in
        (0..<tensor.elements).map { _ in numbers.next() * Double(step % 5) / 4 }
      }
      let norm = gradients.joined().reduce(0) { $0 + $1 * $1 }.squareRoot()
      let clip = Double(options.clip)
      let scale = clip > 0 && norm > clip ? clip / norm : 1
      for (index, tensor) in learnt.enumerated() {
        tensor.set(try #require(tensor.gradient), gradients[index])
        naive[index].step(gradients[index].map { $0 * scale }, rate: Double(Self.rate))
      }
      #expect(abs(optimiser.step(learningRate: Self.rate) - norm) <= 1e-6 * norm)
    }
    var actual: [String: [Double]] = [:]
    var wanted: [String: [Double]] = [:]
    for slot in optimiser.slots {
      let name = slot.parameter.name
      actual[name] = try slot.parameter.array(slot.parameter.values)
      // Running statistics stay.
      wanted[name] = graph.naive.parameters[name]
      if let average = slot.average {
        actual["average of " + name] = try slot.parameter.array(average)
        wanted["average of " + name] = graph.naive.parameters[name]
      }
    }
    for (tensor, own) in zip(learnt, naive) {
      wanted[tensor.name] = own.values
      if options.averageDecay > 0 { wanted["average of " + tensor.name] = own.averages }
    }
    return (actual, wanted)
  }

  private func compare(_ options: OptimiserOptions) throws {
    for instructionSet in InstructionSet.available {
      let (actual, wanted) = try run(options, instructionSet)
      #expect(actual.count == wanted.count)
      // Twenty roundings in float32.
      for (name, values) in wanted {
        #expect(distance(try #require(actual[name]), values) < 1e-6, "\(name), \(instructionSet)")
      }
    }
  }

  @Test(arguments: OptimiserOptions.Kind.allCases, [0, 0.125])
  func stepsAreThePapers(_ kind: OptimiserOptions.Kind, _ weightDecay: Float) throws {
    var options = OptimiserOptions()
    options.kind = kind
    options.weightDecay = weightDecay
    try compare(options)
  }

  @Test func largeGradientsAreClipped() throws {
    var options = OptimiserOptions()
    options.clip = 2
    try compare(options)
  }

  /// A short one, and one that is longer than the steps.
  @Test(arguments: [0.25, 0.999] as [Float]) func averagesFollow(_ decay: Float) throws {
    var options = OptimiserOptions()
    options.averageDecay = decay
    try compare(options)
  }

  @Test func frozenTensorsStay() throws {
    let graph = try Self.graph(.best)
    let frozen = try #require(graph.parameters["own0.weight"])
    frozen.isFrozen = true
    let optimiser = try Optimiser(
      graph.parameters, OptimiserOptions(), kernels: TrainingKernels(.best), team: Team(threads: 1))
    for tensor in graph.parameters.tensors { tensor.gradient?.fill(1) }
    _ = optimiser.step(learningRate: Self.rate)
    #expect(try frozen.array(frozen.values) == graph.naive.parameters["own0.weight"])
    let other = try #require(graph.parameters["in.weight"])
    #expect(try other.array(other.values) != graph.naive.parameters["in.weight"])
  }
}

/// A tensor with Kingma and Ba's algorithm 1; with decoupled weight decay, Loshchilov and Hutter's algorithm 2.
private struct NaiveAdam {
  private(set) var values: [Double]
  private(set) var averages: [Double]
  private var first: [Double]
  private var second: [Double]
  private var steps = 0.0
  private let options: OptimiserOptions
  private let decay: Double

  init(_ values: [Double], _ options: OptimiserOptions, decay: Double) {
    self.values = values
    self.options = options
    self.decay = decay
    averages = values
    first = values.map { _ in 0 }
    second = first
  }

  mutating func step(_ gradients: [Double], rate: Double) {
    steps += 1
    // Averages over all steps until that is longer than wanted: a common schedule.
    let keep = min(Double(options.averageDecay), (1 + steps) / (10 + steps))
    for index in values.indices {
      let gradient = gradients[index] + (options.kind == .adam ? decay * values[index] : 0)
      first[index] = options.beta1 * first[index] + (1 - options.beta1) * gradient
      second[index] = options.beta2 * second[index] + (1 - options.beta2) * gradient * gradient
      let mean = first[index] / (1 - power(options.beta1))
      let square = second[index] / (1 - power(options.beta2))
      if options.kind == .adamw { values[index] -= rate * decay * values[index] }
      values[index] -= rate * mean / (square.squareRoot() + Double(options.epsilon))
      averages[index] = keep * averages[index] + (1 - keep) * values[index]
    }
  }

  private func power(_ base: Double) -> Double {
    (0..<Int(steps)).reduce(1) { one, _ in one * base }
  }
}
