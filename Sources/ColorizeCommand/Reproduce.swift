// `libcolorize reproduce`: makes an output again from what it says of itself, and compares.

import ArgumentParser
import CImageFiles
import ColorizeCore
import Glibc

struct Reproduce: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reproduce", abstract: "Makes a colored picture again, and compares.",
    usage: "libcolorize reproduce PICTURE --from ORIGINAL [OPTION]...",
    discussion: """
      Outputs say which model, options and version they were made with. This checks that the original \
      and the model are those, colors the original in the same way, and compares the pixels. The exit \
      status is 1 if they are not the same: on a processor with other instructions they may differ by \
      one level.
      """)

  @Argument(help: ArgumentHelp("A picture that libcolorize has colored.", valueName: "PICTURE"))
  var picture: FileName

  @Option(help: ArgumentHelp("What it was made from.", valueName: "ORIGINAL"))
  var from: FileName

  @Option(
    help: ArgumentHelp("The model, if it was not the built-in one.", valueName: "FILE"))
  var model: FileName?

  @Option(
    help: ArgumentHelp("The picture of --palette-from, if there was one.", valueName: "FILE"))
  var paletteFrom: FileName?

  @Option(help: ArgumentHelp("The picture of --hints, if there was one.", valueName: "STROKES"))
  var hints: FileName?

  @Option(
    name: .shortAndLong, help: ArgumentHelp("Keep what is made.", valueName: "OUT"))
  var output: FileName?

  /// The options that an output says it was made with.
  private struct Recipe: ParsableArguments {
    @OptionGroup var color: ColorOptions
    @OptionGroup var known: HintOptions
    @OptionGroup var network: NetworkOptions
    @OptionGroup var files: FileOptions
    @Option(transform: ReachArgument.init) var hintReach: ReachArgument?
  }

  func run() throws {
    Interrupt.listen()
    do throws(PictureError) {
      try reproduce()
    } catch .failed(let reason) {
      Terminal.say(picture, reason)
      throw ExitCode.failure
    } catch {
      throw error.report(output ?? picture)
    }
  }

  private func reproduce() throws(PictureError) {
    let made = try MadePicture(picture)
    guard let said = made.said else {
      throw .failed("does not say how it was made; libcolorize has not made it, or did without")
    }
    var choice = ModelChoice(file: model)
    try check(said, choice)
    let recipe = try recipe(said)
    choice.precision = recipe.network.precision
    let opened = try Self.wrap { try choice.open() }
    let known = try Self.wrap { try KnownColors(recipe.known, for: opened) }
    let palette = try Self.wrap { try paletteFrom.map { try PalettePicture($0) } }
    try Self.wrap { try recipe.network.check(for: opened) }

    let place = try TemporaryFolder()
    let target: FileName
    do throws(Refusal) {
      target = try output?.writtenFile() ?? picture.inFolder(place.name)
    } catch {
      throw .failed(error.reason)
    }
    if let identity = target.status?.identity,
      [picture, from].contains(where: { $0.status?.identity == identity })
    {
      throw .failed("the output \(target.shown) would overwrite an input")
    }
    var reading = recipe.files.reading(for: made.format)
    reading.is_hashed = true
    // The one that said it, with the versions of today.
    let provenance = said.onThisMachine(opened)
    var output: PictureOutput?
    try Picture.forEachPage(from, reading) { (original, page) throws(PictureError) in
      let file = output ?? PictureOutput(target, made.format, inputDigest: original.inputDigest)
      output = file
      // One among others that had colors before says nothing.
      if page.count > 1, !made.coloredPages.contains(page.number) {
        _ = try original.keep(in: file, recipe.files)
        return
      }
      var options = RunOptions()
      recipe.color.set(&options)
      recipe.network.set(&options)
      options.hints = try known.hints(original.width, original.height)
      if let hintReach = recipe.hintReach { options.hintReach = hintReach.pixels }
      options.palette = palette?.view
      options.progress = { _ in Interrupt.wanted }
      _ = try original.color(with: opened, options, to: file, recipe.files, saying: provenance)
    }
    try output?.end(isSynced: false)
    withExtendedLifetime((known, palette)) {}

    if Digest.of(target) == Digest.of(picture) {
      print("made again: the same file, byte for byte")
      return
    }
    let difference = try largestDifference(from: target, pages: made.pageCount)
    let processor = said[.processor] ?? "unknown"
    let ours = provenance[.processor] ?? ""
    let isOther = processor != ours
    if difference == 0 {
      print("made again: the same pixels; the rest of the file differs")
      return
    }
    let levels = Table.formatted("%.3g", difference * 255)
    print("made again: pixels differ by up to \(levels) levels of 255")
    if isOther { print("it was made with \(processor); this is \(ours)") }
    guard isOther, difference <= 1.0 / 255 + 1e-9 else { throw .failed("is not what is made now") }
  }

  /// Of all pages, as `Picture.largestDifference`.
  private func largestDifference(
    from target: FileName, pages: Int
  ) throws(PictureError) -> Double {
    var largest = 0.0
    for number in 1...pages {
      let page = try Picture(picture, MadePicture.reading(page: number))
      let again = try Picture(target, MadePicture.reading(page: number))
      guard page.pageCount == again.pageCount else {
        throw .failed("has \(page.pageCount) pages; what is made now has \(again.pageCount)")
      }
      largest = max(largest, try page.largestDifference(from: again))
    }
    return largest
  }

  /// Throws where something that it was made with is not here.
  private func check(_ said: Provenance, _ choice: ModelChoice) throws(PictureError) {
    if let version = said[.version], version != Provenance.version {
      throw .failed("was made by libcolorize \(version); this is \(Provenance.version)")
    }
    let modelDigest: String
    do throws(Failure) { modelDigest = try choice.digest() } catch { throw .failed(error.reason) }
    if let wanted = said[.modelDigest], wanted != modelDigest {
      throw .failed(
        "was made with the model \(said[.model] ?? "?"), SHA-256 \(wanted), which "
          + "\(choice.shown) is not: name its file by --model")
    }
    let files: [(Provenance.Key, FileName?, String)] = [
      (.inputDigest, from, "--from"), (.paletteDigest, paletteFrom, "--palette-from"),
      (.hintsDigest, hints, "--hints"),
    ]
    for (key, file, option) in files {
      guard let file else {
        guard let wanted = said[key] else { continue }
        throw .failed("was made with a file of SHA-256 \(wanted): name it by \(option)")
      }
      guard let digest = Digest.of(file) else {
        throw .failed("\(file.shown) cannot be read: \(String(cString: strerror(errno)))")
      }
      guard said[key] == digest else {
        throw .failed("was not made with \(file.shown) (\(option)): its SHA-256 is \(digest)")
      }
    }
  }

  /// What the picture says, which anybody may have written: options of the groups above, no files.
  private func recipe(_ said: Provenance) throws(PictureError) -> Recipe {
    var words = (said[.options] ?? "").split(separator: " ").map(String.init)
    let hasFiles = words.contains { word in
      ["--palette-from", "--hints", "--max-memory"].contains { word.hasPrefix($0) }
    }
    guard !hasFiles else { throw .failed("says options that no output says") }
    for hint in (said[.hints] ?? "").split(separator: " ") { words += ["--hint", String(hint)] }
    func add(_ name: String, _ file: FileName?) {
      guard let file else { return }
      words += [name, Arguments.text(of: file.bytes)]
    }
    add("--palette-from", paletteFrom)
    add("--hints", hints)
    do {
      return try Recipe.parse(words)
    } catch {
      throw .failed("says options that this version has not: \(Recipe.message(for: error))")
    }
  }

  /// What has said itself why it fails ends the command.
  private static func wrap<Result>(_ body: () throws -> Result) throws(PictureError) -> Result {
    do {
      return try body()
    } catch let refusal as Refusal {
      throw .failed(refusal.reason)
    } catch let code as ExitCode {
      Glibc.exit(code.rawValue)
    } catch {
      throw .failed("\(error)")
    }
  }
}

