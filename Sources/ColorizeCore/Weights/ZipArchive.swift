// Zip archives as PyTorch writes them: entries that are stored one behind the other, from the first
// byte of the file to the directory. Nothing is ever decompressed, so no file can become larger than
// it is; and where entries do not lie as a writer puts them, the file is damaged.
// The format: APPNOTE.TXT of PKWARE.

/// The directory of an archive, all of whose entries lie in one folder.
struct ZipArchive {
  struct Entry {
    /// Where its bytes are in the file.
    let start: Int
    let count: Int
    /// CRC-32. PyTorch writes 0 if it was told to leave it out (`set_crc32_options(False)`).
    let checksum: UInt32
  }

  /// A longer directory is refused: it is kept in Swift collections, which cannot fail gently.
  static let maximumDirectoryBytes = 1 << 20
  /// What these take for a byte of the directory, at most: a record has 47 bytes and more.
  private static let collectionBytesPerByte = 8
  /// A folder has the name of a file, and what is in it up to 30 bytes more.
  private static let maximumNameBytes = 512

  private static let endSize = 22
  private static let locatorSize = 20
  private static let wideEndSize = 56
  private static let recordSize = 46
  private static let localSize = 30

  /// By name, without the folder.
  let entries: [[UInt8]: Entry]

  /// What the directory says of an entry.
  private struct Record {
    let name: [UInt8]
    let flags: UInt16
    let isCompressed: Bool
    let checksum: UInt32
    let count: Int
    let header: Int

    /// Whether sizes and checksum follow the data.
    var hasDescriptor: Bool { flags & 8 != 0 }
  }

  /// The central directory: how many records it has, and where it is.
  private struct Directory {
    let records: Int
    let start: Int
    let count: Int
  }

  init(_ source: ByteSource) throws(ColorizeError) {
    let directory = try Self.directory(source)
    guard directory.count <= Self.maximumDirectoryBytes else {
      throw Self.failure(
        "its directory has \(directory.count) bytes; the limit is \(Self.maximumDirectoryBytes)")
    }
    try Reserve.check(more: directory.count * Self.collectionBytesPerByte)
    let bytes = try source.bytes(directory.start, directory.count)
    var records: [Record] = []
    var position = 0
    while position < bytes.count {
      records.append(try Self.record(bytes, &position, at: directory.start))
    }
    guard records.count == directory.records else {
      throw Self.failure(
        "its directory has \(records.count) entries and should have \(directory.records)")
    }
    if records.contains(where: { $0.name.suffix(14).elementsEqual("/constants.pkl".utf8) }) {
      throw .unsupportedModel("a TorchScript archive; save the module's state_dict() instead")
    }
    if let record = records.first(where: \.isCompressed) {
      throw .unsupportedModel(
        "the entry \(printable(record.name)) of the zip archive is compressed; PyTorch stores "
          + "entries as they are")
    }
    records.sort { $0.header < $1.header }
    if let last = records.last, last.header >= directory.start {
      throw Self.failure(
        "the entry \(printable(last.name)) would be at byte \(last.header); the directory begins at "
          + "byte \(directory.start)")
    }

    var entries: [[UInt8]: Entry] = [:]
    let folder = records.first.flatMap { record in
      record.name.firstIndex(of: UInt8(ascii: "/")).map { record.name[...$0] }
    }
    var end = 0
    for (index, record) in records.enumerated() {
      guard let folder, record.name.starts(with: folder) else {
        throw .unsupportedModel(
          "a zip archive, but not a PyTorch checkpoint: its entries are not in one folder")
      }
      guard record.header == end else {
        throw Self.failure(
          "the entry \(printable(record.name)) is at byte \(record.header); "
            + "the one before it ends at byte \(end)")
      }
      end = index + 1 < records.count ? records[index + 1].header : directory.start
      let entry = try Self.entry(record, before: end, source)
      let name = Array(record.name[folder.count...])
      guard entries.updateValue(entry, forKey: name) == nil else {
        throw Self.failure("the entry \(printable(record.name)) occurs twice")
      }
    }
    self.entries = entries
  }

