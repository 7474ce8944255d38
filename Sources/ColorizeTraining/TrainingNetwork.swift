// A network in training: its description's operators as layers, for batches of one size, with all memory that a step
// forward and back takes.

import ColorizeCore

/// Computes a network's values and the gradients of its parameters. Batch norms use the batch's statistics.
package final class TrainingNetwork {
  /// A value that the loss is made of.
  package struct End {
    package let value: BatchActivation
    /// Of the loss by the value: set by the loss between `forward` and `backward`. The padding of its channels is to be
    /// zero.
    package let gradient: BatchActivation
  }

  private let layers: [any Layer]
  /// The layers with something to learn at or before them.
  private let backwardLayers: [any Layer]
  private let execution: LayerExecution
  /// By node.
  private let ends: [Int: End]
  private let memory: [Memory<Float>]
  private let input: BatchActivation
  private let inputMemory: Memory<Float>
  /// The names of the tensors that the ends depend on.
  package let reached: Set<String>
  /// Bytes of activations, gradients and scratch.
  package let memoryBytes: Int

  /// - Parameters:
  ///   - nodes: a network's, and such as follow on them.
  ///   - ends: the nodes that the loss takes, of which each has no other use or has one that is no end; a value
  ///     that no end needs is not computed.
  ///   - parameters: get the tensors of the nodes that they do not have yet.
  ///   - count: pictures in a batch.
  package init(
    _ nodes: [Network.Node], ends: [Int], parameters: Parameters, count: Int, height: Int,
    width: Int, kernels: TrainingKernels, team: Team
  ) throws(ColorizeError) {
    let groups = try Group.all(nodes, ends: ends)
    let shapes = nodes.shapes(height: height, width: width)
    for group in groups { try parameters.add(nodes[group.first], kernels) }

    reached = Set(groups.flatMap { $0.parameterNames(nodes) })

    // Values.
    var memory: [Memory<Float>] = []
    var values: [Int: BatchActivation] = [:]
    inputMemory = try Memory(count: count * shapes[0].count)
    input = BatchActivation(
      start: inputMemory.start, count: count, shape: shapes[0], stride: shapes[0].channels)
    values[0] = input
    func activation(_ node: Int, _ start: UnsafeMutablePointer<Float>) -> BatchActivation {
      BatchActivation(
        start: start, count: count, shape: shapes[node],
        stride: BatchActivation.stride(channels: shapes[node].channels))
    }
    func floats(_ node: Int) -> Int {
      count * shapes[node].height * shapes[node].width
        * BatchActivation.stride(channels: shapes[node].channels)
    }
    for group in groups {
      let own = try Memory<Float>(count: floats(group.output))
      own.fill(0)
      memory.append(own)
      values[group.output] = activation(group.output, own.start)
    }

    // Gradients: a value's is there from the layer behind it to the one before it.
    let needs = Self.needsGradient(nodes, groups, parameters)
    var arena = GradientArena()
    for end in ends { arena.take(end, floats(end)) }
    var adds: [[Bool?]] = Array(repeating: [], count: groups.count)
    var written = Set<Int>()
    for (number, group) in groups.enumerated().reversed() {
      if ends.contains(group.output) { written.insert(group.output) }
      adds[number] = group.inputs.map { node in
        guard needs.contains(node) else { return nil }
        if !written.contains(node), !ends.contains(node) { arena.take(node, floats(node)) }
        let isThere = written.contains(node) || ends.contains(node)
        written.insert(node)
        return isThere
      }
      arena.give(group.output)
    }
    let gradients = try Memory<Float>(count: arena.count)
    gradients.fill(0)
    memory.append(gradients)
    func gradient(_ node: Int) -> BatchActivation {
      activation(node, gradients.start + arena.place(node))
    }

    var layers: [any Layer] = []
    for (number, group) in groups.enumerated() {
      let connections = Connections(
        inputs: group.inputs.compactMap { values[$0] },
        output: values[group.output] ?? input,
        inputGradients: zip(group.inputs, adds[number]).map { node, adds in
          adds.map { Connections.InputGradient(activation: gradient(node), adds: $0) }
        },
        outputGradient: gradient(group.output))
      layers.append(try group.layer(nodes, connections, parameters, kernels))
    }
    self.layers = layers
    backwardLayers = zip(groups, layers).filter { needs.contains($0.0.output) }.map(\.1)
    var own: [Int: End] = [:]
    for end in ends {
      own[end] = End(value: values[end] ?? input, gradient: gradient(end))
    }
    self.ends = own
    let scratchCount = (layers.map(\.scratchCount).max() ?? 0).roundedUp(to: 16)
    let scratch = try Memory<Float>(count: scratchCount * team.size)
    let shared = try Memory<Float>(count: layers.map(\.sharedCount).max() ?? 0)
    memory += [scratch, shared]
    execution = LayerExecution(
      kernels: kernels, team: team, scratch: scratch.start, scratchCount: scratchCount,
      shared: shared.start)
    self.memory = memory
    memoryBytes = 4 * (memory.reduce(0) { $0 + $1.count } + inputMemory.count)
  }

  package subscript(end node: Int) -> End {
    guard let end = ends[node] else { preconditionFailure("node \(node) is no end") }
    return end
  }

  /// - Parameter input: `[count, height, width, channels]`.
  package func forward(_ input: UnsafePointer<Float>) {
    inputMemory.start.update(from: input, count: inputMemory.count)
    for layer in layers { layer.forward(execution) }
  }

  /// Sets the gradients of the parameters from those of the ends, which are overwritten.
  package func backward() {
    for layer in backwardLayers.reversed() { layer.backward(execution) }
  }

  /// The nodes whose gradients are needed: those with something to learn at or before them.
  private static func needsGradient(
    _ nodes: [Network.Node], _ groups: [Group], _ parameters: Parameters
  ) -> Set<Int> {
    var needs = Set<Int>()
    for group in groups
    where group.isLearnt(nodes, parameters) || group.inputs.contains(where: needs.contains) {
      needs.insert(group.output)
    }
    return needs
  }
}

