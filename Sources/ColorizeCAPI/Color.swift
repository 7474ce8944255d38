// colorize_rgb_to_lab, colorize_lab_to_rgb and colorize_gamut_chroma.

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

@c @implementation
public func colorize_gamut_chroma(
  _ lightness: Float, _ hues: UnsafePointer<Float>!, _ chroma: UnsafeMutablePointer<Float>!,
  _ count: Int, _ error: UnsafeMutablePointer<colorize_error>!
) -> colorize_status {
  report(to: error) { _ throws(ColorizeError) in
    try validate(count)
    guard (0...100).contains(lightness) else {
      throw .invalidArgument("lightness is \(lightness); it must be 0 to 100")
    }
    guard count > 0 else { return }
    let hues = try required(hues, "hues")
    let chroma = try required(chroma, "chroma")
    for index in 0..<count where !hues[index].isFinite {
      throw .invalidArgument("hues[\(index)] is \(hues[index])")
    }
    for index in 0..<count {
      chroma[index] = Float(
        LabColor.largestChroma(lightness: Double(lightness), hue: Double(hues[index])))
    }
  }
}

/// The bytes of that many pixels must be a number.
private func validate(_ count: Int) throws(ColorizeError) {
  guard count >= 0, count <= Int.max / 12 else {
    throw .invalidArgument("count is \(UInt(bitPattern: count)); it must be at most 2^63 / 12")
  }
}
