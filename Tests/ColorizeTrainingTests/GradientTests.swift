// Gradients of every operator against finite differences of its naive reference.

import ColorizeCore
import ColorizeTraining
import Testing

/// An operator, or a few that become one layer, behind a convolution of 1x1: node 1, whose value's gradient is that of the
/// operator's input.
struct GradientCase: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let nodes: [Network.Node]
  var height = 5
  var width = 3
  var frozen: Set<String> = []
  /// One of so many elements of a tensor is looked at.
  var every = 1
  /// Float32 against float64: a few roundings of sums of some dozens of products. A wrong term is a thousand times more.
  var tolerance: Double

  static let channels = 3

  /// - Parameter channels: of node 1.
  init(
    _ name: String, _ operations: [(any Operator, inputs: [Int])], channels: Int = channels,
    bias: Bool = true, height: Int = 5, width: Int = 3, frozen: Set<String> = [], every: Int = 1,
    tolerance: Double = 2e-6
  ) {
    testDescription = name
    self.every = every
    self.tolerance = tolerance
    var nodes = [
      Network.Node(
        name: "in",
        operation: Convolution(
          inputs: 2, outputs: channels, kernel: 1, stride: 1, padding: 0, bias: bias),
        inputs: [0], channels: channels)
    ]
    for (number, (operation, inputs)) in operations.enumerated() {
      let shape = Shape(channels: nodes[inputs[0] - 1].channels, height: 4, width: 4)
      nodes.append(
        Network.Node(
          name: "own\(number)", operation: operation, inputs: inputs,
          channels: operation.outputShape(inputs.map { _ in shape }).channels))
    }
    self.nodes = nodes
    self.height = height
    self.width = width
    self.frozen = frozen
  }

  static func convolution(
    kernel: Int, stride: Int = 1, dilation: Int = 1, padding: Network.Padding = .even,
    bias: Bool = true
  ) -> Convolution {
    let sides = padding.sides(kernel: kernel, stride: stride, dilation: dilation)
    return Convolution(
      inputs: channels, outputs: 5, kernel: kernel, stride: stride, padding: sides.before,
      paddingAfter: sides.after, dilation: dilation, bias: bias)
  }

  static func depthwise(
    _ kernel: Int, stride: Int, padding: Network.Padding = .even
  ) -> DepthwiseConvolution {
    DepthwiseConvolution(
      channels: channels, kernel: kernel, stride: stride,
      padding: padding.sides(kernel: kernel, stride: stride))
  }

  /// Low enough that values of all three kinds are there.
  static let capped = ReLU(ceiling: 1)

  static let norm = BatchNorm(channels: channels)

  static let all = [
    GradientCase("convolution, 3x3", [(convolution(kernel: 3), [1])]),
    GradientCase("convolution, 3x3, stride 2", [(convolution(kernel: 3, stride: 2), [1])]),
    GradientCase("convolution, 3x3, dilation 2", [(convolution(kernel: 3, dilation: 2), [1])]),
    GradientCase(
      "convolution, 3x3, stride 2, same",
      [(convolution(kernel: 3, stride: 2, padding: .same), [1])], height: 6, width: 4),
    GradientCase("convolution, 1x1", [(convolution(kernel: 1, bias: false), [1])]),
    // By Winograd's algorithm, for which channels and tiles suffice; its transforms round more.
    GradientCase(
      "convolution, 16 to 32, 3x3",
      [(Convolution(inputs: 16, outputs: 32, kernel: 3, stride: 1, padding: 1, bias: true), [1])],
      channels: 16, height: 14, width: 15, every: 211,
      tolerance: 2e-5),
    GradientCase("depthwise, 3x3", [(depthwise(3, stride: 1), [1])]),
    GradientCase("depthwise, 3x3, stride 2", [(depthwise(3, stride: 2), [1])]),
    GradientCase("depthwise, 5x5", [(depthwise(5, stride: 1), [1])], width: 9),
    GradientCase("depthwise, 5x5, stride 2", [(depthwise(5, stride: 2), [1])], width: 14),
    GradientCase(
      "depthwise, 5x5, stride 2, one column", [(depthwise(5, stride: 2), [1])], width: 1),
    GradientCase(
      "depthwise, 3x3, stride 2, same", [(depthwise(3, stride: 2, padding: .same), [1])],
      height: 6, width: 4),
    GradientCase(
      "depthwise, 5x5, stride 2, same", [(depthwise(5, stride: 2, padding: .same), [1])],
      height: 6, width: 14),
    GradientCase("transposed", [(TransposedConvolution(inputs: channels, outputs: 4), [1])]),
    // A bias before a norm has no gradient.
    GradientCase("norm", [(norm, [1])], bias: false),
    GradientCase("norm, ReLU", [(norm, [1]), (ReLU(), [2])], bias: false),
    GradientCase("norm, added to, ReLU", [(norm, [1]), (Add(), [2, 1]), (ReLU(), [3])]),
    GradientCase(
      "norm, added, ReLU",
      [
        (
          Convolution(
            inputs: channels, outputs: channels, kernel: 3, stride: 1, padding: 1, bias: false), [1]
        ), (norm, [2]), (Add(), [1, 3]), (ReLU(), [4]),
      ]),
    GradientCase(
      "norm, added to, ReLU with a ceiling", [(norm, [1]), (Add(), [2, 1]), (capped, [3])]),
    GradientCase(
      "norm, frozen, ReLU with a ceiling", [(norm, [1]), (capped, [2])], frozen: ["own0"]),
    GradientCase("ReLU with a ceiling", [(capped, [1])]),
    GradientCase("add, ReLU with a ceiling", [(Tanh(), [1]), (Add(), [1, 2]), (capped, [3])]),
    GradientCase("norm, frozen", [(norm, [1]), (ReLU(), [2])], frozen: ["own0"]),
    GradientCase("ReLU", [(ReLU(), [1])]),
    GradientCase("leaky ReLU", [(LeakyReLU(slope: 0.25), [1])]),
    GradientCase("tanh", [(Tanh(), [1])]),
    GradientCase(
      "bilinear, times 2", [(Subsample(), [1]), (Bilinear(), [2, 1])], height: 4, width: 6),
    GradientCase(
      "bilinear, times 5 / 3 and 7 / 4", [(Subsample(), [1]), (Bilinear(), [2, 1])], width: 7),
    GradientCase(
      "bilinear, times 3 / 5 and 4 / 7", [(Subsample(), [1]), (Bilinear(), [1, 2])], width: 7),
    GradientCase("mean", [(GlobalMean(), [1])]),
    GradientCase(
      "linear", [(GlobalMean(), [1]), (Linear(inputs: channels, outputs: 4), [2])]),
    GradientCase("subsample", [(Subsample(), [1])]),
    GradientCase("gray as RGB", [(Tanh(), [1]), (GrayAsRGB(), [2])]),
    GradientCase("add", [(Tanh(), [1]), (Add(), [1, 2])]),
    GradientCase("add of 1x1, ReLU", [(GlobalMean(), [1]), (Add(), [1, 2]), (ReLU(), [3])]),
  ]
}

