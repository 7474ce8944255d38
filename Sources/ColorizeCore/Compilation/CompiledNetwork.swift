// A network with its weights, turned into steps: each operator plans its own, and does in it what it
// can of the pointwise operators behind it.

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
    for draft in StepDraft.fused(StepDraft.all(network), network) {
      let planning = Planning(name: draft.name, weights: weights, kernels: kernels, team: team)
      steps.append(
        Step(
          name: draft.name, operation: try draft.operation.planned(draft.end, planning),
          inputs: draft.inputs, output: draft.output))
    }
    self.steps = Self.joined(steps, network)
  }

  /// The same with two steps in one where they are better so.
  private static func joined(_ steps: [Step], _ network: Network) -> [Step] {
    var readers: [Int: Int] = [:]
    for input in steps.flatMap(\.inputs) { readers[input, default: 0] += 1 }
    let ends = Network.Goal.allCases.map(network.node(for:))
    var result: [Step] = []
    for step in steps {
      if let last = result.last, step.inputs.first == last.output, readers[last.output] == 1,
        !ends.contains(last.output), let both = last.operation.joined(with: step.operation)
      {
        result[result.count - 1] = Step(
          name: last.name, operation: both, inputs: last.inputs + step.inputs.dropFirst(),
          output: step.output)
      } else {
        result.append(step)
      }
    }
    return result
  }
}

/// A step before it is planned.
private struct StepDraft {
  let name: String
  let operation: any Operator
  /// The node that it begins with.
  let first: Int
  /// With the operand of an absorbed addition.
  var inputs: [Int]
  /// The node whose value it gives.
  var output: Int
  var end = StepEnd()

  /// A step for each operator, in their order.
  static func all(_ network: Network) -> [StepDraft] {
    network.nodes.enumerated().compactMap { index, node in
      node.operation.map {
        StepDraft(
          name: node.name, operation: $0, first: index, inputs: node.inputs, output: index)
      }
    }
  }

  /// The same with fewer steps: what a step absorbs is no step of its own.
  static func fused(_ drafts: [StepDraft], _ network: Network) -> [StepDraft] {
    let fusion = Fusion(network)
    var isAbsorbed = Set<Int>()
    var result: [StepDraft] = []
    for var draft in drafts where !isAbsorbed.contains(draft.first) {
      isAbsorbed.formUnion(draft.absorb(fusion))
      result.append(draft)
    }
    return result
  }

  /// Takes over what it can, and returns the nodes of it.
  private mutating func absorb(_ fusion: Fusion) -> [Int] {
    var absorbed: [Int] = []
    func take(_ next: Int, _ draft: inout StepDraft) {
      absorbed.append(next)
      draft.output = next
    }
    let absorbs = operation.absorbs
    if absorbs.contains(.batchNorm), let (next, norm) = fusion.pointwise(after: output),
      case .batchNorm = norm
    {
      end.batchNorm = fusion.nodes[next].name
      take(next, &self)
    }
    if absorbs.contains(.layerScale), let (next, scale) = fusion.pointwise(after: output),
      case .layerScale = scale
    {
      end.layerScale = fusion.nodes[next].name
      take(next, &self)
    }
    if absorbs.contains(.addition), let (next, addition) = fusion.pointwise(after: output),
      case .addition = addition,
      let other = fusion.operand(of: next, besides: output, before: first)
    {
      end.hasAddition = true
      inputs.append(other)
      take(next, &self)
    }
    if absorbs.contains(.relu), let (next, operation) = fusion.pointwise(after: output),
      case .rectifier(let rectifier) = operation,
      absorbs.contains(.rectifier) || rectifier == .relu
    {
      end.rectifier = rectifier
      take(next, &self)
    }
    if absorbs.contains(.gelu), end == StepEnd(),
      let (next, operation) = fusion.pointwise(after: output), case .gelu = operation
    {
      end.hasGELU = true
      take(next, &self)
    }
    if absorbs.contains(.batchNormAtEnd), !end.hasGELU,
      let (next, norm) = fusion.pointwise(after: output), case .batchNorm = norm
    {
      end.batchNormAtEnd = fusion.nodes[next].name
      take(next, &self)
    }
    if absorbs.contains(.additionAtEnd), !end.hasAddition, !end.hasGELU,
      let (next, addition) = fusion.pointwise(after: output), case .addition = addition,
      let other = fusion.operand(of: next, besides: output, before: first)
    {
      end.hasAddition = true
      end.addsLast = true
      inputs.append(other)
      take(next, &self)
    }
    return absorbed
  }
}

/// What fusion has to know of a network's graph.
private struct Fusion {
  let nodes: [Network.Node]
  private let consumers: [[Int]]
  /// At a size at which only what is 1x1 at every size has a single pixel.
  private let shapes: [Shape]

  init(_ network: Network) {
    nodes = network.nodes
    var consumers: [[Int]] = Array(repeating: [], count: nodes.count)
    for (index, node) in nodes.enumerated() {
      for input in node.inputs { consumers[input].append(index) }
    }
    self.consumers = consumers
    let side = 16 * network.sizeRounding
    shapes = network.shapes(height: side, width: side)
  }

  /// The next node, if it is pointwise and nothing else uses the value of `index`.
  func pointwise(after index: Int) -> (node: Int, Pointwise)? {
    guard consumers[index].count == 1, let operation = nodes[consumers[index][0]].operation,
      let pointwise = operation.pointwise
    else { return nil }
    return (consumers[index][0], pointwise)
  }

  /// The other operand of an addition, if it is there before the step at `start` runs and has the full size: the
  /// second one may be a single pixel that is spread. The network's input is none, since its pixels lie closer
  /// together than those of a step's output.
  func operand(of addition: Int, besides index: Int, before start: Int) -> Int? {
    let inputs = nodes[addition].inputs
    let others = inputs.filter { $0 != index }
    guard others.count == 1, others[0] > 0, others[0] < start,
      inputs.allSatisfy({ shapes[$0] == shapes[inputs[0]] })
    else { return nil }
    return others[0]
  }
}
