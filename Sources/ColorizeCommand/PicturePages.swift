// The pages of a file: read and written one after the other, so that memory holds one of them.

import CImageFiles
import Glibc

/// The file that pictures are written to. It has its name only once all of them are in it; nothing is left of one that
/// has not come to its end.
final class PictureOutput {
  let format: image_file_format
  /// SHA-256 of the file that the pictures come from, or empty.
  let inputDigest: String
  private let target: FileName
  private var writer: OpaquePointer?

  init(_ target: FileName, _ format: image_file_format, inputDigest: String) {
    (self.target, self.format, self.inputDigest) = (target, format, inputDigest)
  }

  deinit { image_file_discard(writer) }

  /// Writes a picture behind those that are there; the first one begins the file.
  ///
  /// - Returns: which metadata the format could not take, or nothing.
  func add(_ picture: inout image_file) throws(PictureError) -> String {
    try unwritten { () throws(PictureError) in
      if writer == nil {
        try Picture.check { message in
          writer = target.withCString {
            image_file_begin($0, format, picture.permissions, message)
          }
          return writer == nil ? IMAGE_FILE_FAILED : IMAGE_FILE_OK
        }
      }
      return try Picture.check { message in
        image_file_add(writer, &picture, { Interrupt.wanted }, message)
      }
    }
  }

  /// Gives the file its name.
  func end(isSynced: Bool) throws(PictureError) {
    guard let writer else { return }
    self.writer = nil
    _ = try unwritten { () throws(PictureError) in
      try Picture.check { message in
        image_file_end(writer, isSynced, { Interrupt.wanted }, message)
      }
    }
  }

  private func unwritten(
    _ body: () throws(PictureError) -> String
  ) throws(PictureError) -> String {
    do throws(PictureError) {
      return try body()
    } catch .failed(let reason) {
      throw .unwritten(reason)
    }
  }
}

extension Picture {
  /// A page of a file.
  struct Page {
    /// From 1.
    let number: Int
    /// How many are read.
    let count: Int
  }

  /// Reads a file, a page at a time if `reading` wants all of them, and calls `body` with each.
  static func forEachPage(
    _ name: FileName, _ reading: image_file_reading,
    _ body: (consuming Picture, Page) throws(PictureError) -> Void
  ) throws(PictureError) {
    var first = try Picture(name, reading)
    let count = reading.wants_all_pages ? max(Int(first.file.page_count), 1) : 1
    var reading = reading
    reading.copy = first.takeCopy()
    defer { if reading.copy > 0 { close(reading.copy) } }
    reading.is_hashed = false
    first.setPage(Page(number: 1, count: count))
    try body(first, Page(number: 1, count: count))
    guard count > 1 else { return }
    for number in 2...count {
      let page = Page(number: number, count: count)
      reading.page = UInt32(number)
      do throws(PictureError) {
        var picture = try Picture(name, reading)
        picture.setPage(page)
        try body(picture, page)
      } catch .failed(let reason) {
        throw .failed("page \(number): \(reason)")
      }
    }
  }

  private mutating func setPage(_ page: Page) {
    guard page.count > 1 else { return }
    file.page = UInt32(page.number)
    file.last_page = UInt32(page.count)
  }

  /// The copy of what came through a pipe, which is the caller's to close.
  private mutating func takeCopy() -> Int32 {
    defer { file.copy = 0 }
    return file.copy
  }
}

extension Provenance {
  /// What a file says that this program has made: on all of its pages but those that had colors before.
  ///
  /// - Returns: nil: nothing.
  static func said(
    by name: FileName, _ reading: image_file_reading
  ) throws(PictureError) -> Provenance? {
    var said: Provenance?
    try Picture.forEachPage(name, reading) { (picture, _) throws(PictureError) in
      if said == nil { said = Provenance(of: picture) }
    }
    return said
  }
}
