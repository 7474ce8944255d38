// `libcolorize info`: says what a model is.

import ArgumentParser
import ColorizeCore

struct Info: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "info", abstract: "Describes a model.",
    usage: "libcolorize info [MODEL]")

  @Argument(
    help: ArgumentHelp("A model file. (default: the built-in model)", valueName: "MODEL"))
  var model: FileName?

  func run() throws {
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
