// How picture files are read and written.

import ArgumentParser
import CImageFiles

struct FileOptions: ParsableArguments {
  /// What fits without --max-memory: the largest gray picture that is read, and its coloured copy.
  static let defaultMegabytes = 8192

  @Option(
    help: ArgumentHelp(
      "Refuses a picture whose pixels would take more than this many MB, before they are read: those "
        + "of the input and of the output count together, and the coefficients of a progressive JPEG; "
        + "what the network takes comes on top. One picture is in memory at a time. (default: 8192)",
      valueName: "MB"))
  var maxMemory: Int?

  @Flag(
    help: ArgumentHelp(
      "Of a damaged file, colours what can be read: the rest is black, or made up by libjpeg. Without "
        + "this it is an error."))
  var salvage = false

  @Option(
    help: ArgumentHelp(
      "How small a PNG is made: 1 (fast) to 9 (slow and small). (default: 3)", valueName: "LEVEL"))
  var compression: Int?

  @Flag(
    help: ArgumentHelp(
      "Waits until the disk has each output: a system that crashes then leaves it whole."))
  var sync = false

  func validate() throws {
    try Bounds.check("--max-memory", maxMemory, 1...1_048_576)
    try Bounds.check("--compression", compression, 1...9)
  }

  /// - Parameter format: of the output.
  func reading(for format: image_file_format) -> image_file_reading {
    var reading = image_file_reading()
    reading.depth = IMAGE_FILE_ALL_BITS
    reading.salvages = salvage
    reading.maximum_bytes = UInt64(maxMemory ?? Self.defaultMegabytes) << 20
    reading.output_sample_bytes = OutputFormat.kind(format).sample_bytes
    return reading
  }
}
