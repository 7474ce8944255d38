// How frequent the ab bins are, from a table.

import ColorizeCore

/// Reads a table with a row for each bin, in which the last cell is how frequent it is: cells have tabs or
/// commas between them, and a first row without a number names the columns.
package enum PriorFile {
  /// More would be no table of bins.
  private static let maximumBytes = 1 << 20

  /// - Parameter bins: how many there are to be.
  /// - Returns: what sums up to 1.
  package static func read(_ name: String, bins: Int) throws(ColorizeError) -> [Double] {
    let source = try Array(name.utf8).withPath { (path) throws(ColorizeError) in
      try ByteSource(path: path)
    }
    guard source.count <= maximumBytes else {
      throw .cannotReadFile(
        path: name, reason: "it has \(source.count) bytes, and a prior at most \(maximumBytes)")
    }
    let bytes = try Memory<UInt8>(count: source.count)
    try source.read(0, source.count, into: bytes.start)
    let text = String(
      decoding: UnsafeBufferPointer(start: bytes.start, count: bytes.count), as: UTF8.self)
    var prior: [Double] = []
    for (index, line) in text.split(whereSeparator: \.isNewline).enumerated() {
      let cell = line.split { $0 == "\t" || $0 == "," }.last ?? ""
      guard let value = Double(cell) else {
        if index == 0 { continue }
        throw .cannotReadFile(path: name, reason: "row \(index + 1) ends with \(cell)")
      }
      guard value >= 0, value.isFinite else {
        throw .cannotReadFile(path: name, reason: "row \(index + 1) ends with \(value)")
      }
      prior.append(value)
    }
    let sum = prior.reduce(0, +)
    guard prior.count == bins, sum > 0 else {
      throw .cannotReadFile(
        path: name,
        reason: "it has \(prior.count) bins, which sum up to \(sum); the network has \(bins)")
    }
    return prior.map { $0 / sum }
  }
}
