// Runs steps of training on what a file holds, and writes what came of them: the other side of
// Tests/Reference/check_training.py.
//
//   training-probe IN OUT [THREADS] [INSTRUCTION-SET]
//
// IN is a safetensors file. Its metadata: "network", "steps", "count", "side", "optimiser" (adam or adamw),
// "learning_rate", "weight_decay", the weights of the losses ("classification", "regression", "map", "pooled"), and
// "regression_kind". Its tensors: the network's, and for each step N "input.N" [count, side, side, channels], "bins.N",
// "shares.N" [positions, 5], "weights.N" [positions], "ab.N" [count, side, side, 2], "map.N", "pooled.N".
//
// OUT: "loss" [steps], "gradient.NAME" of the first step, "value.NAME" after the last.

import ColorizeCore
import ColorizeTraining
import Glibc

func fail(_ text: String) -> Never {
  let line = "training-probe: \(text)\n"
  line.withCString { _ = Glibc.write(STDERR_FILENO, $0, strlen($0)) }
  exit(1)
}

func number(_ file: TensorFile, _ key: String) -> Float {
  guard let text = file[metadata: key], let value = Float(text) else {
    fail("the metadata have no number \(key)")
  }
  return value
}

func run() throws(ColorizeError) {
  let arguments = CommandLine.arguments
  guard arguments.count > 2 else { fail("usage: training-probe IN OUT [THREADS] [ISA]") }
  let file = try TensorFile(try ByteSource(path: arguments[1]))
  let networks: [Network] = [.compact, .eccv16, .siggraph17]
  guard let network = networks.first(where: { $0.architecture == file[metadata: "network"] }) else {
    fail("no such network")
  }
  var options = TrainerOptions()
  options.losses.classification = number(file, "classification")
  options.losses.regression = number(file, "regression")
  options.losses.map = number(file, "map")
  options.losses.pooled = number(file, "pooled")
  options.regression = file[metadata: "regression_kind"] == "l1" ? .l1 : .huber
  options.optimiser.kind = file[metadata: "optimiser"] == "adam" ? .adam : .adamw
  options.optimiser.weightDecay = number(file, "weight_decay")
  options.learningRate = number(file, "learning_rate")
  options.schedule = .constant
  options.warmUp = 0
  let shape = BatchShape(
    count: Int(number(file, "count")), side: Int(number(file, "side")),
    inputChannels: network.inputChannels, distributionStride: network.distributionStride,
    hasAB: options.losses.regression > 0, mapChannels: file.shape("map.0")?.last ?? 0,
    pooledChannels: file.shape("pooled.0")?.last ?? 0)
  let threads = arguments.count > 3 ? Int(arguments[3]) ?? 1 : 2
  let instructionSet =
    arguments.count > 4 ? InstructionSet(rawValue: arguments[4]) ?? .best : .best
  let trainer = try Trainer(
    network, shape, options, kernels: TrainingKernels(instructionSet), team: Team(threads: threads))
  for tensor in trainer.parameters.tensors {
    let values = try file.floats(tensor.name, shape: tensor.shape)
    tensor.set(tensor.values, rowMajor: values.start)
  }
  var results: [TrainingTensor] = []
  let steps = Int(number(file, "steps"))
  let losses = try Memory<Float>(count: steps)
  for step in 0..<steps {
    let batch = try Batch(shape)
    try fill(batch, file, step)
    if step == 0 {
      let parts = try trainer.gradients(batch)
      for tensor in trainer.parameters.tensors {
        guard let gradient = tensor.gradient else { continue }
        results.append(
          TrainingTensor(
            name: "gradient." + tensor.name, shape: tensor.shape,
            values: try tensor.rowMajor(gradient)))
      }
      losses.start[0] = Float(parts.total(options.losses))
      for tensor in trainer.parameters.tensors where tensor.gradient == nil {
        results.append(
          TrainingTensor(
            name: "statistic." + tensor.name, shape: tensor.shape,
            values: try tensor.rowMajor(tensor.values)))
        let values = try file.floats(tensor.name, shape: tensor.shape)
        tensor.set(tensor.values, rowMajor: values.start)
      }
    }
    losses.start[step] = Float(try trainer.run(batch).loss)
  }
  results.append(TrainingTensor(name: "loss", shape: [steps], values: losses))
  for tensor in trainer.parameters.tensors {
    results.append(
      TrainingTensor(
        name: "value." + tensor.name, shape: tensor.shape,
        values: try tensor.rowMajor(tensor.values)))
  }
  try write(results, to: arguments[2], memory: trainer.training.memoryBytes)
}

func fill(_ batch: Batch, _ file: TensorFile, _ step: Int) throws(ColorizeError) {
  func copy(_ name: String, to memory: Memory<Float>) throws(ColorizeError) {
    guard memory.count > 0, let shape = file.shape("\(name).\(step)") else { return }
    let values = try file.floats("\(name).\(step)", shape: shape)
    guard values.count == memory.count else { fail("\(name).\(step) has \(shape)") }
    memory.start.update(from: values.start, count: values.count)
  }
  try copy("input", to: batch.input)
  try copy("shares", to: batch.shares)
  try copy("weights", to: batch.weights)
  try copy("ab", to: batch.ab)
  try copy("map", to: batch.map)
  try copy("pooled", to: batch.pooled)
  let bins = try Memory<Float>(count: batch.bins.count)
  try copy("bins", to: bins)
  for index in 0..<bins.count { batch.bins.start[index] = Int32(bins.start[index]) }
}

func write(_ tensors: [TrainingTensor], to path: String, memory: Int) throws(ColorizeError) {
  let layout = try TensorFileLayout(
    tensors.map { .init(name: $0.name, shape: $0.shape, format: .float32) },
    metadata: ["memory_bytes": "\(memory)"])
  let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
  guard descriptor >= 0 else { fail("cannot write \(path)") }
  defer { close(descriptor) }
  var writer = try TensorFileWriter(layout, to: .descriptor(descriptor))
  for tensor in layout.tensors {
    guard let own = tensors.first(where: { $0.name == tensor.name }) else { continue }
    try writer.write(own.values)
  }
}

do throws(ColorizeError) {
  try run()
} catch {
  fail(error.message)
}
