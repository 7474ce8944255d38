// The last stage of preset reference for a network of red, green and blue, as DeOldify's release has it: colors of
// 8 bits, enlarged by Pillow, whose Y is replaced by the picture's.

import CKernelContract

/// OpenCV's YUV of 8 bits, in whole numbers with 14 bits behind the point, and Pillow's gray.
enum YUV {
  private static let shift: Int32 = 14
  /// What Y has of red, green and blue, and what U has of blue - Y and V of red - Y.
  private static let y: (Int32, Int32, Int32) = (4899, 9617, 1868)
  private static let u: Int32 = 8061
  private static let v: Int32 = 14369
  /// And back: what blue and green have of U, and green and red of V.
  private static let blue: Int32 = 33292
  private static let green: (Int32, Int32) = (-6472, -9519)
  private static let red: Int32 = 18678

  @inline(__always)
  private static func rounded(_ value: Int32) -> Int32 {
    (value + (1 << (shift - 1))) >> shift
  }

  @inline(__always)
  private static func luma(_ red: Int32, _ green: Int32, _ blue: Int32) -> Int32 {
    rounded(red * y.0 + green * y.1 + blue * y.2)
  }

  /// A color with the Y of a pixel instead of its own.
  ///
  /// - Parameters:
  ///   - color: `[3]`: red, green and blue.
  ///   - pixel: `[channels]`: gray, or red, green and blue.
  ///   - result: out, `[3]`.
  @inline(__always)
  static func merge(
    _ color: UnsafePointer<UInt8>, _ pixel: UnsafePointer<UInt8>, channels: Int,
    into result: UnsafeMutablePointer<UInt8>
  ) {
    let (red, green, blue) = (Int32(color[0]), Int32(color[1]), Int32(color[2]))
    let own = luma(red, green, blue)
    // From 0 to 255 as bytes have it, less their middle.
    let u = Int32(UInt8(clamping: rounded((blue - own) * Self.u) + 128)) - 128
    let v = Int32(UInt8(clamping: rounded((red - own) * Self.v) + 128)) - 128
    let y =
      channels == 1 ? Int32(pixel[0]) : luma(Int32(pixel[0]), Int32(pixel[1]), Int32(pixel[2]))
    result[0] = UInt8(clamping: y + rounded(v * Self.red))
    result[1] = UInt8(clamping: y + rounded(u * Self.green.0 + v * Self.green.1))
    result[2] = UInt8(clamping: y + rounded(u * Self.blue))
  }

  /// Pillow's "L" of red, green and blue.
  @inline(__always)
  static func gray(_ pixel: UnsafePointer<UInt8>) -> UInt8 {
    let sum = Int32(pixel[0]) * 19595 + Int32(pixel[1]) * 38470 + Int32(pixel[2]) * 7471
    return UInt8(truncatingIfNeeded: (sum + 0x8000) >> 16)
  }
}

/// Writes the output. Its memory grows with the sides of the picture. What is computed has 8 bits a channel; an
/// output of more has the same colors.
struct YUVMerge {
  private let input: ImageView
  private let output: ImageView
  private let colors: Resampler
  private let own: Resampler
  /// Of each worker: a band of colors, one of the picture's own values, and a row.
  private let scratch: Memory<UInt8>
  private let scratchCount: Int
  /// The pixels of the small picture.
  private let small: Memory<UInt8>

  /// - Parameters:
  ///   - small: `[height, width, 3]`: the network's colors.
  init(
    input: ImageView, output: ImageView, small: Memory<UInt8>, width: Int, height: Int,
    kernels: KernelSet, workers: Int
  ) throws(ColorizeError) {
    self.input = input
    self.output = output
    self.small = small
    let view = try ImageView(
      pixels: small.start, rowBytes: 3 * width, width: width, height: height, format: .rgb8)
    colors = try Resampler(
      view, width: input.width, height: input.height, filter: .bilinear, kernels: kernels,
      workers: workers)
    // To its own size: nothing but rounded to 8 bits.
    own = try Resampler(
      input, width: input.width, height: input.height, filter: .bilinear, kernels: kernels,
      workers: workers)
    scratchCount = 2 * 3 * Resampler.bandRows * input.width
    scratch = try Memory(count: workers * scratchCount)
  }

