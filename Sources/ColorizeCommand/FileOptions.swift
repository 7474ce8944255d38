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

/// What becomes of a border.
enum BorderChoice: String, CaseIterable, ExpressibleByArgument {
  /// It is a part of the picture.
  case none
  /// It is looked for, and becomes gray.
  case auto
}

/// Which pages of a TIFF are colored.
enum PageChoice: ExpressibleByArgument {
  case all
  case number(Int)

  init?(argument: String) {
    if argument == "all" {
      self = .all
    } else {
      guard let number = Int(argument) else { return nil }
      self = .number(number)
    }
  }

  /// From 1; nil: all.
  var number: Int? { if case .number(let number) = self { number } else { nil } }
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
      "Of a TIFF: 'all', or a page from 1. (default: what the output holds)",
      valueName: "all|N", visibility: .rare))
  var pages: PageChoice?

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

  @Option(
    help: ArgumentHelp("JPEG and WebP: 1 to 100. (default: 95)", valueName: "Q", visibility: .rare))
  var quality: Int?

  @Option(
    help: ArgumentHelp(
      "Make pictures smaller whose longer side has more pixels.", valueName: "PIXELS",
      visibility: .rare))
  var maxSize: Int?

  @Option(
    help: ArgumentHelp(
      "A black or paper border is not to change the colors inside.", valueName: "NAME",
      visibility: .rare))
  var ignoreBorder = BorderChoice.none

  @Flag(help: ArgumentHelp("The pictures are negatives.", visibility: .rare))
  var negative = false

  func validate() throws {
    try Bounds.check("--quality", quality, 1...100)
    try Bounds.check("--max-size", maxSize, 1...Int(IMAGE_FILE_MAXIMUM_SIDE))
    try Bounds.check("--max-memory", maxMemory, 1...1_048_576)
    try Bounds.check("--compression", compression, 1...9)
    try Bounds.check("--pages", pages?.number, 1...1000)
  }

  /// The limit for pixels.
  var megabytes: Int { maxMemory ?? Self.defaultMegabytes }

  /// As arguments: what is not the default and is seen in an output.
  var spelled: [String] {
    Spelling.flag("--salvage", salvage) + Spelling.option("--compression", compression)
      + Spelling.option("--quality", quality) + Spelling.flag("--negative", negative)
      + Spelling.option("--max-size", maxSize) + Spelling.option("--pages", pages?.number)
      + Spelling.option("--profile", profile == .srgb ? nil : profile.rawValue)
      + Spelling.option("--ignore-border", ignoreBorder == .none ? nil : ignoreBorder.rawValue)
  }

  /// What of it a picture is written with.
  func set(_ picture: inout image_file) {
    picture.compression = Int32(compression ?? 0)
    picture.quality = Int32(quality ?? 0)
    picture.profile = profile.cValue
  }

  /// - Parameter format: of the output.
  func reading(for format: image_file_format) -> image_file_reading {
    var reading = image_file_reading()
    reading.depth = IMAGE_FILE_ALL_BITS
    reading.page = UInt32(pages?.number ?? 0)
    reading.wants_all_pages = pages?.number == nil && OutputFormat.kind(format).has_pages
    reading.salvages = salvage
    reading.maximum_side = UInt32(maxSize ?? 0)
    reading.maximum_bytes = UInt64(megabytes) << 20
    reading.output_sample_bytes = OutputFormat.kind(format).sample_bytes
    return reading
  }
}
