// A CSV file that grows with a run: rows that begin with the step that they are about.

import ColorizeCore
import Glibc

/// The file, from its first row to the one that was written last.
package final class StepTable {
  private let descriptor: Int32

  /// Takes an empty file, or one that was written before, of which it keeps the rows up to a step.
  ///
  /// - Parameters:
  ///   - descriptor: open for reading and appending; it is closed with this object.
  ///   - columns: of which the first is the step.
  package init(_ descriptor: Int32, columns: [String], keeping step: Int) throws(ColorizeError) {
    self.descriptor = descriptor
    let header = columns.joined(separator: ",") + "\n"
    let kept = try Self.bytes(of: descriptor, header, upTo: step)
    guard ftruncate(descriptor, off_t(kept)) == 0 else { throw Self.failure }
    if kept == 0 { try append(columns) }
  }

  deinit { close(descriptor) }

  package func append(_ cells: [String]) throws(ColorizeError) {
    var rest = Array((cells.joined(separator: ",") + "\n").utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw Self.failure }
      rest = rest.dropFirst(count)
    }
  }

  /// Waits until the disk has it.
  package func flush() throws(ColorizeError) {
    guard fsync(descriptor) == 0 else { throw Self.failure }
  }

  /// How many bytes the header and the rows up to a step have. Throws if something else is there.
  private static func bytes(
    of descriptor: Int32, _ header: String, upTo step: Int
  ) throws(ColorizeError) -> Int {
    let size = lseek(descriptor, 0, SEEK_END)
    guard size > 0 else { return 0 }
    let text = try Memory<UInt8>(count: Int(size))
    guard pread(descriptor, text.start, text.count, 0) == text.count else { throw failure }
    let bytes = UnsafeBufferPointer(start: text.start, count: text.count)
    let isBroken = !bytes.contains(UInt8(ascii: "\n")) && header.utf8.starts(with: bytes)
    guard isBroken || bytes.starts(with: header.utf8) else {
      throw .cannotWriteFile(reason: "it is there, with other columns than a run writes")
    }
    var end = 0
    while let newline = bytes[end...].firstIndex(of: UInt8(ascii: "\n")) {
      let line = bytes[end...newline]
      if end > 0 {
        let cell = String(decoding: line.prefix { $0 != UInt8(ascii: ",") }, as: UTF8.self)
        guard let row = Int(cell), row <= step else { break }
      }
      end = newline + 1
    }
    return end
  }

  private static var failure: ColorizeError {
    .cannotWriteFile(reason: String(cString: strerror(errno)))
  }
}
