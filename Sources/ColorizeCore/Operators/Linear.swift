// A fully connected layer on a 1x1 activation.

/// PyTorch's `Linear`, with bias.
package struct Linear: Operator {
  package var inputs: Int
  package var outputs: Int

  package init(inputs: Int, outputs: Int) {
    self.inputs = inputs
    self.outputs = outputs
  }

  package var parameters: [Parameter] {
    [Parameter("weight", [outputs, inputs]), Parameter("bias", [outputs])]
  }

  package func outputShape(_ inputs: [Shape]) -> Shape {
    Shape(channels: outputs, height: 1, width: 1)
  }

  package func reference(_ inputs: [ReferenceTensor], parameters: [[Double]]) -> ReferenceTensor {
    var output = ReferenceTensor(outputShape([inputs[0].shape]))
    for o in 0..<outputs {
      output[o, 0, 0] = parameters[1][o]
      for i in 0..<self.inputs {
        output[o, 0, 0] += parameters[0][o * self.inputs + i] * inputs[0][i, 0, 0]
      }
    }
    return output
  }

  package var absorbs: Absorption { convolution.absorbs }

  /// On a 1x1 value it is a 1x1 convolution.
  package var convolution: Convolution {
    Convolution(inputs: inputs, outputs: outputs, kernel: 1, stride: 1, padding: 0, bias: true)
  }

  package func planned(_ end: StepEnd, _ planning: Planning)
    throws(ColorizeError) -> any PlannedOperator
  {
    try convolution.planned(end, planning, weightShape: parameters[0].shape)
  }
}
