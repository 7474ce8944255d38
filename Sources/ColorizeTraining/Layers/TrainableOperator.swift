// What an operator states besides to be trained: its layer.

import ColorizeCore

/// An operator with a layer. A network that has another one is not trained.
protocol TrainableOperator: Operator {
  /// How one of its parameters lies in memory.
  func layout(of parameter: Parameter, _ kernels: TrainingKernels) -> TrainingParameter.Layout

  /// What its layer does of the operators behind it: an addition, and a ReLU after that.
  var layerAbsorbs: Absorption { get }

  func layer(_ planning: LayerPlanning) throws(ColorizeError) -> any Layer
}

extension TrainableOperator {
  func layout(of parameter: Parameter, _ kernels: TrainingKernels) -> TrainingParameter.Layout {
    guard parameter.shape.count > 1 else { return .plain }
    return .packed(
      outputs: parameter.shape[0], inputs: parameter.shape[1],
      taps: parameter.shape.dropFirst(2).reduce(1, *), panel: kernels.core.gemmPanel)
  }

  var layerAbsorbs: Absorption { [] }
}

/// What a layer is made with.
struct LayerPlanning {
  let connections: Connections
  /// What it has absorbed at its end.
  let relu: ReLU?
  /// Whether the gradients of its parameters are wanted.
  let isLearnt: Bool
  let name: String
  let parameters: Parameters
  let kernels: TrainingKernels

  /// One of the operator's tensors, which have all been added.
  func tensor(_ part: String) -> TrainingParameter {
    guard let tensor = parameters["\(name).\(part)"] else {
      preconditionFailure("tensor \(name).\(part) has not been added")
    }
    return tensor
  }
}
