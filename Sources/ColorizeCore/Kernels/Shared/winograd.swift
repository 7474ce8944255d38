// The three transforms of Winograd's F(4x4, 3x3). Each is a transform of columns and then of rows.

import CKernelContract

// The interpolation points are 0, a, -a, b, -b and infinity, with a = 3/4 and b = 3/2: rounding errors
// come out half as large as with 1 and 2, and all but the constants of G are exact.
private let a: Float = 3 / 4
private let b: Float = 3 / 2

private let points = Int(COLORIZE_WINOGRAD_POINTS)

/// See `colorize_winograd_input`.
package func winogradInput(_ tile: UnsafePointer<colorize_winograd_input>) {
  let pixel = tile.pointee.pixel!
  let step = tile.pointee.position_stride
  let columns = tile.pointee.workspace!
  var output = tile.pointee.output!
  var c = tile.pointee.first_channel
  let end = c &+ tile.pointee.channels
  let endRow = tile.pointee.end_row
  let next = tile.pointee.next
  while c < end {
    var j = 0
    while j < points {
      let column = pixel + j
      var i = 0
      while i < points {
        colorize_prefetch(column[i &* points].unsafelyUnwrapped + c + next)
        i &+= 1
      }
      inputTransform(
        load(column[0].unsafelyUnwrapped + c), load(column[6].unsafelyUnwrapped + c),
        load(column[12].unsafelyUnwrapped + c), load(column[18].unsafelyUnwrapped + c),
        load(column[24].unsafelyUnwrapped + c), load(column[30].unsafelyUnwrapped + c)
      ) { index, value in store(value, columns + (index &* points &+ j) &* lanes) }
      j &+= 1
    }
    var i = tile.pointee.first_row
    while i < endRow {
      let row = columns + i &* points &* lanes
      let target = output + i &* points &* step
      inputTransform(
        load(row), load(row + lanes), load(row + 2 &* lanes), load(row + 3 &* lanes),
        load(row + 4 &* lanes), load(row + 5 &* lanes)
      ) { index, value in store(value, target + index &* step) }
      i &+= 1
    }
    output += lanes
    c &+= lanes
  }
}

/// B' d.
@inline(always)
private func inputTransform(
  _ d0: Vector, _ d1: Vector, _ d2: Vector, _ d3: Vector, _ d4: Vector, _ d5: Vector,
  _ put: (_ index: Int, _ value: Vector) -> Void
) {
  let aa = Vector(repeating: -a * a)
  let bb = Vector(repeating: -b * b)
  let sum = Vector(repeating: -(a * a + b * b))
  let product = Vector(repeating: a * a * b * b)
  let nearEven = multiplyAdd(d2, bb, d4)
  let nearOdd = multiplyAdd(d1, bb, d3)
  let farEven = multiplyAdd(d2, aa, d4)
  let farOdd = multiplyAdd(d1, aa, d3)
  put(0, multiplyAdd(d0, product, multiplyAdd(d2, sum, d4)))
  put(1, multiplyAdd(nearOdd, Vector(repeating: a), nearEven))
  put(2, multiplyAdd(nearOdd, Vector(repeating: -a), nearEven))
  put(3, multiplyAdd(farOdd, Vector(repeating: b), farEven))
  put(4, multiplyAdd(farOdd, Vector(repeating: -b), farEven))
  put(5, multiplyAdd(d1, product, multiplyAdd(d3, sum, d5)))
}

/// See `colorize_winograd_weights`.
package func winogradWeights(_ panel: UnsafePointer<colorize_winograd_weights>) {
  if panel.pointee.half == 0 {
    winogradWeights(panel, isNear: true)
  } else {
    winogradWeights(panel, isNear: false)
  }
}

/// - Parameter isNear: positions 0, a and -a of each row, else b, -b and infinity; a constant.
@inline(always)
private func winogradWeights(_ panel: UnsafePointer<colorize_winograd_weights>, isNear: Bool) {
  // Rows of G: (1, 0, 0), (1, a, aa), (1, -a, aa), (1, b, bb), (1, -b, bb) and (0, 0, 1), each with its factor.
  let tap = panel.pointee.tap
  switch panel.pointee.row {
  case 0: transformPlain(panel, tap.0!, tap.1!, tap.2!, zeroFactor, isNear)
  case 1: transformCombined(panel, a, nearFactor, isNear)
  case 2: transformCombined(panel, -a, nearFactor, isNear)
  case 3: transformCombined(panel, b, farFactor, isNear)
  case 4: transformCombined(panel, -b, farFactor, isNear)
  default: transformPlain(panel, tap.6!, tap.7!, tap.8!, 1, isNear)
  }
}

// 1 over the product of a point's distances from the others: 0, a and -a, b and -b.
private let zeroFactor: Float = 1 / (a * a * b * b)
private let nearFactor: Float = 1 / (2 * a * a * (a * a - b * b))
private let farFactor: Float = 1 / (2 * b * b * (b * b - a * a))

