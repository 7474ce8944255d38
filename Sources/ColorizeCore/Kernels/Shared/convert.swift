// Pixels of three floats in memory between sRGB and Lab.

import CKernelContract

/// See `colorize_convert`.
func convertToLab(_ pixels: UnsafePointer<colorize_convert>) {
  forEachVector(pixels) { lab($0) }
}

/// See `colorize_convert`.
func convertToRGB(_ pixels: UnsafePointer<colorize_convert>) {
  if pixels.pointee.clip == 0 {
    forEachVector(pixels) { rgb($0) }
  } else {
    forEachVector(pixels) { pixel in
      let color = rgb(pixel)
      return Triple(
        first: atMost(1, atLeast(0, color.first)), second: atMost(1, atLeast(0, color.second)),
        third: atMost(1, atLeast(0, color.third)))
    }
  }
}

@inline(__always)
private func forEachVector(
  _ pixels: UnsafePointer<colorize_convert>, _ convert: (Triple) -> Triple
) {
  let count = pixels.pointee.count
  var source = pixels.pointee.source!
  var target = pixels.pointee.target!
  var pixel = 0
  while count &- pixel >= lanes {
    write(convert(read(source, lanes)), target, lanes)
    source += 3 &* lanes
    target += 3 &* lanes
    pixel &+= lanes
  }
  if pixel < count { write(convert(read(source, count &- pixel)), target, count &- pixel) }
}

@inline(__always)
private func read(_ source: UnsafePointer<Float>, _ count: Int) -> Triple {
  var pixels = Triple(first: Vector(), second: Vector(), third: Vector())
  var lane = 0
  while lane < count {
    pixels.first[lane] = source[3 &* lane]
    pixels.second[lane] = source[3 &* lane &+ 1]
    pixels.third[lane] = source[3 &* lane &+ 2]
    lane &+= 1
  }
  return pixels
}

@inline(__always)
private func write(_ pixels: Triple, _ target: UnsafeMutablePointer<Float>, _ count: Int) {
  var lane = 0
  while lane < count {
    target[3 &* lane] = pixels.first[lane]
    target[3 &* lane &+ 1] = pixels.second[lane]
    target[3 &* lane &+ 2] = pixels.third[lane]
    lane &+= 1
  }
}
