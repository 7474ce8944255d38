// The second half of guided upsampling: from the pixels of the network's input to those of a picture,
// along the edges of its lightness (joint bilateral upsampling, Kopf et al. 2007).

import CKernelContract

/// a and b of `width` pixels from `first` on: each one's four neighbours weighted by what they weigh
/// bilinearly over 1 + (difference of lightness)^2.
///
/// - Parameters:
///   - column: of the pixel `first` or one left of it.
///   - fy: Lab's f of the pixels' luminance.
/// - Returns: the column of the last pixel.
@inline(__always)
func interpolateGuided(
  _ row: UnsafePointer<colorize_render_row>, from first: Int, _ width: Int, _ column: Int,
  _ fy: UnsafePointer<Float>, _ a: UnsafeMutablePointer<Float>, _ b: UnsafeMutablePointer<Float>
) -> Int {
  let starts = row.pointee.starts!
  let last = row.pointee.columns &- 1
  let below = Vector(repeating: row.pointee.row_share)
  let above = Vector(repeating: 1) - below
  let scale = Vector(repeating: 116 * row.pointee.guide_scale)
  let offset = Vector(repeating: -16 * row.pointee.guide_scale)
  let share = row.pointee.share! + first
  var column = column
  var x = 0
  while true {
    let next = Int(starts[column &+ 1]) &- first
    let end = next < width ? next : width
    if x < end {
      let right = column < last ? column &+ 1 : last
      let guides = Neighbours(row.pointee.upper_guide!, row.pointee.lower_guide!, column, right)
      let colorsA = Neighbours(row.pointee.upper_a!, row.pointee.lower_a!, column, right)
      let colorsB = Neighbours(row.pointee.upper_b!, row.pointee.lower_b!, column, right)
      // The last vector may go beyond `end`: what is there is written after it.
      while x < end {
        let guide = multiplyAdd(load(fy + x), scale, offset)
        let upperLeft = distance(guide, guides.upperLeft)
        let upperRight = distance(guide, guides.upperRight)
        let lowerLeft = distance(guide, guides.lowerLeft)
        let lowerRight = distance(guide, guides.lowerRight)
        // Weights over these distances, all times the product of the four.
        let toRight = load(share + x)
        let toLeft = Vector(repeating: 1) - toRight
        let upper = lowerLeft * lowerRight * above
        let lower = upperLeft * upperRight * below
        let second = upper * (upperLeft * toRight)
        let third = lower * (lowerRight * toLeft)
        let fourth = lower * (lowerLeft * toRight)
        let sum = multiplyAdd(upper, upperRight * toLeft, second) + (third + fourth)
        let scaled = Vector(repeating: 1) / sum
        store(colorsA.mean(second, third, fourth, scaled), a + x)
        store(colorsB.mean(second, third, fourth, scaled), b + x)
        x &+= lanes
      }
      x = end
    }
    if x == width { return column }
    column &+= 1
  }
}

@inline(__always)
private func distance(_ guide: Vector, _ neighbour: Float) -> Vector {
  let difference = guide - Vector(repeating: neighbour)
  return multiplyAdd(difference, difference, Vector(repeating: 1))
}

/// The values of a plane at four places.
private struct Neighbours {
  let upperLeft: Float
  let upperRight: Float
  let lowerLeft: Float
  let lowerRight: Float

  @inline(__always)
  init(_ upper: UnsafePointer<Float>, _ lower: UnsafePointer<Float>, _ left: Int, _ right: Int) {
    upperLeft = upper[left]
    upperRight = upper[right]
    lowerLeft = lower[left]
    lowerRight = lower[right]
  }

  /// With the last three's weights, whose sum with the first one's is 1 / `scale`. Where all four are
  /// the same it is that, to the bit.
  @inline(__always)
  func mean(_ second: Vector, _ third: Vector, _ fourth: Vector, _ scale: Vector) -> Vector {
    let difference = multiplyAdd(
      fourth, Vector(repeating: lowerRight - upperLeft),
      multiplyAdd(
        third, Vector(repeating: lowerLeft - upperLeft),
        second * Vector(repeating: upperRight - upperLeft)))
    return multiplyAdd(difference, scale, Vector(repeating: upperLeft))
  }
}
