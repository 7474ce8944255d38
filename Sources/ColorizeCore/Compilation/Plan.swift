// A compiled network for one size and one goal: only the steps that it needs, every shape known, every
// value given its place in one arena.

/// What is needed to run a compiled network on inputs of one size. Immutable; the memory that a run
/// needs is a `Workspace`.
package final class Plan: Sendable {
  package let compiled: CompiledNetwork
  package let goal: Network.Goal
  package let inputShape: Shape
  package let outputShape: Shape
  /// The floats of a workspace that all threads share: the values.
  package let arenaCount: Int
  /// The floats that each thread has for itself.
  let scratchCount: Int
  /// By node: where its value starts in the arena; -1 for nodes that are fused away.
  private let offsets: [Int]
  /// By node: the floats from a pixel of its value to the next one.
  private let strides: [Int]
  private let shapes: [Shape]
  private let steps: [CompiledNetwork.Step]
  /// By step.
  private let costs: [Float]
  /// The node whose value is the output.
  private let target: Int

  package init(_ compiled: CompiledNetwork, _ goal: Network.Goal, height: Int, width: Int) {
    self.compiled = compiled
    self.goal = goal
    let target = compiled.network.node(for: goal)
    let isNeeded = compiled.network.isNeeded(for: target)
    let steps = compiled.steps.filter { isNeeded[$0.output] }
    self.target = target
    self.steps = steps
    let shapes = compiled.network.shapes(height: height, width: width)
    self.shapes = shapes
    inputShape = shapes[0]
    outputShape = shapes[target]

    var strides = shapes.indices.map { Self.stride($0, shapes[$0].channels, compiled.kernels) }
    let parts = Part.all(steps, shapes)
    func count(_ node: Int) -> Int {
      (shapes[node].height * shapes[node].width * strides[node]).roundedUp(to: 16)
    }
    // The first value is there before the first step, the output until after the last one.
    var arena = ArenaLayout()
    var values = [0: 0...0]
    for (number, step) in steps.enumerated() {
      values[step.output] = number...number
      for input in step.inputs {
        values[input] = (values[input]?.lowerBound ?? number)...number
      }
    }
    values[target] = (values[target]?.lowerBound ?? 0)...steps.count
    // A sum takes the place of what is added, if nothing reads that later.
    let isPart = Set(parts.map(\.node))
    let lastUses = values.mapValues(\.upperBound)
    var owners: [Int: Int] = [:]
    for (number, step) in steps.enumerated() {
      guard
        let input = step.operation.overwritableInput(shapes[step.output]).map({ step.inputs[$0] }),
        input > 0,
        lastUses[input] == number, step.inputs.filter({ $0 == input }).count == 1,
        shapes[input] == shapes[step.output], !isPart.contains(input),
        !isPart.contains(step.output), let own = values.removeValue(forKey: step.output)
      else { continue }
      let owner = owners[input] ?? input
      owners[step.output] = owner
      values[owner] = (values[owner]?.lowerBound ?? number)...own.upperBound
    }
    // A part lies in its whole, which is there as soon as the first of its parts.
    for part in parts {
      guard let own = values.removeValue(forKey: part.node), let whole = values[part.whole] else {
        continue
      }
      values[part.whole] = min(own.lowerBound, whole.lowerBound)...whole.upperBound
    }
    // Large ones first: small ones fit in between.
    let order = values.keys.sorted { (count($0), $1) > (count($1), $0) }
    var offsets = Array(repeating: -1, count: shapes.count)
    for node in order {
      offsets[node] = arena.place(count(node), values[node] ?? 0...steps.count)
    }
    for (node, owner) in owners { offsets[node] = offsets[owner] }
    for part in parts {
      offsets[part.node] = offsets[part.whole] + part.channel
      strides[part.node] = strides[part.whole]
    }
    self.offsets = offsets
    self.strides = strides
    // A value may lie behind others in a pixel, and is read in whole vectors.
    arenaCount = arena.count + Self.vector
    scratchCount =
      steps.map {
        $0.operation.scratchCount($0.inputs.map { shapes[$0] }, shapes[$0.output])
      }.max()?.roundedUp(to: 16) ?? 0
    costs = steps.map {
      Float($0.operation.work($0.inputs.map { shapes[$0] }, shapes[$0.output]).done)
    }
  }

  /// The floats that a kernel reads or writes at once.
  private static let vector = 16

  /// The network's input, dense; every other value has room for whole vectors and panels.
  private static func stride(_ node: Int, _ channels: Int, _ kernels: KernelSet) -> Int {
    node == 0 ? channels : channels.roundedUp(to: max(vector, kernels.gemmPanel))
  }

  /// Multiply-adds of a run.
  package var cost: Float { costs.reduce(0, +) }

  /// What `run` does, step by step.
  package var outline: [(name: String, input: Shape, output: Shape, work: Work)] {
    steps.map { step in
      let inputs = step.inputs.map { shapes[$0] }
      let output = shapes[step.output]
      return (step.name, inputs[0], output, step.operation.work(inputs, output))
    }
  }

  /// The floats that so many threads share within a step.
  func sharedCount(workers: Int) -> Int {
    steps.map {
      $0.operation.sharedCount(
        $0.inputs.map { shapes[$0] }, shapes[$0.output], workers: workers)
    }.max()?.roundedUp(to: 16) ?? 0
  }

  package func input(_ workspace: Workspace) -> Activation { activation(0, workspace) }

  package func output(_ workspace: Workspace) -> Activation {
    activation(target, workspace)
  }

  private func activation(_ node: Int, _ workspace: Workspace) -> Activation {
    Activation(
      start: workspace.arena.start + offsets[node], shape: shapes[node], stride: strides[node])
  }

  /// Computes the output from the input.
  ///
  /// - Parameter progress: called after each step with the share of the work that is done.
  package func run(
    _ workspace: Workspace, _ team: Team, progress: (Float) throws(ColorizeError) -> Void
  ) throws(ColorizeError) {
    let execution = Execution(
      kernels: compiled.kernels, team: team, scratch: workspace.scratch.start,
      scratchCount: scratchCount, shared: workspace.shared.start)
    var done: Float = 0
    for (step, cost) in zip(steps, costs) {
      let output = activation(step.output, workspace)
      if workspace.rehearsal?.isNew(step.output, output.shape) ?? true {
        step.operation.run(step.inputs.map { activation($0, workspace) }, output, execution)
      }
      done += cost
      try progress(min(done / self.cost, 1))
    }
  }
}

