// A picture in memory: read from a file, coloured, written to another.

import CImageFiles
import ColorizeCore
import Glibc

/// Why a picture could not be coloured.
enum PictureError: Error {
  case failed(String)
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
  private var file: image_file

  var had16Bits: Bool { file.had_16_bits }

  init(_ name: FileName) throws(PictureError) {
    file = image_file()
    // The C structure is the caller's to free even after an error.
    do {
      try Self.check { message in
        name.withCString { image_file_read($0, { Interrupt.wanted }, &file, message) }
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

  /// Makes a coloured copy, or colours the picture itself where the copy would have its format.
  ///
  /// - Returns: what the format could not take of the picture's metadata, or nil.
  consuming func colour(
    with model: Model, _ options: RunOptions, to job: Job
  ) throws(PictureError) -> String? {
    let keepsAlpha = try keepsAlpha(in: job)
    let channels = keepsAlpha ? 4 : 3
    if job.format == IMAGE_FILE_JPEG, max(file.width, file.height) > maximumJPEGSide {
      throw .failed(
        "has \(file.width) x \(file.height) pixels; a JPEG has at most \(maximumJPEGSide) a side")
    }

    var coloured = file
    coloured.channels = Int32(channels)
    if file.channels != coloured.channels {
      coloured.row_bytes = Int(file.width) * channels
      guard let pixels = malloc(coloured.row_bytes * Int(file.height)) else {
        throw .failed("needs \(coloured.row_bytes * Int(file.height) >> 20) MB, which were refused")
      }
      coloured.pixels = pixels.assumingMemoryBound(to: UInt8.self)
    }
    defer { if coloured.pixels != file.pixels { free(coloured.pixels) } }

    try PictureError.wrapping { () throws(ColorizeError) in
      try Colorizer.run(
        model: model, input: try Self.view(file), output: try Self.view(coloured),
        options: options)
    }
    let note = try Self.write(&coloured, as: job.format, to: job.target)
    return note.isEmpty ? nil : note
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
    other.row_bytes = 3 * Int(file.width)
    other.pixels = pixels.start
    _ = try Self.write(&other, as: format, to: target)
  }

  /// - Returns: which metadata the format could not take, or nothing.
  private static func write(
    _ picture: inout image_file, as format: image_file_format, to target: FileName
  ) throws(PictureError) -> String {
    try check { message in
      target.withCString {
        image_file_write($0, format, &picture, { Interrupt.wanted }, message)
      }
    }
  }

  private var maximumJPEGSide: UInt32 { UInt32(IMAGE_FILE_MAXIMUM_JPEG_SIDE) }

  /// Whether the output has alpha. A JPEG has none: an opaque picture does not need it, another
  /// one would lose it.
  private func keepsAlpha(in job: borrowing Job) throws(PictureError) -> Bool {
    guard file.channels == 4 else { return false }
    guard job.format == IMAGE_FILE_JPEG else { return true }
    for y in 0..<Int(file.height) {
      let row = file.pixels + y * file.row_bytes
      for x in 0..<Int(file.width) where row[4 * x + 3] != 255 {
        throw .failed("is transparent, which a JPEG cannot hold: choose a .png output")
      }
    }
    return false
  }

  private static func view(_ file: image_file) throws(ColorizeError) -> ImageView {
    try ImageView(
      pixels: file.pixels, rowBytes: file.row_bytes, width: Int(file.width),
      height: Int(file.height),
      format: file.channels == 1 ? .gray8 : file.channels == 3 ? .rgb8 : .rgba8)
  }

  /// Calls one of the C functions and returns its message.
  @discardableResult
  private static func check(
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
