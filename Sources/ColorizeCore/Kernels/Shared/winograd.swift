// The three transforms of Winograd's F(4x4, 3x3). Each is a transform of columns and then of rows.

import CKernelContract

/// A column or a row of six positions.
private struct Six {
  var v0: Vector
  var v1: Vector
  var v2: Vector
  var v3: Vector
  var v4: Vector
  var v5: Vector

  @inline(__always)
  init(_ v0: Vector, _ v1: Vector, _ v2: Vector, _ v3: Vector, _ v4: Vector, _ v5: Vector) {
    self.v0 = v0
    self.v1 = v1
    self.v2 = v2
    self.v3 = v3
    self.v4 = v4
    self.v5 = v5
  }

  /// The vectors `step` floats apart.
  @inline(__always)
  init(_ start: UnsafePointer<Float>, step: Int) {
    self.init(
      load(start), load(start + step), load(start + 2 &* step), load(start + 3 &* step),
      load(start + 4 &* step), load(start + 5 &* step))
  }
}

/// A column or a row of four outputs.
private struct Four {
  var v0: Vector
  var v1: Vector
  var v2: Vector
  var v3: Vector
}

// The interpolation points are 0, a, -a, b, -b and infinity, with a = 3/4 and b = 3/2: rounding errors
// come out half as large as with 1 and 2, and all but the constants of G are exact.
private let a: Float = 3 / 4
private let b: Float = 3 / 2

/// B' d.
@inline(__always)
private func inputTransform(_ d: Six) -> Six {
  let aa = Vector(repeating: -a * a)
  let bb = Vector(repeating: -b * b)
  let sum = Vector(repeating: -(a * a + b * b))
  let product = Vector(repeating: a * a * b * b)
  let nearEven = multiplyAdd(d.v2, bb, d.v4)
  let nearOdd = multiplyAdd(d.v1, bb, d.v3)
  let farEven = multiplyAdd(d.v2, aa, d.v4)
  let farOdd = multiplyAdd(d.v1, aa, d.v3)
  return Six(
    multiplyAdd(d.v0, product, multiplyAdd(d.v2, sum, d.v4)),
    multiplyAdd(nearOdd, Vector(repeating: a), nearEven),
    multiplyAdd(nearOdd, Vector(repeating: -a), nearEven),
    multiplyAdd(farOdd, Vector(repeating: b), farEven),
    multiplyAdd(farOdd, Vector(repeating: -b), farEven),
    multiplyAdd(d.v1, product, multiplyAdd(d.v3, sum, d.v5)))
}

/// A' m, where b = 2 a.
@inline(__always)
private func outputTransform(_ m: Six) -> Four {
  let nearSum = m.v1 + m.v2
  let farSum = m.v3 + m.v4
  let near = m.v1 - m.v2
  let far = m.v3 - m.v4
  return Four(
    v0: m.v0 + (nearSum + farSum),
    v1: multiplyAdd(far, Vector(repeating: 2), near) * Vector(repeating: a),
    v2: multiplyAdd(farSum, Vector(repeating: 4), nearSum) * Vector(repeating: a * a),
    v3: multiplyAdd(
      multiplyAdd(far, Vector(repeating: 8), near), Vector(repeating: a * a * a), m.v5))
}

