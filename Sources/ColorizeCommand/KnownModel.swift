// The published weights that have a name, and where their files lie.

import CKnownModels
import ColorizeCore
import Glibc

/// Published weights: a row of the table, models.tsv in the Python package.
struct KnownModel {
  let name: String
  /// A network of Core's.
  let network: String
  /// The published file's name.
  let file: String
  let bytes: Int64
  /// Whether the file has exactly as many.
  let isSizeExact: Bool
  /// 64 hexadecimal digits.
  let sha256: String
  /// Of the weights.
  let licence: String
  let url: String

  /// No server needs to send more bytes than these.
  var largest: Int64 { isSizeExact ? bytes : 2 * bytes }

  /// Names a table to be used instead of the one inside the command.
  private static let variable = "LIBCOLORIZE_MODELS"

  /// All rows. Throws if the environment names a table that cannot be read.
  static func all() throws(Failure) -> [KnownModel] {
    guard let path = getenv(variable), path.pointee != 0 else {
      return try rows(of: Array(UnsafeBufferPointer(start: known_models, count: known_models_size)))
    }
    let table = FileName(cString: path)
    let bytes = try table.contents()
    do {
      return try rows(of: bytes)
    } catch {
      throw Failure("\(table.shown): \(error.reason)")
    }
  }

  /// The row of a name; nil if there is none.
  static func named(_ name: [UInt8]) throws(Failure) -> KnownModel? {
    try all().first { Array($0.name.utf8) == name }
  }

  private static func rows(of table: [UInt8]) throws(Failure) -> [KnownModel] {
    var rows: [KnownModel] = []
    for (number, line) in table.split(separator: 10, omittingEmptySubsequences: false).enumerated()
    where !line.isEmpty && line.first != UInt8(ascii: "#") {
      guard let row = KnownModel(line) else {
        throw Failure("line \(number + 1) is no row of a table of models")
      }
      rows.append(row)
    }
    return rows
  }

  private init?(_ line: ArraySlice<UInt8>) {
    let cells = line.split(separator: 9, omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
    guard cells.count == 7, cells.allSatisfy({ !$0.isEmpty }) else { return nil }
    let isAbout = cells[3].hasPrefix("~")
    // A name with a slash would lead out of the folder.
    guard let bytes = Int64(isAbout ? String(cells[3].dropFirst()) : cells[3]),
      (1...1 << 40).contains(bytes), cells[4].utf8.count == 64,
      cells[4].utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }),
      !cells[2].contains("/"), cells[2] != ".."
    else { return nil }
    name = cells[0]
    network = cells[1]
    file = cells[2]
    self.bytes = bytes
    isSizeExact = !isAbout
    sha256 = cells[4]
    licence = cells[5]
    url = cells[6]
  }
}

/// Where the files of published weights are, as `libcolorize.weights` in Python has it.
enum WeightsPlace {
  /// A folder or a file that `LIBCOLORIZE_WEIGHTS` names. Nothing is downloaded.
  case local(FileName)
  /// The folder for downloads, and the URL of a mirror, if `LIBCOLORIZE_WEIGHTS` names one.
  case downloads(FileName, mirror: String?)

  static let variable = "LIBCOLORIZE_WEIGHTS"

  static func ofEnvironment() throws(Failure) -> WeightsPlace {
    let chosen = getenv(variable).map { String(cString: $0) } ?? ""
    if chosen.hasPrefix("http://") || chosen.hasPrefix("https://") {
      return .downloads(try folderForDownloads(), mirror: chosen)
    }
    if let path = getenv(variable), path.pointee != 0 { return .local(FileName(cString: path)) }
    return .downloads(try folderForDownloads(), mirror: nil)
  }

  /// The file of a model, be it there or not.
  func file(of model: KnownModel) -> FileName {
    let name = FileName(bytes: Array(model.file.utf8))
    switch self {
    case .local(let place):
      return place.lastPart == name.bytes && place.status?.isFolder != true
        ? place : name.inFolder(place)
    case .downloads(let folder, _): return name.inFolder(folder)
    }
  }

  private static func folderForDownloads() throws(Failure) -> FileName {
    let ours = FileName(bytes: Array("libcolorize".utf8))
    if let cache = getenv("XDG_CACHE_HOME"), cache.pointee != 0 {
      return ours.inFolder(FileName(cString: cache))
    }
    let home =
      getenv("HOME").flatMap { $0.pointee == 0 ? nil : $0 } ?? getpwuid(getuid())?.pointee.pw_dir
    guard let home else {
      throw Failure(
        "there is no folder for downloads, since this user has no home folder: let XDG_CACHE_HOME "
          + "name one, or \(variable) a folder that holds the weights")
    }
    let cache = FileName(bytes: Array(".cache".utf8)).inFolder(FileName(cString: home))
    return ours.inFolder(cache)
  }
}

extension FileName {
  /// Of the system's; not empty.
  init(cString: UnsafePointer<CChar>) {
    self.init(
      bytes: UnsafeBufferPointer(start: cString, count: strlen(cString))
        .map(UInt8.init(bitPattern:)))
  }

  /// The bytes of a small text file.
  fileprivate func contents() throws(Failure) -> [UInt8] {
    let largest = 1 << 20
    let descriptor = withCString { Glibc.open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
    guard descriptor >= 0 else { throw Failure(self, "cannot be read") }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: largest + 1)
    var count = 0
    while count < bytes.count {
      let now = bytes.withUnsafeMutableBytes {
        read(descriptor, $0.baseAddress.unsafelyUnwrapped + count, $0.count - count)
      }
      if now < 0, errno == EINTR { continue }
      guard now >= 0 else { throw Failure(self, "cannot be read") }
      if now == 0 { return Array(bytes[..<count]) }
      count += now
    }
    throw Failure("\(shown): has more than \(largest) bytes")
  }

  /// The size of a regular file, links followed; nil if there is none.
  var size: Int64? {
    var answer = stat()
    let isThere = withCString { stat($0, &answer) } == 0 && answer.st_mode & S_IFMT == S_IFREG
    return isThere ? Int64(answer.st_size) : nil
  }
}
