// The three transforms of Winograd's F(4x4, 3x3). Each is a transform of columns and then of rows.

import CKernelContract

// The interpolation points are 0, a, -a, b, -b and infinity, with a = 3/4 and b = 3/2: rounding errors
// come out half as large as with 1 and 2, and all but the constants of G are exact.
private let a: Float = 3 / 4
private let b: Float = 3 / 2

private let points = Int(COLORIZE_WINOGRAD_POINTS)

/// See `colorize_winograd_input`.
func winogradInput(_ tile: UnsafePointer<colorize_winograd_input>) {
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
func winogradWeights(_ panel: UnsafePointer<colorize_winograd_weights>) {
  switch (panel.pointee.rows, panel.pointee.columns) {
  case (0, 0): endsAndEnds(panel)
  case (0, 1): endsAndPoints(panel, a, nearFactor)
  case (0, _): endsAndPoints(panel, b, farFactor)
  case (1, 0): pointsAndEnds(panel, a, nearFactor)
  case (1, 1): pointsAndPoints(panel, a, nearFactor, a, nearFactor)
  case (1, _): pointsAndPoints(panel, a, nearFactor, b, farFactor)
  case (_, 0): pointsAndEnds(panel, b, farFactor)
  case (_, 1): pointsAndPoints(panel, b, farFactor, a, nearFactor)
  case (_, _): pointsAndPoints(panel, b, farFactor, b, farFactor)
  }
}

// Rows of G: (1, 0, 0), (1, a, aa), (1, -a, aa), (1, b, bb), (1, -b, bb) and (0, 0, 1), each with its factor:
// 1 over the product of the point's distances from the others.
private let zeroFactor: Float = 1 / (a * a * b * b)
private let nearFactor: Float = 1 / (2 * a * a * (a * a - b * b))
private let farFactor: Float = 1 / (2 * b * b * (b * b - a * a))

/// Four positions of vector `k`.
@inline(always)
private func put(
  _ panel: UnsafePointer<colorize_winograd_weights>, _ k: Int, _ first: Vector, _ second: Vector,
  _ third: Vector, _ fourth: Vector
) {
  let output = panel.pointee.output! + k
  let step = panel.pointee.position_stride
  store(first, output)
  store(second, output + step)
  store(third, output + 2 &* step)
  store(fourth, output + 3 &* step)
}

/// g0 + point g1 + point^2 g2, and the same for -point.
@inline(always)
private func atPoint(_ g0: Vector, _ g1: Vector, _ g2: Vector, _ point: Float) -> (Vector, Vector) {
  let even = multiplyAdd(g2, Vector(repeating: point * point), g0)
  return (
    multiplyAdd(g1, Vector(repeating: point), even),
    multiplyAdd(g1, Vector(repeating: -point), even)
  )
}

/// The same times `factor`.
@inline(always)
private func atPoint(
  _ g0: Vector, _ g1: Vector, _ g2: Vector, _ point: Float, times factor: Float
) -> (Vector, Vector) {
  let even =
    multiplyAdd(g2, Vector(repeating: point * point), g0) * Vector(repeating: factor)
  return (
    multiplyAdd(g1, Vector(repeating: point * factor), even),
    multiplyAdd(g1, Vector(repeating: -point * factor), even)
  )
}

@inline(always)
private func endsAndEnds(_ panel: UnsafePointer<colorize_winograd_weights>) {
  let tap = panel.pointee.tap
  let floats = panel.pointee.count &* 2 &* lanes
  let first = Vector(repeating: zeroFactor)
  var k = 0
  while k < floats {
    put(
      panel, k, load(tap.0! + k) * Vector(repeating: zeroFactor * zeroFactor),
      load(tap.2! + k) * first, load(tap.6! + k) * first, load(tap.8! + k))
    k &+= lanes
  }
}

@inline(always)
private func endsAndPoints(
  _ panel: UnsafePointer<colorize_winograd_weights>, _ column: Float, _ factor: Float
) {
  let tap = panel.pointee.tap
  let floats = panel.pointee.count &* 2 &* lanes
  var k = 0
  while k < floats {
    let first = atPoint(
      load(tap.0! + k), load(tap.1! + k), load(tap.2! + k), column, times: zeroFactor * factor)
    let last = atPoint(
      load(tap.6! + k), load(tap.7! + k), load(tap.8! + k), column, times: factor)
    put(panel, k, first.0, first.1, last.0, last.1)
    k &+= lanes
  }
}

@inline(always)
private func pointsAndEnds(
  _ panel: UnsafePointer<colorize_winograd_weights>, _ row: Float, _ factor: Float
) {
  let tap = panel.pointee.tap
  let floats = panel.pointee.count &* 2 &* lanes
  var k = 0
  while k < floats {
    let first = atPoint(
      load(tap.0! + k), load(tap.3! + k), load(tap.6! + k), row, times: zeroFactor * factor)
    let last = atPoint(
      load(tap.2! + k), load(tap.5! + k), load(tap.8! + k), row, times: factor)
    put(panel, k, first.0, last.0, first.1, last.1)
    k &+= lanes
  }
}

@inline(always)
private func pointsAndPoints(
  _ panel: UnsafePointer<colorize_winograd_weights>, _ row: Float, _ rowFactor: Float,
  _ column: Float, _ columnFactor: Float
) {
  let tap = panel.pointee.tap
  let floats = panel.pointee.count &* 2 &* lanes
  let factor = rowFactor * columnFactor
  var k = 0
  while k < floats {
    let g0 = atPoint(load(tap.0! + k), load(tap.3! + k), load(tap.6! + k), row)
    let g1 = atPoint(load(tap.1! + k), load(tap.4! + k), load(tap.7! + k), row)
    let g2 = atPoint(load(tap.2! + k), load(tap.5! + k), load(tap.8! + k), row)
    let upper = atPoint(g0.0, g1.0, g2.0, column, times: factor)
    let lower = atPoint(g0.1, g1.1, g2.1, column, times: factor)
    put(panel, k, upper.0, upper.1, lower.0, lower.1)
    k &+= lanes
  }
}

/// See `colorize_winograd_output`.
func winogradOutput(_ tile: UnsafePointer<colorize_winograd_output>) {
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
  let ceiling = tile.pointee.ceiling
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
      value = activated(value, slope, ceiling)
      if let scale = tile.pointee.scale, let shift = tile.pointee.shift {
        value = multiplyAdd(value, load(scale + channel), load(shift + channel))
      }
      if let addend = tile.pointee.addend { value += load(addend + pixel) }
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

/// See `colorize_winograd_output_gradient`.
func winogradOutputGradient(_ tile: UnsafePointer<colorize_winograd_output_gradient>) {
  let pixel = tile.pointee.pixel!
  let step = tile.pointee.position_stride
  let columns = tile.pointee.workspace!
  let side = Int(COLORIZE_WINOGRAD_TILE)
  var c = 0
  while c < tile.pointee.channels {
    var j = 0
    while j < side {
      let column = pixel + j
      outputAdjoint(
        load(column[0].unsafelyUnwrapped + c), load(column[4].unsafelyUnwrapped + c),
        load(column[8].unsafelyUnwrapped + c), load(column[12].unsafelyUnwrapped + c)
      ) { index, value in store(value, columns + (index &* side &+ j) &* lanes) }
      j &+= 1
    }
    var i = 0
    while i < points {
      let row = columns + i &* side &* lanes
      let target = tile.pointee.output! + i &* points &* step + c
      outputAdjoint(
        load(row), load(row + lanes), load(row + 2 &* lanes), load(row + 3 &* lanes)
      ) { index, value in store(value, target + index &* step) }
      i &+= 1
    }
    c &+= lanes
  }
}

/// A y.
@inline(always)
private func outputAdjoint(
  _ y0: Vector, _ y1: Vector, _ y2: Vector, _ y3: Vector,
  _ put: (_ index: Int, _ value: Vector) -> Void
) {
  let nearEven = multiplyAdd(y2, Vector(repeating: a * a), y0)
  let nearOdd = multiplyAdd(y3, Vector(repeating: a * a * a), y1 * Vector(repeating: a))
  let farEven = multiplyAdd(y2, Vector(repeating: b * b), y0)
  let farOdd = multiplyAdd(y3, Vector(repeating: b * b * b), y1 * Vector(repeating: b))
  put(0, y0)
  put(1, nearEven + nearOdd)
  put(2, nearEven - nearOdd)
  put(3, farEven + farOdd)
  put(4, farEven - farOdd)
  put(5, y3)
}

/// See `colorize_winograd_weights_gradient`.
func winogradWeightsGradient(
  _ panel: UnsafePointer<colorize_winograd_weights_gradient>
) {
  let step = panel.pointee.position_stride
  let tap = panel.pointee.tap
  var k = 0
  while k < panel.pointee.count {
    let u = panel.pointee.transformed! + k
    // Rows 0 and 5, 1 and 2, 3 and 4.
    let ends = columnsAdjoint(u, 0, step)
    let near = columnsAdjoint(u, 1, step)
    let far = columnsAdjoint(u, 2, step)
    let g0 = weightsAdjoint(ends.0.0, near.0.0, near.1.0, far.0.0, far.1.0, ends.1.0)
    store(g0.0, tap.0! + k)
    store(g0.1, tap.3! + k)
    store(g0.2, tap.6! + k)
    let g1 = weightsAdjoint(ends.0.1, near.0.1, near.1.1, far.0.1, far.1.1, ends.1.1)
    store(g1.0, tap.1! + k)
    store(g1.1, tap.4! + k)
    store(g1.2, tap.7! + k)
    let g2 = weightsAdjoint(ends.0.2, near.0.2, near.1.2, far.0.2, far.1.2, ends.1.2)
    store(g2.0, tap.2! + k)
    store(g2.1, tap.5! + k)
    store(g2.2, tap.8! + k)
    k &+= lanes
  }
}

/// u G of the two rows of a pair.
@inline(always)
private func columnsAdjoint(_ u: UnsafePointer<Float>, _ pair: Int, _ step: Int) -> (
  (Vector, Vector, Vector), (Vector, Vector, Vector)
) {
  let ends = u + pair &* 12 &* step
  let near = ends + 4 &* step
  let far = near + 4 &* step
  return (
    weightsAdjoint(
      load(ends), load(near), load(near + step), load(far), load(far + step), load(ends + step)),
    weightsAdjoint(
      load(ends + 2 &* step), load(near + 2 &* step), load(near + 3 &* step),
      load(far + 2 &* step), load(far + 3 &* step), load(ends + 3 &* step))
  )
}

/// G' u.
@inline(always)
private func weightsAdjoint(
  _ u0: Vector, _ u1: Vector, _ u2: Vector, _ u3: Vector, _ u4: Vector, _ u5: Vector
) -> (Vector, Vector, Vector) {
  let nearSum = u1 + u2
  let farSum = u3 + u4
  let odd = (u3 - u4) * Vector(repeating: farFactor * b)
  let even = multiplyAdd(farSum, Vector(repeating: farFactor * b * b), u5)
  let first = multiplyAdd(farSum, Vector(repeating: farFactor), u0 * Vector(repeating: zeroFactor))
  return (
    multiplyAdd(nearSum, Vector(repeating: nearFactor), first),
    multiplyAdd(u1 - u2, Vector(repeating: nearFactor * a), odd),
    multiplyAdd(nearSum, Vector(repeating: nearFactor * a * a), even)
  )
}
