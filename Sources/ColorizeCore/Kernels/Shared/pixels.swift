// Pixels of every layout: one value of them, a row's luminance, and rows of finished colors.

import CKernelContract

// ---- One value ---------------------------------------------------------------------------------

@inline(__always)
func isGray(_ layout: colorize_pixel_layout) -> Bool {
  layout.red == layout.green && layout.red == layout.blue
}

@inline(__always)
func word(_ place: UnsafePointer<UInt8>) -> UInt32 {
  UInt32(UnsafeRawPointer(place).loadUnaligned(as: UInt16.self))
}

@inline(__always)
func float(_ place: UnsafePointer<UInt8>) -> Float {
  UnsafeRawPointer(place).loadUnaligned(as: Float.self)
}

/// 0 to 65535 to the nearest of 0 to 255.
@inline(__always)
func narrowed(_ word: UInt32) -> UInt32 { (word &+ 128) / 257 }

/// 0 to 1 to the nearest of 0 to `most`; what is outside is brought inside, what is no number is 0.
@inline(__always)
func rounded(_ value: Float, _ most: Float) -> UInt32 {
  let scaled = value * most
  guard scaled > 0 else { return 0 }
  // The magic number rounds to a whole one, which then stands in the low bits.
  return scaled < most ? (scaled + 8_388_608).bitPattern & 0x7F_FFFF : UInt32(most)
}

// ---- Luminance ---------------------------------------------------------------------------------

/// The luminance of `count` pixels into the first of three arrays; the others are overwritten.
///
/// - Parameter table: of `colorize_lightness`.
@inline(__always)
func readLuminance(
  _ source: UnsafePointer<UInt8>, _ layout: colorize_pixel_layout, _ table: UnsafePointer<Float>,
  _ count: Int, _ first: UnsafeMutablePointer<Float>, _ second: UnsafeMutablePointer<Float>,
  _ third: UnsafeMutablePointer<Float>
) {
  if layout.depth == 1 {
    readBytes(source, layout, table, count, into: first)
  } else {
    readChannel(source, layout, layout.red, count, into: first)
    if isGray(layout) {
      grayLuminance(first, count)
    } else {
      readChannel(source, layout, layout.green, count, into: second)
      readChannel(source, layout, layout.blue, count, into: third)
      luminance(first, second, third, count)
    }
  }
}

@inline(__always)
private func readBytes(
  _ source: UnsafePointer<UInt8>, _ layout: colorize_pixel_layout, _ table: UnsafePointer<Float>,
  _ count: Int, into luminance: UnsafeMutablePointer<Float>
) {
  let green = table + 256
  let blue = table + 512
  let gray = table + 768
  var pixel = source
  var x = 0
  if isGray(layout) {
    while x < count {
      luminance[x] = gray[Int(pixel[0])]
      pixel += layout.bytes
      x &+= 1
    }
    return
  }
  let redChannel = Int(layout.red)
  let blueChannel = Int(layout.blue)
  while x < count {
    luminance[x] =
      table[Int(pixel[redChannel])] + green[Int(pixel[1])] + blue[Int(pixel[blueChannel])]
    pixel += layout.bytes
    x &+= 1
  }
}

/// A channel of 16 bits or of floats, as 0 to 1.
@inline(__always)
private func readChannel(
  _ source: UnsafePointer<UInt8>, _ layout: colorize_pixel_layout, _ channel: Int32, _ count: Int,
  into values: UnsafeMutablePointer<Float>
) {
  var value = source + Int(channel) &* Int(layout.depth)
  var x = 0
  if layout.depth == 2 {
    while x < count {
      values[x] = Float(Int32(truncatingIfNeeded: word(value))) * (1 / 65535)
      value += layout.bytes
      x &+= 1
    }
    return
  }
  while x < count {
    values[x] = float(value)
    value += layout.bytes
    x &+= 1
  }
}

// Not private, and functions of their own, as those of render-row.swift.

/// Encoded values, brought into 0 to 1, to the luminance of grays; in place.
@inline(never)
func grayLuminance(_ values: UnsafeMutablePointer<Float>, _ count: Int) {
  var x = 0
  while x < count {
    let light = linear(atMost(1, atLeast(0, load(values + x))))
    // Summed as that of a color is: gray and RGB pictures are the same.
    store(luminance(light, light, light), values + x)
    x &+= lanes
  }
}

/// Encoded values, brought into 0 to 1, to their luminance, in the first array.
@inline(never)
func luminance(
  _ first: UnsafeMutablePointer<Float>, _ second: UnsafePointer<Float>,
  _ third: UnsafePointer<Float>, _ count: Int
) {
  var x = 0
  while x < count {
    let red = linear(atMost(1, atLeast(0, load(first + x))))
    let green = linear(atMost(1, atLeast(0, load(second + x))))
    let blue = linear(atMost(1, atLeast(0, load(third + x))))
    store(luminance(red, green, blue), first + x)
    x &+= lanes
  }
}

@inline(__always)
private func luminance(_ red: Vector, _ green: Vector, _ blue: Vector) -> Vector {
  multiplyAdd(
    blue, Vector(repeating: 0.072169),
    multiplyAdd(
      green, Vector(repeating: 0.715160), red * Vector(repeating: 0.212671)))
}

// ---- Writing -----------------------------------------------------------------------------------

