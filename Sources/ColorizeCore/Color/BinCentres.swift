// The ab bins of a model: what its distribution is over.

/// a and b of each bin's centre.
package final class BinCentres: Sendable {
  package let count: Int
  /// Room for the bins in whole vectors.
  let stride: Int
  private let values: Memory<Float>

  private init(count: Int) throws(ColorizeError) {
    self.count = count
    stride = count.roundedUp(to: 16)
    values = try Memory(count: 2 * stride)
    values.fill(0)
  }

  package convenience init(_ centres: [SIMD2<Float>]) throws(ColorizeError) {
    try self.init(count: centres.count)
    for (index, centre) in centres.enumerated() {
      values.start[index] = centre.x
      values.start[stride + index] = centre.y
    }
  }

  /// - Parameter normalized: `[2, count]`: all a / 110, then all b / 110.
  convenience init(normalized: UnsafePointer<Float>, count: Int) throws(ColorizeError) {
    try self.init(count: count)
    for index in 0..<count {
      values.start[index] = normalized[index] * Lab.abRange
      values.start[stride + index] = normalized[count + index] * Lab.abRange
    }
  }

  /// `[count]`, and zeros up to a multiple of 16.
  package var a: UnsafePointer<Float> { UnsafePointer(values.start) }
  package var b: UnsafePointer<Float> { UnsafePointer(values.start + stride) }
}
