// `libcolorize convert`: makes a model file of a checkpoint.

import ArgumentParser
import ColorizeCore
import Glibc

extension MaskConvention: ExpressibleByArgument {}

struct Convert: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Converts a checkpoint to a model file.",
    usage: "libcolorize convert [OPTION]... IN OUT",
    discussion: """
      Reads a PyTorch state dict (.pth) or safetensors, and writes safetensors: the tensors that the \
      network needs, the metadata, and test vectors for 'libcolorize doctor', which are computed in \
      float64. Nothing in a checkpoint is executed.
      """)

  @Argument(help: ArgumentHelp("A checkpoint or model file.", valueName: "IN"))
  var input: FileName

  @Argument(help: ArgumentHelp("The model file to write: .safetensors.", valueName: "OUT"))
  var output: FileName

  @Flag(
    name: .customLong("fp16"),
    help: "Round large weights to float16: half the size.")
  var halfPrecision = false

  @Option(help: ArgumentHelp("The licence of the weights, in words.", valueName: "TEXT"))
  var licence: String?

  @Option(
    help: ArgumentHelp(
      "Temperature of the network's plain softmax: 0.01 to 100. (default: the file's, or else the "
        + "network's)", valueName: "P"))
  var plainSoftmaxTemperature: Float?

  @Option(
    help: ArgumentHelp(
      "Values of the network's hint mask: 1 and 0, or 0.5 and -0.5. (default: the file's, or else "
        + "zero-one)", valueName: "NAME"))
  var maskConvention: MaskConvention?

  func validate() throws {
    try Bounds.check(
      "--plain-softmax-temperature", plainSoftmaxTemperature,
      ModelOptions.plainSoftmaxTemperatures)
  }

  func run() throws {
    let target = try checkedTarget()
    Interrupt.listen()
    do throws(ColorizeError) {
      var options = ModelConversion.Options()
      options.halfPrecision = halfPrecision
      options.licence = licence
      options.plainSoftmaxTemperature = plainSoftmaxTemperature
      options.maskConvention = maskConvention
      let name = String(decoding: input.lastPart, as: UTF8.self)
      let conversion = try input.withCString { (path) throws(ColorizeError) in
        try ModelConversion(path: path, name: name, options: options) { Interrupt.wanted }
      }
      try OutputFile.write(target) { (descriptor) throws(ColorizeError) in
        try conversion.write(to: .descriptor(descriptor)) { Interrupt.wanted }
      }
    } catch .cancelled {
      Interrupt.end()
    } catch .cannotReadFile(let path, let reason) {
      Terminal.say("\(path): \(reason)")
      throw ExitCode.failure
    } catch .cannotWriteFile(let reason) {
      Terminal.say(output, "cannot be written: \(reason)")
      throw ExitCode.failure
    } catch {
      Terminal.say(input, error.message)
      throw ExitCode.failure
    }
  }

  /// The file that is written: the output, or what it links to. Never the input.
  private func checkedTarget() throws(Refusal) -> FileName {
    guard output.fileExtension == "safetensors" else {
      throw Refusal("\(output.shown) cannot be written: the extension is to be .safetensors")
    }
    guard output.folder.status?.isFolder == true else {
      throw Refusal("\(output.shown) cannot be written: there is no folder \(output.folder.shown)")
    }
    let target = try output.writtenFile()
    if let status = output.status, status.identity == input.status?.identity {
      throw Refusal("the output \(output.shown) would overwrite the input \(input.shown)")
    }
    return target
  }
}

/// A file that appears in one piece, when it is complete.
enum OutputFile {
  private static let prefix = ".libcolorize-"
  private static let suffix = ".tmp"

  /// Whether a file is named as one that is not complete.
  static func isTemporary(_ part: [UInt8]) -> Bool {
    part.starts(with: prefix.utf8) && part.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
  }

  /// Calls `body` with a new file beside `target`, and gives it that name.
  ///
  /// - Parameter previous: the name that the file at `target` is kept under, if there is one.
  static func write(
    _ target: FileName, keeping previous: FileName? = nil,
    _ body: (_ descriptor: Int32) throws(ColorizeError) -> Void
  ) throws(ColorizeError) {
    let (temporary, descriptor) = try open(beside: target)
    do throws(ColorizeError) {
      defer { close(descriptor) }
      try body(descriptor)
      // The disk may turn out to be full, or broken, only now.
      guard fsync(descriptor) == 0 else { throw Self.failure }
    } catch {
      _ = temporary.withCString(unlink)
      throw error
    }
    if let previous { _ = move(target, to: previous) }
    guard move(temporary, to: target) else {
      let failure = Self.failure
      _ = temporary.withCString(unlink)
      throw failure
    }
  }

  static func move(_ old: FileName, to new: FileName) -> Bool {
    old.withCString { old in new.withCString { rename(old, $0) } } == 0
  }

  /// mkstemp would do, but for its permissions: here open() applies those of any new file.
  private static func open(beside target: FileName) throws(ColorizeError) -> (FileName, Int32) {
    for attempt in 0..<1000 {
      let name = "\(prefix)\(getpid())-\(attempt)\(suffix)"
      let temporary = FileName(bytes: Array(name.utf8)).inFolder(target.folder)
      let descriptor = temporary.withCString {
        Glibc.open($0, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      }
      if descriptor >= 0 { return (temporary, descriptor) }
      if errno != EEXIST { break }
    }
    throw failure
  }

  private static var failure: ColorizeError {
    .cannotWriteFile(reason: String(cString: strerror(errno)))
  }
}
