// A picture in memory: read from a file, colored, written to another.

import ArgumentParser
import CImageFiles
import ColorizeCore
import Glibc

/// Why a picture could not be colored.
enum PictureError: Error {
  case failed(String)
  /// The output cannot be written.
  case unwritten(String)
  /// The user has asked to stop.
  case stopped

  /// Calls `body`; what it throws becomes one of these.
  static func wrapping<Result>(
    _ body: () throws(ColorizeError) -> Result
  ) throws(PictureError) -> Result {
    do throws(ColorizeError) {
      return try body()
    } catch .cancelled {
      throw .stopped
    } catch {
      throw .failed(error.message)
    }
  }
}

/// A picture that was read from a file.
struct Picture: ~Copyable {
  var file: image_file

  /// - Parameter depth: what is wanted of the pixels.
  init(_ name: FileName, _ depth: image_file_depth) throws(PictureError) {
    var reading = image_file_reading()
    reading.depth = depth
    try self.init(name, reading)
  }

  init(_ name: FileName, _ reading: image_file_reading) throws(PictureError) {
    file = image_file()
    var reading = reading
    reading.applies_profile = true
    reading.stop = { Interrupt.wanted }
    // The C structure is the caller's to free even after an error.
    do {
      try Self.check { message in
        name.withCString { image_file_read($0, &reading, &file, message) }
      }
    } catch {
      image_file_free(&file)
      throw error
    }
  }

  deinit {
    var file = file
    image_file_free(&file)
  }

  var width: Int { Int(file.width) }
  var height: Int { Int(file.height) }

  /// Adds a colored copy to an output, or colors the picture itself where the copy would have its format.
  ///
  /// - Returns: what there is to say of the picture: what of it is not in the output.
  consuming func color(
    with model: Model, _ options: RunOptions, to output: PictureOutput, _ files: FileOptions,
    saying provenance: Provenance?
  ) throws(PictureError) -> [String] {
    if files.negative { invert() }
    let keepsAlpha = try keepsAlpha(in: output.format)
    let kind = OutputFormat.kind(output.format)
    try check(for: kind)

    var colored = file
    files.set(&colored)
    colored.channels = keepsAlpha ? 4 : 3
    let depth = min(file.file_sample_bytes, kind.sample_bytes)
    // What another profile is made of has more bits, so that no level is lost.
    let isConverted = files.profile == .displayP3 || file.file_sample_bytes < file.sample_bytes
    colored.sample_bytes = files.profile != .srgb && isConverted ? max(depth, 2) : depth
    let part = files.ignoreBorder == .auto ? inside() : nil
    let isBilevel = isBilevel()
    if part != nil || file.channels != colored.channels
      || file.sample_bytes != colored.sample_bytes
    {
      colored.row_bytes = Int(file.width) * Int(colored.channels * colored.sample_bytes)
      let (bytes, overflow) = colored.row_bytes.multipliedReportingOverflow(by: Int(file.height))
      guard !overflow, let pixels = malloc(bytes) else {
        throw .failed("needs \(bytes >> 20) MB of memory, more than there is")
      }
      colored.pixels = pixels.assumingMemoryBound(to: UInt8.self)
    }
    defer { if colored.pixels != file.pixels { free(colored.pixels) } }

    try PictureError.wrapping { () throws(ColorizeError) in
      let views = (input: try Self.view(file), output: try Self.view(colored))
      guard let part else {
        try Colorizer.run(
          model: model, input: views.input, output: views.output, options: options)
        return
      }
      // The border is gray: all of the picture with hardly any color, and over it what is inside.
      var gray = options
      gray.saturation = RunOptions.saturations.lowerBound
      gray.palette = nil
      try Colorizer.run(model: model, input: views.input, output: views.output, options: gray)
      try Colorizer.run(
        model: model, input: try views.input.part(part), output: try views.output.part(part),
        options: options)
    }
    let unkept =
      try provenance?.add(to: &colored, as: output.format, input: output.inputDigest) ?? ""
    let lost = try output.add(&colored)
    let drawing =
      isBilevel
      ? ["has black and white alone, as a drawing or a halftone; networks know photographs"] : []
    return notes(outputBytes: depth) + [unkept, lost].filter { !$0.isEmpty }
      + drawing
  }

  /// Adds the picture to an output as it is, but for the profile.
  ///
  /// - Returns: as `color`.
  consuming func keep(
    in output: PictureOutput, _ files: FileOptions
  ) throws(PictureError) -> [String] {
    let kind = OutputFormat.kind(output.format)
    try check(for: kind)
    var kept = file
    files.set(&kept)
    let lost = try output.add(&kept)
    return ["has colors already, and stays as it is"]
      + notes(outputBytes: min(file.file_sample_bytes, kind.sample_bytes))
      + (lost.isEmpty ? [] : [lost])
  }

