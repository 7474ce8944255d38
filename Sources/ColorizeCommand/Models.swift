// `libcolorize models`: which published weights there are by name.

import ArgumentParser

struct Models: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "models",
    abstract: "Lists the published weights that have a name.",
    usage: "libcolorize models [NAME]",
    discussion: """
      'libcolorize fetch NAME' downloads one, and '--model NAME' uses it. With NAME, says all that \
      is known of it: where it comes from, its SHA-256, and where its file is or would be.
      """)

  @Argument(help: ArgumentHelp("The name of a model.", valueName: "NAME"))
  var name: FileName?

  func run() throws {
    do throws(Failure) {
      let place = try WeightsPlace.ofEnvironment()
      guard let name else { return try list(place) }
      guard let model = try KnownModel.named(name.bytes) else {
        throw Failure(Self.unknown(name, try KnownModel.all()))
      }
      let file = place.file(of: model)
      for (title, value) in [
        ("name", model.name), ("network", model.network), ("file", file.shown),
        ("here", file.size == nil ? "no" : "yes"),
        ("size", "\(model.isSizeExact ? "" : "about ")\(model.bytes) bytes"),
        ("licence", model.licence), ("from", model.url), ("SHA-256", model.sha256),
      ] { print(Table.padded(title, to: 10) + Terminal.harmless(value)) }
    } catch {
      throw error.report()
    }
  }

  private func list(_ place: WeightsPlace) throws(Failure) {
    let widths = [20, 16, 6, 14, 6]
    func row(_ cells: String...) {
      print(
        zip(cells, widths).map { Table.padded(Terminal.harmless($0), to: $1) }.joined()
          .trimmingTrailingSpaces)
    }
    let models = try KnownModel.all()
    row("name", "network", "MB", "licence", "here")
    for model in models {
      row(
        model.name, model.network, "\((model.bytes + 500_000) / 1_000_000)", model.licence,
        place.file(of: model).size == nil ? "no" : "yes")
    }
  }

  static func unknown(_ name: FileName, _ known: [KnownModel]) -> String {
    "there is no model \(name.shown): the names are \(known.map(\.name).joined(separator: ", "))"
  }
}

extension String {
  fileprivate var trimmingTrailingSpaces: String {
    String(self[..<(lastIndex { $0 != " " }.map(index(after:)) ?? startIndex)])
  }
}
