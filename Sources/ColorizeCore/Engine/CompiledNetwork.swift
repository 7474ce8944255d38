// A network with its weights, turned into steps: batch norm folded into the convolution before it or
// done at its end, additions and activations fused into what comes before them, weights packed for an
// instruction set.

/// Ready to be planned for any size. Immutable.
package struct CompiledNetwork: Sendable {
  /// One planned operator and the values that it reads and writes, as indices of network nodes.
  package struct Step: Sendable {
    /// The name of the node that it begins with.
    package let name: String
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
    // Packing weights takes all processors: a model is opened while somebody waits for it.
    let team = Team(threads: nil)
    var steps: [Step] = []
    var fusion = Fusion(network)
    for index in network.nodes.indices {
      guard let operation = network.nodes[index].operation, !fusion.isTaken[index] else { continue }
      let node = network.nodes[index]
      let layer = Layer(node, weights, kernels, team)
      func append(_ operation: any PlannedOperator, residual: [Int] = [], output: Int) {
        steps.append(
          Step(
            name: node.name, operation: operation, inputs: node.inputs + residual, output: output))
      }
      switch operation {
      case let convolution as Convolution:
        let norm = fusion.takeBatchNorm(after: index)
        let tail = fusion.takeTail(after: norm ?? index, startedAt: index)
        let planned = try layer.plan(convolution, norm.map { network.nodes[$0].name }, tail)
        append(planned, residual: tail.residual, output: tail.output)
      case let convolution as DepthwiseConvolution:
        let norm = fusion.takeBatchNorm(after: index)
        let relu = fusion.takeReLU(after: norm ?? index)
        let planned = try layer.plan(
          convolution, norm.map { network.nodes[$0].name }, relu?.activation)
        append(planned, output: relu?.node ?? norm ?? index)
      case let linear as Linear:
        let tail = fusion.takeTail(after: index, startedAt: index)
        // On a 1x1 value a fully connected layer is a 1x1 convolution.
        let convolution = Convolution(
          inputs: linear.inputs, outputs: linear.outputs, kernel: 1, stride: 1, padding: 0,
          bias: true)
        let planned = try layer.plan(
          convolution, weightShape: linear.parameters[0].shape, nil, tail)
        append(planned, residual: tail.residual, output: tail.output)
      case let convolution as TransposedConvolution:
        let tail = fusion.takeTail(after: index, startedAt: index)
        let planned = try layer.plan(convolution, tail)
        append(planned, residual: tail.residual, output: tail.output)
      case is Bilinear:
        let tail = fusion.takeTail(after: index, startedAt: index)
        precondition(tail.norm == nil && (tail.slope == 0 || tail.slope == 1))
        precondition(tail.ceiling == .infinity)
        let planned = PlannedBilinear(hasResidual: !tail.residual.isEmpty, relu: tail.slope == 0)
        append(planned, residual: tail.residual, output: tail.output)
      case is Add:
        let relu = fusion.takeReLU(after: index)
        precondition(relu?.activation.ceiling ?? .infinity == .infinity)
        append(PlannedAdd(relu: relu != nil), output: relu?.node ?? index)
      case is GlobalMean:
        append(PlannedGlobalMean(), output: index)
      case is Subsample:
        append(PlannedSubsample(), output: index)
      case is Tanh:
        append(PlannedTanh(), output: index)
      case is GrayAsRGB:
        append(PlannedGrayAsRGB(), output: index)
      default:
        preconditionFailure("no planned form for node \(index) of \(network.architecture)")
      }
    }
    self.steps = steps
  }
}

/// A node with weights, and what is needed to plan it.
private struct Layer {
  private let node: Network.Node
  private let weights: TensorFile
  private let kernels: KernelSet
  private let team: Team

  init(_ node: Network.Node, _ weights: TensorFile, _ kernels: KernelSet, _ team: Team) {
    self.node = node
    self.weights = weights
    self.kernels = kernels
    self.team = team
  }

  /// - Parameters:
  ///   - weightShape: as the file has it; nil: as the convolution has it.
  ///   - norm: the batch norm directly after it, which is folded into its weights.
  func plan(
    _ convolution: Convolution, weightShape: [Int]? = nil, _ norm: String?, _ tail: Fusion.Tail
  ) throws(ColorizeError) -> PlannedConvolution {
    let outputs = convolution.outputs
    let weight = try weights.floats(
      "\(node.name).weight", shape: weightShape ?? convolution.parameters[0].shape)
    let fold: Affine
    if let norm {
      precondition(!convolution.bias, "a bias before a batch norm is not folded")
      fold = try Affine(norm, channels: outputs, weights)
    } else {
      fold = try Affine(identityOf: outputs)
      if convolution.bias {
        let bias = try weights.floats("\(node.name).bias", shape: [outputs])
        fold.shift.start.update(from: bias.start, count: outputs)
      }
    }
    return try PlannedConvolution(
      convolution, weight: weight.start, scale: fold.scale.start,
      epilogue: try epilogue(bias: fold.shift, tail), kernels: kernels, team: team)
  }

