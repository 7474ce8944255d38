// What a picture shows before it is colored: colors that it has already, a drawing, a border.

import CImageFiles
import ColorizeCore
import Glibc

extension Picture {
  /// Parts of a picture, each the mean of a few pixels, which keeps grain and a scanner's noise from
  /// looking like color: at most 64 x 64.
  private static let partsASide = 64
  /// Pixels of a part, in each direction.
  private static let partSide = 4

  /// Whether it has colors beyond a tone. A picture is toned, as by sepia, by a blueprint's dye or by
  /// the paper's age, where all of it has one hue, however strong, which may change with lightness; a
  /// hundredth of it in other hues makes it a picture with colors, as where one was tinted by hand.
  func hasColors() throws(PictureError) -> Bool {
    guard file.channels >= 3 else { return false }
    let lab = try parts()
    let tones = Tones(lab)
    let others = lab.count { tones.isOther($0) }
    return Double(others) > Tones.share * Double(lab.count)
  }

  /// CIE Lab of the parts.
  private func parts() throws(PictureError) -> [SIMD3<Float>] {
    let columns = min(width, Self.partsASide)
    let rows = min(height, Self.partsASide)
    let lab = try PictureError.wrapping { () throws(ColorizeError) in
      try Memory<Float>(count: 3 * columns * rows)
    }
    for row in 0..<rows {
      for column in 0..<columns {
        let part = part(column, row, of: columns, rows)
        for channel in 0..<3 { lab.start[3 * (row * columns + column) + channel] = part[channel] }
      }
    }
    Lab.fromRGB(lab.start, into: lab.start, count: columns * rows, kernels: KernelSet(.best))
    return (0..<columns * rows).map {
      SIMD3(lab.start[3 * $0], lab.start[3 * $0 + 1], lab.start[3 * $0 + 2])
    }
  }

  /// The mean of red, green and blue, 0 to 1, around the middle of a part.
  private func part(_ column: Int, _ row: Int, of columns: Int, _ rows: Int) -> SIMD3<Float> {
    let left = column * width / columns
    let top = row * height / rows
    let right = min(left + Self.partSide, (column + 1) * width / columns)
    let bottom = min(top + Self.partSide, (row + 1) * height / rows)
    var sum = SIMD3<Double>()
    for y in top..<bottom {
      let line = UnsafeRawPointer(file.pixels + y * file.row_bytes)
      for x in left..<right {
        let start = x * Int(file.channels)
        sum += SIMD3(
          Self.sample(line, start, file.sample_bytes),
          Self.sample(line, start + 1, file.sample_bytes),
          Self.sample(line, start + 2, file.sample_bytes))
      }
    }
    return SIMD3<Float>(sum / Double((bottom - top) * (right - left)))
  }
}

// ---- Borders ------------------------------------------------------------------------------------

/// A part of a picture, in pixels.
struct Interior {
  var left: Int
  var top: Int
  var right: Int
  var bottom: Int
}

extension Picture {
  /// What is inside of a border: black film, or the paper of a print or a mount. nil: there is none.
  ///
  /// A side has a border if its outermost row or column is even and dark or light, and so are those
  /// behind it up to an edge. At least two sides must have one of the same tone, since one alone may be
  /// sky.
  func inside() -> Interior? {
    var part = Interior(left: 0, top: 0, right: width, bottom: height)
    // The second time, rows no longer have the border's other sides in them.
    for _ in 0..<2 {
      var tones: [Float] = []
      var next = part
      func look(_ depth: Int, _ line: (Int) -> Line, _ put: (inout Interior, Int) -> Void) {
        guard let (border, tone) = Self.border(depth, line) else { return }
        tones.append(tone)
        put(&next, border)
      }
      look(part.bottom - part.top, { row(part.top + $0, part) }, { $0.top += $1 })
      look(part.bottom - part.top, { row(part.bottom - 1 - $0, part) }, { $0.bottom -= $1 })
      look(part.right - part.left, { column(part.left + $0, part) }, { $0.left += $1 })
      look(part.right - part.left, { column(part.right - 1 - $0, part) }, { $0.right -= $1 })
      let alike = tones.contains { tone in
        tones.count { ($0 - tone).magnitude <= Line.sameTone } >= 2
      }
      guard alike, next.right - next.left >= Line.leastInside,
        next.bottom - next.top >= Line.leastInside
      else { break }
      part = next
    }
    let isWhole = part.left == 0 && part.top == 0 && part.right == width && part.bottom == height
    return isWhole ? nil : part
  }