/// See `colorize_winograd_input`.
package func winogradInput(_ tile: UnsafePointer<colorize_winograd_input>) {
  let pixel = tile.pointee.pixel
  let offset = tile.pointee.offset!
  var output = tile.pointee.output!
  var c = tile.pointee.first_channel
  let end = c &+ tile.pointee.channels
  while c < end {
    let c0 = inputTransform(
      Six(
        load(pixel.0! + c), load(pixel.6! + c), load(pixel.12! + c), load(pixel.18! + c),
        load(pixel.24! + c), load(pixel.30! + c)))
    let c1 = inputTransform(
      Six(
        load(pixel.1! + c), load(pixel.7! + c), load(pixel.13! + c), load(pixel.19! + c),
        load(pixel.25! + c), load(pixel.31! + c)))
    let c2 = inputTransform(
      Six(
        load(pixel.2! + c), load(pixel.8! + c), load(pixel.14! + c), load(pixel.20! + c),
        load(pixel.26! + c), load(pixel.32! + c)))
    let c3 = inputTransform(
      Six(
        load(pixel.3! + c), load(pixel.9! + c), load(pixel.15! + c), load(pixel.21! + c),
        load(pixel.27! + c), load(pixel.33! + c)))
    let c4 = inputTransform(
      Six(
        load(pixel.4! + c), load(pixel.10! + c), load(pixel.16! + c), load(pixel.22! + c),
        load(pixel.28! + c), load(pixel.34! + c)))
    let c5 = inputTransform(
      Six(
        load(pixel.5! + c), load(pixel.11! + c), load(pixel.17! + c), load(pixel.23! + c),
        load(pixel.29! + c), load(pixel.35! + c)))
    storeRow(Six(c0.v0, c1.v0, c2.v0, c3.v0, c4.v0, c5.v0), output, offset)
    storeRow(Six(c0.v1, c1.v1, c2.v1, c3.v1, c4.v1, c5.v1), output, offset + 6)
    storeRow(Six(c0.v2, c1.v2, c2.v2, c3.v2, c4.v2, c5.v2), output, offset + 12)
    storeRow(Six(c0.v3, c1.v3, c2.v3, c3.v3, c4.v3, c5.v3), output, offset + 18)
    storeRow(Six(c0.v4, c1.v4, c2.v4, c3.v4, c4.v4, c5.v4), output, offset + 24)
    storeRow(Six(c0.v5, c1.v5, c2.v5, c3.v5, c4.v5, c5.v5), output, offset + 30)
    output += lanes
    c &+= lanes
  }
}

@inline(__always)
private func storeRow(
  _ row: Six, _ output: UnsafeMutablePointer<Float>, _ offset: UnsafePointer<Int>
) {
  let transformed = inputTransform(row)
  store(transformed.v0, output + offset[0])
  store(transformed.v1, output + offset[1])
  store(transformed.v2, output + offset[2])
  store(transformed.v3, output + offset[3])
  store(transformed.v4, output + offset[4])
  store(transformed.v5, output + offset[5])
}

/// See `colorize_winograd_weights`.
package func winogradWeights(_ panel: UnsafePointer<colorize_winograd_weights>) {
  let tap = panel.pointee.tap
  let floats = panel.pointee.count &* 2 &* lanes
  let output = panel.pointee.output!
  // Rows of G: (1, 0, 0), (1, a, aa), (1, -a, aa), (1, b, bb), (1, -b, bb) and (0, 0, 1), each with its factor.
  switch panel.pointee.row {
  case 0: transformPlain(tap.0!, tap.1!, tap.2!, floats, zeroFactor, output)
  case 1: transformCombined(panel, floats, a, nearFactor, output)
  case 2: transformCombined(panel, floats, -a, nearFactor, output)
  case 3: transformCombined(panel, floats, b, farFactor, output)
  case 4: transformCombined(panel, floats, -b, farFactor, output)
  default: transformPlain(tap.6!, tap.7!, tap.8!, floats, 1, output)
  }
}

// 1 over the product of a point's distances from the others: 0, a and -a, b and -b.
private let zeroFactor: Float = 1 / (a * a * b * b)
private let nearFactor: Float = 1 / (2 * a * a * (a * a - b * b))
private let farFactor: Float = 1 / (2 * b * b * (b * b - a * a))

/// A row of taps times G', times `factor`.
@inline(__always)
private func storeWeights(
  _ g0: Vector, _ g1: Vector, _ g2: Vector, _ factor: Float, _ output: UnsafeMutablePointer<Float>
) {
  let position = Int(COLORIZE_GEMM_BLOCK) &* 2 &* lanes
  let near = factor * nearFactor
  let far = factor * farFactor
  let nearEven = multiplyAdd(g2, Vector(repeating: a * a), g0) * Vector(repeating: near)
  let farEven = multiplyAdd(g2, Vector(repeating: b * b), g0) * Vector(repeating: far)
  let nearOdd = g1 * Vector(repeating: near * a)
  let farOdd = g1 * Vector(repeating: far * b)
  store(g0 * Vector(repeating: factor * zeroFactor), output)
  store(nearEven + nearOdd, output + position)
  store(nearEven - nearOdd, output + 2 &* position)
  store(farEven + farOdd, output + 3 &* position)
  store(farEven - farOdd, output + 4 &* position)
  store(g2 * Vector(repeating: factor), output + 5 &* position)
}

