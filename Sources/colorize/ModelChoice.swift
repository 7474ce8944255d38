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
  /// - Parameter instructionSet: nil: the one that `COLORIZE_ISA` names, or else the best.
  func open(for instructionSet: InstructionSet? = nil) throws(ExitCode) -> Model {
    do {
      let requested = try Self.requestedInstructionSet()
      return try open(ModelOptions(instructionSet: instructionSet ?? requested))
    } catch .cannotReadFile(let path, let reason) {
      Terminal.say("\(path): \(reason)")
    } catch {
      Terminal.say("\(shown): \(error.message)")
    }
    throw .failure
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

  /// What the environment variable `COLORIZE_ISA` asks for.
  static func requestedInstructionSet() throws(ColorizeError) -> InstructionSet? {
    guard let value = getenv("COLORIZE_ISA") else { return nil }
    return try InstructionSet.named(String(cString: value))
  }
}
