// A pixel between four others: the inner loop of bilinear resampling.

import CKernelContract

/// See `colorize_blend`.
func blend(_ pixel: UnsafePointer<colorize_blend>) {
  let corner = pixel.pointee.corner
  let weight = pixel.pointee.weight
  let corner0 = corner.0!
  let corner1 = corner.1!
  let corner2 = corner.2!
  let corner3 = corner.3!
  let weight0 = Vector(repeating: weight.0)
  let weight1 = Vector(repeating: weight.1)
  let weight2 = Vector(repeating: weight.2)
  let weight3 = Vector(repeating: weight.3)
  let relu = pixel.pointee.relu != 0
  let output = pixel.pointee.output!
  var index = 0
  while index < pixel.pointee.count {
    var sum = load(corner0 + index) * weight0
    sum = multiplyAdd(load(corner1 + index), weight1, sum)
    sum = multiplyAdd(load(corner2 + index), weight2, sum)
    sum = multiplyAdd(load(corner3 + index), weight3, sum)
    if let residual = pixel.pointee.residual { sum += load(residual + index) }
    store(relu ? positivePart(sum) : sum, output + index)
    index &+= lanes
  }
}
