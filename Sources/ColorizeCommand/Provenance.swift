// What an output says of how it was made, which is enough to make it again.

import CColorize
import CImageFiles
import ColorizeCore
import ColorizeDefaultModel
import Glibc

/// The SHA-256 of something, in hexadecimal.
enum Digest {
  static func of(_ bytes: UnsafeRawBufferPointer) -> String {
    var hex = [CChar](repeating: 0, count: Int(PROVENANCE_HEX_SIZE))
    provenance_hash(bytes.baseAddress, bytes.count, &hex)
    return text(hex)
  }

  /// Of a file; nil: errno says why it cannot be read.
  static func of(_ file: FileName) -> String? {
    var hex = [CChar](repeating: 0, count: Int(PROVENANCE_HEX_SIZE))
    let isRead = file.withCString { provenance_hash_file($0, { Interrupt.wanted }, &hex) }
    return isRead ? text(hex) : nil
  }

  private static func text(_ hex: [CChar]) -> String {
    String(decoding: hex.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}

/// How outputs are made: what is the same for all of a run.
struct Provenance {
  /// What our properties are called; provenance.c knows the same.
  enum Key: String, CaseIterable {
    case version = "Version"
    case model = "Model"
    case modelDigest = "ModelSHA256"
    case options = "Options"
    case hints = "Hints"
    case hintsDigest = "HintsSHA256"
    case paletteDigest = "PaletteSHA256"
    case processor = "Processor"
    case libraries = "Libraries"
    case inputDigest = "InputSHA256"
  }

  /// Those that decide what an output looks like. Versions are not among them: an archive that one has
  /// begun can be finished with the next, which says what it is.
  private static let deciding: [Key] = [
    .modelDigest, .options, .hints, .hintsDigest, .paletteDigest, .inputDigest,
  ]

  /// The header's, which is the library's.
  static let version =
    "\(COLORIZE_VERSION_MAJOR).\(COLORIZE_VERSION_MINOR).\(COLORIZE_VERSION_PATCH)"

  static var creator: String { "libcolorize \(version)" }

  /// Of a run: all but the input's.
  private(set) var values: [Key: String]

  init(
    _ choice: ModelChoice, _ model: Model, options: [String], hints: [String],
    hintsFile: FileName?, palette: FileName?
  ) throws(Failure) {
    values = [
      .version: Self.version,
      .model: model.information.architecture,
      .modelDigest: try choice.digest(),
      .options: options.joined(separator: " "),
    ]
    setMachine(model)
    if !hints.isEmpty { values[.hints] = hints.joined(separator: " ") }
    for (key, file) in [(Key.hintsDigest, hintsFile), (.paletteDigest, palette)] {
      guard let file else { continue }
      guard let digest = Digest.of(file) else { throw Failure(file, "cannot be read") }
      values[key] = digest
    }
  }

  /// What a picture says, if it was made by this program.
  init?(of picture: borrowing Picture) {
    values = [:]
    for key in Key.allCases { values[key] = picture.property(key.rawValue) }
    guard values[.modelDigest] != nil, values[.version] != nil else { return nil }
  }

  /// What of it depends on the processor and on what is installed.
  mutating func setMachine(_ model: Model) {
    let information = model.information
    values[.processor] =
      information.instructionSet.rawValue
      + (information.blas.map { " and \($0.configuration)" } ?? "")
    values[.libraries] = String(cString: provenance_libraries())
  }

  subscript(key: Key) -> String? { values[key] }

  /// Whether a picture that says this is what would be made of an input.
  func makes(_ other: Provenance, of input: String) -> Bool {
    Self.deciding.allSatisfy { key in
      (other[key] ?? "") == (key == .inputDigest ? input : values[key] ?? "")
    }
  }

  /// Adds it to what an output says.
  ///
  /// - Returns: what of the input's metadata had to be left out for it.
  func add(
    to picture: inout image_file, as format: image_file_format, input: String
  ) throws(PictureError) -> String {
    // The input's is the callee's to say.
    let said = Key.allCases.filter { $0 != .inputDigest }.compactMap { key in
      values[key].map { (name: strdup(key.rawValue), value: strdup($0)) }
    }
    defer { for (name, value) in said { free(name); free(value) } }
    let properties = said.map {
      provenance_property(name: UnsafePointer($0.name), value: UnsafePointer($0.value))
    }
    var message = [CChar](repeating: 0, count: IMAGE_FILE_MESSAGE_SIZE)
    guard
      provenance_add(
        &picture, format, properties, properties.count, Self.creator, input, &message)
    else { throw .failed("needs more memory for its metadata than there is") }
    return String(decoding: message.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}

extension ModelChoice {
  /// The SHA-256 of the model's file.
  func digest() throws(Failure) -> String {
    let located: FileName?
    do throws(ColorizeError) {
      located = try self.located()
    } catch {
      throw Failure("\(shown): \(error.message)")
    }
    guard let file = located else {
      return Digest.of(
        UnsafeRawBufferPointer(start: colorize_default_model, count: colorize_default_model_size))
    }
    guard let digest = Digest.of(file) else { throw Failure(file, "cannot be read") }
    return digest
  }
}
