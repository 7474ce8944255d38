// The softmax of a row of a packed matrix.

import CKernelContract

/// See `colorize_softmax`.
func softmax(_ row: UnsafePointer<colorize_softmax>) {
  let values = row.pointee.values!
  let count = row.pointee.count
  let blockStride = row.pointee.block_stride
  let lowest = Vector(repeating: -.infinity)
  // exp of it is 1e-28 of the largest weight, which no sum of floats sees. Smaller weights could be subnormal numbers,
  // or have such products: these take many processors a hundred times as long.
  let negligible = Vector(repeating: -64)

  /// Where the vector of an index is.
  @inline(always)
  func place(_ index: Int) -> UnsafeMutablePointer<Float> {
    let block = Int(COLORIZE_GEMM_BLOCK)
    let (number, column) = (index / block, index % block)
    return values + (number &* blockStride &+ column)
  }

  /// The vector at `index`, with -infinity past the last value.
  @inline(always)
  func vector(_ index: Int) -> Vector {
    let vector = load(place(index))
    let left = count &- index
    if left >= lanes { return vector }
    return vector.replacing(with: lowest, where: laneNumbers .>= Vector(repeating: Float(left)))
  }

  var largest = lowest
  var index = 0
  while index < count {
    let next = vector(index)
    largest = largest.replacing(with: next, where: next .> largest)
    index &+= lanes
  }
  var maximum = largestLane(largest)
  if let parts = row.pointee.parts, parts.pointee.sum > 0, parts.pointee.maximum > maximum {
    maximum = parts.pointee.maximum
  }
  let most = Vector(repeating: maximum)
  var sum = Vector()
  index = 0
  while index < count {
    let difference = vector(index) - most
    let weight = exponential(difference).replacing(with: Vector(), where: difference .< negligible)
    store(weight, place(index))
    sum += weight
    index &+= lanes
  }
  if let parts = row.pointee.parts {
    let before = parts.pointee
    let scale =
      before.sum > 0 ? exponential(Vector(repeating: before.maximum - maximum))[0] : 0
    parts.pointee.maximum = maximum
    parts.pointee.sum = before.sum * scale + sumOfLanes(sum)
    parts.pointee.scale = scale
    return
  }
  let factor = Vector(repeating: row.pointee.sum / sumOfLanes(sum))
  index = 0
  while index < count {
    store(load(place(index)) * factor, place(index))
    index &+= lanes
  }
}
