// The metrics of a run: a CSV file with a row for every few steps.

import ColorizeCore
import Glibc

extension StepReport {
  /// The columns of what is averaged over the steps of a row.
  fileprivate static let figures = [
    "loss", "classification", "regression", "map", "pooled", "gradient_norm",
  ]

  fileprivate var figures: [Double] {
    [loss, parts.classification, parts.regression, parts.map, parts.pooled, gradientNorm]
  }

  /// Whether the weights can still be numbers.
  package var isFinite: Bool { loss.isFinite && gradientNorm.isFinite }
}

extension LossWeights {
  /// The columns of the loss and of the parts that it has, if it has several.
  package var columns: [String] {
    let parts = [
      ("classification", classification), ("regression", regression), ("map", map),
      ("pooled", pooled),
    ].filter { $0.1 > 0 }
    return ["loss"] + (parts.count > 1 ? parts.map(\.0) : [])
  }
}

/// What the steps since the last row add up to.
package struct MetricsSum {
  package private(set) var steps = 0
  package private(set) var seconds = 0.0
  /// Of each figure of a step's report.
  private var sums = [Double](repeating: 0, count: StepReport.figures.count)

  package init() {}

  /// - Parameter seconds: how long the step took.
  package mutating func add(_ report: StepReport, seconds: Double) {
    steps += 1
    self.seconds += seconds
    for (index, value) in report.figures.enumerated() { sums[index] += value }
  }

  /// The means, in the order of `StepReport.figures`.
  fileprivate var means: [Double] { sums.map { $0 / Double(max(steps, 1)) } }

  /// As a checkpoint notes it: every bit of it.
  package var text: String {
    ([Double(steps), seconds] + sums).map { "\($0)" }.joined(separator: " ")
  }

  package init?(_ text: String) {
    let numbers = text.split(separator: " ").compactMap { Double($0) }
    guard numbers.count == 2 + sums.count, let steps = Int(exactly: numbers[0]) else { return nil }
    self.steps = steps
    seconds = numbers[1]
    sums = Array(numbers[2...])
  }
}

/// The file, from its first row to the one that was written last.
package final class MetricsFile {
  /// What its first line says.
  private static let header =
    (["step", "images", "seconds", "images_per_second", "learning_rate"] + StepReport.figures)
    .joined(separator: ",") + "\n"

  private let descriptor: Int32

  /// Takes an empty file, or one that was written before, of which it keeps the rows up to a step.
  ///
  /// - Parameter descriptor: open for reading and appending; it is closed with this object.
  package init(_ descriptor: Int32, keeping step: Int) throws(ColorizeError) {
    self.descriptor = descriptor
    let kept = try Self.bytes(of: descriptor, upTo: step)
    guard ftruncate(descriptor, off_t(kept)) == 0 else { throw Self.failure }
    if kept == 0 { try append(Self.header) }
  }

  deinit { close(descriptor) }

  /// Writes the means of some steps.
  ///
  /// - Parameters:
  ///   - step: the last of them.
  ///   - seconds: since the run was begun.
  package func append(
    _ sum: MetricsSum, step: Int, batch: Int, seconds: Double, learningRate: Float
  ) throws(ColorizeError) {
    let speed = Double(sum.steps * batch) / max(sum.seconds, 1e-9)
    let cells =
      ["\(step)", "\(step * batch)", rounded(seconds), rounded(speed), "\(learningRate)"]
      + sum.means.map { "\(Float($0))" }
    try append(cells.joined(separator: ",") + "\n")
  }

  /// Waits until the disk has it.
  package func flush() throws(ColorizeError) {
    guard fsync(descriptor) == 0 else { throw Self.failure }
  }

  /// With two digits behind the point.
  private func rounded(_ value: Double) -> String { "\((value * 100).rounded() / 100)" }

  private func append(_ line: String) throws(ColorizeError) {
    var rest = Array(line.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw Self.failure }
      rest = rest.dropFirst(count)
    }
  }

  /// How many bytes the header and the rows up to a step have. Throws if another header is there.
  private static func bytes(of descriptor: Int32, upTo step: Int) throws(ColorizeError) -> Int {
    let size = lseek(descriptor, 0, SEEK_END)
    guard size > 0 else { return 0 }
    let text = try Memory<UInt8>(count: Int(size))
    guard pread(descriptor, text.start, text.count, 0) == text.count else { throw failure }
    let bytes = UnsafeBufferPointer(start: text.start, count: text.count)
    var end = 0
    while let newline = bytes[end...].firstIndex(of: UInt8(ascii: "\n")) {
      let line = bytes[end...newline]
      if end == 0 {
        guard line.elementsEqual(header.utf8) else {
          throw .cannotWriteFile(reason: "it is there, with other columns than a run writes")
        }
      } else {
        let cell = String(decoding: line.prefix { $0 != UInt8(ascii: ",") }, as: UTF8.self)
        guard let row = Int(cell), row <= step else { break }
      }
      end = newline + 1
    }
    return end
  }

  private static var failure: ColorizeError {
    .cannotWriteFile(reason: String(cString: strerror(errno)))
  }
}
