// A fully connected layer, at every position.

/// PyTorch's `Linear` of a position's channels, or its `Conv1d` of one tap over all positions.
package struct Linear: Operator {
  package var inputs: Int
  package var outputs: Int
  package var bias: Bool
  /// Whether it is a `Conv1d`, whose weights have one dimension more.
  package var isConvolution: Bool

  package init(inputs: Int, outputs: Int, bias: Bool = true, isConvolution: Bool = false) {
    self.inputs = inputs
    self.outputs = outputs
    self.bias = bias
    self.isConvolution = isConvolution
  }

  package var parameters: [Parameter] {
    let weight = Parameter("weight", [outputs, inputs] + (isConvolution ? [1] : []))
    return bias ? [weight, Parameter("bias", [outputs])] : [weight]
  }

  package func outputShape(_ inputs: [Shape]) -> Shape {
    Shape(channels: outputs, height: inputs[0].height, width: inputs[0].width)
  }

  package func reference(_ inputs: [ReferenceTensor], parameters: [[Double]]) -> ReferenceTensor {
    var output = ReferenceTensor(outputShape([inputs[0].shape]))
    let count = output.shape.height * output.shape.width
    for o in 0..<outputs {
      for position in 0..<count {
        output.values[o * count + position] =
          (bias ? parameters[1][o] : 0)
          + parameters[0].dot(
            from: o * self.inputs, step: 1, inputs[0].values, from: position, step: count,
            count: self.inputs)
      }
    }
    return output
  }

  package var absorbs: Absorption { [convolution.absorbs, .layerScale, .gelu] }

  /// It is a 1x1 convolution.
  package var convolution: Convolution {
    Convolution(inputs: inputs, outputs: outputs, kernel: 1, stride: 1, padding: 0, bias: bias)
  }

  package func planned(_ end: StepEnd, _ planning: Planning)
    throws(ColorizeError) -> any PlannedOperator
  {
    try convolution.planned(end, planning, weightShape: parameters[0].shape)
  }
}
