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

  @Flag(
    name: .customLong("int8-weights"),
    help: "Round them to 8 bits: a quarter. Prints what that does to colors.")
  var eightBits = false

  @Option(help: ArgumentHelp("The licence of the weights, in words.", valueName: "TEXT"))
  var licence: Words?

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
    if halfPrecision, eightBits {
      throw ValidationError("--fp16 and --int8-weights round weights differently; give one of them")
    }
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
      options.eightBits = eightBits
      options.licence = licence?.text
      options.plainSoftmaxTemperature = plainSoftmaxTemperature
      options.maskConvention = maskConvention
      let name = String(decoding: input.lastPart, as: UTF8.self)
      let conversion = try input.withCString { (path) throws(ColorizeError) in
        try ModelConversion(path: path, name: name, options: options) { Interrupt.wanted }
      }
      try OutputFile.write(target) { (descriptor) throws(ColorizeError) in
        try conversion.write(to: .descriptor(descriptor)) { Interrupt.wanted }
      }
      if let error = conversion.eightBitError {
        let share = Table.oneDecimal(100 * error.relative)
        print(
          "8-bit weights change ab of the test vectors by \(share) % of its spread (rms), "
            + "\(Table.oneDecimal(error.largest)) at most")
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
      throw Refusal("\(output.shown) cannot be written: the extension must be .safetensors")
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
