// `--log`: a line of JSON about each picture, at the end of a file.

import Glibc

final class RunLog {
  private let name: FileName
  private let descriptor: Int32
  private let provenance: Provenance?

  /// Opens the file, which is made if it is not there. A line that a killed run has not finished is
  /// taken away.
  init(_ name: FileName, _ provenance: Provenance?) throws(Failure) {
    (self.name, self.provenance) = (name, provenance)
    if name.isStandardStream {
      descriptor = dup(STDOUT_FILENO)
      return
    }
    descriptor = name.withCString { open($0, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666) }
    guard descriptor >= 0 else { throw Failure(name, "cannot be written") }
    cutUnfinishedLine()
  }

  deinit { close(descriptor) }

  private func cutUnfinishedLine() {
    // What is no regular file has no end that could be unfinished.
    var end = lseek(descriptor, 0, SEEK_END)
    guard end > 0 else { return }
    let reading = name.withCString { open($0, O_RDONLY | O_CLOEXEC) }
    guard reading >= 0 else { return }
    defer { close(reading) }
    let size = end
    var byte: UInt8 = 0
    while end > 0, pread(reading, &byte, 1, end - 1) == 1, byte != UInt8(ascii: "\n") { end -= 1 }
    if end < size { _ = ftruncate(descriptor, end) }
  }

  /// The first record of a run.
  func writeBeginning(pictures: Int) throws(Failure) {
    try write([("run", "\"begun\""), ("pictures", "\(pictures)")] + common)
  }

  /// The last record of a run that has come to its end.
  func writeEnd(_ summary: Summary) throws(Failure) {
    let others = summary.others.sorted { $0.key < $1.key }
      .map { "\(Self.quoted($0.key)): \($0.value)" }
    try write([
      ("run", "\"ended\""), ("done", "\(summary.done)"), ("copied", "\(summary.copied)"),
      ("skipped", "\(summary.skips)"), ("failed", "\(summary.failures)"),
      ("passed_over", "{\(others.joined(separator: ", "))}"),
      ("seconds", Table.oneDecimal(summary.seconds)),
    ])
  }

  /// What is the same for all of a run's pictures.
  private var common: [(String, String)] {
    let keys: [(String, Provenance.Key)] = [
      ("model", .model), ("model_sha256", .modelDigest), ("options", .options), ("hints", .hints),
      ("version", .version),
    ]
    return keys.compactMap { name, key in provenance?[key].map { (name, Self.quoted($0)) } }
  }

  func write(_ job: Job, _ report: Report) throws(Failure) {
    var fields: [(String, String)] = [("input", Self.quoted(job.input.bytes))]
    if !job.output.isStandardStream { fields.append(("output", Self.quoted(job.output.bytes))) }
    switch report.outcome {
    case .done(let notes):
      fields.append(("status", "\"done\""))
      if !notes.isEmpty {
        fields.append(("notes", "[\(notes.map { Self.quoted($0) }.joined(separator: ", "))]"))
      }
    case .copied: fields.append(("status", "\"copied\""))
    case .skipped(let reason):
      fields += [("status", "\"skipped\""), ("reason", Self.quoted(reason))]
    case .failed(let reason, _):
      fields += [("status", "\"failed\""), ("reason", Self.quoted(reason))]
    case .stopped: return
    }
    if !report.inputDigest.isEmpty {
      fields.append(("input_sha256", Self.quoted(report.inputDigest)))
    }
    if !report.outputDigest.isEmpty {
      fields.append(("output_sha256", Self.quoted(report.outputDigest)))
    }
    try write(fields + common + [("milliseconds", Table.oneDecimal(1000 * report.seconds))])
  }

  /// In one call, so that whoever is killed leaves whole lines.
  private func write(_ fields: [(String, String)]) throws(Failure) {
    let line = "{" + fields.map { "\"\($0)\": \($1)" }.joined(separator: ", ") + "}\n"
    let bytes = Array(line.utf8)
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress.unsafelyUnwrapped + done, bytes.count - done)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw Failure(name, "cannot be written") }
      done += count
    }
  }

  private static func quoted(_ text: String) -> String { quoted(Array(text.utf8)) }

  /// A JSON string (RFC 8259). A byte that is not UTF-8 becomes U+DC80 to U+DCFF, alone, which Python's
  /// os.fsencode turns back.
  private static func quoted(_ bytes: [UInt8]) -> String {
    var text = "\""
    var position = 0
    while position < bytes.count {
      let byte = bytes[position]
      if byte < 0x80 {
        switch byte {
        case UInt8(ascii: "\""): text += "\\\""
        case UInt8(ascii: "\\"): text += "\\\\"
        case 0..<0x20, 0x7F: text += escape(UInt32(byte))
        default: text.unicodeScalars.append(Unicode.Scalar(byte))
        }
        position += 1
        continue
      }
      let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2
      let character = bytes[position..<min(position + length, bytes.count)]
      if let valid = String(validating: character, as: UTF8.self) {
        text += valid
        position += length
      } else {
        text += escape(0xDC00 + UInt32(byte))
        position += 1
      }
    }
    return text + "\""
  }

  private static func escape(_ code: UInt32) -> String {
    let digits = String(code, radix: 16)
    return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
  }
}
