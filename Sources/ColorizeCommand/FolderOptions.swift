// Which of many pictures are colored, where the outputs go, and what becomes of those that are there.

import ArgumentParser
import CImageFiles
import ColorizeCore
import Glibc

/// What becomes of an output that is there already.
enum Existing: String, CaseIterable, ExpressibleByArgument {
  case skip, replace, fail
}

/// What becomes of a picture that has colors.
enum ColoredChoice: String, CaseIterable, ExpressibleByArgument {
  case skip, copy, recolor
}

/// The format of outputs: a row of the table, or nil for each input's own.
struct FormatChoice: ExpressibleByArgument {
  let kind: image_file_kind?

  private static let same = "same"
  static var allValueStrings: [String] {
    OutputFormat.writtenKinds.map { name(of: $0) } + [same]
  }

  init?(argument: String) {
    kind = OutputFormat.writtenKinds.first { Self.name(of: $0) == argument }
    guard kind != nil || argument == Self.same else { return nil }
  }

  private static func name(of kind: image_file_kind) -> String {
    String(cString: kind.name).lowercased()
  }
}

/// What outputs are called, as '{stem}-colorized{ext}'.
struct NameTemplate: ExpressibleByArgument {
  private let text: [UInt8]

  private static let stem = Array("{stem}".utf8)
  private static let ext = Array("{ext}".utf8)

  init?(argument: String) {
    text = Arguments.bytes(of: argument)
    // Without the first all would have one name; without the last the format would be unknown.
    guard text.firstRange(of: Self.stem) != nil, text.suffix(Self.ext.count) == Self.ext[...],
      !text.contains(UInt8(ascii: "/")), text.first != UInt8(ascii: ".")
    else { return nil }
  }

  /// - Parameter ext: with its dot.
  func name(stem: [UInt8], ext: [UInt8]) -> [UInt8] {
    var name = Array(text.dropLast(Self.ext.count))
    name.replace(Self.stem, with: stem)
    return name + ext
  }
}

struct FolderOptions: ParsableArguments {
  /// Of pictures from which on several are colored at a time without being told to.
  private static let fewPictures = 16

  @Option(
    help: ArgumentHelp(
      "In folders: only names like this. Repeatable.", valueName: "GLOB", visibility: .rare))
  var include: [FileName] = []

  @Option(
    help: ArgumentHelp(
      "In folders: no names like this. Repeatable.", valueName: "GLOB", visibility: .rare))
  var exclude: [FileName] = []

  @Option(
    help: ArgumentHelp(
      "Names of files and folders, one a line or each ended by a zero byte; - is standard input.",
      valueName: "LIST", visibility: .rare))
  var fromFile: FileName?

  @Option(
    help: ArgumentHelp(
      "What becomes of outputs that are there.", valueName: "NAME"))
  var existing: Existing?

  @Flag(help: ArgumentHelp("Say what would be done, and do nothing.", visibility: .rare))
  var dryRun = false

  @Option(
    help: ArgumentHelp(
      "Names of outputs, of {stem} and {ext}.", valueName: "NAME", visibility: .rare))
  var name: NameTemplate?

  @Option(help: ArgumentHelp("Format of outputs.", valueName: "FORMAT", visibility: .rare))
  var to: FormatChoice?

  @Option(
    help: ArgumentHelp("Pictures that have colors.", valueName: "NAME", visibility: .rare))
  var colored: ColoredChoice?

  @Option(
    help: ArgumentHelp(
      "Pictures at a time, 1 to 256. (default: one per processor)", valueName: "N",
      visibility: .rare))
  var jobs: Int?

  @Option(
    help: ArgumentHelp(
      "Append a line of JSON about each picture.", valueName: "FILE.jsonl", visibility: .rare))
  var log: FileName?

  func validate() throws {
    try Bounds.check("--jobs", jobs, 1...RunOptions.maximumThreads)
  }

  /// How many pictures are colored at a time.
  func jobs(for outputs: Outputs, processors: Int) -> Int {
    let isMany = outputs.isArchive || outputs.jobs.count >= Self.fewPictures
    let wanted = jobs ?? (isMany ? processors : 1)
    // What waits for a pipe must be where signals arrive.
    let hasPipes = outputs.jobs.contains { $0.input.status?.isRegularFile == false }
    return hasPipes ? 1 : max(min(wanted, outputs.jobs.count), 1)
  }

  /// Whether a file or folder in a folder is wanted, by its name or, where a pattern has a slash, by
  /// its path in the folder that was named.
  func excludes(_ path: [UInt8]) -> Bool { exclude.contains { $0.matches(path) } }

  func includes(_ path: [UInt8]) -> Bool {
    include.isEmpty || include.contains { $0.matches(path) }
  }
}

extension FileName {
  /// As a pattern (fnmatch), in capitals or not; `*` also stands for slashes.
  fileprivate func matches(_ path: [UInt8]) -> Bool {
    let foldsCase: Int32 = 1 << 4  // FNM_CASEFOLD, which the C library has as an extension
    let name =
      bytes.contains(UInt8(ascii: "/")) ? path : FileName(bytes: path).lastPart
    return withCString { pattern in
      FileName(bytes: name).withCString { fnmatch(pattern, $0, foldsCase) } == 0
    }
  }

  /// The names in a list: each ended by a zero byte if there is one in it, else one a line.
  func listedNames() throws(Refusal) -> [FileName] {
    let descriptor =
      isStandardStream ? dup(STDIN_FILENO) : withCString { open($0, O_RDONLY | O_CLOEXEC) }
    guard descriptor >= 0 else {
      throw Refusal("\(shown): cannot be opened: \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      if count == 0 { break }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        throw Refusal("\(shown): cannot be read: \(String(cString: strerror(errno)))")
      }
      bytes += buffer[..<count]
      guard bytes.count <= 1 << 30 else { throw Refusal("\(shown) has more than 1024 MB of names") }
    }
    let end: UInt8 = bytes.contains(0) ? 0 : UInt8(ascii: "\n")
    return bytes.split(separator: end).map { FileName(bytes: Array($0)) }
  }
}
