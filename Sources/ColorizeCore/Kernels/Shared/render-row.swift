// The last stage of a picture: the lightness that it came with and the colours that the network
// gave, to 8-bit sRGB. And the first: its lightness.

import CKernelContract

/// See `colorize_lightness`.
package func lightness(_ row: UnsafePointer<colorize_lightness>) {
  let target = row.pointee.lightness!
  let count = row.pointee.count
  readLuminance(
    row.pointee.source!, row.pointee.source_bytes, row.pointee.luminance!, count, into: target)
  var x = 0
  while x < count {
    store(lightness(labF(load(target + x))), target + x)
    x &+= lanes
  }
}

/// See `colorize_render_row`.
package func renderRow(_ row: UnsafePointer<colorize_render_row>) {
  let chunk = Int(COLORIZE_RENDER_CHUNK)
  let count = row.pointee.count
  let sourceBytes = row.pointee.source_bytes
  let targetBytes = row.pointee.target_bytes
  // Luminance, a and b; then red, green and blue; then whole pixels in the first.
  let first = row.pointee.scratch!
  let second = first + chunk + 16
  let third = second + chunk + 16
  var column = 0
  var x = 0
  while x < count {
    let left = count &- x
    let width = left < chunk ? left : chunk
    let source = row.pointee.source! + x &* sourceBytes
    let target = row.pointee.target! + x &* targetBytes
    readLuminance(source, sourceBytes, row.pointee.luminance!, width, into: first)
    column = interpolate(row, from: x, width, column, second, third)
    convertToLight(first, second, third, width)
    encode(first, width)
    encode(second, width)
    encode(third, width)
    join(first, second, third, width)
    if targetBytes == 3 {
      writeRGB(first, width, target)
    } else if sourceBytes == 4 {
      writeRGBA(first, width, target) { UInt32(source[4 &* $0 &+ 3]) }
    } else {
      writeRGBA(first, width, target) { _ in 255 }
    }
    x &+= width
  }
}

/// The luminance of `count` pixels.
@inline(__always)
private func readLuminance(
  _ source: UnsafePointer<UInt8>, _ sourceBytes: Int, _ table: UnsafePointer<Float>, _ count: Int,
  into luminance: UnsafeMutablePointer<Float>
) {
  let green = table + 256
  let blue = table + 512
  let gray = table + 768
  var x = 0
  if sourceBytes == 1 {
    while x < count {
      luminance[x] = gray[Int(source[x])]
      x &+= 1
    }
    return
  }
  var pixel = source
  while x < count {
    luminance[x] = table[Int(pixel[0])] + green[Int(pixel[1])] + blue[Int(pixel[2])]
    pixel += sourceBytes
    x &+= 1
  }
}

/// a and b of `width` pixels from `first` on: bilinear.
///
/// - Parameter column: of the pixel `first` or one left of it.
/// - Returns: the column of the last pixel.
@inline(__always)
private func interpolate(
  _ row: UnsafePointer<colorize_render_row>, from first: Int, _ width: Int, _ column: Int,
  _ a: UnsafeMutablePointer<Float>, _ b: UnsafeMutablePointer<Float>
) -> Int {
  let rowShare = row.pointee.row_share
  let starts = row.pointee.starts!
  let last = row.pointee.columns &- 1

  @inline(__always)
  func value(_ upper: UnsafePointer<Float>, _ lower: UnsafePointer<Float>, _ column: Int) -> Float {
    upper[column] + (lower[column] - upper[column]) * rowShare
  }

  let share = row.pointee.share! + first
  var column = column
  var x = 0
  while true {
    let next = Int(starts[column &+ 1]) &- first
    let end = next < width ? next : width
    if x < end {
      let right = column < last ? column &+ 1 : last
      let leftA = value(row.pointee.upper_a!, row.pointee.lower_a!, column)
      let leftB = value(row.pointee.upper_b!, row.pointee.lower_b!, column)
      let stepA = value(row.pointee.upper_a!, row.pointee.lower_a!, right) - leftA
      let stepB = value(row.pointee.upper_b!, row.pointee.lower_b!, right) - leftB
      // The last vector may go beyond `end`: what is there is written after it.
      while x < end {
        let shares = load(share + x)
        store(multiplyAdd(shares, Vector(repeating: stepA), Vector(repeating: leftA)), a + x)
        store(multiplyAdd(shares, Vector(repeating: stepB), Vector(repeating: leftB)), b + x)
        x &+= lanes
      }
      x = end
    }
    if x == width { return column }
    column &+= 1
  }
}

