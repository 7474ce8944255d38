// Text that comes from files, compared and divided byte by byte. String's own comparison takes two ways
// to write a character for one, and its characters are what belongs together: both take a time that
// is quadratic in the accents that follow a letter, of which a file may have a million.

extension StringProtocol {
  /// Whether the bytes are the same.
  func isSpelled(_ other: some StringProtocol) -> Bool { utf8.elementsEqual(other.utf8) }

  func isSpelled(beginning start: some StringProtocol) -> Bool { utf8.starts(with: start.utf8) }

  /// The parts between ASCII characters, but for empty ones.
  func parts(at separator: Unicode.Scalar) -> [String] {
    Array(utf8).split(separator: UInt8(ascii: separator)).map {
      String(decoding: $0, as: UTF8.self)
    }
  }
}
