// The last stage of a picture on each instruction set, against the formulas in float64.

import ColorizeCore
import Glibc
import Testing

@Suite struct RendererTests {
  /// More than two of the pieces in which the kernel works, and no multiple of a vector.
  static let width = 1100

  private func picture(_ format: PixelFormat, width: Int, height: Int, seed: UInt64 = 5) throws
    -> Picture
  {
    var numbers = Numbers(seed: seed)
    return try Picture(format, width: width, height: height) { _, _, _ in numbers.byte() }
  }

  /// - Parameters:
  ///   - ab: `[2, abHeight, abWidth]`.
  ///   - guide: `[abHeight, abWidth]`, L in units of `GuidedUpsampling.range`. nil: bilinear.
  private func render(
    _ input: ImageView, to output: ImageView, ab: [Float], guide: [Float]? = nil, abHeight: Int,
    abWidth: Int, _ instructionSet: InstructionSet, threads: Int = 1
  ) throws {
    let team = Team(threads: threads)
    var ownGuide: Memory<Float>?
    if let guide {
      let memory = try Memory<Float>(count: guide.count)
      memory.start.update(from: guide, count: guide.count)
      ownGuide = memory
    }
    let renderer = try Renderer(
      input: input, output: output, abHeight: abHeight, abWidth: abWidth, guide: ownGuide,
      gamutMapping: .clip, kernels: KernelSet(instructionSet), workers: team.size)
    renderer.ab.start.update(from: ab, count: ab.count)
    try renderer.run(team) { _ in }
  }

  /// The luminance, and Lab's f of it.
  private func luminance(_ bytes: [UInt8]) -> (y: Double, fy: Double) {
    let light = bytes.map { byte in
      let value = Double(byte) / 255
      return value > 0.04045 ? pow((value + 0.055) / 1.055, 2.4) : value / 12.92
    }
    let y = 0.212671 * light[0] + 0.715160 * light[1] + 0.072169 * light[2]
    return (y, y > 0.008856 ? cbrt(y) : 7.787 * y + 16.0 / 116)
  }

  /// sRGB 0 to 255, not rounded, of a color with the lightness of `bytes`.
  private func formula(_ bytes: [UInt8], _ a: Double, _ b: Double) -> [Double] {
    let (y, fy) = luminance(bytes)
    func inverse(_ f: Double) -> Double { f > 0.2068966 ? f * f * f : (f - 16.0 / 116) / 7.787 }
    let x = 0.95047 * inverse(fy + a / 500)
    let z = 1.08883 * inverse(max(fy - b / 200, 0))
    return [
      3.24048134 * x - 1.53715152 * y - 0.49853633 * z,
      -0.96925495 * x + 1.87599 * y + 0.04155593 * z,
      0.05564664 * x - 0.20404134 * y + 1.05731107 * z,
    ].map { value in
      let encoded = value > 0.0031308 ? 1.055 * pow(value, 1 / 2.4) - 0.055 : value * 12.92
      return 255 * min(max(encoded, 0), 1)
    }
  }

  /// The four values of a plane around a pixel's place, and what each weighs, by PyTorch's bilinear with
  /// align_corners false.
  private func neighbours(_ size: (Int, Int), _ y: Int, _ x: Int, _ of: (Int, Int))
    -> [(index: Int, weight: Double)]
  {
    func axis(_ target: Int, _ source: Int, _ size: Int) -> (Int, Int, Double) {
      let place = max((Double(target) + 0.5) * Double(source) / Double(size) - 0.5, 0)
      let first = min(Int(place), source - 1)
      return (first, min(first + 1, source - 1), min(place - Double(first), 1))
    }
    let (top, bottom, down) = axis(y, size.0, of.0)
    let (left, right, across) = axis(x, size.1, of.1)
    return [
      (top * size.1 + left, (1 - down) * (1 - across)), (top * size.1 + right, (1 - down) * across),
      (bottom * size.1 + left, down * (1 - across)), (bottom * size.1 + right, down * across),
    ]
  }

  private func mean(_ plane: ArraySlice<Float>, _ neighbours: [(index: Int, weight: Double)])
    -> Double
  {
    neighbours.reduce(0) { $0 + $1.weight * Double(plane[plane.startIndex + $1.index]) }
      / neighbours.reduce(0) { $0 + $1.weight }
  }

  /// Half a level of rounding, and what float32 adds: ab of ±110 is interpolated to 1e-5, powers
  /// are exact to 1e-6, and the steepest part of the formulas magnifies them some hundred times.
  static let tolerance = 0.5 + 0.01
  /// Guided, ab have errors of up to 1e-3: neighbours' weights are exact to 1e-5, since L is.
  static let guidedTolerance = 0.5 + 0.02

