// sRGB to CIE Lab and back, of pixels in memory. The formulas are the kernels' (color.swift).

import CKernelContract
import Glibc

/// Conversions of `count` pixels `[count, 3]`.
package enum Lab {
  /// What networks take and give ab as a share of.
  package static let abRange: Float = 110

  /// From sRGB-encoded values to L, a, b; may work in place.
  package static func fromRGB(
    _ rgb: UnsafePointer<Float>, into lab: UnsafeMutablePointer<Float>, count: Int,
    kernels: KernelSet
  ) {
    var pixels = colorize_convert(source: rgb, target: lab, count: count, clip: 0)
    kernels.table.convert_to_lab(&pixels)
  }

  /// And back; may work in place.
  ///
  /// - Parameter clip: whether each value is brought into 0 to 1.
  package static func toRGB(
    _ lab: UnsafePointer<Float>, into rgb: UnsafeMutablePointer<Float>, count: Int, clip: Bool,
    kernels: KernelSet
  ) {
    var pixels = colorize_convert(source: lab, target: rgb, count: count, clip: clip ? 1 : 0)
    kernels.table.convert_to_rgb(&pixels)
  }
}

/// The luminance of 8-bit pixels is a sum of what is looked up here.
package struct LuminanceTable {
  private let values: Memory<Float>

  package init() throws(ColorizeError) {
    values = try Memory(count: 4 * 256)
    for byte in 0..<256 {
      let light = CIELab.light(encoded: Double(byte) / 255)
      let red = Float(light * 0.212671)
      let green = Float(light * 0.715160)
      let blue = Float(light * 0.072169)
      values.start[byte] = red
      values.start[256 + byte] = green
      values.start[512 + byte] = blue
      // Summed as a pixel of three such bytes is: gray and RGB files of a picture are the same.
      values.start[768 + byte] = red + green + blue
    }
  }

  /// `[4, 256]`: what each byte adds as red, green and blue, and what it is as gray.
  package var start: UnsafePointer<Float> { UnsafePointer(values.start) }

  /// L, 0 to 100, of the pixels of a row.
  ///
  /// - Parameters:
  ///   - pixels: `[count, channels]`; 1 channel is gray, 3 are RGB.
  ///   - row: out, `[count]`, with room for `count` rounded up to 16.
  package func lightness(
    _ pixels: UnsafePointer<UInt8>, channels: Int, count: Int,
    into row: UnsafeMutablePointer<Float>, kernels: KernelSet
  ) {
    var arguments = colorize_lightness(
      source: pixels, source_bytes: channels, luminance: start, lightness: row, count: count)
    kernels.table.lightness(&arguments)
  }
}
