// Reading safetensors: 8 bytes with the length of a header in JSON, which names the tensors, and
// then their bytes. https://huggingface.co/docs/safetensors describes the format.

import CPlatform
import Glibc

/// Where the bytes of a model come from: a file or memory. Nothing is mapped, since a file that is
/// cut while it is mapped ends the process.
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

  /// Copies `length` bytes from `offset` to `target`; the range lies inside the source.
  func read(_ offset: Int, _ length: Int, into target: UnsafeMutableRawPointer)
    throws(ColorizeError)
  {
    switch kind {
    case .memory(let bytes):
      if length > 0 { memcpy(target, bytes.baseAddress! + offset, length) }
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
}

/// The tensors of a model file, by name, and its metadata.
package struct TensorFile {
  /// The number formats that are read.
  package enum NumberFormat: String {
    case float32 = "F32"
    case float16 = "F16"

    var bytes: Int { self == .float32 ? 4 : 2 }
  }

  private struct Entry {
    var format: String
    var shape: [Int]
    var start: Int
    var end: Int
  }

  /// A longer header is refused: it is kept in Swift collections, which cannot fail gently.
  package static let maximumHeaderBytes = 4 << 20
  /// What these take for a byte of the header, at most: 6 bytes are enough for an entry of two
  /// strings, kept three times while a list of them grows.
  private static let collectionBytesPerByte = 32

  private let source: ByteSource
  private let entries: [String: Entry]
  private let dataStart: Int
  /// The header's `__metadata__`, sorted by key.
  package let metadata: [(key: String, value: String)]

  package init(_ source: ByteSource) throws(ColorizeError) {
    guard source.count >= 8 else {
      throw .invalidModel("\(source.count) bytes are too few for a model file")
    }
    var length: UInt64 = 0
    let first = try Memory<UInt8>(count: 8)
    try source.read(0, 8, into: first.start)
    for index in (0..<8).reversed() { length = length << 8 | UInt64(first.start[index]) }
    guard length >= 2, length <= UInt64(source.count - 8) else {
      throw .invalidModel(
        "not a safetensors file: its header would have \(length) bytes of \(source.count)")
    }
    guard length <= Self.maximumHeaderBytes else {
      throw .invalidModel("a header of \(length) bytes; the most is \(Self.maximumHeaderBytes)")
    }
    let header = try Memory<UInt8>(count: Int(length))
    try Reserve.check(more: Int(length) * Self.collectionBytesPerByte)
    try source.read(8, Int(length), into: header.start)
    dataStart = 8 + Int(length)

    var parser = HeaderParser(UnsafeBufferPointer(start: header.start, count: header.count))
    var entries: [String: Entry] = [:]
    var metadata: [(key: String, value: String)]?
    let dataCount = source.count - dataStart
    try parser.object { (name, parser) throws(ColorizeError) in
      if name == "__metadata__" {
        guard metadata == nil else { throw .invalidModel("__metadata__ is there twice") }
        metadata = try Self.metadata(&parser)
        return
      }
      let entry = try Self.entry(name, &parser, dataCount: dataCount)
      guard entries.updateValue(entry, forKey: name) == nil else {
        throw .invalidModel("tensor \(name) is there twice")
      }
    }
    try parser.end()
    let used = entries.values.reduce(0) { max($0, $1.end) }
    guard used == dataCount else {
      throw .invalidModel("\(dataCount - used) bytes follow the last tensor")
    }
    self.entries = entries
    self.metadata = metadata ?? []
    self.source = source
  }

  /// Keys and values, sorted by key.
  private static func metadata(_ parser: inout HeaderParser) throws(ColorizeError)
    -> [(key: String, value: String)]
  {
    var metadata: [(key: String, value: String)] = []
    try parser.object { (key, parser) throws(ColorizeError) in
      metadata.append((key, try parser.string()))
    }
    metadata.sort { $0.key < $1.key }
    for (first, second) in zip(metadata, metadata.dropFirst()) where first.key == second.key {
      throw .invalidModel("the metadata \(first.key) is there twice")
    }
    return metadata
  }

  private static func entry(_ name: String, _ parser: inout HeaderParser, dataCount: Int)
    throws(ColorizeError) -> Entry
  {
    var format: String?
    var shape: [Int]?
    var offsets: [Int]?
    try parser.object { (key, parser) throws(ColorizeError) in
      switch key {
      case "dtype" where format == nil: format = try parser.name()
      case "shape" where shape == nil: shape = try parser.integers(atMost: 8)
      case "data_offsets" where offsets == nil: offsets = try parser.integers(atMost: 2)
      case "dtype", "shape", "data_offsets":
        throw .invalidModel("tensor \(name) has \(key) twice")
      default: throw .invalidModel("tensor \(name) has an unknown property \(key)")
      }
    }
    guard let format, let shape, let offsets, offsets.count == 2 else {
      throw .invalidModel("tensor \(name) lacks its dtype, shape or data_offsets")
    }
    guard offsets[0] <= offsets[1], offsets[1] <= dataCount else {
      throw .invalidModel(
        "tensor \(name) is at bytes \(offsets[0]) to \(offsets[1]) of \(dataCount)")
    }
    return Entry(format: format, shape: shape, start: offsets[0], end: offsets[1])
  }

  package subscript(metadata key: String) -> String? { metadata.first { $0.key == key }?.value }

  /// The shape of a tensor; nil if there is none of that name.
  package func shape(_ name: String) -> [Int]? { entries[name]?.shape }

  /// The bytes of a tensor, in whatever number format it has.
  package func bytes(_ name: String) throws(ColorizeError) -> Memory<UInt8> {
    guard let entry = entries[name] else { throw .invalidModel("tensor \(name) is missing") }
    let bytes = try Memory<UInt8>(count: entry.end - entry.start)
    try source.read(dataStart + entry.start, bytes.count, into: bytes.start)
    return bytes
  }

  /// The values of a tensor as float32. All are finite.
  package func floats(_ name: String, shape: [Int]) throws(ColorizeError) -> Memory<Float> {
    guard let entry = entries[name] else { throw .invalidModel("tensor \(name) is missing") }
    guard entry.shape == shape else {
      throw .invalidModel("tensor \(name) has the shape \(entry.shape), not \(shape)")
    }
    guard let format = NumberFormat(rawValue: entry.format) else {
      throw .unsupportedModel("tensor \(name) is \(entry.format); F32 and F16 can be read")
    }
    // The shape is the network's or has been checked by the caller: no overflow.
    let count = shape.reduce(1, *)
    guard entry.end - entry.start == count * format.bytes else {
      throw .invalidModel(
        "tensor \(name) \(shape) of \(entry.format) has \(entry.end - entry.start) bytes, "
          + "not \(count * format.bytes)")
    }
    let values = try Memory<Float>(count: count)
    switch format {
    case .float32:
      try source.read(dataStart + entry.start, count * 4, into: values.start)
    case .float16:
      let bytes = try bytes(name)
      let halves = UnsafeRawPointer(bytes.start).assumingMemoryBound(to: UInt16.self)
      for index in 0..<count { values.start[index] = Float(halfPrecision: halves[index]) }
    }
    for index in 0..<count where !values.start[index].isFinite {
      throw .invalidModel("tensor \(name) has the value \(values.start[index]) at index \(index)")
    }
    return values
  }
}

extension Float {
  /// The number that an IEEE half-precision pattern stands for.
  @inline(__always)
  init(halfPrecision bits: UInt16) {
    let sign = UInt32(bits & 0x8000) << 16
    let magnitude = UInt32(bits & 0x7FFF)
    // Shifted into place the exponent is 112 too small, for subnormal numbers too: a product with
    // 2^112 is exact and right for both. Infinity and NaN need the largest exponent.
    let scaled = Float(bitPattern: magnitude &<< 13) * 0x1p112
    let special: UInt32 = magnitude >= 0x7C00 ? 0x7F80_0000 : 0
    self = Float(bitPattern: scaled.bitPattern | special | sign)
  }
}
