// The members of a tar archive: ustar, GNU's and pax's long names and sizes. Nothing is decoded or
// copied here; what the archive says is checked before it is computed with.

import ColorizeCore

/// Goes through an archive's headers, one member after the other.
struct TarReader {
  /// A regular file in the archive.
  struct Member {
    let name: [UInt8]
    /// Where its bytes are; all of them are in the archive.
    let offset: Int
    let length: Int
    /// Its first bytes: as many as were read along with the header.
    let beginning: [UInt8]
  }

  private static let block = 512
  /// A longer name, or a longer list of attributes, is not read: it is no picture's.
  private static let maximumExtension = 1 << 16
  static let beginningBytes = 16

  private let source: ByteSource
  private let header: Memory<UInt8>
  private var position = 0
  /// Why there are no more members although the archive does not end here; nil: it ended as it
  /// should.
  private(set) var damage: String?

  init(_ source: ByteSource) throws(ColorizeError) {
    self.source = source
    header = try Memory(count: Self.block + Self.beginningBytes)
  }

  /// Whether this is how an archive begins.
  static func isArchive(_ source: ByteSource) throws(ColorizeError) -> Bool {
    guard source.count >= block else { return false }
    let reader = try TarReader(source)
    try source.read(0, block, into: reader.header.start)
    return !reader.isZero && reader.checksumIsRight
  }

  /// The next regular file; nil at the end, or where the archive is damaged.
  mutating func next() throws(ColorizeError) -> Member? {
    var longName: [UInt8]?
    var longSize: Int?
    while true {
      // An archive without its two final blocks of zeros is whole as far as anyone can tell.
      guard position < source.count else { return nil }
      guard source.count - position >= Self.block else { return end("it ends within a header") }
      let available = min(header.count, source.count - position)
      try source.read(position, available, into: header.start)
      if isZero { return nil }
      guard checksumIsRight else { return end("the header's checksum is wrong") }
      let kind = header.start[156]
      guard let stated = number(124..<136) else { return end("a size is not a number") }
      // A hard link has no bytes of its own, whatever size it tells.
      let size = kind == UInt8(ascii: "1") ? 0 : isRegular(kind) ? longSize ?? stated : stated
      let extensions = kind == UInt8(ascii: "S") ? try sparseBlocks() : 0
      let start = position + Self.block * (1 + extensions)
      guard size <= source.count - start else {
        return end("\(size) bytes are announced where \(max(source.count - start, 0)) follow")
      }
      // The last member's padding may be missing.
      let next = start + min(size.roundedUp(to: Self.block), source.count - start)
      position = next
      switch kind {
      case UInt8(ascii: "L"):
        longName = try bytes(start, size)?.prefix { $0 != 0 }.map { $0 }
      case UInt8(ascii: "x"):
        if let attributes = try bytes(start, size) {
          Self.readAttributes(attributes, name: &longName, size: &longSize)
        }
      case _ where isRegular(kind):
        let beginning = (0..<min(size, available - Self.block)).map {
          header.start[Self.block + $0]
        }
        return Member(name: longName ?? name, offset: start, length: size, beginning: beginning)
      default:
        // Attributes of the whole archive tell nothing of the next member, anything else is one.
        if kind != UInt8(ascii: "g") && kind != UInt8(ascii: "K") {
          (longName, longSize) = (nil, nil)
        }
      }
    }
  }

  private mutating func end(_ reason: String) -> Member? {
    damage = "damaged at byte \(position): \(reason)"
    position = source.count
    return nil
  }

  private func isRegular(_ kind: UInt8) -> Bool {
    kind == 0 || kind == UInt8(ascii: "0") || kind == UInt8(ascii: "7")
  }

  /// Blocks that follow the header of a sparse file of GNU tar.
  private func sparseBlocks() throws(ColorizeError) -> Int {
    guard header.start[482] != 0 else { return 0 }
    let more = try Memory<UInt8>(count: Self.block)
    var blocks = 0
    repeat {
      blocks += 1
      let offset = position + blocks * Self.block
      guard source.count - offset >= Self.block else { return blocks }
      try source.read(offset, Self.block, into: more.start)
    } while more.start[504] != 0
    return blocks
  }

