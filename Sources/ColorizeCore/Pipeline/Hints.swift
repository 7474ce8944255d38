// What a user knows of a picture's colors, and how a network is told: points and squares, or a sparse
// coloring, become the hints and the mask of the network's input.

import Glibc

/// A square of one color.
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
  /// Between two questions whether to stop: less than a millisecond.
  private static let hintsAtOnce = 1024
  private static let mapPixelsAtOnce = 4096

  package var squares: Memory<Hint>?
  package var map: HintMap?

  package init() {}

  package var isEmpty: Bool { (squares?.count ?? 0) == 0 && map == nil }

  /// Hints as a network takes them. Of several colors at a pixel it is their mean.
  ///
  /// - Parameters:
  ///   - width: of the picture, as `height`.
  ///   - networkWidth: of the network's input, as `networkHeight`.
  ///   - team: is asked whether to stop.
  func rasterised(
    width: Int, height: Int, networkWidth: Int, networkHeight: Int, _ team: Team
  ) throws(ColorizeError) -> RasterisedHints {
    let sums = try HintSums(width: networkWidth, height: networkHeight, team)
    if let squares {
      let gamut = GamutOutline()
      for index in 0..<squares.count {
        let hint = squares.start[index]
        try Self.validate(hint, index, width: width, height: height, gamut)
        sums.add(
          hint.ab, columns: Self.pixels(hint.x, hint.radius, from: width, to: networkWidth),
          rows: Self.pixels(hint.y, hint.radius, from: height, to: networkHeight))
        if index % Self.hintsAtOnce == 0 { try team.pause() }
      }
    }
    sums.integrate()
    try team.pause()
    if let map { try Self.add(map, width: width, height: height, to: sums, team) }
    return try sums.means(team)
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
        "hints[\(index)].color is a \(hint.ab.x), b \(hint.ab.y), which is outside sRGB")
    }
  }

  /// The network's pixels whose centres lie in a stretch of the picture, and one at least.
  private static func pixels(_ centre: Float, _ radius: Float, from side: Int, to networkSide: Int)
    -> Range<Int>
  {
    let scale = Double(networkSide) / Double(side)
    func pixel(_ place: Double) -> Int { Int(place, within: 0...networkSide) }
    let first = pixel(((Double(centre) - Double(radius)) * scale - 0.5).rounded(.up))
    let end = pixel(((Double(centre) + Double(radius)) * scale - 0.5).rounded(.up))
    if first < end { return first..<end }
    let middle = min(pixel(Double(centre) * scale), networkSide - 1)
    return middle..<(middle + 1)
  }

  private static func add(
    _ map: HintMap, width: Int, height: Int, to sums: HintSums, _ team: Team
  ) throws(ColorizeError) {
    let gamut = GamutOutline()
    for y in 0..<height {
      let mask = map.mask + y * map.maskStride
      let ab = map.ab + y * map.abStride
      let row = y * sums.height / height
      for x in 0..<width where mask[x] != 0 {
        let color = SIMD2(ab[2 * x], ab[2 * x + 1])
        guard gamut.contains(color) else {
          throw .invalidArgument(
            "hint_map->ab at (\(x), \(y)) is (\(color.x), \(color.y)), which is outside sRGB")
        }
        sums.add(color, column: x * sums.width / width, row: row)
        if x % Self.mapPixelsAtOnce == 0 { try team.pause() }
      }
      try team.pause()
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
  }
}

/// What the hints at each of the network's pixels add up to.
///
/// A square is written as its four corners, and all squares at once are summed up from them (a
/// two-dimensional prefix sum): the time that hints take does not depend on how large they are.
/// Float64 holds the sums of a, b and their number exactly, or to 1e-9 where there are very many.
private struct HintSums {
  let width: Int
  let height: Int
  /// One column and one row more than the network has, for the ends of squares.
  private let stride: Int
  private let sums: Memory<SIMD4<Double>>

  init(width: Int, height: Int, _ team: Team) throws(ColorizeError) {
    self.width = width
    self.height = height
    stride = width + 1
    sums = try Memory(count: stride * (height + 1))
    let (sums, stride) = (sums.start, stride)
    team.run(height + 1) { row, _ in
      (sums + row * stride).update(repeating: .zero, count: stride)
    }
    try team.throwIfInterrupted()
  }

  private func term(_ ab: SIMD2<Float>) -> SIMD4<Double> {
    SIMD4(Double(ab.x), Double(ab.y), 1, 0)
  }

  /// A square, before `integrate`.
  func add(_ ab: SIMD2<Float>, columns: Range<Int>, rows: Range<Int>) {
    let term = term(ab)
    let (first, end) = (rows.lowerBound * stride, rows.upperBound * stride)
    sums.start[first + columns.lowerBound] += term
    sums.start[first + columns.upperBound] -= term
    sums.start[end + columns.lowerBound] -= term
    sums.start[end + columns.upperBound] += term
  }

  /// From the corners of squares to what there is at each pixel.
  func integrate() {
    for y in 0..<height {
      var row = SIMD4<Double>.zero
      for x in 0..<width {
        let pixel = y * stride + x
        row += sums.start[pixel]
        sums.start[pixel] = y > 0 ? sums.start[pixel - stride] + row : row
      }
    }
  }

  /// One pixel, after `integrate`.
  func add(_ ab: SIMD2<Float>, column: Int, row: Int) {
    sums.start[row * stride + column] += term(ab)
  }

  func means(_ team: Team) throws(ColorizeError) -> RasterisedHints {
    let result = try RasterisedHints(width: width, height: height)
    team.run(height) { y, _ in
      for x in 0..<width {
        let sum = sums.start[y * stride + x]
        let pixel = y * width + x
        let isHinted = sum.z > 0
        result.a.start[pixel] = isHinted ? Float(sum.x / sum.z) : 0
        result.b.start[pixel] = isHinted ? Float(sum.y / sum.z) : 0
        result.mask.start[pixel] = isHinted ? 1 : 0
      }
    }
    try team.throwIfInterrupted()
    return result
  }
}
