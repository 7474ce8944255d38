// The folder of a training run: what lies in it, under which names, and how it gets there.

import ColorizeCore
import ColorizeTraining
import Glibc

/// Where a run begins.
struct TrainStart {
  var recipe: Recipe
  /// nil: at the first step.
  var checkpoint: (said: Checkpoint, file: TensorFile)?
}

/// The folder of a run. Only one process at a time has it.
final class TrainFolder {
  let name: FileName
  private let isResuming: Bool
  private let descriptor: Int32

  var model: FileName { file("model.safetensors") }
  private var checkpoint: FileName { file("checkpoint.safetensors") }
  private var previousCheckpoint: FileName { file("checkpoint-previous.safetensors") }
  private var samples: FileName { file("samples") }

  /// Makes the folder if it is not there. Throws if it holds a run that is not to be resumed, or does
  /// not hold one that is.
  init(_ name: FileName, resuming: Bool) throws {
    self.name = name
    isResuming = resuming
    if !resuming { try Self.make(name) }
    descriptor = name.withCString { open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    guard descriptor >= 0 else { throw Failure(name, "cannot be opened") }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      throw Failure("\(name.shown): another process is training there")
    }
    let hasRun = checkpoint.isTaken || previousCheckpoint.isTaken
    if hasRun && !resuming {
      throw Refusal("\(name.shown) holds a run: continue it with --resume, or name another folder")
    }
    if !hasRun && resuming {
      throw Refusal("\(name.shown) holds no checkpoint for --resume to continue from")
    }
    OutputFile.clean(name)
    OutputFile.clean(samples)
  }

  deinit { close(descriptor) }

  private func file(_ part: String) -> FileName {
    FileName(bytes: Array(part.utf8)).inFolder(name)
  }

  /// What the options make of the defaults, or of what the last checkpoint says.
  func start(_ options: [String: String]) throws -> TrainStart {
    guard isResuming else {
      var recipe = Recipe()
      try recipe.take(options)
      return TrainStart(recipe: recipe)
    }
    let (said, file) = try lastCheckpoint()
    var recipe = said.recipe
    do throws(ColorizeError) {
      try recipe.takeAgain(options, done: said.step)
      try recipe.check()
    } catch {
      throw Refusal("--\(error.message)")
    }
    return TrainStart(recipe: recipe, checkpoint: (said, file))
  }

  /// The last checkpoint that can be read.
  private func lastCheckpoint() throws(Failure) -> (Checkpoint, TensorFile) {
    var reasons: [String] = []
    for name in [checkpoint, previousCheckpoint] where name.isTaken {
      do throws(ColorizeError) {
        let file = try name.withCString { (path) throws(ColorizeError) in
          try TensorFile(ByteSource(path: path))
        }
        let said = try Checkpoint(file)
        for reason in reasons { Terminal.say("\(reason); using the one before it") }
        return (said, file)
      } catch {
        reasons.append("\(name.shown): \(error.message)")
      }
    }
    throw Failure(reasons.joined(separator: "; "))
  }

  /// Writes a checkpoint, and keeps the one before.
  func write(_ new: Checkpoint, _ state: [TrainingTensor]) throws(Failure) {
    try Failure.naming(checkpoint) { () throws(ColorizeError) in
      try OutputFile.write(checkpoint, keeping: previousCheckpoint) {
        (descriptor) throws(ColorizeError) in
        try new.write(state, to: descriptor)
      }
    }
  }

  /// Writes the model file.
  func write(_ new: TrainedModel) throws(Failure) {
    try Failure.naming(model) { () throws(ColorizeError) in
      try OutputFile.write(model) { (descriptor) throws(ColorizeError) in
        try new.write(to: .descriptor(descriptor))
      }
    }
  }

  /// A table, with the rows up to a step.
  ///
  /// - Parameter part: the name of the file.
  func table(_ part: String, _ columns: [String], keeping step: Int) throws(Failure) -> TrainTable {
    let name = file(part)
    let descriptor = name.withCString { path in
      open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
    }
    guard descriptor >= 0 else { throw Failure(name, "cannot be written") }
    let table = try Failure.naming(name) { () throws(ColorizeError) in
      try StepTable(descriptor, columns: columns, keeping: step)
    }
    return TrainTable(name: name, table: table)
  }

  /// Where a sheet is written to. Makes the folder of the sheets.
  func sheet(after step: Int) throws(Failure) -> FileName {
    try Self.make(samples)
    let digits = String(step)
    let name = String(repeating: "0", count: max(6 - digits.count, 0)) + digits + ".png"
    return FileName(bytes: Array(name.utf8)).inFolder(samples)
  }

  private static func make(_ folder: FileName) throws(Failure) {
    let result = folder.withCString { mkdir($0, 0o777) }
    guard result == 0 || errno == EEXIST else { throw Failure(folder, "cannot be made") }
  }
}

/// A table of a run, and its name.
struct TrainTable {
  fileprivate let name: FileName
  fileprivate let table: StepTable

  func append(_ cells: [String]) throws(Failure) {
    try Failure.naming(name) { () throws(ColorizeError) in try table.append(cells) }
  }

  /// Waits until the disk has it.
  func flush() throws(Failure) {
    try Failure.naming(name) { () throws(ColorizeError) in try table.flush() }
  }
}

extension Failure {
  /// Errors about a file that is written are to name it.
  fileprivate static func naming<Result>(
    _ file: FileName, _ body: () throws(ColorizeError) -> Result
  ) throws(Failure) -> Result {
    do throws(ColorizeError) {
      return try body()
    } catch .cannotWriteFile(let reason) {
      throw Failure("\(file.shown): cannot be written: \(reason)")
    } catch {
      throw Failure("\(file.shown): \(error.message)")
    }
  }
}
