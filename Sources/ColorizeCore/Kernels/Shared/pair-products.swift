// Products of rows with two others: what is left of a network's last layers when they are folded into one.

import CKernelContract

/// See `colorize_pair_products`.
func pairProducts(_ products: UnsafePointer<colorize_pair_products>) {
  let count = products.pointee.count
  let first = products.pointee.pair!
  let second = first + count
  var row = products.pointee.rows!
  var output = products.pointee.output!
  var number = 0
  while number < products.pointee.row_count {
    var sum0 = Vector()
    var sum1 = Vector()
    var index = 0
    while index < count {
      let values = load(row + index)
      sum0 = multiplyAdd(values, load(first + index), sum0)
      sum1 = multiplyAdd(values, load(second + index), sum1)
      index &+= lanes
    }
    output[0] = sumOfLanes(sum0)
    output[1] = sumOfLanes(sum1)
    row += products.pointee.stride
    output += 2
    number &+= 1
  }
}