  func run(
    _ team: Team, progress: (Float) throws(ColorizeError) -> Void
  ) throws(ColorizeError) {
    let width = input.width
    let channels = own.channels
    try team.run(colors.bands, atOnce: team.size, progress) { band, worker in
      let color = scratch.start + worker * scratchCount
      let pixel = color + scratchCount / 2
      colors.run(band: band, worker: worker, alone: color)
      own.run(band: band, worker: worker, alone: pixel)
      let rows = colors.rows(ofBand: band)
      for index in 0..<(rows.count * width) {
        YUV.merge(
          color + 3 * index, pixel + channels * index, channels: channels, into: color + 3 * index)
      }
      for y in rows { write(color + 3 * (y - rows.lowerBound) * width, to: y) }
    }
    withExtendedLifetime(small) {}
  }

  /// A row of finished pixels, and the input's alpha, to the output.
  private func write(_ row: UnsafePointer<UInt8>, to y: Int) {
    let (sourceLayout, layout) = (input.format.layout, output.format.layout)
    let (red, green, blue) = (Int(layout.red), Int(layout.green), Int(layout.blue))
    let depth = output.format.depth
    for x in 0..<input.width {
      let target = output.row(y) + x * layout.bytes
      // Read first: the pixels may be the same.
      var alpha = Channel.byte(255)
      if sourceLayout.alpha >= 0 {
        alpha = Channel(
          input.row(y) + x * sourceLayout.bytes, Int(sourceLayout.alpha), input.format.depth)
      }
      Channel.byte(row[3 * x]).write(to: target, red, depth)
      Channel.byte(row[3 * x + 1]).write(to: target, green, depth)
      Channel.byte(row[3 * x + 2]).write(to: target, blue, depth)
      if layout.alpha >= 0 { alpha.write(to: target, Int(layout.alpha), depth) }
    }
  }
}

/// A value of a channel, which becomes one of another depth as the kernels' pixels.swift has it.
private enum Channel {
  case byte(UInt8)
  case word(UInt16)
  case float(Float)

  @inline(__always)
  init(_ pixel: UnsafePointer<UInt8>, _ number: Int, _ depth: PixelFormat.Depth) {
    let place = UnsafeRawPointer(pixel + number * depth.bytes)
    self =
      switch depth {
      case .bits8: .byte(place.load(as: UInt8.self))
      case .bits16: .word(place.loadUnaligned(as: UInt16.self))
      case .float: .float(place.loadUnaligned(as: Float.self))
      }
  }

  @inline(__always)
  func write(
    to pixel: UnsafeMutablePointer<UInt8>, _ number: Int, _ depth: PixelFormat.Depth
  ) {
    let place = UnsafeMutableRawPointer(pixel + number * depth.bytes)
    switch depth {
    case .bits8: place.storeBytes(of: UInt8(truncatingIfNeeded: whole(255)), as: UInt8.self)
    case .bits16: place.storeBytes(of: UInt16(truncatingIfNeeded: whole(65535)), as: UInt16.self)
    case .float: place.storeBytes(of: share, as: Float.self)
    }
  }

  /// The nearest of 0 to `most`, 255 or 65535.
  private func whole(_ most: Int) -> Int {
    switch self {
    case .byte(let byte): Int(byte) * (most / 255)
    case .word(let word): most == 255 ? (Int(word) + 128) / 257 : Int(word)
    case .float(let value):
      Int((value * Float(most)).rounded(.toNearestOrEven), within: 0...most)
    }
  }

  private var share: Float {
    switch self {
    case .byte(let byte): Float(byte) / 255
    case .word(let word): Float(word) / 65535
    case .float(let value): value
    }
  }
}
