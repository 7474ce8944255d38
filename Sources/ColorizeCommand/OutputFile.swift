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
