// `libcolorize info`: says what a model is.

import ArgumentParser
import CImageFiles
import ColorizeCore

struct Info: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "info", abstract: "Describes a model, or how a picture was made.",
    usage: "libcolorize info [FILE]")

  @Argument(
    help: ArgumentHelp(
      "A model, or a picture. (default: the built-in model)", valueName: "FILE"))
  var model: FileName?

  func run() throws {
    if let model, OutputFormat.isPicture(model) {
      try describePicture(model)
      return
    }
    let choice = ModelChoice(file: model)
    let information = try choice.open().information
    let size = information.defaultNetworkSize
    let multiple = information.networkSizeMultiple
    let lines = [
      ("model", choice.shown),
      ("architecture", information.architecture),
      ("parameters", "\(information.parameters)"),
      ("licence", information.licence.isEmpty ? "the file does not say" : information.licence),
      ("network size", "\(size); multiples of \(multiple), up to \(Model.maximumNetworkSize)"),
      ("ab stride", "\(information.outputStride)"),
      ("ab bins", "\(information.bins)"),
      ("color hints", hints(information)),
      ("plain softmax T", "\(information.plainSoftmaxTemperature)"),
      ("instruction set", information.instructionSet.rawValue),
      ("matrix products", information.matrixProducts),
    ]
    for (name, value) in lines { print(Table.padded(name, to: 17) + Terminal.harmless(value)) }
    print("\nother metadata of the file")
    for (key, value) in information.metadata where !["architecture", "licence"].contains(key) {
      print("  \(Terminal.harmless(key)): \(Terminal.harmless(value))")
    }
  }

  /// What a picture says of how it was made.
  private func describePicture(_ name: FileName) throws {
    let picture = try name.readForOption()
    let kind = OutputFormat.kind(picture.format)
    print(Table.padded("picture", to: 17) + name.shown)
    print(
      Table.padded("format", to: 17)
        + "\(String(cString: kind.name)), \(picture.width) x \(picture.height)")
    if picture.pageCount > 1 { print(Table.padded("pages", to: 17) + "\(picture.pageCount)") }
    var reading = image_file_reading()
    reading.depth = IMAGE_FILE_8_BITS
    reading.wants_all_pages = true
    let said: Provenance?
    do throws(PictureError) {
      said = try Provenance.said(by: name, reading)
    } catch {
      throw error.report(name)
    }
    guard let provenance = said else {
      Terminal.say(name, "does not say that libcolorize has colored it")
      throw ExitCode.failure
    }
    print(
      Table.padded("colors", to: 17)
        + "invented by a neural network; the lightness is the original's")
    for (label, key) in Self.labels {
      guard let value = provenance[key], !value.isEmpty else { continue }
      print(Table.padded(label, to: 17) + Terminal.harmless(value))
    }
  }

  private static let labels: [(String, Provenance.Key)] = [
    ("made by", .version), ("model", .model), ("model SHA-256", .modelDigest),
    ("options", .options), ("hints", .hints), ("hints SHA-256", .hintsDigest),
    ("palette SHA-256", .paletteDigest), ("input SHA-256", .inputDigest),
    ("instruction set", .processor), ("libraries", .libraries),
  ]

  private func hints(_ information: ModelInformation) -> String {
    guard information.takesHints else { return "no" }
    switch information.maskConvention {
    case .zeroOne: return "yes; mask 1 and 0"
    case .centred: return "yes; mask 0.5 and -0.5"
    }
  }
}

extension ModelInformation {
  /// What multiplies matrices, for people.
  var matrixProducts: String {
    guard let blas else { return "own kernels" }
    return "\(blas.configuration), kernels for \(blas.core)"
  }
}
