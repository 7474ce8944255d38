// colorize_image, checked.

import CColorize
import ColorizeCore

/// The formats by their numbers.
private let formats: KeyValuePairs<Int, PixelFormat> = [
  COLORIZE_GRAY8: .gray8, COLORIZE_RGB8: .rgb8, COLORIZE_RGBA8: .rgba8,
  COLORIZE_GRAY_ALPHA8: .grayAlpha8, COLORIZE_BGRA8: .bgra8, COLORIZE_GRAY16: .gray16,
  COLORIZE_GRAY_ALPHA16: .grayAlpha16, COLORIZE_RGB16: .rgb16, COLORIZE_RGBA16: .rgba16,
  COLORIZE_GRAY_FLOAT: .grayFloat, COLORIZE_GRAY_ALPHA_FLOAT: .grayAlphaFloat,
  COLORIZE_RGB_FLOAT: .rgbFloat, COLORIZE_RGBA_FLOAT: .rgbaFloat,
]

/// A caller's image.
///
/// - Parameter name: for messages.
func view(_ image: UnsafePointer<colorize_image>, _ name: String) throws(ColorizeError)
  -> ImageView
{
  let image = image.pointee
  guard let format = formats.first(where: { $0.key == Int(image.format) })?.value else {
    throw .invalidArgument(
      "\(name)->format is \(image.format); it must be COLORIZE_GRAY8 to COLORIZE_RGBA_FLOAT "
        + "(1 to \(formats.count))")
  }
  guard image.reserved == (0, 0, 0) else {
    throw .invalidArgument("\(name)->reserved is not zero")
  }
  let pixels = try required(image.pixels, "\(name)->pixels")
  // size_t comes to Swift as Int.
  guard image.row_bytes >= 0 else {
    throw .invalidArgument(
      "\(name)->row_bytes is \(UInt(bitPattern: image.row_bytes)); it must be below 2^63")
  }
  do throws(ColorizeError) {
    return try ImageView(
      pixels: pixels, rowBytes: image.row_bytes, width: Int(image.width), height: Int(image.height),
      format: format)
  } catch .invalidArgument(let text) {
    throw .invalidArgument("\(name)->\(text)")
  }
}

extension ImageView {
  var size: PictureSize { PictureSize(width: width, height: height) }
}
