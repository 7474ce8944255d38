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

  /// One sentence for people, without a final stop.
  package var message: String {
    switch self {
    case .invalidArgument(let text), .invalidModel(let text), .unsupportedModel(let text): text
    case .outOfMemory(let bytes): "no memory for \(bytes) bytes"
    case .cannotWriteFile(let reason): "cannot write: \(reason)"
    case .cannotReadFile(let path, let reason): "cannot read \(path): \(reason)"
    case .cancelled: "stopped by the progress callback"
    }
  }
}
