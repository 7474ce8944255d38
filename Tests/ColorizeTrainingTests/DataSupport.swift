// What the tests of the data side need: folders that vanish, synthetic pictures and archives.

import CImageFiles
import ColorizeCore
import ColorizeTraining
import Glibc
import Testing

/// A folder for one test, gone with it.
final class TemporaryFolder {
  let path: String
  private var written: [String] = []

  init() throws {
    var template = Array("/tmp/colorize-data-XXXXXX".utf8CString)
    path = try template.withUnsafeMutableBufferPointer {
      let folder = try #require(mkdtemp($0.baseAddress.unsafelyUnwrapped))
      return String(cString: folder)
    }
  }

  deinit {
    for path in written.reversed() { remove(path) }
    remove(path)
  }

  func folder(_ name: String) {
    written.append("\(path)/\(name)")
    mkdir("\(path)/\(name)", 0o777)
  }

  @discardableResult
  func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    let path = "\(path)/\(name)"
    written.append(path)
    let file = try #require(fopen(path, "wb"))
    defer { fclose(file) }
    #expect(fwrite(bytes, 1, bytes.count, file) == bytes.count)
    return path
  }

  func read(_ name: String) throws -> [UInt8] {
    let source = try ByteSource(path: "\(path)/\(name)")
    let bytes = try Memory<UInt8>(count: source.count)
    try source.read(0, source.count, into: bytes.start)
    return (0..<bytes.count).map { bytes.start[$0] }
  }

  func set(_ names: String...) throws -> PictureSet {
    try PictureSet((names.isEmpty ? [""] : names).map { Array("\(path)/\($0)".utf8) })
  }
}

/// The file of a picture; `fill` gives red, green and blue.
func pictureFile(
  _ format: image_file_format = IMAGE_FILE_PNG, width: Int, height: Int, in folder: TemporaryFolder,
  _ fill: (_ x: Int, _ y: Int) -> (UInt8, UInt8, UInt8)
) throws -> [UInt8] {
  let pixels = try Memory<UInt8>(count: 3 * width * height)
  for y in 0..<height {
    for x in 0..<width {
      let place = pixels.start + 3 * (y * width + x)
      (place[0], place[1], place[2]) = fill(x, y)
    }
  }
  var image = image_file()
  image.pixels = pixels.start
  image.row_bytes = 3 * width
  image.width = UInt32(width)
  image.height = UInt32(height)
  image.channels = 3
  image.sample_bytes = 1
  var message = [CChar](repeating: 0, count: Int(IMAGE_FILE_MESSAGE_SIZE))
  let path = "\(folder.path)/.picture"
  let status = image_file_write(path, format, &image, nil, &message)
  #expect(status == IMAGE_FILE_OK)
  let bytes = try folder.read(".picture")
  unlink(path)
  return bytes
}

/// Smooth colors that differ from picture to picture.
func colorful(_ number: Int) -> (_ x: Int, _ y: Int) -> (UInt8, UInt8, UInt8) {
  { x, y in
    (
      UInt8(truncatingIfNeeded: 40 + 3 * x + 17 * number % 90),
      UInt8(truncatingIfNeeded: 220 - 2 * y),
      UInt8(truncatingIfNeeded: 30 + (x + y + 29 * number) % 200)
    )
  }
}

/// A member of a ustar archive, with its checksum.
func tarMember(
  _ name: String, _ bytes: [UInt8], kind: Character = "0",
  change: (inout [UInt8]) -> Void = { _ in }
) -> [UInt8] {
  var header = [UInt8](repeating: 0, count: 512)
  func put(_ text: String, _ offset: Int) {
    for (index, byte) in text.utf8.enumerated() { header[offset + index] = byte }
  }
  func octal(_ number: Int, _ digits: Int) -> String {
    let text = String(number, radix: 8)
    return String(repeating: "0", count: digits - text.count) + text
  }
  put(String(name.prefix(100)), 0)
  put("0000644", 100)
  put(octal(bytes.count, 11), 124)
  put(String(kind), 156)
  put("ustar", 257)
  put("00", 263)
  change(&header)
  put("        ", 148)
  put(octal(header.reduce(0) { $0 + Int($1) }, 6), 148)
  header[154] = 0
  return header + bytes + [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512)
}

let tarEnd = [UInt8](repeating: 0, count: 1024)

/// Everything that a batch holds, for comparison.
func values(_ batch: Batch) -> [[Float]] {
  func list(_ memory: Memory<Float>) -> [Float] { (0..<memory.count).map { memory.start[$0] } }
  return [
    list(batch.input), (0..<batch.bins.count).map { Float(batch.bins.start[$0]) },
    list(batch.shares), list(batch.weights), list(batch.ab), list(batch.map), list(batch.pooled),
  ]
}
