// Steps of training of a whole network.
//
// Metadata: "network", "steps", "count", "side", "optimiser" (adam or adamw), "learning_rate", "weight_decay", "clip",
// "average_decay", "frozen" (beginnings of names), the weights of the losses ("classification", "regression", "map", "pooled"),
// and "regression_kind" (l1 or huber). Tensors: the network's, and for each step N "input.N" [count, side, side,
// channels], "bins.N" and "shares.N" [positions, 5], "weights.N" [positions], "ab.N" [count, side, side, 2], "map.N"
// [map positions, channels], "pooled.N" [count, channels], as far as there is a loss of them.
//
// Gives "loss" [steps], "gradient.NAME" and "statistic.NAME" of the first step, "value.NAME" after the last.

import ColorizeCore
import ColorizeTraining

/// A trainer with the weights of a file, for the batches in it.
func trainer(
  _ input: Input, _ kernels: TrainingKernels, _ team: Team
) throws(ColorizeError) -> Trainer {
  let name = input.text("network")
  guard let network = Network.all.first(where: { $0.architecture == name }) else {
    fail("no such network")
  }
  guard let regression = Regression(rawValue: input.text("regression_kind")) else {
    fail("no such regression")
  }
  var options = TrainerOptions()
  options.losses.classification = input.number("classification")
  options.losses.regression = input.number("regression")
  options.losses.map = input.number("map")
  options.losses.pooled = input.number("pooled")
  options.regression = regression
  options.optimiser = input.optimiser
  options.learningRate = input.number("learning_rate")
  options.schedule = .constant
  options.warmUp = 0
  options.frozen = input.words("frozen")
  let shape = BatchShape(
    count: input.whole("count"), side: input.whole("side"), inputChannels: network.input.channels,
    distributionStride: network.distribution?.stride ?? 1, hasAB: options.losses.regression > 0,
    mapChannels: options.losses.map > 0 ? input.file.shape("map.0")?.last ?? 0 : 0,
    pooledChannels: options.losses.pooled > 0 ? input.file.shape("pooled.0")?.last ?? 0 : 0,
    mapStride: network.mapStride)
  let trainer = try Trainer(network, shape, options, kernels: kernels, team: team)
  try input.readValues(trainer.parameters)
  return trainer
}

/// The batch of a step.
func batch(_ input: Input, _ shape: BatchShape, step: Int) throws(ColorizeError) -> Batch {
  let batch = try Batch(shape)
  try input.read("input.\(step)", into: batch.input)
  try input.read("shares.\(step)", into: batch.shares)
  try input.read("weights.\(step)", into: batch.weights)
  if shape.hasAB { try input.read("ab.\(step)", into: batch.ab) }
  if shape.mapChannels > 0 { try input.read("map.\(step)", into: batch.map) }
  if shape.pooledChannels > 0 { try input.read("pooled.\(step)", into: batch.pooled) }
  let bins = try Memory<Float>(count: batch.bins.count)
  try input.read("bins.\(step)", into: bins)
  for index in 0..<bins.count { batch.bins.start[index] = Int32(bins.start[index]) }
  return batch
}

func steps(
  _ input: Input, _ kernels: TrainingKernels, _ team: Team
) throws(ColorizeError) -> Output {
  let trainer = try trainer(input, kernels, team)
  var output = Output()
  output.memoryBytes = trainer.training.memoryBytes
  let losses = try Memory<Float>(count: input.whole("steps"))
  for step in 0..<losses.count {
    let batch = try batch(input, trainer.shape, step: step)
    losses.start[step] = Float(try trainer.run(batch).loss)
    if step == 0 { try output.addGradients(trainer.parameters) }
  }
  output.add("loss", [losses.count], losses)
  try output.addValues(trainer.parameters)
  return output
}
