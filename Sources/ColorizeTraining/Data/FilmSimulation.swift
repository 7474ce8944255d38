// The lightness that an old photograph of a scene has: film sees colors otherwise than eyes do, a print
// fades, grain and lens soften it. A network that has only seen modern photographs turned gray takes all
// of that for a sign of other things.

import ColorizeCore
import Glibc

/// How pictures become old photographs.
package struct FilmSimulation: Sendable {
  /// The share of the samples whose lightness is that of an old photograph.
  package var share = 0.5

  package init(share: Double = 0.5) { self.share = share }

  package func validate() throws(ColorizeError) {
    guard (0...1).contains(share) else {
      throw .invalidArgument("film is \(share); it must be 0 to 1")
    }
  }

  /// nil: the sample stays as it is.
  package func draw(numbers: inout RandomNumbers) -> Film? {
    guard numbers.fraction() < share else { return nil }
    // From orthochromatic, which is blind to red, to panchromatic.
    let red = numbers.value(in: 0...0.35)
    let blue = numbers.value(in: 0.05...0.45)
    var film = Film()
    film.sensitivity = SIMD3(Float(red), Float(1 - red - blue), Float(blue))
    film.gamma = Float(exp(numbers.value(in: -0.45...0.45)))
    film.black = Float(numbers.value(in: 0...0.2))
    film.white = Float(numbers.value(in: 0.75...1))
    film.softness = Float(max(0, numbers.value(in: -1...1)))
    let grain = numbers.fraction()
    film.grain = Float(5 * grain * grain)
    film.grainSeed = numbers.next()
    return film
  }
}

/// A film, its print, and what became of it. What it is at first changes nothing.
package struct Film: Equatable, Sendable {
  /// To linear red, green and blue; the sum is 1.
  package var sensitivity = SIMD3<Float>(0.2126, 0.7152, 0.0722)
  /// The exponent of the lightness, as a share of 100.
  package var gamma: Float = 1
  /// What becomes of lightness 0 and 100, as shares of 100.
  package var black: Float = 0
  package var white: Float = 1
  /// How far the lens is from sharp: 0, or up to 1, where each pixel is the binomial mean of 3 x 3.
  package var softness: Float = 0
  /// The standard deviation of the lightness of single pixels.
  package var grain: Float = 0
  package var grainSeed: UInt64 = 0

  package init() {}

  /// Turns a picture into its lightness on the film.
  ///
  /// - Parameters:
  ///   - rgb: `[side, side, 3]`, sRGB.
  ///   - lightness: `[side, side]`, out, 0 to 100.
  package func lightness(
    of rgb: UnsafePointer<UInt8>, side: Int, into lightness: UnsafeMutablePointer<Float>
  ) {
    for pixel in 0..<(side * side) {
      let light =
        sensitivity
        * SIMD3(
          Self.linear[Int(rgb[3 * pixel])], Self.linear[Int(rgb[3 * pixel + 1])],
          Self.linear[Int(rgb[3 * pixel + 2])])
      let plain = Float(CIELab.lightness(luminance: Double(light.sum())) / 100)
      let share = pow(min(max(plain, 0), 1), gamma)
      lightness[pixel] = 100 * (black + (white - black) * share)
    }
    if softness > 0 { soften(lightness, side) }
    guard grain > 0 else { return }
    var numbers = RandomNumbers(state: grainSeed)
    for pixel in 0..<(side * side) {
      let value = lightness[pixel] + grain * Float(numbers.normal())
      lightness[pixel] = min(max(value, 0), 100)
    }
  }

  /// The light of each byte of sRGB.
  private static let linear = (0...255).map { Float(CIELab.light(encoded: Double($0) / 255)) }

  /// In place: across, then down. Beyond an edge lies what is at the edge.
  private func soften(_ values: UnsafeMutablePointer<Float>, _ side: Int) {
    for line in 0..<side { soften(values + line * side, count: side, stride: 1) }
    for line in 0..<side { soften(values + line, count: side, stride: side) }
  }

  private func soften(_ values: UnsafeMutablePointer<Float>, count: Int, stride: Int) {
    let outer = 0.25 * softness
    var before = values[0]
    for place in 0..<count {
      let value = values[place * stride]
      let after = values[min(place + 1, count - 1) * stride]
      values[place * stride] = value + outer * (before + after - 2 * value)
      before = value
    }
  }
}
