// colorize_rgb_to_lab and colorize_lab_to_rgb.

import CColorize
import ColorizeCore

@c @implementation
public func colorize_rgb_to_lab(
  _ rgb: UnsafePointer<Float>!, _ lab: UnsafeMutablePointer<Float>!, _ count: Int,
  _ error: UnsafeMutablePointer<colorize_error>!
) -> colorize_status {
  report(to: error) { _ throws(ColorizeError) in
    try validate(count)
    guard count > 0 else { return }
    Lab.fromRGB(
      try required(rgb, "rgb"), into: try required(lab, "lab"), count: count,
      kernels: KernelSet(.best))
  }
}

@c @implementation
public func colorize_lab_to_rgb(
  _ lab: UnsafePointer<Float>!, _ rgb: UnsafeMutablePointer<Float>!, _ count: Int, _ clip: Int32,
  _ error: UnsafeMutablePointer<colorize_error>!
) -> colorize_status {
  report(to: error) { _ throws(ColorizeError) in
    try validate(count)
    guard count > 0 else { return }
    Lab.toRGB(
      try required(lab, "lab"), into: try required(rgb, "rgb"), count: count, clip: clip != 0,
      kernels: KernelSet(.best))
  }
}

/// The bytes of that many pixels must be a number.
private func validate(_ count: Int) throws(ColorizeError) {
  guard count >= 0, count <= Int.max / 12 else {
    throw .invalidArgument("count is \(UInt(bitPattern: count)); it must be at most 2^63 / 12")
  }
}
