// From a picture's file to its pixels, in memory that a thread keeps.

import CImageFiles
import ColorizeCore

/// A decoded picture.
package struct DecodedPicture: ~Copyable {
  private var file: image_file

  /// - Parameters:
  ///   - bytes: of a PNG or JPEG file.
  ///   - shorterSide: pixels that are needed; a JPEG that has more than twice as many is decoded at
  ///     a half, a quarter or an eighth. 0: as it is.
  package init(_ bytes: UnsafeRawBufferPointer, shorterSide: Int) throws(ColorizeError) {
    file = image_file()
    var buffer = [CChar](repeating: 0, count: Int(IMAGE_FILE_MESSAGE_SIZE))
    let status = buffer.withUnsafeMutableBufferPointer {
      image_file_read_memory(
        bytes.baseAddress, bytes.count, UInt32(shorterSide), &file, $0.baseAddress)
    }
    guard status == IMAGE_FILE_OK else {
      image_file_free(&file)
      throw .invalidArgument(
        buffer.withUnsafeBufferPointer { String(cString: $0.baseAddress.unsafelyUnwrapped) })
    }
  }

  deinit {
    var file = file
    image_file_free(&file)
  }

  package var width: Int { Int(file.width) }
  package var height: Int { Int(file.height) }

  /// All of it; valid as long as the picture.
  package var view: ImageView {
    get throws(ColorizeError) {
      try ImageView(
        pixels: file.pixels, rowBytes: file.row_bytes, width: width, height: height,
        format: file.channels == 1 ? .gray8 : file.channels == 3 ? .rgb8 : .rgba8)
    }
  }
}

/// Reads pictures one after the other; for one thread.
package final class PictureReader {
  private let set: PictureSet
  private var bytes: Memory<UInt8>

  package init(_ set: PictureSet) throws(ColorizeError) {
    self.set = set
    bytes = try Memory(count: 1 << 16)
  }

  /// - Parameters:
  ///   - index: of the picture in the set.
  ///   - shorterSide: see `DecodedPicture`.
  package func read(_ index: Int, shorterSide: Int) throws(ColorizeError) -> DecodedPicture {
    let count = try set.read(index, into: &bytes)
    return try DecodedPicture(
      UnsafeRawBufferPointer(start: bytes.start, count: count), shorterSide: shorterSide)
  }
}
