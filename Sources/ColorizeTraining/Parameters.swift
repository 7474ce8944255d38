// The tensors of a network in training: values, gradients, and how both lie in memory.

import ColorizeCore

/// One tensor.
package final class TrainingParameter {
  /// How values lie in memory; files have them row-major.
  package enum Layout {
    case plain
    /// `[outputs, inputs, kernel, kernel]` as the right matrix of a product: `[panels, taps x inputs, panel]`.
    case packed(outputs: Int, inputs: Int, taps: Int, panel: Int)
    /// `[channels, 1, kernel, kernel]` of a depthwise convolution as `[taps, channels]`, channels padded to `stride`.
    case taps(Int, stride: Int)
  }

  /// As in a model file.
  package let name: String
  package let shape: [Int]
  package let layout: Layout
  /// Floats in memory, a multiple of 16; those that belong to no element are zero.
  package let values: Memory<Float>
  /// nil: a running statistic, which is not learnt.
  package let gradient: Memory<Float>?
  /// Whether the optimiser changes it.
  package var isFrozen = false
  /// What the learning rate is multiplied by.
  package var rateFactor: Float = 1

  init(_ name: String, _ shape: [Int], layout: Layout = .plain, isLearnt: Bool = true)
    throws(ColorizeError)
  {
    self.name = name
    self.shape = shape
    self.layout = layout
    let count =
      switch layout {
      case .plain: shape.reduce(1, *).roundedUp(to: 16)
      case .packed(let outputs, let inputs, let taps, let panel):
        (outputs.pieces(of: panel) * inputs * taps * panel).roundedUp(to: 16)
      case .taps(let taps, let stride): taps * stride
      }
    values = try Memory(count: count)
    values.fill(0)
    gradient = isLearnt ? try Memory(count: count) : nil
    gradient?.fill(0)
  }

  package var elements: Int { shape.reduce(1, *) }

  /// Where element `index` of the row-major tensor is in memory.
  private func place(_ index: Int) -> Int {
    switch layout {
    case .plain: return index
    case .packed(_, let inputs, let taps, let panel):
      let tap = index % taps
      let input = index / taps % inputs
      let output = index / (taps * inputs)
      return ((output / panel) * taps * inputs + tap * inputs + input) * panel + output % panel
    case .taps(let taps, let stride): return index % taps * stride + index / taps
    }
  }

  /// Row-major, of memory that lies as the values do.
  package func rowMajor(_ memory: Memory<Float>) throws(ColorizeError) -> Memory<Float> {
    let result = try Memory<Float>(count: elements)
    for index in 0..<elements { result.start[index] = memory.start[place(index)] }
    return result
  }

  /// The way back.
  package func set(_ memory: Memory<Float>, rowMajor: UnsafePointer<Float>) {
    for index in 0..<elements { memory.start[place(index)] = rowMajor[index] }
  }
}

/// All tensors of a network, by name.
package final class Parameters {
  package private(set) var tensors: [TrainingParameter] = []
  private var byName: [String: Int] = [:]

  package init() {}

  func add(_ tensor: TrainingParameter) {
    byName[tensor.name] = tensors.count
    tensors.append(tensor)
  }

  /// Adds the tensors of a node, unless they are there.
  func add(_ node: Network.Node, _ kernels: TrainingKernels) throws(ColorizeError) {
    for parameter in node.operation?.parameters ?? [] {
      let name = "\(node.name).\(parameter.name)"
      guard self[name] == nil else { continue }
      add(
        try TrainingParameter(
          name, parameter.shape,
          layout: (node.operation as? any TrainableOperator)?.layout(of: parameter, kernels)
            ?? .plain,
          isLearnt: !parameter.name.hasPrefix("running_")))
    }
  }

  package subscript(name: String) -> TrainingParameter? { byName[name].map { tensors[$0] } }

  /// He et al. 2015 for weights (normal, for the fan-in and ReLU), zeros for biases, batch norms that change nothing.
  package func initialise(seed: UInt64) throws(ColorizeError) {
    for (number, tensor) in tensors.enumerated() {
      var numbers = RandomNumbers(seed: seed, number: number)
      switch tensor.shape.count {
      case 1:
        let isOne = tensor.name.hasSuffix(".running_var") || tensor.name.hasSuffix(".weight")
        tensor.values.start.update(repeating: isOne ? 1 : 0, count: tensor.elements)
      default:
        let fanIn = tensor.shape.dropFirst().reduce(1, *)
        let deviation = (2 / Float(fanIn)).squareRoot()
        let values = try Memory<Float>(count: tensor.elements)
        for index in 0..<tensor.elements {
          values.start[index] = deviation * Float(numbers.normal())
        }
        tensor.set(tensor.values, rowMajor: values.start)
      }
    }
  }
}
