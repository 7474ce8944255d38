// Which model, for which instruction set.

import ArgumentParser
import ColorizeCore
import ColorizeDefaultModel
import Glibc

/// A model that the user chose: a file, published weights by their name, or the one inside the command.
struct ModelChoice {
  let file: FileName?
  var precision = Precision.float32

  /// For people.
  var shown: String { file?.shown ?? "the built-in model" }

  /// Opens the model, or says why it cannot be opened.
  ///
  /// - Parameters:
  ///   - instructionSet: nil: the one that `COLORIZE_ISA` names, or else the best.
  ///   - gemm: nil: the one that `COLORIZE_GEMM` names, or else what Core chooses.
  func open(for instructionSet: InstructionSet? = nil, _ gemm: GEMM? = nil) throws(ExitCode)
    -> Model
  {
    do {
      let requested = (try Self.requested(InstructionSet.self), try Self.requested(GEMM.self))
      return try open(
        ModelOptions(
          instructionSet: instructionSet ?? requested.0, gemm: gemm ?? requested.1,
          precision: precision))
    } catch .cannotReadFile(let path, let reason) {
      Terminal.say("\(path): \(reason)")
    } catch {
      Terminal.say("\(shown): \(error.message)")
    }
    throw .failure
  }

  /// What the file holds, for another use than running it.
  func tensors() throws(ColorizeError) -> TensorFile {
    guard let file = try located() else {
      return try TensorFile(
        ByteSource(
          UnsafeRawBufferPointer(
            start: colorize_default_model, count: colorize_default_model_size)))
    }
    return try file.withCString { (path) throws(ColorizeError) in
      try TensorFile(ByteSource(path: path))
    }
  }

  /// The file; nil: the model inside the command. A file that there is goes before a name.
  func located() throws(ColorizeError) -> FileName? {
    guard let file, !file.isTaken else { return file }
    // Only a word may be meant as a name.
    guard !file.bytes.contains(UInt8(ascii: "/")) else { return file }
    do throws(Failure) {
      guard let model = try KnownModel.named(file.bytes) else {
        if file.bytes.contains(UInt8(ascii: ".")) { return file }
        throw Failure(
          "there is no such file, and no model of that name: 'libcolorize models' "
            + "lists the names")
      }
      let place = try WeightsPlace.ofEnvironment()
      let found = place.file(of: model)
      if found.size != nil { return found }
      if case .local(let named) = place {
        throw Failure(
          "\(named.shown), which \(WeightsPlace.variable) names, does not hold \(model.file)")
      }
      throw Failure("is not on this machine yet: 'libcolorize fetch \(model.name)' downloads it")
    } catch {
      throw .cannotReadFile(path: file.shown, reason: error.reason)
    }
  }

  private func open(_ options: ModelOptions) throws(ColorizeError) -> Model {
    if let file = try located() {
      return try file.withCString { (path) throws(ColorizeError) in
        try Model.open(path: path, options: options)
      }
    }
    let bytes = UnsafeRawBufferPointer(
      start: colorize_default_model, count: colorize_default_model_size)
    return try Model.open(bytes: bytes, options: options)
  }

  /// What the environment asks for, if it does.
  static func requested<Choice: NamedChoice>(_: Choice.Type) throws(ColorizeError) -> Choice? {
    guard let value = getenv(Choice.variable) else { return nil }
    return try Choice.named(String(cString: value))
  }
}

extension Model {
  /// Throws unless `--network-size` is one that the network takes.
  func check(networkSize size: Int) throws(Refusal) {
    let multiple = information.networkSizeMultiple
    let largest = Model.maximumNetworkSize
    guard (multiple...largest).contains(size), size.isMultiple(of: multiple) else {
      throw Refusal(
        "--network-size is \(size); it must be a multiple of \(multiple), \(multiple) to "
          + "\(largest)")
    }
  }
}
