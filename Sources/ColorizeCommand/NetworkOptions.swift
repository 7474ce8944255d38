// `--network-size`, `--render-factor` and `--fit`: at which size the network sees a picture; `--precision`: the numbers
// that it computes with. And what a number may be.

import ArgumentParser
import ColorizeCore

extension NetworkFit: ExpressibleByArgument {}
extension Precision: ExpressibleByArgument {}

struct NetworkOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Side at which the network sees a picture, up to 2048. (default: the model's)",
      valueName: "N"))
  var networkSize: Int?

  @Option(
    help: ArgumentHelp("A 16th of --network-size, as DeOldify has it.", valueName: "N"))
  var renderFactor: Int?

  @Option(
    help: ArgumentHelp(
      "Squash pictures for the network, or keep shape and area.", valueName: "NAME"))
  var fit = NetworkFit.square

  @Option(
    help: ArgumentHelp(
      "Less exact numbers, where the processor has AVX-512 BF16.", valueName: "NAME",
      visibility: .rare))
  var precision = Precision.float32

  /// What either says.
  private var size: Int? { networkSize ?? renderFactor.map { 16 * $0 } }

  func validate() throws {
    try Bounds.check("--render-factor", renderFactor, 1...Model.maximumNetworkSize / 16)
    if networkSize != nil, renderFactor != nil {
      throw ValidationError("--network-size and --render-factor say the same; give one of them")
    }
  }

  /// As arguments: what is not the default.
  var spelled: [String] {
    Spelling.option("--network-size", size)
      + Spelling.option("--fit", fit == .square ? nil : fit.rawValue)
      + Spelling.option("--precision", precision == .float32 ? nil : precision.rawValue)
  }

  func check(for model: Model) throws(Refusal) {
    if let size { try model.check(networkSize: size) }
  }

  func set(_ options: inout RunOptions) {
    options.networkSize = size
    options.networkFit = fit
  }
}

enum Bounds {
  /// Throws if an option's number is not one that it may be.
  static func check<Number: Comparable>(
    _ name: String, _ value: Number?, _ bounds: ClosedRange<Number>
  ) throws {
    guard let value, !bounds.contains(value) else { return }
    throw ValidationError("\(name) is \(value); it must be \(shown(bounds))")
  }

  private static func shown<Number>(_ bounds: ClosedRange<Number>) -> String {
    "\(shown(bounds.lowerBound)) to \(shown(bounds.upperBound))"
  }

  /// "10" of 10.0.
  private static func shown<Number>(_ bound: Number) -> String {
    let text = "\(bound)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }
}

/// Options as the arguments that say them.
enum Spelling {
  static func option<Value>(_ name: String, _ value: Value?) -> [String] {
    value.map { [name, "\($0)"] } ?? []
  }

  static func flag(_ name: String, _ isSet: Bool) -> [String] { isSet ? [name] : [] }
}
