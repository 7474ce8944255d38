// `libcolorize suggest`: which colors a place of a picture may have.

import ArgumentParser
import CImageFiles
import ColorizeCore

struct Suggest: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "suggest",
    abstract: "Lists the colors that places of a photograph may have.",
    usage: "libcolorize suggest [OPTION]... PHOTO X,Y...",
    discussion: """
      For each place, prints the most plausible colors at its lightness, each with its share of the \
      network's probability. Pass one of them to --hint. X and Y are pixels from the upper left \
      corner of the picture as it is displayed. --help-hidden adds the options that are rarely needed.
      """)

  @Argument(help: ArgumentHelp("A PNG, JPEG or TIFF file.", valueName: "PHOTO"))
  var photo: FileName

  @Argument(help: ArgumentHelp("Places in it.", valueName: "X,Y"), transform: SuggestedPlace.init)
  var places: [SuggestedPlace]

  @Option(
    help: ArgumentHelp("Colors per place, at most: 1 to 32.", valueName: "N"))
  var count = 5

  @Option(
    help: ArgumentHelp(
      "0.01 to 10; near 0 the likeliest color takes all. (default: 1)", valueName: "T"))
  var temperature: Float?

  @Option(
    help: ArgumentHelp(
      "Model file or PyTorch checkpoint. (default: built in)", valueName: "FILE"))
  var model: FileName?

  @OptionGroup var known: HintOptions
  @OptionGroup var network: NetworkOptions

  @Option(
    help: ArgumentHelp("Threads, 1 to 256. (default: one per processor)", valueName: "N"))
  var threads: Int?

  func validate() throws {
    try Bounds.check("--temperature", temperature, AnnealedMean.temperatures)
    try Bounds.check("--count", count, 1...32)
    try Bounds.check("--threads", threads, 1...RunOptions.maximumThreads)
  }

  func run() throws {
    do {
      try suggest()
    } catch let error as PictureError {
      throw error.report(photo)
    }
  }

  private func suggest() throws {
    let model = try ModelChoice(file: model, precision: network.precision).open()
    try network.check(for: model)
    let known = try KnownColors(known, for: model)
    Interrupt.listen()
    let picture = try Picture(photo, IMAGE_FILE_ALL_BITS)
    for place in places {
      try place.place.check(within: picture.width, picture.height, place.name)
    }

    var options = RunOptions()
    network.set(&options)
    options.hints = try known.hints(picture.width, picture.height)
    options.temperature = temperature
    options.threads = threads
    options.progress = { _ in Interrupt.wanted }
    let rows = try picture.withView { (view) throws(PictureError) in
      try PictureError.wrapping { () throws(ColorizeError) in
        try suggestions(Session(model: model, copying: view, options: options), options)
      }
    }
    // The hints are read through pointers.
    withExtendedLifetime(known) {}
    let widths = [(rows.map(\.[0].count).max() ?? 0) + 1, 9, 8, 8, 8]
    print(Table.row(["place", "color", "a", "b", "share"], widths: widths))
    for row in rows { print(Table.row(row, widths: widths)) }
  }

  private func suggestions(
    _ session: Session, _ options: RunOptions
  ) throws(ColorizeError) -> [[String]] {
    var rows: [[String]] = []
    let points = places.map { SIMD2($0.place.x, $0.place.y) }
    var failure: ColorizeError?
    points.withUnsafeBufferPointer { buffer in
      do throws(ColorizeError) {
        try session.suggest(at: buffer, colors: count, options: options) { point, suggestions in
          for (index, suggestion) in suggestions.enumerated() {
            rows.append([index == 0 ? places[point].name : ""] + Self.cells(suggestion))
          }
        }
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return rows
  }

  private static func cells(_ suggestion: Suggestion) -> [String] {
    let rgb = suggestion.rgb
    var color = "#"
    for channel in 0..<3 {
      let level = Int((min(max(rgb[channel], 0), 1) * 255).rounded())
      color += (level < 16 ? "0" : "") + String(level, radix: 16)
    }
    return [
      color, Table.oneDecimal(suggestion.color.a), Table.oneDecimal(suggestion.color.b),
      Table.formatted("%.1f%%", 100 * Double(suggestion.probability)),
    ]
  }
}

/// A place that is asked about, as X,Y.
struct SuggestedPlace {
  let name: String
  let place: Place

  init(_ text: String) throws {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    guard parts.count == 2 else {
      throw ValidationError("it must be X,Y")
    }
    name = text
    place = try Place(parts[0], parts[1])
  }
}