/// A network in training that computes what a naive one does.
struct TrainingGraph {
  let network: TrainingNetwork
  let parameters = Parameters()
  let naive: NaiveTraining
  let ends: [Int]

  init(
    _ naive: NaiveTraining, ends: [Int], _ instructionSet: InstructionSet, threads: Int = 2
  ) throws {
    self.naive = naive
    self.ends = ends
    let parameters = parameters
    func network() throws -> TrainingNetwork {
      try TrainingNetwork(
        naive.nodes, ends: ends, parameters: parameters, count: naive.count,
        height: naive.shape.height, width: naive.shape.width,
        kernels: TrainingKernels(instructionSet), team: Team(threads: threads))
    }
    // The first one adds the parameters; what is frozen has to be known before the second.
    _ = try network()
    for tensor in parameters.tensors {
      tensor.set(tensor.values, try #require(naive.parameters[tensor.name]))
      tensor.isFrozen = naive.frozen.contains { tensor.name.hasPrefix($0) }
    }
    self.network = try network()
  }

  /// Forward and back; the gradients of ends before the last one begin with zeros.
  func run() {
    let shape = naive.shape
    let pixels = shape.height * shape.width
    let input = naive.input.flatMap { picture in
      (0..<shape.count).map {
        Float(picture.values[$0 % shape.channels * pixels + $0 / shape.channels])
      }
    }
    network.forward(input)
    for end in ends {
      let gradient = network[end: end].gradient
      gradient.start.update(repeating: 0, count: gradient.floats)
    }
    let gradient = network[end: ends[ends.count - 1]].gradient
    for (picture, seeds) in naive.seeds.enumerated() {
      for (index, seed) in seeds.enumerated() {
        let (channel, pixel) = index.quotientAndRemainder(dividingBy: gradient.pixels)
        gradient.picture(picture).start[pixel * gradient.stride + channel] = Float(seed)
      }
    }
    network.backward()
  }

  /// `[count, channels, height, width]`.
  static func planes(_ activation: BatchActivation) -> [Double] {
    (0..<activation.count).flatMap { picture in
      (0..<activation.shape.count).map { index in
        let (channel, pixel) = index.quotientAndRemainder(dividingBy: activation.pixels)
        return Double(
          activation.picture(picture).start[pixel * activation.stride + channel])
      }
    }
  }
}

@Suite struct GradientTests {
  @Test(arguments: GradientCase.all) func areFiniteDifferences(_ what: GradientCase) throws {
    let shape = Shape(channels: 2, height: what.height, width: what.width)
    let naive = NaiveTraining(what.nodes, count: 2, shape, frozen: what.frozen)
    let last = naive.nodes.count - 1
    let first = what.nodes[0].channels * what.height * what.width
    let inputDifferences = naive.differences(node: 1, elements: first, every: what.every)
    let names = naive.parameters.keys.filter { name in
      !name.contains(".running_") && !what.frozen.contains { name.hasPrefix($0) }
    }
    let differences = names.map { naive.differences($0, every: what.every) }
    for instructionSet in InstructionSet.available {
      // As an end, node 1 has a gradient that the operator's is added to; else none is there.
      for ends in [[1, last], [last]] {
        let graph = try TrainingGraph(naive, ends: ends, instructionSet)
        graph.run()
        for (name, wanted) in zip(names, differences) {
          let tensor = try #require(graph.parameters[name])
          let actual = try tensor.array(try #require(tensor.gradient)).each(what.every)
          #expect(
            distance(actual, wanted) < what.tolerance, "\(name), \(instructionSet), ends \(ends)")
        }
        guard ends.count > 1 else { continue }
        let actual = TrainingGraph.planes(graph.network[end: 1].gradient).each(what.every)
        #expect(distance(actual, inputDifferences) < what.tolerance, "input, \(instructionSet)")
      }
    }
  }