  /// How deep a border is, and its tone; nil: there is none.
  ///
  /// - Parameters:
  ///   - depth: of the picture, seen from this side.
  ///   - line: the row or column at a distance from this side.
  private static func border(_ depth: Int, _ line: (Int) -> Line) -> (Int, Float)? {
    let outermost = line(0)
    guard outermost.isEven, outermost.mean <= Line.dark || outermost.mean >= Line.light else {
      return nil
    }
    let most = Int(Double(depth) * Line.largestShare)
    var border = 1
    while border < most {
      let next = line(border)
      guard next.isEven, (next.mean - outermost.mean).magnitude <= Line.sameTone else { break }
      border += 1
    }
    return border < most ? (border, outermost.mean) : nil
  }

  private func row(_ y: Int, _ part: Interior) -> Line {
    let step = max((part.right - part.left) / Line.samples, 1)
    var line = Line()
    for x in stride(from: part.left, to: part.right, by: step) { line.add(gray(x, y)) }
    return line
  }

  private func column(_ x: Int, _ part: Interior) -> Line {
    let step = max((part.bottom - part.top) / Line.samples, 1)
    var line = Line()
    for y in stride(from: part.top, to: part.bottom, by: step) { line.add(gray(x, y)) }
    return line
  }

  /// 0 to 1.
  private func gray(_ x: Int, _ y: Int) -> Float {
    let line = UnsafeRawPointer(file.pixels + y * file.row_bytes)
    let start = x * Int(file.channels)
    let colors = file.channels < 3 ? 1 : 3
    var sum = 0.0
    for channel in 0..<colors { sum += Self.sample(line, start + channel, file.sample_bytes) }
    return Float(sum / Double(colors))
  }
}

/// A row or column: how light and how even it is, 0 to 1.
private struct Line {
  /// At most so many pixels are looked at.
  static let samples = 256
  static let dark: Float = 0.25
  static let light: Float = 0.7
  /// Deviation of what is even: grain and the structure of paper.
  private static let evenness: Float = 0.04
  static let sameTone: Float = 0.06
  /// Of the picture, that a border takes at each side.
  static let largestShare = 0.4
  static let leastInside = 16

  private var count: Float = 0
  private var sum: Float = 0
  private var squares: Float = 0

  mutating func add(_ value: Float) {
    count += 1
    sum += value
    squares += value * value
  }

  var mean: Float { sum / count }
  var isEven: Bool {
    max(squares / count - mean * mean, 0).squareRoot() <= Self.evenness
  }
}

// ---- Drawings -----------------------------------------------------------------------------------

extension Picture {
  /// Whether it is of black and white alone: a drawing, or a print's halftone.
  func isBilevel() -> Bool {
    let step = max(min(width, height) / Self.partsASide, 1)
    var dark = 0
    var light = 0
    var all = 0
    for y in stride(from: 0, to: height, by: step) {
      for x in stride(from: 0, to: width, by: step) {
        let value = gray(x, y)
        all += 1
        if value < 0.1 { dark += 1 }
        if value > 0.9 { light += 1 }
      }
    }
    return (dark + light) * 100 >= all * 97 && min(dark, light) * 100 >= all
  }
}

/// The tone of a picture for each lightness: what its parts have in common.
private struct Tones {
  /// Of a picture, that may have other hues.
  static let share = 0.01
  /// In ab, from the tone: what is further away is another color.
  private static let distance: Float = 8
  /// Of a tone: with less it has no hue.
  private static let leastChroma: Float = 3
  private static let bins = 20
  /// With fewer parts a lightness has no median of its own.
  private static let leastParts = 16

  /// The medians of a and b.
  private let tones: [SIMD2<Float>]

  init(_ lab: [SIMD3<Float>]) {
    var groups = [[SIMD3<Float>]](repeating: [], count: Self.bins)
    for part in lab { groups[Self.bin(part[0])].append(part) }
    let all = Self.median(lab)
    tones = groups.map { $0.count < Self.leastParts ? all : Self.median($0) }
  }

  private static func bin(_ lightness: Float) -> Int {
    let share = max(min(lightness / 100, 1), 0)
    return share.isNaN ? 0 : min(Int(share * Float(bins)), bins - 1)
  }

  private static func median(_ lab: [SIMD3<Float>]) -> SIMD2<Float> {
    guard !lab.isEmpty else { return SIMD2() }
    let middle = lab.count / 2
    return SIMD2(lab.map { $0[1] }.sorted()[middle], lab.map { $0[2] }.sorted()[middle])
  }

  /// Whether a part has another hue than the tone of its lightness. It may have more or less of the
  /// same hue: stains, and what has faded.
  func isOther(_ lab: SIMD3<Float>) -> Bool {
    let tone = tones[Self.bin(lab[0])]
    let ab = SIMD2(lab[1], lab[2])
    var rest = ab - tone
    let chroma = (tone * tone).sum().squareRoot()
    if chroma >= Self.leastChroma, (ab * tone).sum() >= 0 {
      let hue = tone / chroma
      rest -= (rest * hue).sum() * hue
    }
    return (rest * rest).sum() > Self.distance * Self.distance
  }
}
