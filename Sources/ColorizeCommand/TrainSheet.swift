// A sheet of pictures as a network in training colors them: a row for each, gray, colored, and as it
// truly is.

import CImageFiles
import ColorizeCore
import ColorizeTraining
import Glibc

/// The same pictures again and again, while the weights change.
struct TrainSheet {
  /// Of a picture on the sheet, in pixels.
  private static let side = 192
  private static let pictures = 8
  /// Gray, colored, true.
  private static let columns = 3
  private static let pixelBytes = 3

  private let rows: Int
  /// `[rows, side, columns, side, 3]`
  private let pixels: Memory<UInt8>

  /// Takes pictures from all over a part of a set; those that cannot be read are left out.
  init(_ part: PicturePart) throws(ColorizeError) {
    let reader = try PictureReader(part.set)
    let wanted = min(part.count, Self.pictures)
    pixels = try Memory(count: wanted * Self.side * Self.side * Self.columns * Self.pixelBytes)
    var rows = 0
    let kernels = KernelSet(.best)
    for index in 0..<wanted {
      do throws(ColorizeError) {
        let picture = try reader.read(part[index * part.count / wanted], shorterSide: Self.side)
        try Self.write(picture.view, into: Self.tile(pixels, rows, 2), kernels)
        try Self.writeGray(
          of: Self.tile(pixels, rows, 2), into: Self.tile(pixels, rows, 0), kernels)
        rows += 1
      } catch .invalidArgument {
        continue
      }
    }
    self.rows = rows
  }

  var isEmpty: Bool { rows == 0 }

  /// Colors the pictures, and writes the sheet as a PNG file.
  func write(to name: FileName, _ model: Model, networkSize: Int, threads: Int) throws {
    var options = RunOptions()
    options.networkSize = networkSize
    options.threads = threads
    for row in 0..<rows {
      try Colorizer.run(
        model: model, input: Self.tile(pixels, row, 2), output: Self.tile(pixels, row, 1),
        options: options)
    }
    var image = image_file()
    image.pixels = pixels.start
    image.row_bytes = Self.columns * Self.side * Self.pixelBytes
    image.width = UInt32(Self.columns * Self.side)
    image.height = UInt32(rows * Self.side)
    image.channels = Int32(Self.pixelBytes)
    image.sample_bytes = 1
    var message = [CChar](repeating: 0, count: Int(IMAGE_FILE_MESSAGE_SIZE))
    let status = name.withCString { image_file_write($0, IMAGE_FILE_PNG, &image, nil, &message) }
    guard status == IMAGE_FILE_OK else {
      let reason = message.withUnsafeBufferPointer {
        String(cString: $0.baseAddress.unsafelyUnwrapped)
      }
      throw Failure("\(name.shown): \(reason)")
    }
  }

  private static func tile(_ pixels: Memory<UInt8>, _ row: Int, _ column: Int)
    throws(ColorizeError) -> ImageView
  {
    let rowBytes = columns * side * pixelBytes
    return try ImageView(
      pixels: pixels.start + row * side * rowBytes + column * side * pixelBytes,
      rowBytes: rowBytes, width: side, height: side, format: .rgb8)
  }

  /// The largest square in a picture's middle.
  private static func write(
    _ picture: ImageView, into tile: ImageView, _ kernels: KernelSet
  ) throws(ColorizeError) {
    let shorter = min(picture.width, picture.height)
    let bytes = picture.format.bytesPerPixel
    let square = try ImageView(
      pixels: picture.row((picture.height - shorter) / 2)
        + (picture.width - shorter) / 2 * bytes,
      rowBytes: picture.rowBytes, width: shorter, height: shorter, format: picture.format)
    let resampler = try Resampler(
      square, width: side, height: side, kernels: kernels, workers: 1)
    let small = try Memory<UInt8>(count: side * side * resampler.channels)
    for band in 0..<resampler.bands { resampler.run(band: band, worker: 0, into: small.start) }
    for y in 0..<side {
      for x in 0..<side {
        let source = small.start + (y * side + x) * resampler.channels
        for channel in 0..<pixelBytes {
          tile.row(y)[x * pixelBytes + channel] = source[resampler.channels == 1 ? 0 : channel]
        }
      }
    }
  }

  /// What the network sees: the lightness.
  private static func writeGray(
    of tile: ImageView, into gray: ImageView, _ kernels: KernelSet
  ) throws(ColorizeError) {
    let row = try Memory<Float>(count: side * pixelBytes)
    for y in 0..<side {
      for index in 0..<row.count { row.start[index] = Float(tile.row(y)[index]) / 255 }
      Lab.fromRGB(row.start, into: row.start, count: side, kernels: kernels)
      for x in 0..<side {
        row.start[x * pixelBytes + 1] = 0
        row.start[x * pixelBytes + 2] = 0
      }
      Lab.toRGB(row.start, into: row.start, count: side, clip: true, kernels: kernels)
      for index in 0..<row.count {
        gray.row(y)[index] = UInt8(row.start[index] * 255 + 0.5)
      }
    }
  }
}
