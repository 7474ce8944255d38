// Everything that can go wrong in Core, as one type.

/// Why a call failed. Each case's text names the value at fault and its bound.
package enum ColorizeError: Error, Equatable {
  /// A size, format, option or pointer that the call does not take.
  case invalidArgument(String)
  /// The system refused this many bytes.
  case outOfMemory(bytes: Int)
  /// The file cannot be opened or read, or is not a regular file.
  case cannotReadFile(path: String, reason: String)
  /// A file cannot be written. No call of the library writes one.
  case cannotWriteFile(reason: String)
  /// The bytes are not a model file, or the file is damaged or incomplete.
  case invalidModel(String)
  /// A sound file of an architecture or number format that is not known here.
  case unsupportedModel(String)
  /// The progress callback asked to stop.
  case cancelled

  /// One sentence for people, without a final stop. What is quoted from a file or a name in it may be
  /// anything: control characters, which would move a terminal's cursor or worse, are question marks.
  package var message: String {
    let text =
      switch self {
      case .invalidArgument(let text), .invalidModel(let text), .unsupportedModel(let text): text
      case .outOfMemory(let bytes): "no memory for \(bytes) bytes"
      case .cannotWriteFile(let reason): "cannot write: \(reason)"
      case .cannotReadFile(let path, let reason): "cannot read \(path): \(reason)"
      case .cancelled: "stopped by the progress callback"
      }
    var shown = ""
    for scalar in text.unicodeScalars.prefix(Self.maximumCharacters) {
      let isControl = scalar.value < 0x20 || 0x7F..<0xA0 ~= scalar.value
      shown.unicodeScalars.append(isControl ? "?" : scalar)
    }
    return shown
  }

  /// A longer message is cut: what is quoted may have megabytes.
  private static let maximumCharacters = 400
}
