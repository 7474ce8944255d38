// The horizontal pass of resampling, in fixed-point numbers.

import CKernelContract

/// See `colorize_resample_row`. Sums are exact modulo 2^32, whatever their order.
package func resampleRow(_ row: UnsafePointer<colorize_resample_row>) {
  let channels = row.pointee.source_bytes == 1 ? 1 : 3
  separate(row, channels)
  let stride = row.pointee.plane_stride
  let planes = UnsafePointer(row.pointee.planes!)
  let taps = row.pointee.taps!
  var output = row.pointee.output!
  var weights = row.pointee.weights!
  var x = 0
  while x < row.pointee.count {
    let first = planes + Int(taps[x].first)
    let count = Int(taps[x].count)
    output[0] = product(first, weights, count)
    if channels == 3 {
      output[1] = product(first + stride, weights, count)
      output[2] = product(first + 2 &* stride, weights, count)
    }
    output += channels
    weights += row.pointee.weight_stride
    x &+= 1
  }
}

/// Copies each channel into a plane of its own.
@inline(__always)
private func separate(_ row: UnsafePointer<colorize_resample_row>, _ channels: Int) {
  let count = row.pointee.source_count
  let red = row.pointee.planes!
  var pixel = row.pointee.source!
  var x = 0
  if channels == 1 {
    while x < count {
      red[x] = pixel[x]
      x &+= 1
    }
    return
  }
  let green = red + row.pointee.plane_stride
  let blue = green + row.pointee.plane_stride
  while x < count {
    red[x] = pixel[0]
    green[x] = pixel[1]
    blue[x] = pixel[2]
    pixel += row.pointee.source_bytes
    x &+= 1
  }
}

/// The weighted sum of `count` pixels, as a pixel.
@inline(__always)
private func product(
  _ pixels: UnsafePointer<UInt8>, _ weights: UnsafePointer<Int32>, _ count: Int
) -> Int32 {
  var sums = Words()
  var tap = 0
  while tap < count {
    let values = UnsafeRawPointer(pixels + tap).loadUnaligned(as: Bytes.self)
    let factors = UnsafeRawPointer(weights + tap).loadUnaligned(as: Words.self)
    sums = sums &+ Words(truncatingIfNeeded: values) &* factors
    tap &+= lanes
  }
  let fraction = Int32(COLORIZE_RESAMPLE_FRACTION_BITS)
  var sum: Int32 = 1 &<< (fraction &- 1)
  var lane = 0
  while lane < lanes {
    sum = sum &+ sums[lane]
    lane &+= 1
  }
  let value = sum &>> fraction
  return value < 0 ? 0 : value > 255 ? 255 : value
}
