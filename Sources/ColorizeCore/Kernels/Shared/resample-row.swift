// The horizontal pass of resampling, in fixed-point numbers.

import CKernelContract

/// See `colorize_resample_row`. Sums are exact modulo 2^32, whatever their order.
func resampleRow(_ row: UnsafePointer<colorize_resample_row>) {
  let channels = isGray(row.pointee.source_layout) ? 1 : 3
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

/// Copies each channel, as 8 bits, into a plane of its own.
@inline(__always)
private func separate(_ row: UnsafePointer<colorize_resample_row>, _ channels: Int) {
  let layout = row.pointee.source_layout
  let count = row.pointee.source_count
  let source = row.pointee.source!
  let red = row.pointee.planes!
  copy(source, layout, layout.red, count, to: red)
  guard channels == 3 else { return }
  copy(source, layout, layout.green, count, to: red + row.pointee.plane_stride)
  copy(source, layout, layout.blue, count, to: red + 2 &* row.pointee.plane_stride)
}

@inline(__always)
private func copy(
  _ source: UnsafePointer<UInt8>, _ layout: colorize_pixel_layout, _ channel: Int32, _ count: Int,
  to plane: UnsafeMutablePointer<UInt8>
) {
  var value = source + Int(channel) &* Int(layout.depth)
  var x = 0
  switch layout.depth {
  case 1:
    while x < count {
      plane[x] = value[0]
      value += layout.bytes
      x &+= 1
    }
  case 2:
    while x < count {
      plane[x] = UInt8(truncatingIfNeeded: narrowed(word(value)))
      value += layout.bytes
      x &+= 1
    }
  default:
    while x < count {
      plane[x] = UInt8(truncatingIfNeeded: rounded(float(value), 255))
      value += layout.bytes
      x &+= 1
    }
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