  /// Larger and smaller than ab, a pixel, a column, a row, and each way of laying out pixels.
  @Test(
    arguments: InstructionSet.available,
    [
      (1100, 3, 8, 4), (61, 47, 16, 16), (16, 16, 16, 16), (7, 5, 64, 64), (1, 1, 4, 4),
      (1, 90, 4, 4), (90, 1, 4, 4), (700, 2, 1, 1),
    ])
  func isTheFormula(
    _ instructionSet: InstructionSet, _ size: (width: Int, height: Int, abWidth: Int, abHeight: Int)
  ) throws {
    for isGuided in [false, true] { try compare(instructionSet, size, isGuided) }
  }

  private func compare(
    _ instructionSet: InstructionSet,
    _ size: (width: Int, height: Int, abWidth: Int, abHeight: Int), _ isGuided: Bool
  ) throws {
    var numbers = Numbers(seed: 3)
    let count = size.abWidth * size.abHeight
    let ab = numbers.values(2 * count).map { $0 * 110 }
    let guide = isGuided ? numbers.values(count).map { ($0 + 1) * 50 / 12 } : nil
    let tolerance = isGuided ? Self.guidedTolerance : Self.tolerance
    for format in [PixelFormat.gray8, .rgb8, .rgba8] {
      let input = try picture(format, width: size.width, height: size.height)
      let output = try picture(.rgb8, width: size.width, height: size.height, seed: 9)
      try render(
        input.view, to: output.view, ab: ab, guide: guide, abHeight: size.abHeight,
        abWidth: size.abWidth, instructionSet)
      #expect(output.gapsAreUntouched)
      for y in 0..<size.height {
        for x in 0..<size.width {
          let pixel = input.view.row(y) + x * format.bytesPerPixel
          let bytes = format == .gray8 ? [pixel[0], pixel[0], pixel[0]] : (0..<3).map { pixel[$0] }
          var around = neighbours(
            (size.abHeight, size.abWidth), y, x, (size.height, size.width))
          if let guide {
            let own = (116 * luminance(bytes).fy - 16) / 12
            around = around.map { index, weight in
              let difference = own - Double(guide[index])
              return (index, weight / (1 + difference * difference))
            }
          }
          let expected = formula(bytes, mean(ab[..<count], around), mean(ab[count...], around))
          for channel in 0..<3 {
            let value = Double(output.view.row(y)[3 * x + channel])
            #expect(abs(value - expected[channel]) <= tolerance, "\(x), \(y), \(channel)")
          }
        }
      }
    }
  }

  /// Where a vector or a piece of a row begins must not show: with the same ab everywhere, a part of
  /// a picture is a part of its result, to the bit.
  @Test(arguments: InstructionSet.available)
  func placeHasNoInfluence(_ instructionSet: InstructionSet) throws {
    let input = try picture(.rgb8, width: Self.width, height: 1)
    let whole = try picture(.rgb8, width: Self.width, height: 1)
    try render(
      input.view, to: whole.view, ab: [37.3, -51.9], abHeight: 1, abWidth: 1, instructionSet)
    for first in 0..<40 {
      for count in [1, 2, 15, 16, 17, 513, Self.width - first] {
        let part = try ImageView(
          pixels: input.view.pixels + 3 * first, rowBytes: 3 * count, width: count, height: 1,
          format: .rgb8)
        let output = try picture(.rgb8, width: count, height: 1)
        try render(
          part, to: output.view, ab: [37.3, -51.9], abHeight: 1, abWidth: 1, instructionSet)
        #expect(output.values[...] == whole.values[(3 * first)..<(3 * (first + count))])
      }
    }
  }

  @Test(arguments: InstructionSet.available, [PixelFormat.rgb8, .rgba8])
  func inPlaceIsTheSame(_ instructionSet: InstructionSet, _ format: PixelFormat) throws {
    var numbers = Numbers(seed: 4)
    let ab = numbers.values(2 * 12).map { $0 * 110 }
    let guide = numbers.values(12).map { ($0 + 1) * 50 / 12 }
    let input = try picture(format, width: Self.width, height: 5)
    let output = try picture(format, width: Self.width, height: 5, seed: 8)
    try render(
      input.view, to: output.view, ab: ab, guide: guide, abHeight: 4, abWidth: 3, instructionSet,
      threads: 3)
    try render(
      input.view, to: input.view, ab: ab, guide: guide, abHeight: 4, abWidth: 3, instructionSet)
    #expect(input.values == output.values)
    #expect(input.gapsAreUntouched)
  }
}
