// A transposed convolution in training.

import ColorizeCore

extension TransposedConvolution: TrainableOperator {
  func layer(_ planning: LayerPlanning) throws(ColorizeError) -> any Layer {
    let convolution = Convolution(
      inputs: outputs, outputs: inputs, kernel: 4, stride: 2, padding: 1, bias: false)
    return TransposedConvolutionLayer(
      connections: planning.connections,
      maps: try ConvolutionMaps(
        convolution, weight: planning.tensor("weight"), output: planning.connections.inputs[0],
        kernels: planning.kernels),
      bias: planning.tensor("bias"), isLearnt: planning.isLearnt)
  }
}

/// A transposed convolution: the adjoint of the convolution that `maps` is.
struct TransposedConvolutionLayer: Layer {
  let connections: Connections
  let maps: ConvolutionMaps
  let bias: TrainingParameter
  let isLearnt: Bool

  var scratchCount: Int { maps.scratchCount }
  var sharedCount: Int { max(LayerExecution.sharedCount(connections.output), maps.sharedCount) }

  func forward(_ execution: LayerExecution) {
    maps.applyAdjoint(
      connections.inputs[0], connections.output, bias: UnsafePointer(bias.values.start), execution)
  }

  func backward(_ execution: LayerExecution) {
    if isLearnt {
      maps.setWeightGradient(connections.outputGradient, connections.inputs[0], execution)
      bias.setBiasGradient(connections.outputGradient, execution)
    }
    if let gradient = connections.inputGradients[0] {
      maps.apply(connections.outputGradient, gradient.activation, adds: gradient.adds, execution)
    }
  }
}
