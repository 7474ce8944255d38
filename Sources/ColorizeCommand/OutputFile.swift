// Files that appear in one piece.

import CImageFiles
import ColorizeCore
import Glibc

/// A file that appears in one piece, when it is complete; see CImageFiles' output_file.h.
enum OutputFile {
  /// Calls `body` with a new file, and gives it the name `target` when the disk has it.
  ///
  /// - Parameter previous: the name that the file at `target` is kept under, if there is one.
  static func write(
    _ target: FileName, keeping previous: FileName? = nil,
    _ body: (_ descriptor: Int32) throws(ColorizeError) -> Void
  ) throws(ColorizeError) {
    let file = try open(target)
    do throws(ColorizeError) {
      try body(output_file_descriptor(file))
    } catch {
      output_file_discard(file)
      throw error
    }
    let isDone =
      previous.map { $0.withCString { output_file_commit(file, $0, true) } }
      ?? output_file_commit(file, nil, true)
    guard isDone else { throw Self.failure }
  }

  /// Makes a copy of a file, byte for byte.
  static func copy(_ source: FileName, to target: FileName) throws(ColorizeError) {
    let descriptor = source.withCString { Glibc.open($0, O_RDONLY | O_CLOEXEC) }
    guard descriptor >= 0 else { throw failure }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    let file = try open(target)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR, !Interrupt.wanted { continue }
      var done = 0
      while done < count {
        let size = buffer.withUnsafeBytes { bytes in
          Glibc.write(
            output_file_descriptor(file), bytes.baseAddress.unsafelyUnwrapped + done, count - done)
        }
        if size < 0, errno == EINTR, !Interrupt.wanted { continue }
        guard size >= 0 else { break }
        done += size
      }
      if count < 0 || done < count {
        let failure = failure
        output_file_discard(file)
        throw failure
      }
      if count == 0 { break }
    }
    guard output_file_commit(file, nil, false) else { throw failure }
  }

  /// - Returns: the new file, which is to be committed or discarded.
  static func open(_ target: FileName) throws(ColorizeError) -> OpaquePointer {
    clean(target.folder)
    guard let file = target.withCString({ output_file_open($0, 0) }) else { throw failure }
    return file
  }

  /// Takes away what processes that were killed have left in a folder.
  static func clean(_ folder: FileName) { folder.withCString { output_file_clean($0) } }

  private static var failure: ColorizeError {
    .cannotWriteFile(reason: String(cString: strerror(errno)))
  }
}
