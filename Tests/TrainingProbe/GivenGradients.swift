// An optimiser that is given gradients, for the tensors of a graph (see Graph.swift), which is not run.
//
// Metadata: those of a graph; "optimiser", "learning_rate", "weight_decay", "clip", "average_decay", "steps". Tensors: the
// operators', and for each step N "gradient.N.NAME".
//
// Gives "norm" [steps], "value.NAME" after the last step, and "average.NAME" if there are averages.

import ColorizeCore
import ColorizeTraining

func givenGradients(
  _ input: Input, _ kernels: TrainingKernels, _ team: Team
) throws(ColorizeError) -> Output {
  let parameters = try network(input, kernels, team).parameters
  let optimiser = try Optimiser(parameters, input.optimiser, kernels: kernels, team: team)
  let norms = try Memory<Float>(count: input.whole("steps"))
  for step in 0..<norms.count {
    for tensor in parameters.tensors {
      guard let gradient = tensor.gradient else { continue }
      let values = try input.file.floats("gradient.\(step).\(tensor.name)", shape: tensor.shape)
      tensor.set(gradient, rowMajor: values.start)
    }
    norms.start[step] = Float(optimiser.step(learningRate: input.number("learning_rate")))
  }
  var output = Output()
  output.add("norm", [norms.count], norms)
  try output.addValues(parameters)
  for slot in optimiser.slots {
    guard let average = slot.average else { continue }
    output.add(
      "average." + slot.parameter.name, slot.parameter.shape,
      try slot.parameter.rowMajor(average))
  }
  return output
}