/// The rows of 0 and infinity, which take one row of taps.
@inline(always)
private func transformPlain(
  _ panel: UnsafePointer<colorize_winograd_weights>, _ tap0: UnsafePointer<Float>,
  _ tap1: UnsafePointer<Float>, _ tap2: UnsafePointer<Float>, _ factor: Float, _ isNear: Bool
) {
  let floats = panel.pointee.count &* 2 &* lanes
  let output = panel.pointee.output!
  let step = panel.pointee.position_stride
  var k = 0
  while k < floats {
    storeHalf(load(tap0 + k), load(tap1 + k), load(tap2 + k), factor, isNear, output + k, step)
    k &+= lanes
  }
}

/// Those of the other points, which take all three.
@inline(always)
private func transformCombined(
  _ panel: UnsafePointer<colorize_winograd_weights>, _ point: Float, _ factor: Float, _ isNear: Bool
) {
  let tap = panel.pointee.tap
  let floats = panel.pointee.count &* 2 &* lanes
  let output = panel.pointee.output!
  let step = panel.pointee.position_stride
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
    storeHalf(g0, g1, g2, factor, isNear, output + k, step)
    k &+= lanes
  }
}

/// Half of a row of taps times G', times `factor`.
@inline(always)
private func storeHalf(
  _ g0: Vector, _ g1: Vector, _ g2: Vector, _ factor: Float, _ isNear: Bool,
  _ output: UnsafeMutablePointer<Float>, _ step: Int
) {
  let point = isNear ? a : b
  let pointFactor = factor * (isNear ? nearFactor : farFactor)
  let even = multiplyAdd(g2, Vector(repeating: point * point), g0) * Vector(repeating: pointFactor)
  let odd = g1 * Vector(repeating: pointFactor * point)
  if isNear {
    store(g0 * Vector(repeating: factor * zeroFactor), output)
    store(even + odd, output + step)
    store(even - odd, output + 2 &* step)
  } else {
    store(even + odd, output)
    store(even - odd, output + step)
    store(g2 * Vector(repeating: factor), output + 2 &* step)
  }
}

/// See `colorize_winograd_output`.
package func winogradOutput(_ tile: UnsafePointer<colorize_winograd_output>) {
  var channel = 0
  while channel < 2 &* lanes {
    outputHalf(tile, channel)
    channel &+= lanes
  }
}

/// One vector of the panel.
@inline(always)
private func outputHalf(_ tile: UnsafePointer<colorize_winograd_output>, _ channel: Int) {
  let columns = tile.pointee.workspace!
  let step = tile.pointee.position_stride
  var j = 0
  while j < points {
    let sums = tile.pointee.sums! + channel + j &* step
    outputTransform(
      load(sums), load(sums + 6 &* step), load(sums + 12 &* step), load(sums + 18 &* step),
      load(sums + 24 &* step), load(sums + 30 &* step)
    ) { index, value in store(value, columns + (index &* points &+ j) &* lanes) }
    j &+= 1
  }
  let next = tile.pointee.next!
  let bias = load(tile.pointee.bias! + channel)
  let slope = tile.pointee.slope
  let pixelStride = tile.pointee.pixel_stride
  let count = tile.pointee.columns
  var y = 0
  while y < tile.pointee.rows {
    let row = columns + y &* points &* lanes
    let place = y &* tile.pointee.row_stride &+ channel
    outputTransform(
      load(row), load(row + lanes), load(row + 2 &* lanes), load(row + 3 &* lanes),
      load(row + 4 &* lanes), load(row + 5 &* lanes)
    ) { x, sum in
      let pixel = place &+ x &* pixelStride
      colorize_prefetch_to_write(next + pixel)
      if x >= count { return }
      var value = sum + bias
      if let residual = tile.pointee.residual { value += load(residual + pixel) }
      value = activated(value, slope)
      if let scale = tile.pointee.scale, let shift = tile.pointee.shift {
        value = multiplyAdd(value, load(scale + channel), load(shift + channel))
      }
      store(value, tile.pointee.output! + pixel)
    }
    y &+= 1
  }
}

/// A' m, where b = 2 a.
@inline(always)
private func outputTransform(
  _ m0: Vector, _ m1: Vector, _ m2: Vector, _ m3: Vector, _ m4: Vector, _ m5: Vector,
  _ put: (_ index: Int, _ value: Vector) -> Void
) {
  let nearSum = m1 + m2
  let farSum = m3 + m4
  let near = m1 - m2
  let far = m3 - m4
  put(0, m0 + (nearSum + farSum))
  put(1, multiplyAdd(far, Vector(repeating: 2), near) * Vector(repeating: a))
  put(2, multiplyAdd(farSum, Vector(repeating: 4), nearSum) * Vector(repeating: a * a))
  put(
    3, multiplyAdd(multiplyAdd(far, Vector(repeating: 8), near), Vector(repeating: a * a * a), m5))
}
