// A convolution in training, and the fully connected layer, which is one of 1x1 pixels.

import CKernelContract
import ColorizeCore

extension Convolution: TrainableOperator {
  func layer(_ planning: LayerPlanning) throws(ColorizeError) -> any Layer {
    ConvolutionLayer(
      connections: planning.connections,
      maps: try ConvolutionMaps(
        self, weight: planning.tensor("weight"), output: planning.connections.output,
        kernels: planning.kernels),
      bias: bias ? planning.tensor("bias") : nil, isLearnt: planning.isLearnt)
  }
}

extension Linear: TrainableOperator {
  func layer(_ planning: LayerPlanning) throws(ColorizeError) -> any Layer {
    try convolution.layer(planning)
  }
}

/// A convolution, with stride and dilation; or the fully connected layer, which is one of 1x1 pixels.
struct ConvolutionLayer: Layer {
  let connections: Connections
  let maps: ConvolutionMaps
  /// nil: none.
  let bias: TrainingParameter?
  /// Whether its gradients are wanted.
  let isLearnt: Bool

  var scratchCount: Int { maps.scratchCount }
  var sharedCount: Int { max(LayerExecution.sharedCount(connections.output), maps.sharedCount) }

  func forward(_ execution: LayerExecution) {
    maps.apply(
      connections.inputs[0], connections.output, bias: bias.map { UnsafePointer($0.values.start) },
      execution)
  }

  func backward(_ execution: LayerExecution) {
    if isLearnt {
      maps.setWeightGradient(connections.inputs[0], connections.outputGradient, execution)
      bias?.setBiasGradient(connections.outputGradient, execution)
    }
    if let gradient = connections.inputGradients[0] {
      maps.applyAdjoint(
        connections.outputGradient, gradient.activation, adds: gradient.adds, execution)
    }
  }
}

extension TrainingParameter {
  /// The gradient of a bias: the sum of its output's.
  func setBiasGradient(_ output: BatchActivation, _ execution: LayerExecution) {
    guard let gradient else { preconditionFailure("a bias is learnt") }
    var operation = colorize_channel_sums()
    operation.a = output.start
    operation.channels = output.stride
    operation.stride = output.stride
    withUnsafeTemporaryAllocation(of: Double.self, capacity: output.stride) { sums in
      execution.sums(operation, rows: output.rows, sums.baseAddress.unsafelyUnwrapped)
      for c in 0..<elements { gradient.start[c] = Float(sums[c]) }
    }
  }
}
