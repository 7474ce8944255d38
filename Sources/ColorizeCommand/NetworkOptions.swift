// `--network-size`, `--render-factor` and `--fit`: at which size the network sees a picture. And what a number may be.

import ArgumentParser
import ColorizeCore

extension NetworkFit: ExpressibleByArgument {}

struct NetworkOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The side, in pixels, of the square at which the network sees a picture, or with --fit aspect "
        + "its longer side: up to 2048. Larger is slower, and not always better. (default: the "
        + "model's own)", valueName: "N"))
  var networkSize: Int?

  @Option(
    help: ArgumentHelp(
      "The same in the words of DeOldify: a 16th of it, up to 128.", valueName: "N"))
  var renderFactor: Int?

  @Option(
    help: ArgumentHelp(
      "'square' squashes the picture for the network, 'aspect' keeps its proportions.",
      valueName: "NAME"))
  var fit = NetworkFit.square

  /// What either says.
  private var size: Int? { networkSize ?? renderFactor.map { 16 * $0 } }

  func validate() throws {
    try Bounds.check("--render-factor", renderFactor, 1...Model.maximumNetworkSize / 16)
    if networkSize != nil, renderFactor != nil {
      throw ValidationError("--network-size and --render-factor say the same; give one of them.")
    }
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
    throw ValidationError("\(name) is \(value); it must be \(shown(bounds)).")
  }

  private static func shown<Number>(_ bounds: ClosedRange<Number>) -> String {
    // "10" of 10.0.
    let upper = "\(bounds.upperBound)"
    let whole = upper.hasSuffix(".0") ? String(upper.dropLast(2)) : upper
    return "\(bounds.lowerBound) to \(whole)"
  }
}