  /// What a name's bytes are in the folder.
  subscript(name: String) -> Entry? { entries[Array(name.utf8)] }

  /// Finds the end record, and with it the directory.
  private static func directory(_ source: ByteSource) throws(ColorizeError) -> Directory {
    // Only a comment of up to 64 KB may follow the end record.
    let tailCount = min(source.count, endSize + 0xFFFF)
    let tailStart = source.count - tailCount
    let tail = try source.bytes(tailStart, tailCount)
    var position = tailCount - endSize
    while position >= 0,
      tail.number(position, UInt32.self) != 0x0605_4B50
        || position + endSize + Int(tail.number(position + 20, UInt16.self)) != tailCount
    { position -= 1 }
    guard position >= 0 else {
      throw failure("its end record is missing, so the file is not whole")
    }
    let end = tailStart + position
    var records = UInt64(tail.number(position + 10, UInt16.self))
    var count = UInt64(tail.number(position + 12, UInt32.self))
    var start = UInt64(tail.number(position + 16, UInt32.self))
    var directoryEnd = end

    if end >= locatorSize {
      let locator = try source.bytes(end - locatorSize, locatorSize)
      if locator.number(0, UInt32.self) == 0x0706_4B50 {
        let position = locator.number(8, UInt64.self)
        guard end - locatorSize >= wideEndSize,
          position <= UInt64(end - locatorSize - wideEndSize)
        else { throw failure("its zip64 end record would be at byte \(position)") }
        let wide = try source.bytes(Int(position), wideEndSize)
        guard wide.number(0, UInt32.self) == 0x0606_4B50,
          wide.number(4, UInt64.self) == UInt64(end - locatorSize) - position - 12
        else { throw failure("there is no zip64 end record at byte \(position)") }
        records = wide.number(32, UInt64.self)
        count = wide.number(40, UInt64.self)
        start = wide.number(48, UInt64.self)
        directoryEnd = Int(position)
      }
    }
    guard count <= UInt64(directoryEnd), start == UInt64(directoryEnd) - count,
      records <= count / UInt64(recordSize)
    else {
      throw failure(
        "its directory would have \(records) entries in \(count) bytes at byte \(start), "
          + "and should end at byte \(directoryEnd)")
    }
    return Directory(records: Int(records), start: Int(start), count: Int(count))
  }

  /// Reads a record of the directory, which begins at byte `start` of the file.
  private static func record(
    _ bytes: Memory<UInt8>, _ position: inout Int, at start: Int
  ) throws(ColorizeError) -> Record {
    let record = position
    guard bytes.count - record >= recordSize, bytes.number(record, UInt32.self) == 0x0201_4B50
    else { throw failure("there is no entry of its directory at byte \(start + record)") }
    let nameCount = Int(bytes.number(record + 28, UInt16.self))
    let extraCount = Int(bytes.number(record + 30, UInt16.self))
    let commentCount = Int(bytes.number(record + 32, UInt16.self))
    let extra = record + recordSize + nameCount
    position = extra + extraCount + commentCount
    guard position <= bytes.count else {
      throw failure("the entry of its directory at byte \(start + record) is cut")
    }
    guard nameCount <= maximumNameBytes else {
      throw failure("the name of an entry has \(nameCount) bytes; the limit is \(maximumNameBytes)")
    }
    let name = Array(bytes.buffer[(record + recordSize)..<extra])
    let flags = bytes.number(record + 8, UInt16.self)
    let method = bytes.number(record + 10, UInt16.self)
    guard flags & 1 == 0 else {
      throw .unsupportedModel("the entry \(printable(name)) of the zip archive is encrypted")
    }
    // What does not fit into 32 bits is in an extra field, in this order.
    var wide = WideFields(bytes, extra..<(extra + extraCount))
    guard let count = wide.value(of: bytes.number(record + 24, UInt32.self)),
      let stored = wide.value(of: bytes.number(record + 20, UInt32.self)),
      let header = wide.value(of: bytes.number(record + 42, UInt32.self))
    else { throw failure("the entry \(printable(name)) has no valid zip64 sizes") }
    guard stored == count || method != 0 else {
      throw failure("the entry \(printable(name)) has \(stored) bytes that stand for \(count)")
    }
    return Record(
      name: name, flags: flags, isCompressed: method != 0,
      checksum: bytes.number(record + 16, UInt32.self), count: count,
      header: header)
  }

