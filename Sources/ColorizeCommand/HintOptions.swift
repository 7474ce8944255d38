// `--hint` and `--hints`: what the user knows of a picture's colors.

import ArgumentParser
import ColorizeCore

/// A color at a place, as X,Y,#RRGGBB or X,Y,#RRGGBB,RADIUS.
struct HintArgument {
  /// As it was given.
  let text: String
  let place: Place
  let radius: Float
  /// sRGB-encoded, 0 to 1.
  let rgb: SIMD3<Double>

  init(_ text: String) throws {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    guard (3...4).contains(parts.count), let rgb = Self.color(parts[2]) else {
      throw ValidationError("it must be X,Y,#RRGGBB or X,Y,#RRGGBB,RADIUS")
    }
    self.text = text
    place = try Place(parts[0], parts[1])
    radius = parts.count == 4 ? try Place.pixels(parts[3], "the radius") : 0
    self.rgb = rgb
  }

  private static func color(_ text: Substring) -> SIMD3<Double>? {
    let digits = text.dropFirst()
    guard text.first == "#", digits.count == 6, digits.allSatisfy(\.isHexDigit),
      let number = UInt32(digits, radix: 16)
    else { return nil }
    let levels = SIMD3(number >> 16, number >> 8 & 255, number & 255)
    return SIMD3<Double>(levels) / 255
  }
}

/// How far hints reach: "thing", "picture" or a number of pixels.
struct ReachArgument {
  /// As `RunOptions.hintReach`.
  let pixels: Float

  /// As it would be typed.
  var spelled: String { pixels == 0 ? "thing" : pixels == .infinity ? "picture" : "\(pixels)" }

  init(_ text: String) throws {
    switch text {
    case "thing": pixels = 0
    case "picture": pixels = .infinity
    default:
      guard let pixels = Float(text), pixels > 0, pixels <= Float(ImageView.maximumSide) else {
        throw ValidationError(
          "it must be thing, picture, or a number of pixels up to \(ImageView.maximumSide)")
      }
      self.pixels = pixels
    }
  }
}

/// A place in a picture, in pixels from its left and upper edge.
struct Place {
  let x: Float
  let y: Float

  init(_ x: Substring, _ y: Substring) throws {
    self.x = try Self.pixels(x, "x")
    self.y = try Self.pixels(y, "y")
  }

  fileprivate static func pixels(_ text: Substring, _ name: String) throws -> Float {
    guard let value = Float(text), value >= 0, value <= Float(ImageView.maximumSide) else {
      throw ValidationError("\(name) is \(text); it must be 0 to \(ImageView.maximumSide)")
    }
    return value
  }

  /// "12" or "12.5".
  static func shown(_ value: Float) -> String {
    value == value.rounded() ? "\(Int(value))" : "\(value)"
  }

  /// Throws if the place is outside of a picture.
  ///
  /// - Parameter name: what the place belongs to.
  func check(within width: Int, _ height: Int, _ name: String) throws(PictureError) {
    for (side, value, most) in [("x", x, width), ("y", y, height)] where value > Float(most) {
      throw .failed(
        "\(name): \(side) is \(Self.shown(value)); in this picture it must be 0 to \(most)")
    }
  }
}

struct HintOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A color that you know, at a pixel or in a square around it. Repeatable.",
      valueName: "X,Y,#RRGGBB[,RADIUS]"),
    transform: HintArgument.init)
  var hint: [HintArgument] = []

  @Option(
    help: ArgumentHelp(
      "A picture of the same size: opaque pixels are hints.", valueName: "STROKES"))
  var hints: FileName?
}

/// Hints, read and converted once for all pictures of a run.
final class KnownColors {
  private let points: [HintArgument]
  private let strokes: Strokes?

  /// Whether there are any: their places are in one picture.
  var isOfOnePicture: Bool { !points.isEmpty || strokes != nil }

