// Depthwise convolution, its adjoint and the gradient of its weights: a row of positions at a time, four positions and
// one vector of channels at once.

import CKernelContract

/// See `colorize_depthwise`.
package func depthwise(_ row: UnsafePointer<colorize_depthwise>) {
  let count = row.pointee.count
  let inner = innerPositions(row)
  var position = 0
  while position < count {
    if position >= inner.first, position &+ 4 <= inner.end {
      depthwiseFour(row, position)
      position &+= 4
    } else {
      depthwiseOne(row, position)
      position &+= 1
    }
  }
}

/// See `colorize_depthwise_gradient`.
package func depthwiseGradient(_ row: UnsafePointer<colorize_depthwise>) {
  let count = row.pointee.count
  let inner = innerPositions(row)
  var position = 0
  while position < count {
    if position >= inner.first, position &+ 4 <= inner.end {
      gradientOfFour(row, position)
      position &+= 4
    } else {
      gradientOfOne(row, position)
      position &+= 1
    }
  }
}

/// The positions all of whose taps are inside of the input.
@inline(always)
private func innerPositions(_ row: UnsafePointer<colorize_depthwise>) -> (first: Int, end: Int) {
  var first = 0
  var end = row.pointee.count
  let step = row.pointee.input_step
  var tap = 0
  while tap < row.pointee.taps {
    let column = row.pointee.tap_column![tap]
    // 0 <= position * step + column < width; divisions of numbers that are not negative.
    if column < 0 { first = max(first, (step &- 1 &- column) / step) }
    let last = row.pointee.input_width &- 1 &- column
    end = last < 0 ? 0 : min(end, last / step &+ 1)
    tap &+= 1
  }
  return (first, end)
}

@inline(always)
private func depthwiseFour(_ row: UnsafePointer<colorize_depthwise>, _ position: Int) {
  let taps = row.pointee.taps
  let apart = row.pointee.input_step &* row.pointee.input_stride
  let channels = row.pointee.channels
  let output = row.pointee.output! + position &* row.pointee.output_stride
  var c = 0
  while c < channels {
    var sum0 = Vector()
    if let bias = row.pointee.bias { sum0 = load(bias + c) }
    var sum1 = sum0
    var sum2 = sum0
    var sum3 = sum0
    var tap = 0
    while tap < taps {
      let weight = load(row.pointee.tap_weight![tap]! + c)
      let column = position &* row.pointee.input_step &+ row.pointee.tap_column![tap]
      let input = row.pointee.tap_row![tap]! + (column &* row.pointee.input_stride &+ c)
      sum0 = multiplyAdd(load(input), weight, sum0)
      sum1 = multiplyAdd(load(input + apart), weight, sum1)
      sum2 = multiplyAdd(load(input + 2 &* apart), weight, sum2)
      sum3 = multiplyAdd(load(input + 3 &* apart), weight, sum3)
      tap &+= 1
    }
    let stride = row.pointee.output_stride
    finish(row, sum0, output + c)
    finish(row, sum1, output + (stride &+ c))
    finish(row, sum2, output + (2 &* stride &+ c))
    finish(row, sum3, output + (3 &* stride &+ c))
    c &+= lanes
  }
}

@inline(always)
private func depthwiseOne(_ row: UnsafePointer<colorize_depthwise>, _ position: Int) {
  let channels = row.pointee.channels
  let output = row.pointee.output! + position &* row.pointee.output_stride
  var c = 0
  while c < channels {
    var sum = Vector()
    if let bias = row.pointee.bias { sum = load(bias + c) }
    var tap = 0
    while tap < row.pointee.taps {
      let column = position &* row.pointee.input_step &+ row.pointee.tap_column![tap]
      if column >= 0, column < row.pointee.input_width {
        let input = row.pointee.tap_row![tap]! + (column &* row.pointee.input_stride &+ c)
        sum = multiplyAdd(load(input), load(row.pointee.tap_weight![tap]! + c), sum)
      }
      tap &+= 1
    }
    finish(row, sum, output + c)
    c &+= lanes
  }
}

@inline(always)
private func finish(
  _ row: UnsafePointer<colorize_depthwise>, _ sum: Vector, _ target: UnsafeMutablePointer<Float>
) {
  let value = activated(sum, row.pointee.slope)
  store(row.pointee.adds != 0 ? load(target) + value : value, target)
}

@inline(always)
private func gradientOfFour(_ row: UnsafePointer<colorize_depthwise>, _ position: Int) {
  let taps = row.pointee.taps
  let apart = row.pointee.input_step &* row.pointee.input_stride
  let stride = row.pointee.output_stride
  let output = row.pointee.output! + position &* stride
  var c = 0
  while c < row.pointee.channels {
    let gradient0 = load(output + c)
    let gradient1 = load(output + (stride &+ c))
    let gradient2 = load(output + (2 &* stride &+ c))
    let gradient3 = load(output + (3 &* stride &+ c))
    var tap = 0
    while tap < taps {
      let column = position &* row.pointee.input_step &+ row.pointee.tap_column![tap]
      let input = row.pointee.tap_row![tap]! + (column &* row.pointee.input_stride &+ c)
      let target = row.pointee.tap_gradient![tap]! + c
      var sum = multiplyAdd(load(input), gradient0, load(target))
      sum = multiplyAdd(load(input + apart), gradient1, sum)
      sum = multiplyAdd(load(input + 2 &* apart), gradient2, sum)
      sum = multiplyAdd(load(input + 3 &* apart), gradient3, sum)
      store(sum, target)
      tap &+= 1
    }
    c &+= lanes
  }
}

@inline(always)
private func gradientOfOne(_ row: UnsafePointer<colorize_depthwise>, _ position: Int) {
  let output = row.pointee.output! + position &* row.pointee.output_stride
  var tap = 0
  while tap < row.pointee.taps {
    let column = position &* row.pointee.input_step &+ row.pointee.tap_column![tap]
    if column >= 0, column < row.pointee.input_width {
      let input = row.pointee.tap_row![tap]! + column &* row.pointee.input_stride
      let target = row.pointee.tap_gradient![tap]!
      var c = 0
      while c < row.pointee.channels {
        store(multiplyAdd(load(input + c), load(output + c), load(target + c)), target + c)
        c &+= lanes
      }
    }
    tap &+= 1
  }
}