/// Where the gradients of values lie while they are needed.
private struct GradientArena {
  private(set) var count = 0
  private var taken: [Int: Range<Int>] = [:]
  private var places: [Int: Int] = [:]

  /// The first gap that is large enough.
  mutating func take(_ node: Int, _ floats: Int) {
    let floats = floats.roundedUp(to: 16)
    var start = 0
    for range in taken.values.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if start + floats <= range.lowerBound { break }
      start = max(start, range.upperBound)
    }
    taken[node] = start..<(start + floats)
    places[node] = start
    count = max(count, start + floats)
  }

  mutating func give(_ node: Int) { taken[node] = nil }

  func place(_ node: Int) -> Int { places[node] ?? 0 }
}

/// Nodes that are one layer.
private struct Group {
  /// The first one, which has the parameters.
  let first: Int
  let operation: any TrainableOperator
  /// The nodes whose values it takes.
  var inputs: [Int]
  var output: Int
  /// At the end.
  var relu: ReLU?

  /// The groups that the ends need, in order. Throws where an operator has no layer.
  static func all(_ nodes: [Network.Node], ends: [Int]) throws(ColorizeError) -> [Group] {
    var isNeeded = Array(repeating: false, count: nodes.count)
    for end in ends { isNeeded[end] = true }
    for index in nodes.indices.reversed() where isNeeded[index] {
      for input in valueInputs(nodes[index]) { isNeeded[input] = true }
    }
    var users: [[Int]] = Array(repeating: [], count: nodes.count)
    for (index, node) in nodes.enumerated() where isNeeded[index] {
      for input in valueInputs(node) { users[input].append(index) }
    }
    /// The only use of a value, if that is no end itself.
    func onlyUser(_ node: Int) -> Int? {
      users[node].count == 1 && !ends.contains(node) ? users[node][0] : nil
    }
    var taken = Set<Int>()
    var groups: [Group] = []
    for (index, node) in nodes.enumerated() where isNeeded[index] && !taken.contains(index) {
      guard let operation = node.operation else { continue }
      guard let trainable = operation as? any TrainableOperator else {
        throw .invalidArgument(
          "\(type(of: operation))\(node.name.isEmpty ? "" : " \(node.name)") cannot be trained")
      }
      var group = Group(
        first: index, operation: trainable, inputs: valueInputs(node), output: index)
      let absorbs = trainable.layerAbsorbs
      if absorbs.contains(.addition), let user = onlyUser(index),
        case .addition = nodes[user].operation?.pointwise,
        let other = nodes[user].inputs.first(where: { $0 != index }), other < index
      {
        group.inputs.append(other)
        group.output = user
        taken.insert(user)
      }
      if absorbs.contains(.relu), let user = onlyUser(group.output),
        let relu = nodes[user].operation as? ReLU
      {
        group.relu = relu
        group.output = user
        taken.insert(user)
      }
      groups.append(group)
    }
    // A group stands where its last node was: what it adds is there by then.
    return groups.sorted { $0.output < $1.output }
  }

  private static func valueInputs(_ node: Network.Node) -> [Int] {
    node.operation?.valueInputs(node.inputs) ?? []
  }

  func isLearnt(_ nodes: [Network.Node], _ parameters: Parameters) -> Bool {
    parameterNames(nodes).contains {
      guard let tensor = parameters[$0] else { return false }
      return tensor.gradient != nil && !tensor.isFrozen
    }
  }

  func parameterNames(_ nodes: [Network.Node]) -> [String] {
    operation.parameters.map { "\(nodes[first].name).\($0.name)" }
  }

  func layer(
    _ nodes: [Network.Node], _ connections: Connections, _ parameters: Parameters,
    _ kernels: TrainingKernels
  ) throws(ColorizeError) -> any Layer {
    try operation.layer(
      LayerPlanning(
        connections: connections, relu: relu, isLearnt: isLearnt(nodes, parameters),
        name: nodes[first].name, parameters: parameters, kernels: kernels))
  }
}
