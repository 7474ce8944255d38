// What training does to activations channel by channel, and to weights: see training_contract.h.

import CKernelContract

/// See `colorize_channel_sums`.
func channelSums(_ rows: UnsafePointer<colorize_channel_sums>) {
  var c = 0
  while c < rows.pointee.channels {
    channelSums(rows, c)
    c &+= lanes
  }
}

/// One vector of channels.
@inline(always)
private func channelSums(_ rows: UnsafePointer<colorize_channel_sums>, _ c: Int) {
  let stride = rows.pointee.stride
  let end = c &+ rows.pointee.rows &* stride
  var sum = load(rows.pointee.sums! + c)
  var index = c
  guard let b = rows.pointee.b else {
    let a = rows.pointee.a!
    while index < end {
      sum += load(a + index)
      index &+= stride
    }
    store(sum, rows.pointee.sums! + c)
    return
  }
  let centre = load(rows.pointee.centre! + c)
  var product = load(rows.pointee.products! + c)
  if let a = rows.pointee.a {
    if let mask = rows.pointee.mask {
      let ceiling = rows.pointee.ceiling
      while index < end {
        let g = masked(load(a + index), load(mask + index), ceiling)
        store(g, a + index)
        sum += g
        product = multiplyAdd(g, load(b + index) - centre, product)
        index &+= stride
      }
    } else {
      while index < end {
        let g = load(a + index)
        sum += g
        product = multiplyAdd(g, load(b + index) - centre, product)
        index &+= stride
      }
    }
  } else {
    while index < end {
      let g = load(b + index) - centre
      sum += g
      product = multiplyAdd(g, g, product)
      index &+= stride
    }
  }
  store(sum, rows.pointee.sums! + c)
  store(product, rows.pointee.products! + c)
}

/// See `colorize_channel_affine`.
func channelAffine(_ rows: UnsafePointer<colorize_channel_affine>) {
  let a = rows.pointee.a!
  let target = rows.pointee.target!
  let channels = rows.pointee.channels
  let slope = rows.pointee.slope
  let ceiling = rows.pointee.ceiling
  var row = 0
  var start = 0
  while row < rows.pointee.rows {
    var c = 0
    while c < channels {
      let index = start &+ c
      var x = load(a + index)
      if let scale = rows.pointee.a_scale { x = x * load(scale + c) }
      if let b = rows.pointee.b, let scale = rows.pointee.b_scale {
        x = multiplyAdd(load(b + index), load(scale + c), x)
      }
      if let shift = rows.pointee.shift { x += load(shift + c) }
      if let more = rows.pointee.more { x += load(more + index) }
      x = activated(x, slope, ceiling)
      if rows.pointee.adds != 0 { x += load(target + index) }
      store(x, target + index)
      c &+= lanes
    }
    start &+= rows.pointee.stride
    row &+= 1
  }
}

/// See `colorize_adam`.
func adam(_ step: UnsafePointer<colorize_adam>) {
  let gradientScale = Vector(repeating: step.pointee.gradient_scale)
  let decay = Vector(repeating: step.pointee.decay)
  let shrink = Vector(repeating: step.pointee.shrink)
  let firstRate = Vector(repeating: step.pointee.first_rate)
  let secondRate = Vector(repeating: step.pointee.second_rate)
  let rate = Vector(repeating: step.pointee.rate)
  let secondScale = Vector(repeating: step.pointee.second_scale)
  let epsilon = Vector(repeating: step.pointee.epsilon)
  let averageRate = Vector(repeating: step.pointee.average_rate)
  var index = 0
  while index < step.pointee.count {
    var value = load(step.pointee.value! + index)
    let g = multiplyAdd(value, decay, load(step.pointee.gradient! + index) * gradientScale)
    var first = load(step.pointee.first! + index)
    first = multiplyAdd(g - first, firstRate, first)
    store(first, step.pointee.first! + index)
    var second = load(step.pointee.second! + index)
    second = multiplyAdd(g * g - second, secondRate, second)
    store(second, step.pointee.second! + index)
    let divisor = multiplyAdd(squareRoot(second), secondScale, epsilon)
    value = value * shrink - rate * first / divisor
    store(value, step.pointee.value! + index)
    if let average = step.pointee.average {
      let old = load(average + index)
      store(multiplyAdd(value - old, averageRate, old), average + index)
    }
    index &+= lanes
  }
}
