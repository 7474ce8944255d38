// The layer norm of pixels over their channels.

import CKernelContract

/// See `colorize_layer_norm`.
func layerNorm(_ pixels: UnsafePointer<colorize_layer_norm>) {
  let count = pixels.pointee.count
  let weight = pixels.pointee.weight!
  let bias = pixels.pointee.bias!
  var input = pixels.pointee.input!
  var output = pixels.pointee.output!

  /// `vector`, with 0 past the last channel.
  @inline(always)
  func inside(_ vector: Vector, _ index: Int) -> Vector {
    let left = count &- index
    if left >= lanes { return vector }
    return vector.replacing(
      with: Vector(), where: laneNumbers .>= Vector(repeating: Float(left)))
  }

  var pixel = 0
  while pixel < pixels.pointee.pixels {
    var sum = Vector()
    var index = 0
    while index < count {
      sum += inside(load(input + index), index)
      index &+= lanes
    }
    let mean = Vector(repeating: sumOfLanes(sum) / Float(count))
    var squares = Vector()
    index = 0
    while index < count {
      let difference = inside(load(input + index) - mean, index)
      squares = multiplyAdd(difference, difference, squares)
      index &+= lanes
    }
    let variance = Vector(repeating: sumOfLanes(squares) / Float(count))
    let deviation = squareRoot(variance + Vector(repeating: pixels.pointee.epsilon))
    let factor = Vector(repeating: 1) / deviation
    index = 0
    while index < count {
      let difference = inside(load(input + index) - mean, index)
      store(
        multiplyAdd(difference * factor, load(weight + index), load(bias + index)), output + index)
      index &+= lanes
    }
    input += pixels.pointee.input_stride
    output += pixels.pointee.output_stride
    pixel &+= 1
  }
}