  private func bytes(_ offset: Int, _ length: Int) throws(ColorizeError) -> [UInt8]? {
    guard length <= Self.maximumExtension else { return nil }
    let bytes = try Memory<UInt8>(count: length)
    try source.read(offset, length, into: bytes.start)
    return Array(UnsafeBufferPointer(start: bytes.start, count: length))
  }

  /// The header's own name, with the prefix that ustar has for long ones.
  private var name: [UInt8] {
    let name = field(0..<100)
    // GNU tar's mark ends in blanks, and it has other things in the prefix's place.
    let prefix = field(257..<263).elementsEqual("ustar".utf8) ? field(345..<500) : []
    return prefix.isEmpty ? name : prefix + [UInt8(ascii: "/")] + name
  }

  /// The bytes of a field up to its zero.
  private func field(_ range: Range<Int>) -> [UInt8] {
    range.map { header.start[$0] }.prefix { $0 != 0 }.map { $0 }
  }

  /// A number: octal digits, or, where the first bit is set, 95 bits of two's complement. nil if it
  /// is neither, negative, or beyond what a file can have.
  private func number(_ range: Range<Int>) -> Int? {
    let largest = Int.max >> 10
    var value = 0
    if header.start[range.lowerBound] & 0x80 != 0 {
      guard header.start[range.lowerBound] == 0x80 else { return nil }
      for index in range.dropFirst() {
        guard value <= largest >> 8 else { return nil }
        value = value << 8 | Int(header.start[index])
      }
      return value
    }
    let digits = range.map { header.start[$0] }.drop { $0 == 0x20 }
      .prefix { $0 != 0x20 && $0 != 0 }
    for digit in digits {
      guard (0x30...0x37).contains(digit), value <= largest >> 3 else { return nil }
      value = value << 3 | Int(digit - 0x30)
    }
    return value
  }

  private var isZero: Bool { (0..<Self.block).allSatisfy { header.start[$0] == 0 } }

  /// The sum of the header's bytes, its own field read as blanks; old archives have that of signed
  /// bytes.
  private var checksumIsRight: Bool {
    let field = 148..<156
    guard let stated = number(field) else { return false }
    var unsigned = 0
    var signed = 0
    for index in 0..<Self.block {
      let byte = field.contains(index) ? 0x20 : header.start[index]
      unsigned += Int(byte)
      signed += Int(Int8(bitPattern: byte))
    }
    return stated == unsigned || stated == signed
  }

  /// pax: lines of "length key=value", the length being the whole line's. Bytes throughout: a key of
  /// combining characters would take String a time that is quadratic in their number.
  private static func readAttributes(_ bytes: [UInt8], name: inout [UInt8]?, size: inout Int?) {
    var rest = bytes[...]
    while let blank = rest.firstIndex(of: 0x20),
      let length = decimal(rest[..<blank]),
      length > blank - rest.startIndex + 1, length <= rest.count
    {
      let line = rest[(blank + 1)..<(rest.startIndex + length)].dropLast()
      rest = rest.dropFirst(length)
      guard let equals = line.firstIndex(of: UInt8(ascii: "=")) else { continue }
      let value = line[(equals + 1)...]
      let key = line[..<equals]
      if key.elementsEqual("path".utf8) { name = Array(value) }
      if key.elementsEqual("size".utf8), let number = decimal(value) { size = number }
    }
  }

  private static func decimal(_ digits: ArraySlice<UInt8>) -> Int? {
    guard !digits.isEmpty else { return nil }
    var value = 0
    for digit in digits {
      guard (0x30...0x39).contains(digit), value <= Int.max / 100 else { return nil }
      value = 10 * value + Int(digit - 0x30)
    }
    return value
  }
}