/// What a picture that was made before says of itself.
private struct MadePicture {
  private(set) var format = IMAGE_FILE_PNG
  private(set) var said: Provenance?
  private(set) var pageCount = 1
  /// Those that were colored, from 1.
  private(set) var coloredPages: Set<Int> = []

  init(_ name: FileName) throws(PictureError) {
    try Picture.forEachPage(name, Self.reading(page: 0)) { (picture, page) throws(PictureError) in
      (format, pageCount) = (picture.format, page.count)
      guard let own = Provenance(of: picture) else { return }
      if said == nil { said = own }
      coloredPages.insert(page.number)
    }
  }

  /// - Parameter page: 0: all.
  static func reading(page: Int) -> image_file_reading {
    var reading = image_file_reading()
    reading.depth = IMAGE_FILE_ALL_BITS
    reading.page = UInt32(page)
    reading.wants_all_pages = page == 0
    return reading
  }
}

/// A folder that is gone, with all in it, when this is.
private final class TemporaryFolder {
  let name: FileName

  init() throws(PictureError) {
    let place = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(place)/libcolorize-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw .failed("\(place) cannot be written: \(String(cString: strerror(errno)))")
    }
    name = FileName(bytes: template.dropLast().map(UInt8.init(bitPattern:)))
  }

  deinit {
    for entry in name.entries() ?? [] {
      _ = FileName(bytes: entry).inFolder(name).withCString(unlink)
    }
    _ = name.withCString(rmdir)
  }
}

extension Provenance {
  /// The same, by what is here now.
  func onThisMachine(_ model: Model) -> Provenance {
    var other = self
    other.setMachine(model)
    return other
  }
}
