// The annealed mean over the ab bins of one pixel (Zhang et al. 2016, equation 5).

import CKernelContract

/// e to the power of `x`, for -87 <= x <= 0 (below, as at -87: about 1e-38). Relative error under
/// 2e-7. x = n ln 2 + r with |r| <= ln 2 / 2; e^r by the polynomial of Cephes' expf.
@inline(always)
func exponential(_ value: Vector) -> Vector {
  let floor = Vector(repeating: -87)
  let x = value.replacing(with: floor, where: value .< floor)
  // Adding 1.5 * 2^23 rounds to a whole number, which then stands in the low bits.
  let magic = Vector(repeating: 12_582_912)
  let shifted = multiplyAdd(x, Vector(repeating: 1.442_695_04), magic)
  let n = shifted - magic
  var r = multiplyAdd(n, Vector(repeating: -0.693_359_375), x)
  r = multiplyAdd(n, Vector(repeating: 2.121_944_4e-4), r)
  var p = Vector(repeating: 1.987_569_15e-4)
  p = multiplyAdd(p, r, Vector(repeating: 1.398_199_95e-3))
  p = multiplyAdd(p, r, Vector(repeating: 8.333_452_0e-3))
  p = multiplyAdd(p, r, Vector(repeating: 4.166_579_6e-2))
  p = multiplyAdd(p, r, Vector(repeating: 1.666_666_55e-1))
  p = multiplyAdd(p, r, Vector(repeating: 5.000_000_1e-1))
  p = multiplyAdd(p, r * r, r + Vector(repeating: 1))
  // 2^n, from n in the low bits of `shifted`: 0x4B400000 is the pattern of `magic`.
  let bits = unsafeBitCast(shifted, to: Words.self) &- Words(repeating: 0x4B40_0000)
  let power = (bits &+ Words(repeating: 127)) &<< Words(repeating: 23)
  return p * unsafeBitCast(power, to: Vector.self)
}

/// See `colorize_annealed_mean`.
func annealedMean(_ pixel: UnsafePointer<colorize_annealed_mean>) {
  let logits = pixel.pointee.logits!
  let count = pixel.pointee.count
  let lowest = Vector(repeating: -.infinity)

  /// The vector at `index`, with -infinity past the last logit.
  @inline(always)
  func logitsAt(_ index: Int) -> Vector {
    let vector = load(logits + index)
    let left = count &- index
    if left >= lanes { return vector }
    return vector.replacing(with: lowest, where: laneNumbers .>= Vector(repeating: Float(left)))
  }

  var largest = lowest
  var index = 0
  while index < count {
    let vector = logitsAt(index)
    largest = largest.replacing(with: vector, where: vector .> largest)
    index &+= lanes
  }
  let most = Vector(repeating: largestLane(largest))
  let scale = Vector(repeating: pixel.pointee.scale)
  var sum = Vector()
  var sumA = Vector()
  var sumB = Vector()
  index = 0
  while index < count {
    let weight = exponential((logitsAt(index) - most) * scale)
    store(weight, pixel.pointee.weights! + index)
    sum += weight
    sumA = multiplyAdd(weight, load(pixel.pointee.a! + index), sumA)
    sumB = multiplyAdd(weight, load(pixel.pointee.b! + index), sumB)
    index &+= lanes
  }
  let sums = pixel.pointee.sums!
  sums[0] = sumOfLanes(sum)
  sums[1] = sumOfLanes(sumA)
  sums[2] = sumOfLanes(sumB)
}

@inline(always)
func largestLane(_ vector: Vector) -> Float {
  var most = vector[0]
  var lane = 1
  while lane < lanes {
    if vector[lane] > most { most = vector[lane] }
    lane &+= 1
  }
  return most
}

@inline(always)
func sumOfLanes(_ vector: Vector) -> Float {
  var sum: Float = 0
  var lane = 0
  while lane < lanes {
    sum += vector[lane]
    lane &+= 1
  }
  return sum
}
