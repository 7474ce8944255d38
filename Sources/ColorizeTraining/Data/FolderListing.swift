// The regular files below a folder, in an order that does not depend on the file system.

import CPlatform
import ColorizeCore
import Glibc

/// Paths of files, relative to the folder, sorted byte by byte.
struct FolderListing {
  private struct Entry {
    let start: Int
    let length: Int
  }

  /// Deeper folders are refused: each is open while it is gone through.
  private static let maximumDepth = 64

  private var bytes: GrowingMemory<UInt8>
  private var entries: GrowingMemory<Entry>

  /// Links to files are followed, links to folders are not: they may lead in a circle.
  init(_ folder: [UInt8]) throws(ColorizeError) {
    bytes = try GrowingMemory()
    entries = try GrowingMemory()
    try add(folder, prefix: [], depth: 0)
    let start = UnsafePointer(bytes.memory.start)
    var sorted = entries.buffer
    sorted.sort { first, second in
      let order = memcmp(
        start + first.start, start + second.start, min(first.length, second.length))
      return order == 0 ? first.length < second.length : order < 0
    }
  }

  var count: Int { entries.count }

  subscript(index: Int) -> UnsafeBufferPointer<UInt8> {
    let entry = entries[index]
    return UnsafeBufferPointer(start: bytes.memory.start + entry.start, count: entry.length)
  }

  private mutating func add(_ folder: [UInt8], prefix: [UInt8], depth: Int)
    throws(ColorizeError)
  {
    let shown = String(decoding: folder, as: UTF8.self)
    guard depth <= Self.maximumDepth else {
      throw .invalidArgument("\(shown): folders are more than \(Self.maximumDepth) deep")
    }
    guard let stream = folder.withPath({ opendir($0) }) else {
      throw .cannotReadFile(path: shown, reason: String(cString: platform_error_text(errno)))
    }
    defer { closedir(stream) }
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        guard errno == 0 else {
          throw .cannotReadFile(path: shown, reason: String(cString: platform_error_text(errno)))
        }
        return
      }
      let name = Self.name(entry)
      guard name != [0x2E], name != [0x2E, 0x2E] else { continue }
      let path = folder + [0x2F] + name
      var status = stat()
      guard path.withPath({ lstat($0, &status) }) == 0 else { continue }
      if status.st_mode & S_IFMT == S_IFDIR {
        try add(path, prefix: prefix + name + [0x2F], depth: depth + 1)
        continue
      }
      guard path.withPath({ stat($0, &status) }) == 0, status.st_mode & S_IFMT == S_IFREG else {
        continue
      }
      let start = bytes.count
      let relative = prefix + name
      try relative.withUnsafeBufferPointer { (buffer) throws(ColorizeError) in
        try bytes.append(buffer)
      }
      try entries.append(Entry(start: start, length: relative.count))
    }
  }

  private static func name(_ entry: UnsafeMutablePointer<dirent>) -> [UInt8] {
    withUnsafeBytes(of: &entry.pointee.d_name) { name in name.prefix { $0 != 0 }.map { $0 } }
  }
}

extension [UInt8] {
  /// Calls `body` with this path as C has it.
  func withPath<Result, Failure>(
    _ body: (UnsafePointer<CChar>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let characters = map(CChar.init(bitPattern:)) + [0]
    return try characters.withUnsafeBufferPointer { (buffer) throws(Failure) in
      try body(buffer.baseAddress.unsafelyUnwrapped)
    }
  }
}
