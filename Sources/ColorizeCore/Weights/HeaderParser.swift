// The part of JSON that a safetensors header is made of: objects, strings and lists of natural
// numbers. Core has no Foundation, and a header that comes from anywhere must not be able to make
// it recurse, or keep it busy: what names are compared with takes time that grows with the square
// of their length, since Swift compares strings in their normal form.

/// Reads JSON from its first byte to its last. The bytes must outlive it.
struct HeaderParser {
  /// A longer name, or a longer word where few are known, is an error.
  static let maximumNameBytes = 256

  private let bytes: UnsafeBufferPointer<UInt8>
  private var position = 0

  init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  /// An object; `member` reads the value of the member whose name it is given.
  mutating func object(
    _ member: (_ name: String, _ parser: inout HeaderParser) throws(ColorizeError) -> Void
  ) throws(ColorizeError) {
    try expect("{")
    if accept("}") { return }
    repeat {
      let name = try name()
      try expect(":")
      try member(name, &self)
    } while accept(",")
    try expect("}")
  }

  /// A list of at most `most` numbers from 0 up.
  mutating func integers(atMost most: Int) throws(ColorizeError) -> [Int] {
    var numbers: [Int] = []
    try expect("[")
    if accept("]") { return [] }
    repeat {
      guard numbers.count < most else { throw failure("more than \(most) numbers") }
      numbers.append(try integer())
    } while accept(",")
    try expect("]")
    return numbers
  }

  private mutating func integer() throws(ColorizeError) -> Int {
    skipSpace()
    let start = position
    var number = 0
    while position < bytes.count, (0x30...0x39).contains(bytes[position]) {
      let (tens, overflow) = number.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tens.addingReportingOverflow(Int(bytes[position] - 0x30))
      guard !overflow, !carry else { throw failure("a number beyond 64 bits") }
      number = sum
      position += 1
    }
    guard position > start else { throw failure("a number was expected") }
    return number
  }

  /// A string that will be compared with others.
  mutating func name() throws(ColorizeError) -> String {
    let name = try string()
    guard name.utf8.count <= Self.maximumNameBytes else {
      throw failure("a name of \(name.utf8.count) bytes, more than \(Self.maximumNameBytes),")
    }
    return name
  }

  mutating func string() throws(ColorizeError) -> String {
    try expect("\"")
    var text: [UInt8] = []
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else {
          throw failure("a string that is not UTF-8")
        }
        return string
      case UInt8(ascii: "\\"): try appendEscape(to: &text)
      case 0..<0x20: throw failure("a control character in a string")
      default: text.append(byte)
      }
    }
    throw failure("a string without an end")
  }

  private mutating func appendEscape(to text: inout [UInt8]) throws(ColorizeError) {
    guard position < bytes.count else { throw failure("a string without an end") }
    let byte = bytes[position]
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      var units = [try hexadecimal()]
      if UTF16.isLeadSurrogate(units[0]) {
        guard position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
          bytes[position + 1] == UInt8(ascii: "u")
        else { throw failure("half of a surrogate pair") }
        position += 2
        units.append(try hexadecimal())
      }
      guard let character = String(validating: units, as: UTF16.self) else {
        throw failure("half of a surrogate pair")
      }
      text.append(contentsOf: character.utf8)
    default: throw failure("an unknown escape in a string")
    }
  }

  private mutating func hexadecimal() throws(ColorizeError) -> UInt16 {
    guard bytes.count - position >= 4 else { throw failure("a string without an end") }
    var unit: UInt16 = 0
    for _ in 0..<4 {
      guard let digit = Character(UnicodeScalar(bytes[position])).hexDigitValue else {
        throw failure("a \\u that is not hexadecimal")
      }
      unit = unit << 4 | UInt16(digit)
      position += 1
    }
    return unit
  }

  /// Only space may follow.
  mutating func end() throws(ColorizeError) {
    skipSpace()
    guard position == bytes.count else { throw failure("something behind the end") }
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(ColorizeError) {
    guard accept(character) else { throw failure("\"\(character)\" was expected") }
  }

  private mutating func accept(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func skipSpace() {
    while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) {
      position += 1
    }
  }

  private func failure(_ what: String) -> ColorizeError {
    .invalidModel("the header is not a safetensors header: \(what) at byte \(8 + position)")
  }
}
