// What a user knows of a picture's colours, and how a network is told: points and squares, or a sparse
// colouring, become the hints and the mask of the network's input.

import Glibc

/// A square of one colour.
package struct Hint: BitwiseCopyable, Sendable {
  /// The centre, in pixels from the picture's left and upper edge.
  package var x: Float
  package var y: Float
  /// Half the side of the square, in pixels; 0: a point.
  package var radius: Float
  /// a and b of CIE Lab.
  package var ab: SIMD2<Float>

  package init(x: Float, y: Float, radius: Float, ab: SIMD2<Float>) {
    self.x = x
    self.y = y
    self.radius = radius
    self.ab = ab
  }
}

/// Hints as pictures of the picture's size, in memory that is borrowed.
package struct HintMap {
  /// a and b of CIE Lab, `[height, width, 2]`.
  package let ab: UnsafePointer<Float>
  /// From one row to the next one, in floats.
  package let abStride: Int
  /// `[height, width]`: 0 where there is no hint.
  package let mask: UnsafePointer<UInt8>
  package let maskStride: Int

  package init(
    ab: UnsafePointer<Float>, abStride: Int, mask: UnsafePointer<UInt8>, maskStride: Int
  ) {
    self.ab = ab
    self.abStride = abStride
    self.mask = mask
    self.maskStride = maskStride
  }
}

/// All hints of a run.
package struct Hints {
  package static let maximumCount = 1 << 20

  package var squares: Memory<Hint>?
  package var map: HintMap?

  package init() {}

  package var isEmpty: Bool { (squares?.count ?? 0) == 0 && map == nil }

  /// Hints as a network takes them. Of several colours at a pixel it is their mean.
  ///
  /// - Parameters:
  ///   - width: of the picture, as `height`.
  ///   - networkWidth: of the network's input, as `networkHeight`.
  func rasterised(
    width: Int, height: Int, networkWidth: Int, networkHeight: Int
  ) throws(ColorizeError) -> RasterisedHints {
    let raster = try RasterisedHints(width: networkWidth, height: networkHeight)
    if let squares {
      let gamut = GamutOutline()
      for index in 0..<squares.count {
        let hint = squares.start[index]
        try Self.validate(hint, index, width: width, height: height, gamut)
        let columns = Self.pixels(hint.x, hint.radius, from: width, to: networkWidth)
        for y in Self.pixels(hint.y, hint.radius, from: height, to: networkHeight) {
          for x in columns { raster.add(hint.ab, x, y) }
        }
      }
    }
    if let map { try Self.add(map, width: width, height: height, to: raster) }
    raster.average()
    return raster
  }

  private static func validate(
    _ hint: Hint, _ index: Int, width: Int, height: Int, _ gamut: GamutOutline
  ) throws(ColorizeError) {
    func check(_ name: String, _ value: Float, _ most: Int) throws(ColorizeError) {
      guard value >= 0, value <= Float(most) else {
        throw .invalidArgument("hints[\(index)].\(name) is \(value); it must be 0 to \(most)")
      }
    }
    try check("x", hint.x, width)
    try check("y", hint.y, height)
    try check("radius", hint.radius, ImageView.maximumSide)
    guard gamut.contains(hint.ab) else {
      throw .invalidArgument(
        "hints[\(index)].color is a \(hint.ab.x), b \(hint.ab.y), which no colour of sRGB has")
    }
  }

  /// The network's pixels whose centres lie in a stretch of the picture, and one at least.
  private static func pixels(_ centre: Float, _ radius: Float, from side: Int, to networkSide: Int)
    -> Range<Int>
  {
    let scale = Double(networkSide) / Double(side)
    func pixel(_ place: Double) -> Int { min(max(Int(place), 0), networkSide) }
    let first = pixel(((Double(centre) - Double(radius)) * scale - 0.5).rounded(.up))
    let end = pixel(((Double(centre) + Double(radius)) * scale - 0.5).rounded(.up))
    if first < end { return first..<end }
    let middle = min(pixel(Double(centre) * scale), networkSide - 1)
    return middle..<(middle + 1)
  }

  private static func add(
    _ map: HintMap, width: Int, height: Int, to raster: RasterisedHints
  ) throws(ColorizeError) {
    let gamut = GamutOutline()
    for y in 0..<height {
      let mask = map.mask + y * map.maskStride
      let ab = map.ab + y * map.abStride
      let row = y * raster.height / height
      for x in 0..<width where mask[x] != 0 {
        let color = SIMD2(ab[2 * x], ab[2 * x + 1])
        guard gamut.contains(color) else {
          throw .invalidArgument(
            "hint_map->ab at (\(x), \(y)) is (\(color.x), \(color.y)), which no colour of sRGB has")
        }
        raster.add(color, x * raster.width / width, row)
      }
    }
  }
}

/// Hints at the network's pixels.
struct RasterisedHints {
  let width: Int
  let height: Int
  /// a and b of CIE Lab, `[height, width]` each; 0 where there is no hint.
  let a: Memory<Float>
  let b: Memory<Float>
  /// 1 where there is one, else 0.
  let mask: Memory<Float>

  fileprivate init(width: Int, height: Int) throws(ColorizeError) {
    self.width = width
    self.height = height
    a = try Memory(count: width * height)
    b = try Memory(count: width * height)
    mask = try Memory(count: width * height)
    for plane in [a, b, mask] { plane.fill(0) }
  }

  fileprivate func add(_ ab: SIMD2<Float>, _ x: Int, _ y: Int) {
    let pixel = y * width + x
    a.start[pixel] += ab.x
    b.start[pixel] += ab.y
    mask.start[pixel] += 1
  }

  fileprivate func average() {
    for pixel in 0..<mask.count where mask.start[pixel] > 0 {
      a.start[pixel] /= mask.start[pixel]
      b.start[pixel] /= mask.start[pixel]
      mask.start[pixel] = 1
    }
  }
}
