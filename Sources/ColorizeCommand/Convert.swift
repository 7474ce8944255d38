// `libcolorize convert`: makes a model file of a checkpoint.

import ArgumentParser
import ColorizeCore
import Glibc

extension MaskConvention: ExpressibleByArgument {}

struct Convert: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Makes a model file of a checkpoint.",
    discussion: """
      Reads what a model can be read from: a state dict that PyTorch has saved (.pth), or \
      safetensors. Writes safetensors with the tensors that the network needs, with what the file \
      says of itself, and with test vectors for 'libcolorize doctor', computed in float64. Nothing in \
      a checkpoint is executed.
      """)

  @Argument(help: ArgumentHelp("A checkpoint or model file.", valueName: "IN"))
  var input: FileName

  @Argument(help: ArgumentHelp("The model file to write: .safetensors.", valueName: "OUT"))
  var output: FileName

  @Flag(
    name: .customLong("fp16"),
    help: "Round large weights to float16, which makes the file half as large.")
  var halfPrecision = false

  @Option(help: ArgumentHelp("The licence of the weights, in words.", valueName: "TEXT"))
  var licence: Words?

  @Option(
    help: ArgumentHelp(
      "0.01 to 100: the temperature at which the network's plain softmax stands. (default: the "
        + "file's, or else the network's)", valueName: "P"))
  var plainSoftmaxTemperature: Float?

  @Option(
    help: ArgumentHelp(
      "What the network's mask is where a hint is and where none is: 'zero-one', or 'centred' for "
        + "0.5 and -0.5. (default: the file's, or else zero-one)", valueName: "NAME"))
  var maskConvention: MaskConvention?

  func validate() throws {
    let bounds = ModelOptions.plainSoftmaxTemperatures
    if let plainSoftmaxTemperature, !bounds.contains(plainSoftmaxTemperature) {
      throw ValidationError(
        "--plain-softmax-temperature is \(plainSoftmaxTemperature); it must be 0.01 to 100.")
    }
  }

  func run() throws {
    let target: FileName
    do {
      target = try checkedTarget()
    } catch {
      throw error.report()
    }
    Interrupt.listen()
    do throws(ColorizeError) {
      var options = ModelConversion.Options()
      options.halfPrecision = halfPrecision
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
