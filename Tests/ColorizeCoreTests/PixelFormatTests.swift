// Every layout of pixels, read and written by the last stage, against one slow path in float64; and what
// happens to colors outside sRGB.

import ColorizeCore
import Glibc
import Testing

@Suite struct PixelFormatTests {
  static let targets = PixelFormat.allCases.filter { $0.colorChannels == 3 }

  // ---- The slow path ---------------------------------------------------------------------------

  /// Channels in the order of the layout's memory: "r", "g", "b", "a", or "v" for gray.
  private func channels(_ format: PixelFormat) -> [Character] {
    switch format {
    case .gray8, .gray16, .grayFloat: ["v"]
    case .grayAlpha8, .grayAlpha16, .grayAlphaFloat: ["v", "a"]
    case .rgb8, .rgb16, .rgbFloat: ["r", "g", "b"]
    case .rgba8, .rgba16, .rgbaFloat: ["r", "g", "b", "a"]
    case .bgra8: ["b", "g", "r", "a"]
    }
  }

  private func value(_ view: ImageView, _ x: Int, _ y: Int, _ channel: Character) -> Double? {
    guard let index = channels(view.format).firstIndex(of: channel) else { return nil }
    let bytes = view.format.depth.bytes
    let place = UnsafeRawPointer(view.row(y) + x * view.format.bytesPerPixel + index * bytes)
    switch view.format.depth {
    case .bits8: return Double(place.load(as: UInt8.self))
    case .bits16: return Double(place.loadUnaligned(as: UInt16.self))
    case .float: return Double(place.loadUnaligned(as: Float.self))
    }
  }

  private func most(_ format: PixelFormat) -> Double {
    switch format.depth {
    case .bits8: 255
    case .bits16: 65535
    case .float: 1
    }
  }

  /// sRGB-encoded, 0 to 1.
  private func color(_ view: ImageView, _ x: Int, _ y: Int) -> SIMD3<Double> {
    func share(_ channel: Character) -> Double {
      let value = self.value(view, x, y, channel) ?? self.value(view, x, y, "v") ?? .nan
      return value > 0 ? min(value / most(view.format), 1) : 0
    }
    return SIMD3(share("r"), share("g"), share("b"))
  }

  /// What alpha becomes, in the target's numbers, not rounded.
  private func alpha(_ view: ImageView, _ x: Int, _ y: Int, _ target: PixelFormat) -> Double {
    guard let value = self.value(view, x, y, "a") else { return most(target) }
    if view.format.depth == target.depth { return value }
    let share = value > 0 ? min(value / most(view.format), 1) : 0
    return share * most(target)
  }

  // ---- Pictures --------------------------------------------------------------------------------

  /// Bytes at random; floats mostly from 0 to 1, some outside, and some that are no numbers.
  private func picture(_ format: PixelFormat, width: Int, height: Int, seed: UInt64) throws
    -> Picture
  {
    var numbers = Numbers(seed: seed)
    let picture = try Picture(format, width: width, height: height) { _, _, _ in numbers.byte() }
    guard format.depth == .float else { return picture }
    let values = numbers.values(width * height * channels(format).count)
    for (index, number) in values.enumerated() {
      let row = picture.view.row(index % height)
      let value = number > 0.97 ? Float.nan : number < -0.97 ? -.infinity : number * 0.6 + 0.5
      UnsafeMutableRawPointer(row + index / height * 4).storeBytes(of: value, as: Float.self)
    }
    return picture
  }

  private func render(
    _ input: ImageView, to output: ImageView, ab: [Float], _ instructionSet: InstructionSet,
    _ mapping: GamutMapping = .clip
  ) throws {
    let team = Team(threads: 2)
    let renderer = try Renderer(
      input: input, output: output, abHeight: 1, abWidth: ab.count / 2, gamutMapping: mapping,
      kernels: KernelSet(instructionSet), workers: team.size)
    renderer.ab.start.update(from: ab, count: ab.count)
    try renderer.run(team) { _ in }
  }

  /// Half a step of rounding, and what float32 adds (`RendererTests.tolerance`).
  private func tolerance(_ format: PixelFormat) -> Double {
    switch format.depth {
    case .bits8: 0.5 + 0.01
    case .bits16: 0.5 + 257 * 0.01
    case .float: 0.01 / 255
    }
  }

  @Test(arguments: InstructionSet.available, PixelFormat.allCases)
  func areTheFormula(_ instructionSet: InstructionSet, _ source: PixelFormat) throws {
    let ab: [Float] = [31.5, -22.25]
    for target in Self.targets {
      // More than one piece of a row; rows that are shorter than a vector.
      for (width, height) in [(1043, 1), (37, 3), (1, 1)] {
        let input = try picture(source, width: width, height: height, seed: 7)
        let output = try picture(target, width: width, height: height, seed: 8)
        try render(input.view, to: output.view, ab: ab, instructionSet)
        #expect(output.gapsAreUntouched)
        var worst = 0.0
        for y in 0..<height {
          for x in 0..<width {
            var lab = LabColor(rgb: color(input.view, x, y))
            lab.a = Double(ab[0])
            lab.b = Double(ab[1])
            let expected = lab.rgb
            for (index, channel) in (["r", "g", "b"] as [Character]).enumerated() {
              let value = self.value(output.view, x, y, channel) ?? .nan
              let difference = abs(value - expected[index] * most(target))
              worst = max(worst, difference.isNaN ? .infinity : difference)
            }
            if let value = self.value(output.view, x, y, "a") {
              let expected = alpha(input.view, x, y, target)
              let isSame =
                source.depth == target.depth
                ? value.bitPattern == expected.bitPattern || value.isNaN && expected.isNaN
                : abs(value - expected) < (target.depth == .float ? 1e-6 : 0.5 + 0.01)
              #expect(isSame, "alpha \(value) is not \(expected)")
            }
          }
        }
        #expect(worst <= tolerance(target), "\(source) to \(target)")
      }
    }
  }