/// Whole numbers in the low bits of words, and the source's alpha, to pixels of 8 bits a channel. The
/// first array is overwritten.
@inline(__always)
func writeBytes(
  _ first: UnsafeMutablePointer<Float>, _ second: UnsafePointer<Float>,
  _ third: UnsafePointer<Float>, _ count: Int, _ source: UnsafePointer<UInt8>,
  _ sourceLayout: colorize_pixel_layout, _ target: UnsafeMutablePointer<UInt8>,
  _ layout: colorize_pixel_layout
) {
  if layout.red == 0 {
    join(first, second, third, count, into: first)
  } else {
    join(third, second, first, count, into: first)
  }
  if layout.alpha < 0 {
    writeThree(first, count, target)
  } else if sourceLayout.alpha < 0 {
    writeFour(first, count, target) { _ in 255 }
  } else {
    let alpha = source + Int(sourceLayout.alpha) &* Int(sourceLayout.depth)
    let bytes = sourceLayout.bytes
    switch sourceLayout.depth {
    case 1: writeFour(first, count, target) { UInt32(alpha[$0 &* bytes]) }
    case 2: writeFour(first, count, target) { narrowed(word(alpha + $0 &* bytes)) }
    default: writeFour(first, count, target) { rounded(float(alpha + $0 &* bytes), 255) }
    }
  }
}

/// Words of three channels to pixels: the first in the lowest byte, the second, the third, 0.
@inline(__always)
private func join(
  _ first: UnsafePointer<Float>, _ second: UnsafePointer<Float>, _ third: UnsafePointer<Float>,
  _ count: Int, into pixels: UnsafeMutablePointer<Float>
) {
  let low = Words(repeating: 0xFF)
  var x = 0
  while x < count {
    let first = unsafeBitCast(load(first + x), to: Words.self) & low
    let second = unsafeBitCast(load(second + x), to: Words.self) & low
    let third = unsafeBitCast(load(third + x), to: Words.self) & low
    let joined = first | second &<< Words(repeating: 8) | third &<< Words(repeating: 16)
    store(unsafeBitCast(joined, to: Vector.self), pixels + x)
    x &+= lanes
  }
}

/// Four bytes for each pixel but the last, of which the next pixel takes one back: the pixel behind
/// the last one may not have been read yet, or not be there.
@inline(__always)
private func writeThree(
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
private func writeFour(
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

/// Whole numbers in the low bits of words, and the source's alpha, to pixels of 16 bits a channel.
@inline(__always)
func writeWords(
  _ first: UnsafePointer<Float>, _ second: UnsafePointer<Float>, _ third: UnsafePointer<Float>,
  _ count: Int, _ source: UnsafePointer<UInt8>, _ sourceLayout: colorize_pixel_layout,
  _ target: UnsafeMutablePointer<UInt8>, _ layout: colorize_pixel_layout
) {
  var pixel = UnsafeMutableRawPointer(target)
  var alpha = source + Int(sourceLayout.alpha) &* Int(sourceLayout.depth)
  var x = 0
  while x < count {
    let opacity: UInt32
    if sourceLayout.alpha < 0 {
      opacity = 65535
    } else {
      switch sourceLayout.depth {
      case 1: opacity = 257 &* UInt32(alpha[0])
      case 2: opacity = word(alpha)
      default: opacity = rounded(float(alpha), 65535)
      }
    }
    store(first[x].bitPattern, pixel)
    store(second[x].bitPattern, pixel + 2)
    store(third[x].bitPattern, pixel + 4)
    if layout.alpha >= 0 { store(opacity, pixel + 6) }
    pixel += layout.bytes
    alpha += sourceLayout.bytes
    x &+= 1
  }
}

@inline(__always)
private func store(_ bits: UInt32, _ place: UnsafeMutableRawPointer) {
  place.storeBytes(of: UInt16(truncatingIfNeeded: bits), as: UInt16.self)
}

/// Values and the source's alpha to pixels of floats.
@inline(__always)
func writeFloats(
  _ first: UnsafePointer<Float>, _ second: UnsafePointer<Float>, _ third: UnsafePointer<Float>,
  _ count: Int, _ source: UnsafePointer<UInt8>, _ sourceLayout: colorize_pixel_layout,
  _ target: UnsafeMutablePointer<UInt8>, _ layout: colorize_pixel_layout
) {
  var pixel = UnsafeMutableRawPointer(target)
  var alpha = source + Int(sourceLayout.alpha) &* Int(sourceLayout.depth)
  var x = 0
  while x < count {
    let opacity: UInt32
    if sourceLayout.alpha < 0 {
      opacity = Float(1).bitPattern
    } else {
      switch sourceLayout.depth {
      case 1: opacity = (Float(Int32(alpha[0])) / 255).bitPattern
      case 2: opacity = (Float(Int32(truncatingIfNeeded: word(alpha))) / 65535).bitPattern
      // As bits: what is not a number passes, too.
      default: opacity = UnsafeRawPointer(alpha).loadUnaligned(as: UInt32.self)
      }
    }
    pixel.storeBytes(of: first[x].bitPattern, as: UInt32.self)
    pixel.storeBytes(of: second[x].bitPattern, toByteOffset: 4, as: UInt32.self)
    pixel.storeBytes(of: third[x].bitPattern, toByteOffset: 8, as: UInt32.self)
    if layout.alpha >= 0 { pixel.storeBytes(of: opacity, toByteOffset: 12, as: UInt32.self) }
    pixel += layout.bytes
    alpha += sourceLayout.bytes
    x &+= 1
  }
}
