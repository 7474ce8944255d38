// File names as what they are to the system: bytes, which need not be UTF-8.

import ArgumentParser
import Glibc

/// The name of a file or folder. Never empty, and without a zero byte.
struct FileName: Hashable {
  let bytes: [UInt8]

  private static let slash = UInt8(ascii: "/")
  private static let dot = UInt8(ascii: ".")

  /// What `-` stands for: standard input, or standard output.
  var isStandardStream: Bool { bytes == [UInt8(ascii: "-")] }

  /// For people.
  var shown: String { Terminal.harmless(String(decoding: bytes, as: UTF8.self), replacing: "?") }

  func withCString<Result, Failure>(
    _ body: (UnsafePointer<CChar>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let characters = bytes.map(CChar.init(bitPattern:)) + [0]
    return try characters.withUnsafeBufferPointer { (buffer) throws(Failure) in
      try body(buffer.baseAddress.unsafelyUnwrapped)
    }
  }

  var endsWithSlash: Bool { bytes.last == Self.slash }

  /// What follows the last slash: "c.png" of "a/b/c.png".
  var lastPart: [UInt8] {
    bytes.lastIndex(of: Self.slash).map { Array(bytes[($0 + 1)...]) } ?? bytes
  }

  /// The folder that it lies in: "a/b" of "a/b/c.png", "." of "c.png", "/" of "/c.png".
  var folder: FileName {
    guard let end = bytes.lastIndex(of: Self.slash) else { return FileName(bytes: [Self.dot]) }
    return FileName(bytes: Array(bytes[..<max(end, 1)]))
  }

  /// The last part without its extension: "c" of "a/b/c.png", ".c" of ".c".
  var stem: [UInt8] {
    let part = lastPart
    guard let end = part.lastIndex(of: Self.dot), end > 0 else { return part }
    return Array(part[..<end])
  }

  /// The last part's extension in lower case, without the dot; empty if there is none.
  var fileExtension: String {
    String(decoding: lastPart.dropFirst(stem.count + 1), as: UTF8.self).lowercased()
  }

  /// "a/b-colorized.png" of "a/b.png".
  func inserting(beforeExtension text: String) -> FileName {
    let index = bytes.count - lastPart.count + stem.count
    return FileName(bytes: bytes[..<index] + Array(text.utf8) + bytes[index...])
  }

  /// The file of this name in a folder.
  func inFolder(_ folder: FileName) -> FileName {
    folder.appending(lastPart)
  }

  /// The same file without links and dots on the way; nil if there is no such file.
  var resolved: FileName? {
    guard let path = withCString({ realpath($0, nil) }) else { return nil }
    defer { free(path) }
    return FileName(
      bytes: UnsafeBufferPointer(start: path, count: strlen(path)).map(UInt8.init(bitPattern:)))
  }

  /// What the system says of the file; nil if there is none. Links are followed.
  var status: FileStatus? {
    var answer = stat()
    return withCString { stat($0, &answer) } == 0 ? FileStatus(answer) : nil
  }

  /// The file's lines, without what ends them; nil: it cannot be read.
  var lines: [String]? {
    guard let file = withCString({ fopen($0, "re") }) else { return nil }
    defer { fclose(file) }
    var lines: [String] = []
    var line: UnsafeMutablePointer<CChar>?
    var size = 0
    defer { free(line) }
    while getline(&line, &size, file) >= 0, let line {
      let text = String(cString: line)
      lines.append(text.hasSuffix("\n") ? String(text.dropLast()) : text)
    }
    return lines
  }

  /// Gives the file another name, whatever has that now. Returns whether it could.
  func moved(to name: FileName) -> Bool {
    withCString { old in name.withCString { rename(old, $0) == 0 } }
  }

  /// Whether something has this name, be it a link that leads nowhere.
  var isTaken: Bool {
    var answer = stat()
    return withCString { lstat($0, &answer) } == 0
  }
}

extension FileName {
  /// The file that is written under this name: it, or what it links to. Nothing but a regular file is
  /// ever written over.
  func writtenFile() throws(Refusal) -> FileName {
    guard let status else {
      if isTaken { throw Refusal("\(shown) is a broken link") }
      return folder.resolved.map(inFolder) ?? self
    }
    guard status.isRegularFile else {
      throw Refusal("\(shown) is not a regular file and is not overwritten")
    }
    return resolved ?? self
  }
}

/// A file or folder as it is now.
struct FileStatus {
  /// The same for all names of one file.
  struct Identity: Hashable {
    let device: UInt64
    let number: UInt64
  }

  let identity: Identity
  let isFolder: Bool
  let isRegularFile: Bool
  /// In bytes.
  let size: Int
  /// When what it holds was changed last, in seconds.
  let changed: Double

  fileprivate init(_ answer: stat) {
    identity = Identity(device: UInt64(answer.st_dev), number: UInt64(answer.st_ino))
    isFolder = answer.st_mode & S_IFMT == S_IFDIR
    isRegularFile = answer.st_mode & S_IFMT == S_IFREG
    size = Int(answer.st_size)
    changed = Double(answer.st_mtim.tv_sec) + Double(answer.st_mtim.tv_nsec) / 1e9
  }
}

extension FileName: ExpressibleByArgument {
  init?(argument: String) {
    guard !argument.isEmpty else { return nil }
    self.init(bytes: Arguments.bytes(of: argument))
  }
}