  private func check(for kind: image_file_kind) throws(PictureError) {
    guard max(file.width, file.height) > kind.maximum_side else { return }
    throw .failed(
      "has \(file.width) x \(file.height) pixels; a \(String(cString: kind.name)) has at most "
        + "\(kind.maximum_side) a side")
  }

  /// - Parameter outputBytes: of a channel.
  private func notes(outputBytes: Int32) -> [String] {
    var notes: [String] = []
    if file.has_more_frames {
      notes.append("is an animation, of which only the still picture is colored")
    }
    if file.has_more_pages, file.last_page <= 1 {
      let count = file.page_count > 1 ? "\(file.page_count)" : "several"
      notes.append("has \(count) pages, of which the first is colored")
    }
    let channels = file.left_out_channels
    if channels > 0 {
      notes.append(
        channels == 1
          ? "has a channel that is neither color nor alpha, which is left out"
          : "has \(channels) channels that are neither color nor alpha, which are left out")
    }
    if outputBytes < file.file_sample_bytes {
      let has = file.file_sample_bytes == 4 ? "floats" : "16 bits a channel"
      notes.append("has \(has); the output has \(8 * outputBytes)")
    }
    let note = withUnsafeBytes(of: file.note) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    if !note.isEmpty { notes.append(note) }
    return notes
  }

  /// Calls `body` with the pixels.
  func withView<Result>(
    _ body: (ImageView) throws(PictureError) -> Result
  ) throws(PictureError) -> Result {
    try body(try PictureError.wrapping { () throws(ColorizeError) in try Self.view(file) })
  }

  /// Writes a picture of the same size and with the same metadata.
  ///
  /// - Parameter pixels: `[height, width, 3]`.
  func write(
    _ pixels: Memory<UInt8>, as format: image_file_format, to target: FileName
  ) throws(PictureError) {
    var other = file
    other.channels = 3
    other.sample_bytes = 1
    other.row_bytes = 3 * Int(file.width)
    other.pixels = pixels.start
    let output = PictureOutput(target, format, inputDigest: "")
    _ = try output.add(&other)
    try output.end(isSynced: false)
  }

  /// Whether the output has alpha. A JPEG has none: an opaque picture does not need it, another
  /// one would lose it.
  private func keepsAlpha(in format: image_file_format) throws(PictureError) -> Bool {
    guard file.channels == 2 || file.channels == 4 else { return false }
    let kind = OutputFormat.kind(format)
    guard !kind.has_alpha else { return true }
    let pixelBytes = Int(file.channels * file.sample_bytes)
    for y in 0..<Int(file.height) {
      let row = UnsafeRawPointer(file.pixels + y * file.row_bytes)
      for x in 0..<Int(file.width) {
        let end = row + (x + 1) * pixelBytes
        guard Self.isOpaque(end, file.sample_bytes) else {
          throw .failed(
            "is transparent, which a \(String(cString: kind.name)) cannot hold: choose a .png, .tif "
              + "or .webp output")
        }
      }
    }
    return false
  }

  /// - Parameter end: where the alpha ends.
  private static func isOpaque(_ end: UnsafeRawPointer, _ sampleBytes: Int32) -> Bool {
    switch sampleBytes {
    case 1: (end - 1).load(as: UInt8.self) == .max
    case 2: (end - 2).load(as: UInt16.self) == .max
    default: (end - 4).load(as: Float.self) >= 1
    }
  }