/// A value that is written where another one has it, of which it is a part.
private struct Part {
  let node: Int
  let whole: Int
  /// Of the whole, at which it begins.
  let channel: Int

  /// Those of values side by side that may be: nothing else reads them, and their steps write nothing beside them.
  static func all(_ steps: [CompiledNetwork.Step], _ shapes: [Shape]) -> [Part] {
    var readers: [Int: Int] = [:]
    for input in steps.flatMap(\.inputs) { readers[input, default: 0] += 1 }
    let writers = Dictionary(uniqueKeysWithValues: steps.map { ($0.output, $0.operation) })
    var parts: [Part] = []
    for step in steps where step.operation.isSideBySide {
      var channel = 0
      for input in step.inputs {
        if readers[input] == 1, writers[input]?.keepsToChannels == true {
          parts.append(Part(node: input, whole: step.output, channel: channel))
        }
        channel += shapes[input].channels
      }
    }
    return parts
  }
}

/// The memory of one run of a plan.
package final class Workspace: Sendable {
  let arena: Memory<Float>
  let scratch: Memory<Float>
  let shared: Memory<Float>
  package let workers: Int
  fileprivate let rehearsal: Rehearsal?
  package var bytes: Int { (arena.count + scratch.count + shared.count) * 4 }

  /// - Parameter rehearsal: in which it is used; what a plan gives then is of no interest.
  package init(_ plan: Plan, workers: Int, rehearsal: Rehearsal? = nil) throws(ColorizeError) {
    self.rehearsal = rehearsal
    arena = try Memory(count: plan.arenaCount)
    scratch = try Memory(count: plan.scratchCount * workers)
    shared = try Memory(count: plan.sharedCount(workers: workers))
    self.workers = workers
    // What steps that are left out would have written is read all the same.
    if rehearsal != nil { arena.fill(0) }
  }
}

/// The steps that have been run since a model is used in every way that there is, by one thread. Running one again
/// would read all of its weights again, and make nothing that is not there already.
package final class Rehearsal: @unchecked Sendable {
  private struct Performance: Hashable {
    let node: Int
    let shape: Shape
  }

  private var performances = Set<Performance>()

  package init() {}

  /// Whether the step of this node is to be run, in this size for the first time.
  fileprivate func isNew(_ node: Int, _ shape: Shape) -> Bool {
    performances.insert(Performance(node: node, shape: shape)).inserted
  }
}

/// Places for values: where lifetimes overlap, places do not.
private struct ArenaLayout {
  /// In the order of their places.
  private var taken: [(place: Range<Int>, life: ClosedRange<Int>)] = []
  /// The size of the arena.
  private(set) var count = 0

  /// The lowest place that is free for as long as the value lives.
  mutating func place(_ size: Int, _ life: ClosedRange<Int>) -> Int {
    var start = 0
    for other in taken where other.life.overlaps(life) {
      if other.place.lowerBound - start >= size { break }
      start = max(start, other.place.upperBound)
    }
    let place = start..<(start + size)
    let index = taken.firstIndex { $0.place.lowerBound > start } ?? taken.endIndex
    taken.insert((place, life), at: index)
    count = max(count, place.upperBound)
    return start
  }
}