  func plan(_ convolution: DepthwiseConvolution, _ norm: String?, _ relu: ReLU?)
    throws(ColorizeError) -> PlannedDepthwiseConvolution
  {
    let weight = try weights.floats(
      "\(node.name).weight", shape: convolution.parameters[0].shape)
    let fold =
      if let norm { try Affine(norm, channels: convolution.channels, weights) } else {
        try Affine(identityOf: convolution.channels)
      }
    return try PlannedDepthwiseConvolution(
      convolution, weight: weight.start, scale: fold.scale.start, bias: fold.shift.start,
      slope: relu == nil ? 1 : 0, ceiling: relu?.ceiling ?? .infinity, kernels: kernels)
  }

  func plan(_ convolution: TransposedConvolution, _ tail: Fusion.Tail)
    throws(ColorizeError) -> PlannedTransposedConvolution
  {
    let weight = try weights.floats(
      "\(node.name).weight", shape: convolution.parameters[0].shape)
    let bias = try weights.floats("\(node.name).bias", shape: [convolution.outputs])
    return try PlannedTransposedConvolution(
      convolution, weight: weight.start, epilogue: try epilogue(bias: bias, tail),
      kernels: kernels, team: team)
  }

  private func epilogue(bias: Memory<Float>, _ tail: Fusion.Tail)
    throws(ColorizeError) -> Epilogue
  {
    let hasResidual = !tail.residual.isEmpty
    guard let norm = tail.norm else {
      return try Epilogue(
        channels: bias.count, bias: bias.start, hasResidual: hasResidual, slope: tail.slope,
        ceiling: tail.ceiling, kernels: kernels)
    }
    let affine = try Affine(norm, channels: bias.count, weights)
    return try Epilogue(
      channels: bias.count, bias: bias.start, hasResidual: hasResidual, slope: tail.slope,
      ceiling: tail.ceiling,
      affine: (UnsafePointer(affine.scale.start), UnsafePointer(affine.shift.start)),
      kernels: kernels)
  }
}

/// `x * scale + shift`, a channel at a time.
private struct Affine {
  let scale: Memory<Float>
  let shift: Memory<Float>

  init(identityOf channels: Int) throws(ColorizeError) {
    scale = try Memory(count: channels)
    shift = try Memory(count: channels)
    scale.fill(1)
    shift.fill(0)
  }

  /// The batch norm of a name.
  init(_ name: String, channels: Int, _ weights: TensorFile) throws(ColorizeError) {
    try self.init(identityOf: channels)
    var parameters: [Memory<Float>] = []
    for parameter in BatchNorm(channels: channels).parameters {
      parameters.append(
        try weights.floats("\(name).\(parameter.name)", shape: parameter.shape))
    }
    let variance = parameters[3]
    for c in 0..<channels where !(variance.start[c] >= 0) {
      throw .invalidModel(
        "\(name).running_var[\(c)] is \(variance.start[c]); a variance is at least 0")
    }
    BatchNorm.affine(
      channels: channels, parameters: parameters.map { UnsafePointer($0.start) },
      scale: scale.start, shift: shift.start)
  }
}

/// Which nodes are done by the step of a node before them.
private struct Fusion {
  /// What follows an operator and is done with it.
  struct Tail {
    /// The other operand of a fused addition, if there is one.
    var residual: [Int] = []
    /// What the fused activation multiplies negative values by; 1 if there is none.
    var slope: Float = 1
    /// What the fused activation makes of larger values.
    var ceiling: Float = .infinity
    /// The name of a batch norm after the activation.
    var norm: String?
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

  /// The next node, if it is one of these and nothing else uses the value of `index`.
  private mutating func take(after index: Int, _ isWanted: (any Operator) -> Bool) -> Int? {
    guard let next = onlyConsumer(of: index), let operation = nodes[next].operation,
      isWanted(operation)
    else { return nil }
    isTaken[next] = true
    return next
  }

  mutating func takeBatchNorm(after index: Int) -> Int? { take(after: index) { $0 is BatchNorm } }

  mutating func takeReLU(after index: Int) -> (node: Int, activation: ReLU)? {
    guard let next = take(after: index, { $0 is ReLU }), let relu = nodes[next].operation as? ReLU
    else { return nil }
    return (next, relu)
  }

  /// An addition whose other operand is there before the step at `start` runs, an activation, and a
  /// batch norm after it.
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
    if let relu = takeReLU(after: tail.output) {
      tail.slope = 0
      tail.ceiling = relu.activation.ceiling
      tail.output = relu.node
    } else if let next = take(after: tail.output, { $0 is LeakyReLU }),
      let leaky = nodes[next].operation as? LeakyReLU
    {
      tail.slope = leaky.slope
      tail.output = next
    }
    if let next = takeBatchNorm(after: tail.output) {
      tail.norm = nodes[next].name
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
