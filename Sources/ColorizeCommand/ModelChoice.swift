// Which model, for which instruction set.

import ArgumentParser
import ColorizeCore
import ColorizeDefaultModel
import Glibc

/// A model that the user chose: a file, or the one inside the command.
struct ModelChoice {
  let file: FileName?

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
          instructionSet: instructionSet ?? requested.0, gemm: gemm ?? requested.1))
    } catch .cannotReadFile(let path, let reason) {
      Terminal.say("\(path): \(reason)")
    } catch {
      Terminal.say("\(shown): \(error.message)")
    }
    throw .failure
  }

  /// What the file holds, for another use than running it.
  func tensors() throws(ColorizeError) -> TensorFile {
    guard let file else {
      return try TensorFile(
        ByteSource(
          UnsafeRawBufferPointer(
            start: colorize_default_model, count: colorize_default_model_size)))
    }
    return try file.withCString { (path) throws(ColorizeError) in
      try TensorFile(ByteSource(path: path))
    }
  }

  private func open(_ options: ModelOptions) throws(ColorizeError) -> Model {
    if let file {
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
