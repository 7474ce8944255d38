// The model file of a run: what it says of itself.

import ColorizeCore

/// What a run's model file holds.
package struct TrainedModel {
  /// What every loss takes the softmax at: that of the network's plain values.
  private static let plainSoftmaxTemperature = 1.0

  package let tensors: [TrainingTensor]
  package let metadata: [String: String]

  /// - Parameter pictures: of the data, in words.
  package init(_ trainer: Trainer, _ recipe: Recipe, pictures: String) throws(ColorizeError) {
    tensors = try trainer.model
    let network = trainer.network
    var metadata = [
      "architecture": network.architecture,
      "temperature_of_plain_softmax": "\(Self.plainSoftmaxTemperature)",
      "default_network_size": "\(recipe.size)",
      "trained_steps": "\(trainer.step)",
      "trained_on": pictures,
      "recipe": recipe.summary,
    ]
    if network.takesHints { metadata["mask_convention"] = MaskConvention.zeroOne.rawValue }
    if !recipe.licence.isEmpty { metadata["licence"] = recipe.licence }
    if !recipe.history.isEmpty { metadata["history"] = recipe.history }
    self.metadata = metadata
  }

  /// Writes the file.
  package func write(to target: TensorFileWriter.Target) throws(ColorizeError) {
    try TensorFileWriter.write(tensors, metadata, to: target)
  }

  /// The model itself, as it would be read from the file.
  package func open() throws(ColorizeError) -> Model {
    let bytes = try Memory<UInt8>(count: TensorFileWriter.layout(tensors, metadata).byteCount)
    try write(to: .memory(bytes))
    return try Model.open(bytes: UnsafeRawBufferPointer(start: bytes.start, count: bytes.count))
  }
}

extension Recipe {
  /// Takes from the file of the model that a run begins with its licence, unless another one was given,
  /// and its history.
  ///
  /// - Parameter name: of the model, for people.
  package mutating func inherit(from file: TensorFile, name: String) {
    let keys = ["licence", "source", "converted_from", "trained_on", "trained_steps", "recipe"]
    let said = keys.compactMap { key in
      file[metadata: key].flatMap { $0.isEmpty ? nil : "\(key): \($0)" }
    }
    history = (["began as \(name)"] + said).joined(separator: "; ")
    if let before = file[metadata: "history"], !before.isEmpty { history += "; which \(before)" }
    if licence.isEmpty { licence = file[metadata: "licence"] ?? "" }
  }
}
