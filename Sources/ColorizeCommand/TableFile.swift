// Tables that are written to files.

import ArgumentParser
import ColorizeCore
import Glibc

/// A file for a table: rows of cells with commas between them (.csv), or tabs (.tsv).
struct TableFile {
  private let file: FileName
  private let separator: String

  /// - Parameters:
  ///   - separators: the extensions that the file may have, and what they say.
  ///   - others: files that are read, which it must not be.
  init(
    _ file: FileName, separators: KeyValuePairs<String, String>, besides others: [FileName] = []
  ) throws(Refusal) {
    guard let separator = separators.first(where: { $0.key == file.fileExtension })?.value else {
      let names = separators.map { ".\($0.key)" }.joined(separator: " or ")
      throw Refusal("\(file.shown) cannot be written: the extension must be \(names)")
    }
    guard file.folder.status?.isFolder == true else {
      throw Refusal("\(file.shown) cannot be written: there is no folder \(file.folder.shown)")
    }
    if let status = file.status,
      let other = others.first(where: { $0.status?.identity == status.identity })
    {
      throw Refusal("the output \(file.shown) would overwrite the input \(other.shown)")
    }
    self.file = try file.writtenFile()
    self.separator = separator
  }

  /// Writes the file, which appears in one piece.
  func write(_ rows: [[String]]) throws(ExitCode) {
    let text = rows.map { $0.joined(separator: separator) + "\n" }.joined()
    do {
      try OutputFile.write(file) { (descriptor) throws(ColorizeError) in
        try Self.write(Array(text.utf8), to: descriptor)
      }
    } catch {
      guard case .cannotWriteFile(let reason) = error else {
        Terminal.say(file, error.message)
        throw .failure
      }
      Terminal.say(file, "cannot be written: \(reason)")
      throw .failure
    }
  }

  private static func write(_ bytes: [UInt8], to descriptor: Int32) throws(ColorizeError) {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress.unsafelyUnwrapped + done, bytes.count - done)
      }
      if count < 0, errno != EINTR {
        throw .cannotWriteFile(reason: String(cString: strerror(errno)))
      }
      done += max(count, 0)
    }
  }
}