// The two loops below are functions of their own so that their constants stay in registers; not
// private, since what is private and not inlined may become a weak symbol.

/// Luminance, a and b to linear light, in place.
@inline(never)
func convertToLight(
  _ first: UnsafeMutablePointer<Float>, _ second: UnsafeMutablePointer<Float>,
  _ third: UnsafeMutablePointer<Float>, _ count: Int
) {
  var x = 0
  while x < count {
    let y = load(first + x)
    let light = light(y: y, fy: labF(y), a: load(second + x), b: load(third + x))
    store(light.first, first + x)
    store(light.second, second + x)
    store(light.third, third + x)
    x &+= lanes
  }
}

/// Linear light to bytes in words, in place: clipped to 0 to 1, encoded, and rounded to the nearest
/// of 255 steps.
@inline(never)
func encode(_ values: UnsafeMutablePointer<Float>, _ count: Int) {
  var x = 0
  while x < count {
    let value = encoded(atMost(1, atLeast(0, load(values + x))), scale: 255)
    // Adding 1.5 * 2^23 rounds to a whole number, which then stands in the low bits.
    store(value + Vector(repeating: 12_582_912), values + x)
    x &+= lanes
  }
}

/// Words of red, green and blue to pixels in the first: red in the lowest byte, green, blue, 0.
@inline(__always)
private func join(
  _ first: UnsafeMutablePointer<Float>, _ second: UnsafePointer<Float>,
  _ third: UnsafePointer<Float>, _ count: Int
) {
  let low = Words(repeating: 0xFF)
  var x = 0
  while x < count {
    let red = unsafeBitCast(load(first + x), to: Words.self)
    let green = unsafeBitCast(load(second + x), to: Words.self)
    let blue = unsafeBitCast(load(third + x), to: Words.self)
    let pixels =
      (red & low) | (green & low) &<< Words(repeating: 8) | (blue & low) &<< Words(repeating: 16)
    store(unsafeBitCast(pixels, to: Vector.self), first + x)
    x &+= lanes
  }
}

/// Four bytes for each pixel but the last, of which the next pixel takes one back: the pixel behind
/// the last one may not have been read yet, or not be there.
@inline(__always)
private func writeRGB(
  _ pixels: UnsafePointer<Float>, _ count: Int, _ target: UnsafeMutablePointer<UInt8>
) {
  var pixel = UnsafeMutableRawPointer(target)
  var x = 0
  while x < count &- 1 {
    pixel.storeBytes(of: pixels[x].bitPattern, as: UInt32.self)
    pixel += 3
    x &+= 1
  }
  let color = pixels[x].bitPattern
  pixel.storeBytes(of: UInt16(truncatingIfNeeded: color), as: UInt16.self)
  pixel.storeBytes(of: UInt8(truncatingIfNeeded: color &>> 16), toByteOffset: 2, as: UInt8.self)
}

@inline(__always)
private func writeRGBA(
  _ pixels: UnsafePointer<Float>, _ count: Int, _ target: UnsafeMutablePointer<UInt8>,
  _ alpha: (Int) -> UInt32
) {
  let target = UnsafeMutableRawPointer(target)
  var x = 0
  while x < count {
    target.storeBytes(
      of: pixels[x].bitPattern | alpha(x) &<< 24, toByteOffset: 4 &* x, as: UInt32.self)
    x &+= 1
  }
}
