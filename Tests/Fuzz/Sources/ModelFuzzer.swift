// Model files and checkpoints of a run.

import ColorizeCore
import ColorizeTraining
import Glibc

/// Opens whatever it is given as a model file, and reads every tensor. A file whose tensors say what network it is, which
/// are DDColor's, is asked which one.
///
/// - Parameter wanted: inputs of other containers are of no interest.
func fuzzModelFile(_ bytes: UnsafeRawBufferPointer, _ wanted: String) -> CInt {
  let isZip = bytes.starts(with: [0x50, 0x4B, 3, 4])
  let isPickle = bytes.first == 0x80
  guard wanted == (isZip ? "zip" : isPickle ? "legacy" : "safetensors") else { return -1 }
  guard let file = try? TensorFile(ByteSource(bytes)) else { return 0 }
  for name in file.names {
    guard let shape = file.shape(name) else { continue }
    // Tensors of safetensors may share bytes: what is read is bounded by the number of tensors.
    _ = try? file.floats(name, shape: shape)
    _ = try? file.bytes(name)
  }
  // Only where there is something to read from shapes: it takes milliseconds.
  if file.names.contains(where: { $0.hasSuffix(".gamma") }) { _ = try? Network.of(file) }
  return 0
}

/// Takes what it is given as a checkpoint's metadata: lines of a key, a tab and a value. They become a
/// safetensors file, so that what is tried is the metadata, and not the container. Then does with it
/// what a run does that goes on.
func fuzzCheckpoint(_ bytes: UnsafeRawBufferPointer) -> CInt {
  var metadata: [String: String] = ["format": "colorize training checkpoint 1"]
  for line in bytes.split(separator: 0x0A) {
    let parts = line.split(separator: 0x09, maxSplits: 1)
    guard parts.count == 2 else { continue }
    metadata[String(decoding: parts[0], as: UTF8.self)] = String(decoding: parts[1], as: UTF8.self)
  }
  guard let layout = try? TensorFileWriter.layout([], metadata),
    let memory = try? Memory<UInt8>(count: layout.byteCount),
    (try? TensorFileWriter.write([], metadata, to: .memory(memory))) != nil,
    let file = try? TensorFile(
      ByteSource(UnsafeRawBufferPointer(start: memory.start, count: memory.count)))
  else { return -1 }
  guard let checkpoint = try? Checkpoint(file) else { return 0 }
  var recipe = checkpoint.recipe
  guard (try? recipe.takeAgain([:], done: checkpoint.step)) != nil, (try? recipe.check()) != nil
  else { return 0 }
  let shape = recipe.shape(nil)
  let options = recipe.trainer(shape)
  _ = try? recipe.samples(nil, prior: nil)
  var sum = checkpoint.metrics
  let report = StepReport(
    step: checkpoint.step + 1, loss: 1, parts: LossParts(), learningRate: options.learningRate,
    gradientNorm: 1)
  sum.add(report, seconds: 1)
  _ = sum.row(report, batch: recipe.batch, seconds: checkpoint.seconds)
  _ = (checkpoint.step + 1) * recipe.batch
  return 0
}