  /// The zip64 extra field of a record, from which values are taken one by one.
  private struct WideFields {
    private let bytes: Memory<UInt8>
    private var position = 0
    private var end = 0

    init(_ bytes: Memory<UInt8>, _ range: Range<Int>) {
      self.bytes = bytes
      var field = range.lowerBound
      while range.upperBound - field >= 4 {
        let start = field + 4
        field = start + Int(bytes.number(field + 2, UInt16.self))
        guard field <= range.upperBound else { return }
        if bytes.number(start - 4, UInt16.self) == 1 {
          (position, end) = (start, field)
          return
        }
      }
    }

    /// The value that a 32-bit field gives, or points here for.
    mutating func value(of field: UInt32) -> Int? {
      guard field == .max else { return Int(field) }
      guard end - position >= 8 else { return nil }
      position += 8
      return Int(exactly: bytes.number(position - 8, UInt64.self))
    }
  }

  /// Finds an entry's data, which with all that belongs to it fills the file up to byte `end`.
  private static func entry(
    _ record: Record, before end: Int, _ source: ByteSource
  ) throws(ColorizeError) -> Entry {
    let known = localSize + record.name.count
    let room = end - record.header
    guard room >= known else {
      throw failure("the entry \(printable(record.name)) overlaps the one at byte \(end)")
    }
    let local = try source.bytes(record.header, known)
    guard local.number(0, UInt32.self) == 0x0403_4B50, local.number(6, UInt16.self) == record.flags,
      local.number(8, UInt16.self) == 0, Int(local.number(26, UInt16.self)) == record.name.count,
      local.buffer[localSize...].elementsEqual(record.name)
    else {
      throw failure(
        "what is at byte \(record.header) is not the entry \(printable(record.name)) "
          + "of its directory")
    }
    let extra = known + Int(local.number(28, UInt16.self))
    guard room >= extra, room - extra >= record.count else {
      throw failure("the entry \(printable(record.name)) overlaps what is at byte \(end)")
    }
    let start = record.header + extra
    let rest = room - extra - record.count
    guard try isDescriptor(rest, of: record, at: start + record.count, source) else {
      throw failure(
        "the entry \(printable(record.name)) does not end at byte \(start + record.count)")
    }
    return Entry(start: start, count: record.count, checksum: record.checksum)
  }

  /// Whether the `count` bytes at `position` are what has to follow an entry's data.
  private static func isDescriptor(
    _ count: Int, of record: Record, at position: Int, _ source: ByteSource
  ) throws(ColorizeError) -> Bool {
    guard record.hasDescriptor else { return count == 0 }
    // Sizes have 32 or 64 bits.
    guard count == 16 || count == 24 else { return false }
    let bytes = try source.bytes(position, count)
    guard bytes.number(0, UInt32.self) == 0x0807_4B50,
      bytes.number(4, UInt32.self) == record.checksum
    else { return false }
    return count == 16
      ? bytes.number(8, UInt32.self) == UInt32(truncatingIfNeeded: record.count)
      : bytes.number(8, UInt64.self) == UInt64(record.count)
  }

  private static func failure(_ what: String) -> ColorizeError {
    .invalidModel("the zip archive is damaged: \(what)")
  }
}

/// Bytes of a file as a part of a message.
func printable(_ bytes: some Sequence<UInt8>) -> String {
  var text = ""
  for byte in bytes.prefix(80) {
    text.unicodeScalars.append(0x20..<0x7F ~= byte ? UnicodeScalar(byte) : "?")
  }
  return text
}

/// CRC-32 as zip archives have it. Slow, and for a small pickle good enough.
func crc32(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt32 {
  var remainder = UInt32.max
  for byte in bytes {
    remainder ^= UInt32(byte)
    for _ in 0..<8 { remainder = remainder >> 1 ^ (remainder & 1 == 0 ? 0 : 0xEDB8_8320) }
  }
  return ~remainder
}
