// Reading safetensors: 8 bytes with the length of a header in JSON, which names the tensors, and
// then their bytes. https://huggingface.co/docs/safetensors describes the format.

extension TensorFile {
  /// A longer header is refused: it is kept in Swift collections, which cannot fail gently.
  package static let maximumHeaderBytes = 4 << 20
  private static let maximumMetadata = 1 << 14
  /// What these take for a byte of the header, at most: 6 bytes are enough for an entry of two
  /// strings, kept three times while a list of them grows.
  private static let collectionBytesPerByte = 32
  /// And in all: what the greatest number of entries takes besides its strings' bytes.
  private static let maximumCollectionBytes = 24 << 20

  /// - Parameter length: what the first 8 bytes say of the header.
  static func readSafetensors(_ source: ByteSource, headerBytes length: UInt64)
    throws(ColorizeError) -> (entries: [String: Entry], metadata: [(key: String, value: String)])
  {
    guard length >= 2, length <= UInt64(source.count - 8) else {
      if let foreign = try ForeignFile.name(source) { throw .invalidModel("it is \(foreign)") }
      throw .invalidModel(
        "neither a safetensors file nor a PyTorch checkpoint: its header would have \(length) bytes "
          + "of \(source.count)")
    }
    guard length <= maximumHeaderBytes else {
      throw .invalidModel("a header of \(length) bytes; the limit is \(maximumHeaderBytes)")
    }
    let header = try Memory<UInt8>(count: Int(length))
    try Reserve.check(
      more: min(
        Int(length) * collectionBytesPerByte, 3 * Int(length) + Self.maximumCollectionBytes))
    try source.read(8, Int(length), into: header.start)
    let dataStart = 8 + Int(length)

    var parser = HeaderParser(UnsafeBufferPointer(start: header.start, count: header.count))
    var entries: [String: Entry] = [:]
    var metadata: [(key: String, value: String)]?
    try parser.object { (name, parser) throws(ColorizeError) in
      if name == "__metadata__" {
        guard metadata == nil else { throw .invalidModel("__metadata__ occurs twice") }
        metadata = try Self.metadata(&parser)
        return
      }
      guard entries.count < maximumTensors else {
        throw .invalidModel("there are more than \(maximumTensors) tensors")
      }
      let entry = try Self.entry(name, &parser, data: dataStart..<source.count)
      guard entries.updateValue(entry, forKey: Self.name(name)) == nil else {
        throw .invalidModel("tensor \(name) occurs twice")
      }
    }
    try parser.end()
    let used = entries.values.reduce(dataStart) { max($0, $1.end) }
    guard used == source.count else {
      throw .invalidModel("\(source.count - used) bytes follow the last tensor")
    }
    return (entries, metadata ?? [])
  }

  /// Keys and values, sorted by key.
  private static func metadata(_ parser: inout HeaderParser) throws(ColorizeError)
    -> [(key: String, value: String)]
  {
    var metadata: [(key: String, value: String)] = []
    try parser.object { (key, parser) throws(ColorizeError) in
      guard metadata.count < maximumMetadata else {
        throw .invalidModel("there are more than \(maximumMetadata) metadata")
      }
      metadata.append((key, try parser.string()))
    }
    metadata.sort { $0.key < $1.key }
    for (first, second) in zip(metadata, metadata.dropFirst()) where first.key == second.key {
      throw .invalidModel("the metadata \(first.key) occurs twice")
    }
    return metadata
  }

  private static func entry(_ name: String, _ parser: inout HeaderParser, data: Range<Int>)
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
    guard offsets[0] <= offsets[1], offsets[1] <= data.count else {
      throw .invalidModel(
        "tensor \(name) is at bytes \(offsets[0]) to \(offsets[1]) of \(data.count)")
    }
    return Entry(
      format: format, shape: shape, strides: nil, start: data.lowerBound + offsets[0],
      end: data.lowerBound + offsets[1])
  }
}
