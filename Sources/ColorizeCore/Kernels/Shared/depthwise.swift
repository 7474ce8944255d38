// Depthwise convolution, its adjoint and the gradient of its weights: a row of positions at a time, four positions and
// one or two vectors of channels at once.

import CKernelContract

/// See `colorize_depthwise`.
func depthwise(_ row: UnsafePointer<colorize_depthwise>) {
  forPositions(row, gradients: nil)
}

/// See `colorize_depthwise_gradient`.
func depthwiseGradient(_ row: UnsafePointer<colorize_depthwise>) {
  forPositions(row, gradients: row.pointee.tap_gradient!)
}

/// The sums, or the taps' gradients: four positions at a time where all taps are inside of the input, else one.
@inline(always)
private func forPositions(
  _ row: UnsafePointer<colorize_depthwise>,
  gradients: UnsafePointer<UnsafeMutablePointer<Float>?>?
) {
  let count = row.pointee.count
  let inner = innerPositions(row)
  let row = Row(row)
  var position = 0
  while position < count {
    if position >= inner.first, position &+ 4 <= inner.end {
      if let gradients {
        gradientOfFour(row, gradients, position)
      } else {
        sumsOfFour(row, position)
      }
      position &+= 4
    } else {
      if let gradients {
        gradientOfOne(row, gradients, position)
      } else {
        sumsOfOne(row, position)
      }
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

/// A row's values, read once: the compiler cannot know that the output does not lie over them.
private struct Row {
  let taps: Int
  let channels: Int
  let bias: UnsafePointer<Float>?
  let inputWidth: Int
  let outputStride: Int
  /// From what a tap reads for a position to what it reads for the next one.
  let apart: Int

  private let tapRow: UnsafePointer<UnsafePointer<Float>?>
  private let tapColumn: UnsafePointer<Int>
  private let tapWeight: UnsafePointer<UnsafePointer<Float>?>
  private let output: UnsafeMutablePointer<Float>
  private let inputStep: Int
  private let inputStride: Int
  private let adds: Bool
  private let slope: Float
  private let ceiling: Float

  @inline(always)
  init(_ row: UnsafePointer<colorize_depthwise>) {
    taps = row.pointee.taps
    channels = row.pointee.channels
    bias = row.pointee.bias
    inputWidth = row.pointee.input_width
    outputStride = row.pointee.output_stride
    apart = row.pointee.input_step &* row.pointee.input_stride
    tapRow = row.pointee.tap_row!
    tapColumn = row.pointee.tap_column!
    tapWeight = row.pointee.tap_weight!
    output = row.pointee.output!
    inputStep = row.pointee.input_step
    inputStride = row.pointee.input_stride
    adds = row.pointee.adds != 0
    slope = row.pointee.slope
    ceiling = row.pointee.ceiling
  }

  @inline(always)
  func output(_ position: Int) -> UnsafeMutablePointer<Float> { output + position &* outputStride }

  @inline(always)
  func weight(_ tap: Int) -> UnsafePointer<Float> { tapWeight[tap]! }

  @inline(always)
  func column(_ tap: Int, _ position: Int) -> Int { position &* inputStep &+ tapColumn[tap] }

  /// What a tap reads for a position.
  @inline(always)
  func input(_ tap: Int, _ position: Int) -> UnsafePointer<Float> {
    tapRow[tap]! + column(tap, position) &* inputStride
  }

  @inline(always)
  func finish(_ sum: Vector, _ target: UnsafeMutablePointer<Float>) {
    let value = activated(sum, slope, ceiling)
    store(adds ? load(target) + value : value, target)
  }
}

/// Two vectors of channels at a time as long as there are two, for each of which the taps are looked up.
@inline(always)
private func sumsOfFour(_ row: Row, _ position: Int) {
  let apart = row.apart
  let output = row.output(position)
  let output1 = output + row.outputStride
  let output2 = output1 + row.outputStride
  let output3 = output2 + row.outputStride
  var c = 0
  while c &+ 2 &* lanes <= row.channels {
    var low0 = Vector()
    var high0 = Vector()
    if let bias = row.bias {
      low0 = load(bias + c)
      high0 = load(bias + (c &+ lanes))
    }
    var low1 = low0
    var high1 = high0
    var low2 = low0
    var high2 = high0
    var low3 = low0
    var high3 = high0
    var tap = 0
    while tap < row.taps {
      let weight = row.weight(tap) + c
      let input = row.input(tap, position) + c
      let low = load(weight)
      let high = load(weight + lanes)
      low0 = multiplyAdd(load(input), low, low0)
      high0 = multiplyAdd(load(input + lanes), high, high0)
      let input1 = input + apart
      low1 = multiplyAdd(load(input1), low, low1)
      high1 = multiplyAdd(load(input1 + lanes), high, high1)
      let input2 = input1 + apart
      low2 = multiplyAdd(load(input2), low, low2)
      high2 = multiplyAdd(load(input2 + lanes), high, high2)
      let input3 = input2 + apart
      low3 = multiplyAdd(load(input3), low, low3)
      high3 = multiplyAdd(load(input3 + lanes), high, high3)
      tap &+= 1
    }
    row.finish(low0, output + c)
    row.finish(high0, output + (c &+ lanes))
    row.finish(low1, output1 + c)
    row.finish(high1, output1 + (c &+ lanes))
    row.finish(low2, output2 + c)
    row.finish(high2, output2 + (c &+ lanes))
    row.finish(low3, output3 + c)
    row.finish(high3, output3 + (c &+ lanes))
    c &+= 2 &* lanes
  }
  if c < row.channels {
    var sum0 = Vector()
    if let bias = row.bias { sum0 = load(bias + c) }
    var sum1 = sum0
    var sum2 = sum0
    var sum3 = sum0
    var tap = 0
    while tap < row.taps {
      let weight = load(row.weight(tap) + c)
      let input = row.input(tap, position) + c
      sum0 = multiplyAdd(load(input), weight, sum0)
      sum1 = multiplyAdd(load(input + apart), weight, sum1)
      sum2 = multiplyAdd(load(input + 2 &* apart), weight, sum2)
      sum3 = multiplyAdd(load(input + 3 &* apart), weight, sum3)
      tap &+= 1
    }
    row.finish(sum0, output + c)
    row.finish(sum1, output1 + c)
    row.finish(sum2, output2 + c)
    row.finish(sum3, output3 + c)
  }
}

/// Four vectors of channels at a time as long as there are four: a sum waits for itself, tap after tap.
@inline(always)
private func sumsOfOne(_ row: Row, _ position: Int) {
  let output = row.output(position)
  var c = 0
  while c &+ 4 &* lanes <= row.channels {
    var sum0 = Vector()
    var sum1 = Vector()
    var sum2 = Vector()
    var sum3 = Vector()
    if let bias = row.bias {
      sum0 = load(bias + c)
      sum1 = load(bias + (c &+ lanes))
      sum2 = load(bias + (c &+ 2 &* lanes))
      sum3 = load(bias + (c &+ 3 &* lanes))
    }
    var tap = 0
    while tap < row.taps {
      let column = row.column(tap, position)
      if column >= 0, column < row.inputWidth {
        let input = row.input(tap, position) + c
        let weight = row.weight(tap) + c
        sum0 = multiplyAdd(load(input), load(weight), sum0)
        sum1 = multiplyAdd(load(input + lanes), load(weight + lanes), sum1)
        sum2 = multiplyAdd(load(input + 2 &* lanes), load(weight + 2 &* lanes), sum2)
        sum3 = multiplyAdd(load(input + 3 &* lanes), load(weight + 3 &* lanes), sum3)
      }
      tap &+= 1
    }
    row.finish(sum0, output + c)
    row.finish(sum1, output + (c &+ lanes))
    row.finish(sum2, output + (c &+ 2 &* lanes))
    row.finish(sum3, output + (c &+ 3 &* lanes))
    c &+= 4 &* lanes
  }
  while c < row.channels {
    var sum = Vector()
    if let bias = row.bias { sum = load(bias + c) }
    var tap = 0
    while tap < row.taps {
      let column = row.column(tap, position)
      if column >= 0, column < row.inputWidth {
        sum = multiplyAdd(load(row.input(tap, position) + c), load(row.weight(tap) + c), sum)
      }
      tap &+= 1
    }
    row.finish(sum, output + c)
    c &+= lanes
  }
}

@inline(always)
private func gradientOfFour(
  _ row: Row, _ gradients: UnsafePointer<UnsafeMutablePointer<Float>?>, _ position: Int
) {
  let apart = row.apart
  let stride = row.outputStride
  let output = row.output(position)
  var c = 0
  while c < row.channels {
    let gradient0 = load(output + c)
    let gradient1 = load(output + (stride &+ c))
    let gradient2 = load(output + (2 &* stride &+ c))
    let gradient3 = load(output + (3 &* stride &+ c))
    var tap = 0
    while tap < row.taps {
      let input = row.input(tap, position) + c
      let target = gradients[tap]! + c
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
private func gradientOfOne(
  _ row: Row, _ gradients: UnsafePointer<UnsafeMutablePointer<Float>?>, _ position: Int
) {
  let output = row.output(position)
  var tap = 0
  while tap < row.taps {
    let column = row.column(tap, position)
    if column >= 0, column < row.inputWidth {
      let input = row.input(tap, position)
      let target = gradients[tap]!
      var c = 0
      while c < row.channels {
        store(multiplyAdd(load(input + c), load(output + c), load(target + c)), target + c)
        c &+= lanes
      }
    }
    tap &+= 1
  }
}
