// The softmax of a row of a packed matrix.

import CKernelContract

/// See `colorize_softmax`.
func softmax(_ row: UnsafePointer<colorize_softmax>) {
  let values = row.pointee.values!
  let count = row.pointee.count
  let blockStride = row.pointee.block_stride
  let lowest = Vector(repeating: -.infinity)

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
  let most = Vector(repeating: largestLane(largest))
  var sum = Vector()
  index = 0
  while index < count {
    let weight = exponential(vector(index) - most)
    store(weight, place(index))
    sum += weight
    index &+= lanes
  }
  let factor = Vector(repeating: row.pointee.sum / sumOfLanes(sum))
  index = 0
  while index < count {
    store(load(place(index)) * factor, place(index))
    index &+= lanes
  }
}
