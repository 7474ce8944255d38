// How picture files are read and written.

import ArgumentParser
import CImageFiles

/// The color profile that outputs are written with.
enum OutputProfile: String, CaseIterable, ExpressibleByArgument {
  case srgb, keep
  case displayP3 = "display-p3"

  var cValue: image_file_profile {
    switch self {
    case .srgb: IMAGE_FILE_PROFILE_SRGB
    case .keep: IMAGE_FILE_PROFILE_KEEP
    case .displayP3: IMAGE_FILE_PROFILE_DISPLAY_P3
    }
  }
}

struct FileOptions: ParsableArguments {
  /// What fits without --max-memory: the largest gray picture that is read, and its colored copy.
  static let defaultMegabytes = 8192

  @Option(
    help: ArgumentHelp(
      "Refuse pictures whose pixels need more than this many MB. (default: 8192)",
      valueName: "MB", visibility: .rare))
  var maxMemory: Int?

  @Option(
    help: ArgumentHelp(
      "The page of a TIFF, from 1. (default: the first)", valueName: "N", visibility: .rare))
  var pages: Int?

  @Flag(help: "Color what can be read of a damaged file.")
  var salvage = false

  @Option(
    help: ArgumentHelp(
      "Color profile of the outputs; 'keep': the input's. (default: srgb)", valueName: "NAME",
      visibility: .rare))
  var profile = OutputProfile.srgb

  @Option(
    help: ArgumentHelp(
      "PNG: 1 (fast) to 9 (slow and small). (default: 3)", valueName: "LEVEL",
      visibility: .rare))
  var compression: Int?

  @Flag(
    help: ArgumentHelp(
      "Wait until the disk has each output, in case the system crashes.", visibility: .rare))
  var sync = false

  func validate() throws {
    try Bounds.check("--max-memory", maxMemory, 1...1_048_576)
    try Bounds.check("--compression", compression, 1...9)
    try Bounds.check("--pages", pages, 1...1000)
  }

  /// - Parameter format: of the output.
  func reading(for format: image_file_format) -> image_file_reading {
    var reading = image_file_reading()
    reading.depth = IMAGE_FILE_ALL_BITS
    reading.page = UInt32(pages ?? 0)
    reading.salvages = salvage
    reading.maximum_bytes = UInt64(maxMemory ?? Self.defaultMegabytes) << 20
    reading.output_sample_bytes = OutputFormat.kind(format).sample_bytes
    return reading
  }
}
