// Which pixels may be written while which others are read.

import ColorizeCore
import Testing

@Suite struct ImageViewTests {
  private let memory: Memory<UInt8>

  init() throws { memory = try Memory(count: 10_000) }

  private func view(
    at offset: Int, _ format: PixelFormat = .rgb8, rowBytes: Int = 100, width: Int = 10,
    height: Int = 10
  ) throws -> ImageView {
    try ImageView(
      pixels: memory.start + offset, rowBytes: rowBytes, width: width, height: height,
      format: format)
  }

  @Test func overlaps() throws {
    let first = try view(at: 0)
    #expect(first.isSame(as: try view(at: 0)))
    #expect(!first.isSame(as: try view(at: 0, .rgba8)))
    #expect(first.overlaps(try view(at: 0)))
    #expect(first.overlaps(try view(at: 29)))
    // 30 bytes of each 100 are used: beside them there is room.
    #expect(!first.overlaps(try view(at: 30)))
    #expect(!first.overlaps(try view(at: 70)))
    #expect(first.overlaps(try view(at: 71)))
    #expect(first.overlaps(try view(at: 100)))
    #expect(!first.overlaps(try view(at: 930)))
    #expect(first.overlaps(try view(at: 929)))
    #expect(try view(at: 929).overlaps(first))
    #expect(try !view(at: 30).overlaps(first))
    // With another distance between rows, only what lies behind is safe.
    #expect(first.overlaps(try view(at: 30, rowBytes: 90)))
    #expect(!first.overlaps(try view(at: 930, rowBytes: 90)))
  }

  @Test func badSizesAreNamed() throws {
    func message(_ make: () throws -> ImageView) -> String {
      do {
        _ = try make()
        return ""
      } catch { return (error as? ColorizeError)?.message ?? "" }
    }
    #expect(message { try view(at: 0, width: 0) } == "width is 0; it must be 1 to 1048576")
    #expect(message { try view(at: 0, height: 1 << 21) }.contains("height is 2097152"))
    #expect(message { try view(at: 0, rowBytes: 29) }.contains("row_bytes is 29"))
    #expect(message { try view(at: 0, rowBytes: .max) }.contains("exceed the memory"))
    #expect(message { try view(at: 0, rowBytes: 1 << 62, height: 2) } == "")
    // The last row's end is the first offset that is no number.
    #expect(
      message { try view(at: 0, rowBytes: .max / 3, height: 4) }.contains("exceed the memory"))
  }
}
