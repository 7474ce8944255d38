// A network with its weights, turned into steps: batch norm folded into the convolution before it,
// additions and ReLUs fused into what comes before them, weights packed for an instruction set.

/// Ready to be planned for any size. Immutable.
package struct CompiledNetwork: Sendable {
  /// One planned operator and the values that it reads and writes, as indices of network nodes.
  package struct Step: Sendable {
    package let operation: any PlannedOperator
    package let inputs: [Int]
    package let output: Int
  }

  package let network: Network
  package let steps: [Step]
  package let kernels: KernelSet

  /// - Parameter weights: holds every tensor of `network.parameters`.
  package init(_ network: Network, weights: TensorFile, kernels: KernelSet)
    throws(ColorizeError)
  {
    self.network = network
    self.kernels = kernels
    var steps: [Step] = []
    var fusion = Fusion(network)
    for index in network.nodes.indices {
      guard let operation = network.nodes[index].operation, !fusion.isTaken[index] else { continue }
      let node = network.nodes[index]
      switch operation {
      case let convolution as Convolution:
        let norm = fusion.takeBatchNorm(after: index)
        let tail = fusion.takeTail(after: norm ?? index, startedAt: index)
        let planned = try Self.plan(
          convolution, node, convolution.parameters[0].shape, norm.map { network.nodes[$0].name },
          tail, weights, kernels)
        steps.append(
          Step(operation: planned, inputs: node.inputs + tail.residual, output: tail.output))
      case let linear as Linear:
        let tail = fusion.takeTail(after: index, startedAt: index)
        // On a 1x1 value a fully connected layer is a 1x1 convolution.
        let convolution = Convolution(
          inputs: linear.inputs, outputs: linear.outputs, kernel: 1, stride: 1, padding: 0,
          bias: true)
        let planned = try Self.plan(
          convolution, node, linear.parameters[0].shape, nil, tail, weights, kernels)
        steps.append(
          Step(operation: planned, inputs: node.inputs + tail.residual, output: tail.output))
      case is Bilinear:
        let tail = fusion.takeTail(after: index, startedAt: index)
        let planned = PlannedBilinear(hasResidual: !tail.residual.isEmpty, relu: tail.relu)
        steps.append(
          Step(operation: planned, inputs: node.inputs + tail.residual, output: tail.output))
      case is Add:
        let tail = fusion.takeReLU(after: index)
        steps.append(
          Step(
            operation: PlannedAdd(relu: tail != nil), inputs: node.inputs, output: tail ?? index))
      case is GlobalMean:
        steps.append(Step(operation: PlannedGlobalMean(), inputs: node.inputs, output: index))
      default:
        preconditionFailure("no planned form for node \(index) of \(network.architecture)")
      }
    }
    self.steps = steps
  }

  /// Reads and folds the weights of a node that is a convolution, or can be seen as one.
  ///
  /// - Parameter weightShape: as the file has it.
  private static func plan(
    _ convolution: Convolution, _ node: Network.Node, _ weightShape: [Int], _ normName: String?,
    _ tail: Fusion.Tail, _ weights: TensorFile, _ kernels: KernelSet
  ) throws(ColorizeError) -> PlannedConvolution {
    let outputs = convolution.outputs
    let weight = try weights.floats("\(node.name).weight", shape: weightShape)
    let scale = try Memory<Float>(count: outputs)
    let shift = try Memory<Float>(count: outputs)
    scale.fill(1)
    shift.fill(0)
    if convolution.bias {
      let bias = try weights.floats("\(node.name).bias", shape: [outputs])
      shift.start.update(from: bias.start, count: outputs)
    }
    if let normName {
      precondition(!convolution.bias, "a bias before a batch norm is not folded")
      let norm = BatchNorm(channels: outputs)
      var parameters: [Memory<Float>] = []
      for parameter in norm.parameters {
        parameters.append(
          try weights.floats("\(normName).\(parameter.name)", shape: parameter.shape))
      }
      let variance = parameters[3]
      for c in 0..<outputs where !(variance.start[c] >= 0) {
        throw .invalidModel(
          "\(normName).running_var[\(c)] is \(variance.start[c]); a variance is at least 0")
      }
      BatchNorm.affine(
        channels: outputs, parameters: parameters.map { UnsafePointer($0.start) },
        scale: scale.start, shift: shift.start)
    }
    return try PlannedConvolution(
      convolution, weight: weight.start, scale: scale.start, bias: shift.start,
      hasResidual: !tail.residual.isEmpty, relu: tail.relu, kernels: kernels)
  }
}

/// Which nodes are done by the step of a node before them.
private struct Fusion {
  /// What follows an operator and is done with it.
  struct Tail {
    /// The other operand of a fused addition, if there is one.
    var residual: [Int] = []
    var relu = false
    /// The node whose value the step gives.
    var output: Int
  }

  private let nodes: [Network.Node]
  private let consumers: [[Int]]
  private(set) var isTaken: [Bool]

  init(_ network: Network) {
    nodes = network.nodes
    var consumers: [[Int]] = Array(repeating: [], count: nodes.count)
    for (index, node) in nodes.enumerated() {
      for input in node.inputs { consumers[input].append(index) }
    }
    self.consumers = consumers
    isTaken = Array(repeating: false, count: nodes.count)
  }

  /// The only node that uses the value of `index`, if there is just one.
  private func onlyConsumer(of index: Int) -> Int? {
    consumers[index].count == 1 ? consumers[index][0] : nil
  }

  mutating func takeBatchNorm(after index: Int) -> Int? {
    guard let next = onlyConsumer(of: index), nodes[next].operation is BatchNorm else { return nil }
    isTaken[next] = true
    return next
  }

  mutating func takeReLU(after index: Int) -> Int? {
    guard let next = onlyConsumer(of: index), nodes[next].operation is ReLU else { return nil }
    isTaken[next] = true
    return next
  }

  /// An addition whose other operand is there before the step at `start` runs, and a ReLU.
  mutating func takeTail(after index: Int, startedAt start: Int) -> Tail {
    var tail = Tail(output: index)
    if let next = onlyConsumer(of: index), nodes[next].operation is Add {
      let others = nodes[next].inputs.filter { $0 != index }
      // The second operand may be a 1x1 value that is spread; a fused one has the full size.
      if others.count == 1, others[0] < start, !isSpread(next) {
        isTaken[next] = true
        tail.residual = others
        tail.output = next
      }
    }
    if let next = takeReLU(after: tail.output) {
      tail.relu = true
      tail.output = next
    }
    return tail
  }

  /// Whether an addition's second operand is the result of operators on 1x1 values.
  private func isSpread(_ addition: Int) -> Bool {
    var index = nodes[addition].inputs[1]
    while let operation = nodes[index].operation {
      if operation is GlobalMean || operation is Linear { return true }
      guard operation is ReLU else { return false }
      index = nodes[index].inputs[0]
    }
    return false
  }
}
