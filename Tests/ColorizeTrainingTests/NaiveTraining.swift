// Graphs of operators in training as the simplest code computes them: in float64, with the operators' naive references, one
// picture at a time. What gradients are measured against, by finite differences.

import ColorizeCore
import ColorizeTraining

/// Nodes with parameters, an input and a loss: the sum of the last node's values, each times a number.
struct NaiveTraining {
  let nodes: [Network.Node]
  let count: Int
  let shape: Shape
  /// A picture each.
  let input: [ReferenceTensor]
  /// Row-major, by name.
  var parameters: [String: [Double]] = [:]
  /// What the last node's values count, a picture each.
  let seeds: [[Double]]
  /// The batch norms that take their running statistics.
  var frozen: Set<String> = []

  /// - Parameter nodes: those behind the input, which has `shape`. Parameters are random, as are input and seeds: sevenths of
  ///   powers of two, which float32 has exactly.
  init(_ nodes: [Network.Node], count: Int, _ shape: Shape, frozen: Set<String> = []) {
    let input = Network.Node(name: "", operation: nil, inputs: [], channels: shape.channels)
    self.nodes = [input] + nodes
    self.count = count
    self.shape = shape
    self.frozen = frozen
    var numbers = SmallNumbers()
    self.input = (0..<count).map { _ in
      ReferenceTensor(shape, (0..<shape.count).map { _ in numbers.next() })
    }
    for node in nodes {
      for parameter in node.operation?.parameters ?? [] {
        let size = parameter.shape.reduce(1, *)
        let isPositive = parameter.name == "running_var"
        parameters["\(node.name).\(parameter.name)"] = (0..<size).map { _ in
          isPositive ? abs(numbers.next()) + 0.5 : numbers.next()
        }
      }
    }
    var last = shape
    var shapes: [Shape] = [shape]
    for node in nodes {
      last = node.operation?.outputShape(node.inputs.map { shapes[$0] }) ?? shape
      shapes.append(last)
    }
    seeds = (0..<count).map { _ in (0..<last.count).map { _ in numbers.next() } }
  }

  /// The loss.
  ///
  /// - Parameter offset: is added to an element of a node's value.
  func loss(offset: (node: Int, picture: Int, element: Int, by: Double)? = nil) -> Double {
    var values: [[ReferenceTensor]] = []
    for (number, node) in nodes.enumerated() {
      var own = node.operation == nil ? input : value(node, values)
      if let offset, offset.node == number {
        own[offset.picture].values[offset.element] += offset.by
      }
      values.append(own)
    }
    return zip(values[nodes.count - 1], seeds).reduce(0) { sum, picture in
      sum + zip(picture.0.values, picture.1).reduce(0) { $0 + $1.0 * $1.1 }
    }
  }

  private func value(_ node: Network.Node, _ values: [[ReferenceTensor]]) -> [ReferenceTensor] {
    let own = (node.operation?.parameters ?? []).map { parameters["\(node.name).\($0.name)"] ?? [] }
    if node.operation is BatchNorm, !frozen.contains(node.name) {
      return Self.batchNorm(values[node.inputs[0]], weight: own[0], bias: own[1])
    }
    return (0..<count).compactMap { picture in
      node.operation?.reference(node.inputs.map { values[$0][picture] }, parameters: own)
    }
  }

  /// Mean and variance of each channel over the batch.
  static func statistics(_ input: [ReferenceTensor]) -> [(mean: Double, variance: Double)] {
    let pixels = input[0].shape.height * input[0].shape.width
    let count = Double(input.count * pixels)
    return (0..<input[0].shape.channels).map { channel in
      let values = input.flatMap { $0.values[(channel * pixels)..<((channel + 1) * pixels)] }
      let mean = values.reduce(0, +) / count
      return (mean, values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count)
    }
  }

  private static func batchNorm(
    _ input: [ReferenceTensor], weight: [Double], bias: [Double]
  ) -> [ReferenceTensor] {
    let statistics = statistics(input)
    let pixels = input[0].shape.height * input[0].shape.width
    return input.map { picture in
      var output = picture
      for index in 0..<picture.values.count {
        let channel = index / pixels
        let (mean, variance) = statistics[channel]
        output.values[index] =
          (picture.values[index] - mean) / (variance + BatchNorm.epsilon).squareRoot()
          * weight[channel] + bias[channel]
      }
      return output
    }
  }

  /// Central differences of the loss by one of `every` elements of a tensor.
  func differences(_ tensor: String, every: Int) -> [Double] {
    var moved = self
    let values = parameters[tensor] ?? []
    return Array(values.indices).each(every).map { index in
      Self.difference { by in
        moved.parameters[tensor]?[index] = values[index] + by
        defer { moved.parameters[tensor]?[index] = values[index] }
        return moved.loss()
      }
    }
  }

  /// The same by a node's value, `[count, channels, height, width]`.
  func differences(node: Int, elements: Int, every: Int) -> [Double] {
    Array(0..<(count * elements)).each(every).map { index in
      let (picture, element) = index.quotientAndRemainder(dividingBy: elements)
      return Self.difference { self.loss(offset: (node, picture, element, $0)) }
    }
  }

  /// In float64 a step of 1e-5 leaves nine digits of a derivative, if no ReLU is that near its kink.
  private static func difference(_ loss: (Double) -> Double) -> Double {
    let step = 1e-5
    return (loss(step) - loss(-step)) / (2 * step)
  }
}

/// Numbers between -1 and 1, the same every time, in steps of 2^-12: float32 holds them exactly.
struct SmallNumbers {
  private var state: UInt64 = 7

  mutating func next() -> Double {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Double(Int(state >> 51) - 4096) / 4096
  }

  mutating func floats(_ count: Int) -> [Float] { (0..<count).map { _ in Float(next()) } }
}

/// The norm of the difference over the norm of what is wanted.
func distance(_ actual: [Double], _ wanted: [Double]) -> Double {
  guard actual.count == wanted.count else { return .infinity }
  let difference = zip(actual, wanted).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
  let norm = wanted.reduce(0) { $0 + $1 * $1 }
  let ratio = (difference / norm).squareRoot()
  return ratio.isNaN ? .infinity : ratio
}

extension Array {
  /// The first one, and each `step`th from it on.
  func each(_ step: Int) -> [Element] { stride(from: 0, to: count, by: step).map { self[$0] } }
}

extension TrainingParameter {
  /// Row-major, of memory that lies as the values do.
  func array(_ memory: Memory<Float>) throws -> [Double] {
    let values = try rowMajor(memory)
    return (0..<elements).map { Double(values.start[$0]) }
  }

  func set(_ memory: Memory<Float>, _ array: [Double]) {
    array.map { Float($0) }.withUnsafeBufferPointer { values in
      guard let start = values.baseAddress else { return }
      set(memory, rowMajor: start)
    }
  }
}
