// Words and figures in columns.

import Glibc

enum Table {
  /// The text, and spaces up to a width.
  static func padded(_ text: String, to width: Int) -> String {
    text + String(repeating: " ", count: max(width - text.count, 1))
  }

  /// A first column that begins at its left, and others that end at their right.
  static func row(_ cells: [String], widths: [Int]) -> String {
    var line = padded(cells[0], to: widths[0])
    for (cell, width) in zip(cells, widths).dropFirst() {
      line += String(repeating: " ", count: max(width - cell.count, 1)) + cell
    }
    return line
  }

  /// "1.2e-05".
  static func scientific(_ value: Float) -> String { formatted("%.1e", Double(value)) }

  /// "12.3".
  static func oneDecimal(_ value: Double) -> String { formatted("%.1f", value) }

  /// With one of `printf`'s formats for a float64.
  static func formatted(_ format: String, _ value: Double) -> String {
    var buffer = [CChar](repeating: 0, count: 64)
    withVaList([value]) { _ = vsnprintf(&buffer, buffer.count, format, $0) }
    return buffer.withUnsafeBufferPointer { String(cString: $0.baseAddress.unsafelyUnwrapped) }
  }
}
