// How frequent the ab bins are, from a table.

import ColorizeCore

/// Reads a table as `libcolorize gamut` writes it: rows that end in a, b and how frequent that bin is, with tabs or commas
/// between them, in any order. A first row without numbers names the columns.
package enum PriorFile {
  /// More would be no table of bins.
  private static let maximumBytes = 1 << 20
  /// Centres that differ by less are the same: a model file may have them as a / 110.
  private static let tolerance: Float = 0.01

  /// - Parameters:
  ///   - path: of the file.
  ///   - centres: a and b of each bin.
  /// - Returns: by bin, what sums up to 1.
  package static func read(_ path: [UInt8], centres: [SIMD2<Float>]) throws(ColorizeError)
    -> [Double]
  {
    func failure(_ reason: String) -> ColorizeError {
      .cannotReadFile(path: String(decoding: path, as: UTF8.self), reason: reason)
    }
    let source = try path.withPath { (path) throws(ColorizeError) in
      try ByteSource(path: path)
    }
    guard source.count <= maximumBytes else {
      throw failure("it has \(source.count) bytes, and a prior at most \(maximumBytes)")
    }
    let bytes = try Memory<UInt8>(count: source.count)
    try source.read(0, source.count, into: bytes.start)
    let text = UnsafeBufferPointer(start: bytes.start, count: bytes.count)

    var prior = [Double](repeating: -1, count: centres.count)
    let lines = text.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
    for (index, line) in lines.enumerated() {
      let cells = line.split(omittingEmptySubsequences: false) {
        $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: ",")
      }.suffix(3).map { String(decoding: $0, as: UTF8.self) }
      guard cells.count == 3, let a = Float(cells[0]),
        let b = Float(cells[1]), let share = Double(cells[2])
      else {
        if index == 0 { continue }
        throw failure("row \(index + 1) does not end in three numbers, a, b and the prior")
      }
      guard share >= 0, share.isFinite else {
        throw failure("the prior of row \(index + 1) is \(share)")
      }
      let found = centres.firstIndex {
        abs($0.x - a) < tolerance && abs($0.y - b) < tolerance
      }
      guard let bin = found else {
        throw failure("row \(index + 1) is of the bin (\(a), \(b)), which the network has not")
      }
      guard prior[bin] < 0 else { throw failure("the bin (\(a), \(b)) occurs twice") }
      prior[bin] = share
    }
    if let bin = prior.firstIndex(where: { $0 < 0 }) {
      throw failure("the bin (\(centres[bin].x), \(centres[bin].y)) is missing")
    }
    let sum = prior.reduce(0, +)
    guard sum > 0, sum.isFinite else { throw failure("the priors sum up to \(sum)") }
    return prior.map { $0 / sum }
  }
}
