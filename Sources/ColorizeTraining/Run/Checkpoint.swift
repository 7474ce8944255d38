// A checkpoint: a safetensors file with all that a run needs to go on as if it had never stopped.

import ColorizeCore

/// What a checkpoint says besides the tensors of the trainer's state.
package struct Checkpoint {
  package var recipe: Recipe
  /// Steps that are done. Which pictures come next follows from it.
  package var step: Int
  /// How long they took.
  package var seconds: Double
  /// What the data were, for people and to know them again.
  package var pictures: String
  /// What will go into the next row of the metrics.
  package var metrics: MetricsSum

  /// What a file of this kind says it is; the number changes with what it holds.
  private static let format = "colorize training checkpoint 1"
  private static let optionPrefix = "option."

  package init(
    recipe: Recipe, step: Int, seconds: Double, pictures: String, metrics: MetricsSum
  ) {
    self.recipe = recipe
    self.step = step
    self.seconds = seconds
    self.pictures = pictures
    self.metrics = metrics
  }

  /// Takes what a file says. Throws if it is not a checkpoint.
  package init(_ file: TensorFile) throws(ColorizeError) {
    guard file[metadata: "format"]?.isSpelled(Self.format) == true else {
      throw .invalidModel("not a checkpoint of this version of libcolorize train")
    }
    // A crafted file is refused here, before anything is computed with what it says.
    let mostSteps = Recipe.stepBounds.upperBound
    guard let step = file[metadata: "step"].flatMap({ Int($0) }), (0...mostSteps).contains(step)
    else { throw .invalidModel("its step is missing, or not 0 to \(mostSteps)") }
    guard let seconds = file[metadata: "seconds"].flatMap({ Double($0) }),
      (0...MetricsSum.maximumSeconds).contains(seconds)
    else { throw .invalidModel("its seconds are missing, or not 0 to 1e10") }
    guard let pictures = file[metadata: "pictures"] else {
      throw .invalidModel("it does not say of which pictures it is")
    }
    guard let metrics = file[metadata: "metrics"].flatMap({ MetricsSum($0) }) else {
      throw .invalidModel("its metrics are missing, or no sums of steps and finite figures")
    }
    self.step = step
    self.seconds = seconds
    self.pictures = pictures
    self.metrics = metrics
    recipe = Recipe()
    var options: [String: String] = [:]
    for (key, value) in file.metadata where key.hasPrefix(Self.optionPrefix) {
      options[String(key.dropFirst(Self.optionPrefix.count))] = value
    }
    try recipe.take(options)
  }

  /// Writes it, with the trainer's state.
  package func write(_ state: [TrainingTensor], to descriptor: Int32) throws(ColorizeError) {
    var metadata = [
      "format": Self.format, "step": "\(step)", "seconds": "\(seconds)", "pictures": pictures,
      "metrics": metrics.text,
    ]
    for (name, value) in recipe.settings { metadata[Self.optionPrefix + name] = value }
    try TensorFileWriter.write(state, metadata, to: .descriptor(descriptor))
  }
}

extension TensorFileWriter {
  /// Writes a file of some tensors.
  package static func write(
    _ tensors: [TrainingTensor], _ metadata: [String: String], to target: Target
  ) throws(ColorizeError) {
    let layout = try layout(tensors, metadata)
    let values = Dictionary(tensors.map { ($0.name, $0.values) }) { first, _ in first }
    var writer = try TensorFileWriter(layout, to: target)
    for tensor in layout.tensors {
      if let values = values[tensor.name] { try writer.write(values) }
    }
  }

  package static func layout(
    _ tensors: [TrainingTensor], _ metadata: [String: String]
  ) throws(ColorizeError) -> TensorFileLayout {
    try TensorFileLayout(
      tensors.map { TensorFileLayout.Tensor(name: $0.name, shape: $0.shape, format: .float32) },
      metadata: metadata)
  }
}
