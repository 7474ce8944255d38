// How pixels are laid out.

import CKernelContract

/// The channels of a pixel, and of how many bits they are. sRGB-encoded; alpha is not premultiplied.
package enum PixelFormat: CaseIterable, Sendable {
  case gray8, rgb8, rgba8, grayAlpha8, bgra8
  case gray16, grayAlpha16, rgb16, rgba16
  case grayFloat, grayAlphaFloat, rgbFloat, rgbaFloat

  /// What a channel is.
  package enum Depth: Sendable {
    /// 0 to 255.
    case bits8
    /// 0 to 65535, in the processor's byte order.
    case bits16
    /// 0 to 1.
    case float

    package var bytes: Int {
      switch self {
      case .bits8: 1
      case .bits16: 2
      case .float: 4
      }
    }
  }

  package var depth: Depth {
    switch self {
    case .gray8, .rgb8, .rgba8, .grayAlpha8, .bgra8: .bits8
    case .gray16, .grayAlpha16, .rgb16, .rgba16: .bits16
    case .grayFloat, .grayAlphaFloat, .rgbFloat, .rgbaFloat: .float
    }
  }

  /// The channels that are not alpha: 1 or 3.
  package var colorChannels: Int {
    switch self {
    case .gray8, .grayAlpha8, .gray16, .grayAlpha16, .grayFloat, .grayAlphaFloat: 1
    case .rgb8, .rgba8, .bgra8, .rgb16, .rgba16, .rgbFloat, .rgbaFloat: 3
    }
  }

  package var hasAlpha: Bool {
    switch self {
    case .gray8, .rgb8, .gray16, .rgb16, .grayFloat, .rgbFloat: false
    case .rgba8, .grayAlpha8, .bgra8, .grayAlpha16, .rgba16, .grayAlphaFloat, .rgbaFloat: true
    }
  }

  package var bytesPerPixel: Int { (colorChannels + (hasAlpha ? 1 : 0)) * depth.bytes }

  /// The same as kernels take it.
  var layout: colorize_pixel_layout {
    let last = Int32(colorChannels - 1)
    let red = self == .bgra8 ? last : 0
    return colorize_pixel_layout(
      bytes: bytesPerPixel, depth: Int32(depth.bytes), red: red, green: last / 2,
      blue: last - red, alpha: hasAlpha ? last + 1 : -1)
  }
}
