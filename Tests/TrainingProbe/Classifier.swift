// The classifier inside lite1, as inference computes it and as training does: what its package's own features are
// compared with.
//
// Metadata: "height" and "width". Tensors: lite1's, and "input" [1, height, width, 4].
//
// Gives "planned" and "trained", [1, height / 32, width / 32, 1280].

import ColorizeCore
import ColorizeTraining

func classifier(
  _ input: Input, _ kernels: TrainingKernels, _ team: Team
) throws(ColorizeError) -> Output {
  let (height, width) = (input.whole("height"), input.whole("width"))
  let network = Network(
    "classifier", input: .grayWithHints, sizeMultiple: 32, sizeRounding: 32
  ) { Network.Outputs(.init(EfficientNetLite1($0).top, over: .gamut, stride: 32)) }
  let values = try Memory<Float>(count: height * width * 4)
  try input.read("input", into: values)
  var output = Output()

  let compiled = try CompiledNetwork(network, weights: input.file, kernels: kernels.core)
  let plan = Plan(compiled, .distribution, height: height, width: width)
  let workspace = try Workspace(plan, workers: team.size)
  plan.input(workspace).start.update(from: values.start, count: values.count)
  try plan.run(workspace, team) { _ in }
  let planned = plan.output(workspace)
  try output.add(
    "planned",
    BatchActivation(start: planned.start, count: 1, shape: planned.shape, stride: planned.stride))

  let parameters = Parameters()
  func trained() throws(ColorizeError) -> TrainingNetwork {
    try TrainingNetwork(
      network.nodes, ends: [network.node(for: .distribution)], parameters: parameters, count: 1,
      height: height,
      width: width, kernels: kernels, team: team)
  }
  // The first one adds the tensors; what is frozen has to be known to the one that runs.
  _ = try trained()
  try input.readValues(parameters)
  for tensor in parameters.tensors { tensor.isFrozen = true }
  let training = try trained()
  training.forward(values.start)
  try output.add("trained", training[end: network.node(for: .distribution)].value)
  return output
}