  /// 16 bits and floats are more than 8 bits written widely.
  @Test(arguments: InstructionSet.available)
  func depthIsReal(_ instructionSet: InstructionSet) throws {
    let input = try Picture(.gray16, width: 1000, height: 1) { _, _, _ in 0 }
    for x in 0..<1000 {
      UnsafeMutableRawPointer(input.view.row(0) + 2 * x)
        .storeBytes(of: UInt16(20000 + x), as: UInt16.self)
    }
    for target in [PixelFormat.rgb16, .rgbFloat] {
      let output = try Picture(target, width: 1000, height: 1) { _, _, _ in 0 }
      try render(input.view, to: output.view, ab: [10, 10], instructionSet)
      var greens = Set<Double>()
      for x in 0..<1000 { greens.insert(try #require(value(output.view, x, 0, "g"))) }
      // 1000 steps of 1/65535, of which 8 bits have 4.
      #expect(greens.count > 900)
    }
  }

  @Test(arguments: PixelFormat.allCases, PixelFormat.allCases)
  func inPlaceIsTheSame(_ source: PixelFormat, _ target: PixelFormat) throws {
    guard target.colorChannels == 3, source.bytesPerPixel == target.bytesPerPixel else { return }
    let input = try picture(source, width: 1043, height: 3, seed: 5)
    let output = try picture(target, width: 1043, height: 3, seed: 6)
    let ab: [Float] = [40, -10, 3, 80]
    try render(input.view, to: output.view, ab: ab, .best, .keepHue)
    let place = try ImageView(
      pixels: input.view.pixels, rowBytes: input.view.rowBytes, width: 1043, height: 3,
      format: target)
    #expect(input.view.isSame(as: place))
    try render(input.view, to: place, ab: ab, .best, .keepHue)
    #expect(input.values == output.values)
    #expect(input.gapsAreUntouched)
  }

  // ---- Gamut -----------------------------------------------------------------------------------

  /// Of every gray and every hue: L and hue are kept, chroma is what was asked for or what there is.
  @Test(arguments: InstructionSet.available)
  func hueAndLightnessAreKept(_ instructionSet: InstructionSet) throws {
    let input = try Picture(.grayFloat, width: 101, height: 1) { _, _, _ in 0 }
    for x in 0...100 {
      UnsafeMutableRawPointer(input.view.row(0) + 4 * x)
        .storeBytes(of: Float(x) / 100, as: Float.self)
    }
    let output = try Picture(.rgbFloat, width: 101, height: 1) { _, _, _ in 0 }
    let clipped = try Picture(.rgbFloat, width: 101, height: 1) { _, _, _ in 0 }
    var mapped = 0
    for hue in stride(from: 0.0, to: 360, by: 15) {
      for chroma in [5.0, 40, 90] {
        let (a, b) = (chroma * cos(hue * .pi / 180), chroma * sin(hue * .pi / 180))
        let ab = [Float(a), Float(b)]
        try render(input.view, to: output.view, ab: ab, instructionSet, .keepHue)
        try render(input.view, to: clipped.view, ab: ab, instructionSet, .clip)
        for x in 0...100 {
          let wanted = LabColor(rgb: SIMD3(repeating: Double(x) / 100)).lightness
          let made = LabColor(rgb: color(output.view, x, 0))
          #expect(abs(made.lightness - wanted) < 0.02)
          let madeChroma = (made.a * made.a + made.b * made.b).squareRoot()
          if LabColor(lightness: wanted, a: a, b: b).isInGamut {
            for channel in ["r", "g", "b"] as [Character] {
              #expect(value(output.view, x, 0, channel) == value(clipped.view, x, 0, channel))
            }
            continue
          }
          mapped += 1
          // On the border: a little more is outside. The search ends within a 1024th of what was asked
          // for; the last digits of dark colors, whose transfer function is steep, are a tenth.
          #expect(madeChroma < chroma + 0.15)
          let more = madeChroma + chroma / 1024 + 0.15
          let beyond = LabColor(
            lightness: wanted, a: more * cos(hue * .pi / 180), b: more * sin(hue * .pi / 180))
          #expect(!beyond.isInGamut, "L \(wanted), hue \(hue), chroma \(chroma)")
          if madeChroma > 3 {
            var turn = atan2(made.b, made.a) * 180 / .pi - hue
            turn -= (turn / 360).rounded() * 360
            #expect(abs(turn) < 2, "L \(wanted), hue \(hue), chroma \(madeChroma)")
          }
        }
      }
    }
    #expect(mapped > 1000)
  }
}
