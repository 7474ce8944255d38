// `libcolorize evaluate`: how near colorings come to the photographs, by the published protocols.

import ArgumentParser
import ColorizeCore
import ColorizeTraining
import Glibc

struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measures how close colorings come to photographs.",
    usage: "libcolorize evaluate [OPTION]... DIR",
    discussion: """
      Colors the lightness of each photograph in a folder (not in its subfolders) and compares the \
      result with the photograph, at full size and before rounding to 8 bits. Prints a row for the \
      photographs themselves, for gray, for each network size and for each folder of results. \
      libcolorize-evaluate(1) explains the figures.

      A picture that cannot be read is reported and skipped; the exit status is then 1.
      """)

  @Argument(help: ArgumentHelp("A folder of color photographs.", valueName: "DIR"))
  var folder: FileName

  @Option(
    help: ArgumentHelp(
      "Model file or PyTorch checkpoint. (default: built in)", valueName: "FILE"))
  var model: FileName?

  @Option(
    help: ArgumentHelp(
      "Side at which the network sees a picture. Repeatable. (default: the model's)",
      valueName: "N"))
  var networkSize: [Int] = []

  @Option(help: ArgumentHelp("0.01 to 10. (default: 0.38)", valueName: "T"))
  var temperature: Float?

  @Option(help: ArgumentHelp("Strength of the colors: 0 to 10.", valueName: "S"))
  var saturation: Float = 1

  @Option(
    help: ArgumentHelp(
      "Give the network the true colors of this many patches, 0 to 1000, and score the rest.",
      valueName: "N"))
  var hints = 0

  @Option(
    help: ArgumentHelp(
      "Also score other results, of the same names and sizes. Repeatable.", valueName: "DIR"))
  var results: [FileName] = []

  @Option(
    help: ArgumentHelp(
      "Color frequencies for the rebalanced AuC, from 'libcolorize gamut'. (default: ImageNet's)",
      valueName: "FILE"))
  var prior: FileName?

  @Option(help: ArgumentHelp("Write the table to a .csv file, with all digits.", valueName: "FILE"))
  var csv: FileName?

  @Option(
    help: ArgumentHelp(
      "Write the colored pictures to a folder, as PNG; for one network size.", valueName: "DIR"))
  var write: FileName?

  @Option(
    help: ArgumentHelp("Threads, 1 to 256. (default: one per processor)", valueName: "N"))
  var threads: Int?

  @Option(
    help: ArgumentHelp("Only the first pictures, in the order of their names.", valueName: "N"))
  var limit: Int?

  func validate() throws {
    try Bounds.check("--temperature", temperature, AnnealedMean.temperatures)
    try Bounds.check("--saturation", saturation, 0...10)
    try Bounds.check("--hints", hints, 0...1000)
    try Bounds.check("--threads", threads, 1...RunOptions.maximumThreads)
    if let limit, limit < 1 {
      throw ValidationError("--limit is \(limit); it must be 1 or more")
    }
    if write != nil, networkSize.count > 1 {
      throw ValidationError("--write takes one --network-size, not \(networkSize.count)")
    }
  }

  func run() throws {
    var pictures = try folder.pictures()
    if let limit { pictures = Array(pictures.prefix(limit)) }
    guard !pictures.isEmpty else { throw Refusal("\(folder.shown) has no PNG, JPEG or TIFF file") }
    let table = try csv.map { (file) throws(Refusal) in
      try TableFile(file, separators: ["csv": ","], besides: [prior].compactMap { $0 })
    }
    let written = try write.map { (target) throws(Refusal) in
      try WrittenPictures(target, of: pictures, besides: [folder] + results)
    }
    let others = try results.map { (folder) throws(Refusal) in try OtherResults(folder) }

    let weights = try rebalancingWeights()

    let choice = ModelChoice(file: model)
    let model = try choice.open()
    let sizes = networkSize.isEmpty ? [model.information.defaultNetworkSize] : networkSize
    for size in sizes { try model.check(networkSize: size) }
    if hints > 0, !model.information.takesHints {
      throw Refusal("--hints: the network \(model.information.architecture) takes none")
    }
    try written?.makeFolder()

    Interrupt.listen()
    let evaluation = Evaluation(
      model: model, temperature: temperature, saturation: saturation, hints: hints, sizes: sizes,
      results: others, weights: weights, threads: threads, written: written)
    let failures = evaluation.run(pictures)
    guard evaluation.rows[0].sums.pictures > 0 else { throw ExitCode.failure }
    printTable(evaluation.rows, choice)
    if let table { try writeTable(evaluation.rows, to: table) }
    if failures > 0 { throw ExitCode.failure }
  }

  private func rebalancingWeights() throws(ExitCode) -> RebalancingWeights {
    do {
      return try RebalancingWeights(
        prior: prior.map { (file) throws(ColorizeError) in
          try PriorFile.read(file.bytes, centres: Gamut.centres)
        } ?? ImageNetPrior.probabilities)
    } catch .cannotReadFile(let path, let reason) {
      Terminal.say("\(path): \(reason)")
    } catch {
      Terminal.say("\(prior?.shown ?? "the prior"): \(error.message)")
    }
    throw .failure
  }

  // MARK: Tables

  private func printTable(_ rows: [Evaluation.Row], _ choice: ModelChoice) {
    print("pictures     \(folder.shown)")
    print("model        \(choice.shown)")
    print("temperature  \(temperature ?? AnnealedMean.defaultTemperature)")
    print("saturation   \(saturation)")
    if hints > 0 {
      let side = GroundTruthHints.patchSide
      print("hints        \(hints) patches of \(side)x\(side) pixels in each picture")
      print("             All figures exclude these patches.")
    }
    print()
    let names = rows.map { Terminal.harmless($0.name) }
    let widths = [(names.map(\.count).max() ?? 0) + 1, 8, 12, 8, 11, 8, 15, 10]
    let titles = [
      "", "AuC", "rebalanced", "PSNR", "CIEDE2000", "chroma", "colorfulness", "pictures",
    ]
    print(Table.row(titles, widths: widths))
    for (row, name) in zip(rows, names) {
      let cells = Self.values(row.sums).map { value in
        value.map { Table.formatted("%.3f", $0) } ?? "-"
      }
      print(Table.row([name] + cells + ["\(row.sums.pictures)"], widths: widths))
    }
  }

  private func writeTable(_ rows: [Evaluation.Row], to table: TableFile) throws(ExitCode) {
    let titles = [
      "name", "auc", "rebalanced_auc", "psnr", "ciede2000", "chroma", "colorfulness", "pictures",
    ]
    try table.write(
      [titles]
        + rows.map { row in
          let name = row.name.split(separator: "\"", omittingEmptySubsequences: false)
          let cells = Self.values(row.sums).map { value in value.map { "\($0)" } ?? "" }
          return ["\"\(name.joined(separator: "\"\""))\""] + cells + ["\(row.sums.pictures)"]
        })
  }

  private static func values(_ sums: FigureSums) -> [Double?] {
    let figures = sums.figures
    return [
      figures?.auc, figures?.rebalancedAUC, figures?.psnr, figures?.ciede2000, figures?.chroma,
      figures?.colorfulness,
    ]
  }
}
