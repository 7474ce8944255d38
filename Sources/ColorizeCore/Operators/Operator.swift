// What every operator states: its shape rule, its parameters, its meaning, as the simplest code that
// computes it, and its step, which is what inference runs. Steps are in the same files. Nothing else
// knows which operators there are; ColorizeTraining adds to each its layer (`TrainableOperator`).

/// A tensor that a model file must hold for an operator.
package struct Parameter: Sendable {
  /// The part of the name behind the operator's own, for example "weight".
  package let name: String
  package let shape: [Int]
  /// The dimension of the operator's outputs.
  package let outputDimension: Int

  package init(_ name: String, _ shape: [Int], outputDimension: Int = 0) {
    self.name = name
    self.shape = shape
    self.outputDimension = outputDimension
  }

  /// The name of a tensor in a file: that of its operator, if it has one, and its own part.
  static func fullName(_ operation: String, _ part: String) -> String {
    operation.isEmpty ? part : "\(operation).\(part)"
  }
}

/// One row of a network's table.
package protocol Operator: Sendable {
  /// The tensors that belong to it, by the names that PyTorch gives them.
  var parameters: [Parameter] { get }

  func outputShape(_ inputs: [Shape]) -> Shape

  /// The operator's meaning, in float64 and without any haste. `parameters` are in the order of
  /// `parameters`, each row-major in its shape.
  func reference(_ inputs: [ReferenceTensor], parameters: [[Double]]) -> ReferenceTensor

  /// Those of a node's inputs whose values it reads; of others it takes no more than the size.
  func valueInputs(_ inputs: [Int]) -> [Int]

  /// What it is to the step of an operator before it, which may do it too; nil: nothing.
  var pointwise: Pointwise? { get }

  /// What its step does of the pointwise operators behind it.
  var absorbs: Absorption { get }

  /// The step that computes it, and what it has absorbed.
  func planned(_ end: StepEnd, _ planning: Planning) throws(ColorizeError) -> any PlannedOperator
}

extension Operator {
  package var parameters: [Parameter] { [] }
  package func valueInputs(_ inputs: [Int]) -> [Int] { inputs }
  package var pointwise: Pointwise? { nil }
  package var absorbs: Absorption { [] }
}

/// Values `[channels, height, width]` for the naive references.
package struct ReferenceTensor: Sendable {
  package let shape: Shape
  package var values: [Double]

  package init(_ shape: Shape, _ values: [Double]) {
    precondition(values.count == shape.count)
    self.shape = shape
    self.values = values
  }

  package init(_ shape: Shape) { self.init(shape, Array(repeating: 0, count: shape.count)) }

  package subscript(channel: Int, y: Int, x: Int) -> Double {
    get { values[(channel * shape.height + y) * shape.width + x] }
    set { values[(channel * shape.height + y) * shape.width + x] = newValue }
  }

  /// The same shape with each value replaced.
  package func map(_ transform: (Double) -> Double) -> ReferenceTensor {
    ReferenceTensor(shape, values.map(transform))
  }
}

/// What a planned operator has to do for inputs of one size, in multiply-adds.
package struct Work: Sendable {
  /// How it is done, in a word.
  package let algorithm: String
  /// By the operator's definition.
  package let direct: Int
  /// By this algorithm.
  package let done: Int

  package init(algorithm: String, direct: Int, done: Int) {
    self.algorithm = algorithm
    self.direct = direct
    self.done = done
  }
}

/// An operator with its neighbours fused into it and its weights packed, for any size.
package protocol PlannedOperator: Sendable {
  /// The floats of scratch that a worker needs for these sizes.
  func scratchCount(_ inputs: [Shape], _ output: Shape) -> Int

  /// The floats of scratch that so many workers share.
  func sharedCount(_ inputs: [Shape], _ output: Shape, workers: Int) -> Int

  func work(_ inputs: [Shape], _ output: Shape) -> Work

  /// Whether what it writes are its channels and nothing between them and the next pixel: then its output may lie
  /// beside another value's channels.
  var keepsToChannels: Bool { get }

  /// Whether its output is its inputs side by side, which may lie there already when it runs.
  var isSideBySide: Bool { get }

  /// The input in whose place the output may be written: of it, each value is read before what takes its place is
  /// written, and no other one after that; nil: there is none.
  func overwritableInput(_ output: Shape) -> Int?

  /// Both this and the next step in one, whose inputs are this one's and then what else the next one has; nil: they are
  /// better apart. Nothing but the next step reads this one's output, as its first input.
  func joined(with next: any PlannedOperator) -> (any PlannedOperator)?

  /// `inputs` are those that the plan gave, the fused addition's other operand last.
  func run(_ inputs: [Activation], _ output: Activation, _ execution: Execution)
}

extension PlannedOperator {
  package func scratchCount(_ inputs: [Shape], _ output: Shape) -> Int { 0 }
  package func sharedCount(_ inputs: [Shape], _ output: Shape, workers: Int) -> Int { 0 }
  package var keepsToChannels: Bool { false }
  package var isSideBySide: Bool { false }
  package func overwritableInput(_ output: Shape) -> Int? { nil }
  package func joined(with next: any PlannedOperator) -> (any PlannedOperator)? { nil }
}