  /// The SHA-256 of the file, if it was wanted; else empty.
  var inputDigest: String {
    withUnsafeBytes(of: file.sha256) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  var format: image_file_format { file.format }

  /// Of a TIFF that was read for its first page; else 1.
  var pageCount: Int { max(Int(file.page_count), 1) }

  /// What a picture of ours says of how it was made; nil: nothing of this name.
  func property(_ name: String) -> String? {
    guard let value = withUnsafePointer(to: file, { provenance_value($0, name) }) else {
      return nil
    }
    defer { free(value) }
    return String(cString: value)
  }

  /// The largest difference of two samples, of which 1 is the whole range.
  func largestDifference(from other: borrowing Picture) throws(PictureError) -> Double {
    guard file.width == other.file.width, file.height == other.file.height,
      file.channels == other.file.channels, file.sample_bytes == other.file.sample_bytes
    else { throw .failed("has other measures or another depth than what is made now") }
    var largest = 0.0
    let count = Int(file.width) * Int(file.channels)
    for y in 0..<Int(file.height) {
      let row = UnsafeRawPointer(file.pixels + y * file.row_bytes)
      let otherRow = UnsafeRawPointer(other.file.pixels + y * other.file.row_bytes)
      for sample in 0..<count {
        let difference =
          Self.sample(row, sample, file.sample_bytes)
          - Self.sample(otherRow, sample, file.sample_bytes)
        // What is not a number is the largest there is.
        if !(difference.magnitude <= largest) { largest = difference.magnitude }
        if largest.isNaN { return .infinity }
      }
    }
    return largest
  }

  /// 0 to 1.
  static func sample(_ row: UnsafeRawPointer, _ index: Int, _ bytes: Int32) -> Double {
    switch bytes {
    case 1: Double(row.load(fromByteOffset: index, as: UInt8.self)) / 255
    case 2: Double(row.load(fromByteOffset: 2 * index, as: UInt16.self)) / 65535
    default: Double(row.load(fromByteOffset: 4 * index, as: Float.self))
    }
  }

  /// The positive of a negative; alpha stays.
  private mutating func invert() {
    let colors = Int(file.channels) - (file.channels % 2 == 0 ? 1 : 0)
    for y in 0..<Int(file.height) {
      let row = UnsafeMutableRawPointer(file.pixels + y * file.row_bytes)
      for x in 0..<Int(file.width) {
        for sample in Int(file.channels) * x..<Int(file.channels) * x + colors {
          switch file.sample_bytes {
          case 1:
            row.storeBytes(
              of: ~row.load(fromByteOffset: sample, as: UInt8.self), toByteOffset: sample,
              as: UInt8.self)
          case 2:
            row.storeBytes(
              of: ~row.load(fromByteOffset: 2 * sample, as: UInt16.self), toByteOffset: 2 * sample,
              as: UInt16.self)
          default:
            row.storeBytes(
              of: 1 - row.load(fromByteOffset: 4 * sample, as: Float.self),
              toByteOffset: 4 * sample, as: Float.self)
          }
        }
      }
    }
  }

  private static func view(_ file: image_file) throws(ColorizeError) -> ImageView {
    try ImageView(
      pixels: file.pixels, rowBytes: file.row_bytes, width: Int(file.width),
      height: Int(file.height), format: format(file))
  }

  private static func format(_ file: image_file) -> PixelFormat {
    switch (file.channels, file.sample_bytes) {
    case (1, 1): .gray8
    case (2, 1): .grayAlpha8
    case (3, 1): .rgb8
    case (_, 1): .rgba8
    case (1, 2): .gray16
    case (2, 2): .grayAlpha16
    case (3, 2): .rgb16
    case (_, 2): .rgba16
    case (1, _): .grayFloat
    case (2, _): .grayAlphaFloat
    case (3, _): .rgbFloat
    default: .rgbaFloat
    }
  }

  /// Calls one of the C functions and returns its message.
  @discardableResult
  static func check(
    _ call: (UnsafeMutablePointer<CChar>) -> image_file_status
  ) throws(PictureError) -> String {
    var buffer = [CChar](repeating: 0, count: IMAGE_FILE_MESSAGE_SIZE)
    let status = buffer.withUnsafeMutableBufferPointer { call($0.baseAddress.unsafelyUnwrapped) }
    let message = buffer.withUnsafeBufferPointer {
      String(cString: $0.baseAddress.unsafelyUnwrapped)
    }
    switch status {
    case IMAGE_FILE_OK: return message
    case IMAGE_FILE_STOPPED: throw .stopped
    default: throw .failed(message)
    }
  }
}

extension PictureError {
  /// Says it of a file, as one line; the exit status is that of what was begun and cannot be ended.
  func report(_ file: FileName) -> ExitCode {
    switch self {
    case .failed(let reason), .unwritten(let reason): Terminal.say(file, reason)
    case .stopped: Interrupt.end()
    }
    return .failure
  }
}

extension FileName {
  /// Reads a picture that an option names, at 8 bits, or says why that cannot be.
  func readForOption() throws(ExitCode) -> Picture {
    do throws(PictureError) {
      return try Picture(self, IMAGE_FILE_8_BITS)
    } catch {
      throw error.report(self)
    }
  }
}

extension ImageView {
  /// The same pixels, but only those of a part.
  fileprivate func part(_ part: Interior) throws(ColorizeError) -> ImageView {
    try ImageView(
      pixels: row(part.top) + part.left * format.bytesPerPixel, rowBytes: rowBytes,
      width: part.right - part.left, height: part.bottom - part.top, format: format)
  }
}