  /// Sums are made in an order that threads have no influence on: the same bits.
  @Test func threadsChangeNothing() throws {
    let operations: [(any Operator, inputs: [Int])] = [
      (GradientCase.convolution(kernel: 3, stride: 2), [1]), (BatchNorm(channels: 5), [2]),
      (ReLU(), [3]), (Bilinear(), [4, 1]), (TransposedConvolution(inputs: 5, outputs: 6), [5]),
    ]
    let what = GradientCase("several", operations)
    let naive = NaiveTraining(what.nodes, count: 3, Shape(channels: 2, height: 23, width: 19))
    var ofOne: [String: [Double]] = [:]
    for threads in 1...4 {
      let graph = try TrainingGraph(
        naive, ends: [naive.nodes.count - 1], .best, threads: threads)
      graph.run()
      for tensor in graph.parameters.tensors {
        let own = try tensor.array(tensor.gradient ?? tensor.values)
        #expect(own.contains { $0 != 0 })
        #expect(ofOne[tensor.name, default: own] == own, "\(tensor.name), \(threads) threads")
        ofOne[tensor.name] = own
      }
    }
  }
}

@Suite struct RunningStatisticsTests {
  /// Moved by a tenth towards the batch's mean and unbiased variance, as PyTorch's are.
  @Test func moveTowardsTheBatchs() throws {
    let naive = Self.norm(scale: 1, mean: 0)
    for instructionSet in InstructionSet.available {
      let graph = try TrainingGraph(naive, ends: [2], instructionSet)
      graph.run()
      let (mean, variance) = try Self.wanted(graph)
      let tensors = graph.parameters
      let ownMean = try #require(tensors["own0.running_mean"])
      let ownVariance = try #require(tensors["own0.running_var"])
      // A rounding of the result, and those of the sums.
      #expect(distance(try ownMean.array(ownMean.values), mean) < 3e-7)
      #expect(distance(try ownVariance.array(ownVariance.values), variance) < 3e-7)
    }
  }

  /// Channels that hardly vary, far from the running mean: what a difference of sums of squares would lose.
  @Test func keepSmallVariances() throws {
    let naive = Self.norm(scale: 1.0 / 1024, mean: 3)
    let graph = try TrainingGraph(naive, ends: [2], .best)
    graph.run()
    let (_, variance) = try Self.wanted(graph)
    let own = try #require(graph.parameters["own0.running_var"])
    let old = try #require(naive.parameters["own0.running_var"])
    // Of what the batch adds. The values have roundings of 1e-4 of their deviations.
    let moved = zip(try own.array(own.values), old).map { $0 - 0.9 * $1 }
    #expect(distance(moved, zip(variance, old).map { $0 - 0.9 * $1 }) < 1e-3)
  }

  /// A norm behind a convolution whose values have this scale and mean; the running variances are small, so that what the
  /// batch adds shows.
  private static func norm(scale: Double, mean: Double) -> NaiveTraining {
    let what = GradientCase("norm", [(GradientCase.norm, [1])])
    var naive = NaiveTraining(what.nodes, count: 2, Shape(channels: 2, height: 17, width: 19))
    naive.parameters["in.weight"] = naive.parameters["in.weight"]?.map { $0 * scale }
    naive.parameters["in.bias"] = naive.parameters["in.bias"]?.map { $0 + mean }
    naive.parameters["own0.running_var"] = [0.5, 0.25, 0.125].map { $0 * scale * scale }
    return naive
  }

  /// Of the values that the convolution has given in float32.
  private static func wanted(
    _ graph: TrainingGraph
  ) throws -> (mean: [Double], variance: [Double]) {
    let naive = graph.naive
    let (weight, bias) = (naive.parameters["in.weight"] ?? [], naive.parameters["in.bias"] ?? [])
    let operation = try #require(naive.nodes[1].operation)
    let values = naive.input.map { operation.reference([$0], parameters: [weight, bias]) }
    let count = Double(naive.count * naive.shape.height * naive.shape.width)
    let statistics = NaiveTraining.statistics(values)
    let old = (
      mean: try #require(naive.parameters["own0.running_mean"]),
      variance: try #require(naive.parameters["own0.running_var"])
    )
    return (
      zip(old.mean, statistics).map { 0.9 * $0 + 0.1 * $1.mean },
      zip(old.variance, statistics).map { 0.9 * $0 + 0.1 * $1.variance * count / (count - 1) }
    )
  }
}
