// Where the bytes of a model come from, and how numbers are read from them.

import CPlatform
import Glibc

/// A file or memory. Nothing is mapped, since a file that is cut while it is mapped ends the process.
package final class ByteSource {
  private enum Kind {
    case file(descriptor: Int32, name: String)
    case memory(UnsafeRawBufferPointer)
  }

  private let kind: Kind
  package let count: Int

  /// Opens a regular file. A path is bytes, which need not be UTF-8.
  package init(path: UnsafePointer<CChar>) throws(ColorizeError) {
    let name = String(cString: path)
    // Without O_NONBLOCK, opening a named pipe would wait for a writer.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard descriptor >= 0 else {
      throw .cannotReadFile(path: name, reason: String(cString: platform_error_text(errno)))
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw .cannotReadFile(path: name, reason: "not a regular file")
    }
    kind = .file(descriptor: descriptor, name: name)
    count = Int(status.st_size)
  }

  /// Borrows bytes, which must outlive the source.
  package init(_ bytes: UnsafeRawBufferPointer) {
    kind = .memory(bytes)
    count = bytes.count
  }

  deinit {
    if case .file(let descriptor, _) = kind { close(descriptor) }
  }

  /// Copies `length` bytes from `offset` to `target`. Throws if they are not all inside the source.
  package func read(_ offset: Int, _ length: Int, into target: UnsafeMutableRawPointer)
    throws(ColorizeError)
  {
    // Whoever asks has checked it. But bytes in memory have no end that the system would see to.
    guard offset >= 0, length >= 0, offset <= count, length <= count - offset else {
      throw .invalidModel("\(length) bytes at byte \(offset) are not in its \(count) bytes")
    }
    switch kind {
    case .memory(let bytes):
      if length > 0 { memcpy(target, bytes.baseAddress.unsafelyUnwrapped + offset, length) }
    case .file(let descriptor, let name):
      var done = 0
      while done < length {
        let result = pread(descriptor, target + done, length - done, offset + done)
        if result < 0 && errno == EINTR { continue }
        guard result >= 0 else {
          throw .cannotReadFile(path: name, reason: String(cString: platform_error_text(errno)))
        }
        guard result > 0 else {
          throw .cannotReadFile(path: name, reason: "it ended at byte \(offset + done)")
        }
        done += result
      }
    }
  }

  /// As `read`, into memory of its own.
  func bytes(_ offset: Int, _ length: Int) throws(ColorizeError) -> Memory<UInt8> {
    let bytes = try Memory<UInt8>(count: length)
    try read(offset, length, into: bytes.start)
    return bytes
  }
}

extension Memory<UInt8> {
  var buffer: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: start, count: count) }

  /// The little-endian number at `offset`; all of it lies inside.
  func number<Number: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, _ type: Number.Type)
    -> Number
  {
    Number(
      littleEndian: UnsafeRawPointer(start).loadUnaligned(fromByteOffset: offset, as: Number.self))
  }
}