/// The rows of G that take one row of taps.
@inline(__always)
private func transformPlain(
  _ tap0: UnsafePointer<Float>, _ tap1: UnsafePointer<Float>, _ tap2: UnsafePointer<Float>,
  _ floats: Int, _ factor: Float, _ output: UnsafeMutablePointer<Float>
) {
  var k = 0
  while k < floats {
    storeWeights(load(tap0 + k), load(tap1 + k), load(tap2 + k), factor, output + k)
    k &+= lanes
  }
}

/// Those of a point that is neither 0 nor infinity, which take all three.
@inline(__always)
private func transformCombined(
  _ panel: UnsafePointer<colorize_winograd_weights>, _ floats: Int, _ point: Float,
  _ factor: Float, _ output: UnsafeMutablePointer<Float>
) {
  let tap = panel.pointee.tap
  let middle = Vector(repeating: point)
  let last = Vector(repeating: point * point)
  var k = 0
  while k < floats {
    let g0 = multiplyAdd(
      load(tap.6! + k), last, multiplyAdd(load(tap.3! + k), middle, load(tap.0! + k)))
    let g1 = multiplyAdd(
      load(tap.7! + k), last, multiplyAdd(load(tap.4! + k), middle, load(tap.1! + k)))
    let g2 = multiplyAdd(
      load(tap.8! + k), last, multiplyAdd(load(tap.5! + k), middle, load(tap.2! + k)))
    storeWeights(g0, g1, g2, factor, output + k)
    k &+= lanes
  }
}

/// See `colorize_winograd_output`.
package func winogradOutput(_ tile: UnsafePointer<colorize_winograd_output>) {
  outputHalf(tile, 0)
  outputHalf(tile, lanes)
}

/// One vector of the panel.
@inline(__always)
private func outputHalf(_ tile: UnsafePointer<colorize_winograd_output>, _ channel: Int) {
  let sums = tile.pointee.sums! + channel
  let step = tile.pointee.position_stride
  let c0 = outputTransform(Six(sums, step: 6 &* step))
  let c1 = outputTransform(Six(sums + step, step: 6 &* step))
  let c2 = outputTransform(Six(sums + 2 &* step, step: 6 &* step))
  let c3 = outputTransform(Six(sums + 3 &* step, step: 6 &* step))
  let c4 = outputTransform(Six(sums + 4 &* step, step: 6 &* step))
  let c5 = outputTransform(Six(sums + 5 &* step, step: 6 &* step))
  let rows = tile.pointee.rows
  outputRow(tile, channel, 0, Six(c0.v0, c1.v0, c2.v0, c3.v0, c4.v0, c5.v0))
  if rows == 1 { return }
  outputRow(tile, channel, 1, Six(c0.v1, c1.v1, c2.v1, c3.v1, c4.v1, c5.v1))
  if rows == 2 { return }
  outputRow(tile, channel, 2, Six(c0.v2, c1.v2, c2.v2, c3.v2, c4.v2, c5.v2))
  if rows == 3 { return }
  outputRow(tile, channel, 3, Six(c0.v3, c1.v3, c2.v3, c3.v3, c4.v3, c5.v3))
}

@inline(__always)
private func outputRow(
  _ tile: UnsafePointer<colorize_winograd_output>, _ channel: Int, _ y: Int, _ row: Six
) {
  let sums = outputTransform(row)
  let columns = tile.pointee.columns
  outputPixel(tile, channel, y, 0, sums.v0)
  if columns == 1 { return }
  outputPixel(tile, channel, y, 1, sums.v1)
  if columns == 2 { return }
  outputPixel(tile, channel, y, 2, sums.v2)
  if columns == 3 { return }
  outputPixel(tile, channel, y, 3, sums.v3)
}

@inline(__always)
private func outputPixel(
  _ tile: UnsafePointer<colorize_winograd_output>, _ channel: Int, _ y: Int, _ x: Int,
  _ sum: Vector
) {
  let place = y &* tile.pointee.row_stride &+ x &* tile.pointee.pixel_stride &+ channel
  var value = sum + load(tile.pointee.bias! + channel)
  if let residual = tile.pointee.residual { value += load(residual + place) }
  value = activated(value, tile.pointee.slope)
  if let scale = tile.pointee.scale, let shift = tile.pointee.shift {
    value = multiplyAdd(value, load(scale + channel), load(shift + channel))
  }
  store(value, tile.pointee.output! + place)
}