  init(_ options: HintOptions, for model: Model) throws {
    points = options.hint
    strokes = try options.hints.map { try Strokes($0) }
    guard model.information.takesHints || (points.isEmpty && strokes == nil) else {
      throw Refusal(
        "\(points.isEmpty ? "--hints" : "--hint"): the network \(model.information.architecture) "
          + "takes none")
    }
  }

  /// The hints for a picture of this size; valid as long as this object.
  func hints(_ width: Int, _ height: Int) throws(PictureError) -> Hints {
    var hints = Hints()
    if !points.isEmpty {
      for (index, point) in points.enumerated() {
        try point.place.check(within: width, height, "--hint number \(index + 1)")
      }
      hints.squares = try squares()
    }
    hints.map = try strokes?.map(width, height)
    return hints
  }

  private func squares() throws(PictureError) -> Memory<Hint> {
    try PictureError.wrapping { () throws(ColorizeError) in
      let squares = try Memory<Hint>(count: points.count)
      for (index, point) in points.enumerated() {
        let color = LabColor(rgb: point.rgb)
        squares.start[index] = Hint(
          x: point.place.x, y: point.place.y, radius: point.radius,
          ab: SIMD2(Float(color.a), Float(color.b)))
      }
      return squares
    }
  }
}

/// A picture whose opaque pixels are hints.
private struct Strokes {
  /// Pixels with at least this alpha: an edge that is drawn smoothly is cut in its middle.
  private static let leastAlpha: UInt8 = 128

  private let name: FileName
  private let width: Int
  private let height: Int
  /// a and b of CIE Lab, `[height, width, 2]`.
  private let ab: Memory<Float>
  /// `[height, width]`.
  private let mask: Memory<UInt8>

  init(_ name: FileName) throws(ExitCode) {
    self.name = name
    let picture = try name.readForOption()
    width = picture.width
    height = picture.height
    do throws(PictureError) {
      let planes = try picture.withView { (view) throws(PictureError) in try Self.convert(view) }
      (ab, mask) = (planes.ab, planes.mask)
    } catch {
      throw error.report(name)
    }
  }

  private static func convert(
    _ view: ImageView
  ) throws(PictureError) -> (ab: Memory<Float>, mask: Memory<UInt8>) {
    guard view.format == .rgba8 else {
      throw .failed("has no transparency: all of it would be hints")
    }
    let planes = try PictureError.wrapping { () throws(ColorizeError) in try Self.planes(view) }
    guard (0..<planes.mask.count).contains(where: { planes.mask.start[$0] != 0 }) else {
      throw .failed("has no opaque pixel: there are no hints in it")
    }
    return planes
  }

  private static func planes(
    _ view: ImageView
  ) throws(ColorizeError) -> (ab: Memory<Float>, mask: Memory<UInt8>) {
    let kernels = KernelSet(.best)
    let ab = try Memory<Float>(count: 2 * view.width * view.height)
    let mask = try Memory<UInt8>(count: view.width * view.height)
    let lab = try Memory<Float>(count: 3 * view.width)
    for y in 0..<view.height {
      let row = view.row(y)
      for x in 0..<view.width {
        for channel in 0..<3 { lab.start[3 * x + channel] = Float(row[4 * x + channel]) / 255 }
      }
      Lab.fromRGB(lab.start, into: lab.start, count: view.width, kernels: kernels)
      for x in 0..<view.width {
        let pixel = y * view.width + x
        ab.start[2 * pixel] = lab.start[3 * x + 1]
        ab.start[2 * pixel + 1] = lab.start[3 * x + 2]
        mask.start[pixel] = row[4 * x + 3] >= leastAlpha ? 1 : 0
      }
    }
    return (ab, mask)
  }

  /// As a map for a picture of this size; valid as long as this value.
  func map(_ width: Int, _ height: Int) throws(PictureError) -> HintMap {
    guard width == self.width, height == self.height else {
      throw .failed(
        "has \(width) x \(height) pixels; \(name.shown), the hints, has \(self.width) x "
          + "\(self.height)")
    }
    return HintMap(ab: ab.start, abStride: 2 * width, mask: mask.start, maskStride: width)
  }
}
