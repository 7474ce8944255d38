// What a network gives as inference computes it, before colors are made of it.
//
// Metadata: "model", a model file or checkpoint; "height" and "width". Tensors: "input" [height, width, channels], as the
// network takes it.
//
// Gives "output" [1, height, width, channels].

import ColorizeCore
import ColorizeTraining

func networkOutput(
  _ input: Input, _ kernels: TrainingKernels, _ team: Team
) throws(ColorizeError) -> Output {
  let file = try TensorFile(try ByteSource(path: input.text("model")))
  let compiled = try CompiledNetwork(Network.of(file), weights: file, kernels: kernels.core)
  let plan = Plan(compiled, .ab, height: input.whole("height"), width: input.whole("width"))
  let values = try Memory<Float>(count: plan.inputShape.count)
  try input.read("input", into: values)
  let workspace = try Workspace(plan, workers: team.size)
  plan.input(workspace).start.update(from: values.start, count: values.count)
  try plan.run(workspace, team) { _ in }
  let value = plan.output(workspace)
  var output = Output()
  try output.add(
    "output",
    BatchActivation(start: value.start, count: 1, shape: value.shape, stride: value.stride))
  return output
}
