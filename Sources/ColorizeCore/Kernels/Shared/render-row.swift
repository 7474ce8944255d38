// The last stage of a picture: the lightness that it came with and the colors that the network
// gave, to sRGB. And the first: its lightness.

import CKernelContract

/// See `colorize_lightness`.
func lightness(_ row: UnsafePointer<colorize_lightness>) {
  let target = row.pointee.lightness!
  let count = row.pointee.count
  let channels = row.pointee.source_bytes
  let last = channels == 1 ? Int32(0) : 1
  let layout = colorize_pixel_layout(
    bytes: channels, depth: 1, red: 0, green: last, blue: 2 &* last, alpha: -1)
  readLuminance(
    row.pointee.source!, layout, row.pointee.luminance!, count, target, target, target)
  var x = 0
  while x < count {
    store(lightness(labF(load(target + x))), target + x)
    x &+= lanes
  }
}

/// See `colorize_render_row`.
func renderRow(_ row: UnsafePointer<colorize_render_row>) {
  let chunk = Int(COLORIZE_RENDER_CHUNK)
  let count = row.pointee.count
  let sourceLayout = row.pointee.source_layout
  let layout = row.pointee.target_layout
  // Luminance, a, b and Lab's f of the luminance; then red, green and blue.
  let first = row.pointee.scratch!
  let second = first + chunk + 16
  let third = second + chunk + 16
  let fy = third + chunk + 16
  var column = 0
  var x = 0
  while x < count {
    let left = count &- x
    let width = left < chunk ? left : chunk
    let source = row.pointee.source! + x &* sourceLayout.bytes
    let target = row.pointee.target! + x &* layout.bytes
    readLuminance(source, sourceLayout, row.pointee.luminance!, width, first, second, third)
    cubeRoots(first, width, into: fy)
    if row.pointee.upper_guide != nil {
      column = interpolateGuided(row, from: x, width, column, fy, second, third)
    } else {
      column = interpolate(row, from: x, width, column, second, third)
    }
    if row.pointee.keeps_hue != 0 {
      convertToLightKeepingHue(first, second, third, fy, width)
    } else {
      convertToLight(first, second, third, fy, width)
    }
    switch layout.depth {
    case 1:
      encode(first, second, third, width, 255)
      writeBytes(first, second, third, width, source, sourceLayout, target, layout)
    case 2:
      encode(first, second, third, width, 65535)
      writeWords(first, second, third, width, source, sourceLayout, target, layout)
    default:
      encode(first, width)
      encode(second, width)
      encode(third, width)
      writeFloats(first, second, third, width, source, sourceLayout, target, layout)
    }
    x &+= width
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

// The loops below are functions of their own so that their constants stay in registers; not
// private, since what is private and not inlined may become a weak symbol.

/// Lab's f of luminances.
@inline(never)
func cubeRoots(
  _ luminance: UnsafePointer<Float>, _ count: Int, into fy: UnsafeMutablePointer<Float>
) {
  var x = 0
  while x < count {
    store(labF(load(luminance + x)), fy + x)
    x &+= lanes
  }
}

/// Luminance, a and b to linear light, in place.
@inline(never)
func convertToLight(
  _ first: UnsafeMutablePointer<Float>, _ second: UnsafeMutablePointer<Float>,
  _ third: UnsafeMutablePointer<Float>, _ fy: UnsafePointer<Float>, _ count: Int
) {
  var x = 0
  while x < count {
    let y = load(first + x)
    let light = light(y: y, fy: load(fy + x), a: load(second + x), b: load(third + x))
    store(light.first, first + x)
    store(light.second, second + x)
    store(light.third, third + x)
    x &+= lanes
  }
}

/// The same for colors in the gamut of sRGB. Of the others, a and b are made smaller by the factor that
/// brings them to its border: L and hue stay as they are.
@inline(never)
func convertToLightKeepingHue(
  _ first: UnsafeMutablePointer<Float>, _ second: UnsafeMutablePointer<Float>,
  _ third: UnsafeMutablePointer<Float>, _ fy: UnsafePointer<Float>, _ count: Int
) {
  var x = 0
  while x < count {
    let y = load(first + x)
    let fy = load(fy + x)
    let a = load(second + x)
    let b = load(third + x)
    var color = light(y: y, fy: fy, a: a, b: b)
    let beyond = excess(color)
    if anyAbove(beyond, gamutTolerance) {
      // Between a factor whose color is inside (gray always is) and one whose color is not.
      let outside = beyond .> Vector(repeating: gamutTolerance)
      var inner = Vector(repeating: 1).replacing(with: Vector(), where: outside)
      var outer = Vector(repeating: 1)
      var innerExcess = larger(y - Vector(repeating: 1), Vector() - y)
      var outerExcess = beyond
      var step = 0
      while step < 9 {
        let middle = (inner + outer) * Vector(repeating: 0.5)
        let excess = excess(light(y: y, fy: fy, a: a * middle, b: b * middle))
        let isOutside = excess .> Vector(repeating: gamutTolerance)
        inner = middle.replacing(with: inner, where: isOutside)
        outer = outer.replacing(with: middle, where: isOutside)
        innerExcess = excess.replacing(with: innerExcess, where: isOutside)
        outerExcess = outerExcess.replacing(with: excess, where: isOutside)
        step &+= 1
      }
      // And there on the line between the two, without which a rounding could move it by such a step.
      let share = (Vector(repeating: gamutTolerance) - innerExcess) / (outerExcess - innerExcess)
      let factor = multiplyAdd(outer - inner, share, inner)
      inner = inner.replacing(with: factor, where: outside)
      color = light(y: y, fy: fy, a: a * inner, b: b * inner)
    }
    store(color.first, first + x)
    store(color.second, second + x)
    store(color.third, third + x)
    x &+= lanes
  }
}

/// How far a color may be beyond 0 or 1, as white is by rounding: a small part of a level.
@inline(__always)
private var gamutTolerance: Float { 2e-5 }

/// How far linear light is outside of 0 to 1, at most; negative inside. Not private, as the loops above.
@inline(__always)
func excess(_ color: Triple) -> Vector {
  let one = Vector(repeating: 1)
  let low = smaller(color.first, smaller(color.second, color.third))
  let high = larger(color.first, larger(color.second, color.third))
  return larger(high - one, Vector() - low)
}

/// Linear light to whole numbers in words, in place: brought into 0 to 1, encoded, and rounded to the
/// nearest of `steps`, 255 or 65535.
@inline(__always)
private func encode(
  _ first: UnsafeMutablePointer<Float>, _ second: UnsafeMutablePointer<Float>,
  _ third: UnsafeMutablePointer<Float>, _ count: Int, _ steps: Float
) {
  encode(first, count, steps)
  encode(second, count, steps)
  encode(third, count, steps)
}

@inline(never)
func encode(_ values: UnsafeMutablePointer<Float>, _ count: Int, _ steps: Float) {
  var x = 0
  while x < count {
    let value = encoded(atMost(1, atLeast(0, load(values + x))), scale: steps)
    // Adding 1.5 * 2^23 rounds to a whole number, which then stands in the low bits.
    store(value + Vector(repeating: 12_582_912), values + x)
    x &+= lanes
  }
}

/// Linear light to sRGB, 0 to 1, in place.
@inline(never)
func encode(_ values: UnsafeMutablePointer<Float>, _ count: Int) {
  var x = 0
  while x < count {
    let value = encoded(atMost(1, atLeast(0, load(values + x))), scale: 1)
    store(atMost(1, value), values + x)
    x &+= lanes
  }
}
