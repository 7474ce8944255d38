// What is found in folders and tars, sound ones and hostile ones.

import CImageFiles
import ColorizeCore
import ColorizeTraining
import Glibc
import Testing

@Suite struct PictureSetTests {
  let folder: TemporaryFolder
  let png: [UInt8]
  let jpeg: [UInt8]

  init() throws {
    folder = try TemporaryFolder()
    png = try pictureFile(width: 9, height: 5, in: folder, colorful(1))
    jpeg = try pictureFile(IMAGE_FILE_JPEG, width: 24, height: 16, in: folder, colorful(2))
  }

  private func names(_ set: PictureSet) -> [String] { (0..<set.count).map(set.name) }

  @Test func findsPicturesByContentInOrder() throws {
    folder.folder("b")
    folder.folder("a.d")
    try folder.write("z.txt", png)
    try folder.write("b/2", jpeg)
    try folder.write("b/10", png)
    try folder.write("a.d/x.png", Array("no picture".utf8))
    try folder.write("a.d/empty", [])
    try folder.write(
      "b.tar",
      tarMember("second", jpeg) + tarMember("notes", Array("text".utf8))
        + tarMember("d/", [], kind: "5")
        + tarMember("first", png) + tarEnd)
    let set = try folder.set()
    #expect(names(set) == ["b.tar/second", "b.tar/first", "b/10", "b/2", "z.txt"])
    #expect(set.ignored == 3)
    #expect(set.damage.isEmpty)
    let reader = try PictureReader(set)
    let sizes = try (0..<set.count).map {
      let picture = try reader.read($0, shorterSide: 0)
      return [picture.width, picture.height]
    }
    #expect(sizes == [[24, 16], [9, 5], [9, 5], [24, 16], [9, 5]])
    // Several, in the order in which they are named.
    let several = try folder.set("z.txt", "b", "b.tar")
    #expect(several.count == 5)
    #expect(names(several)[1...2] == ["10", "2"])
    #expect(names(several)[3].hasSuffix("/b.tar/second"))
  }

  @Test func linksDoNotLeadInCircles() throws {
    folder.folder("deep")
    try folder.write("deep/one", png)
    let circle = "\(folder.path)/deep/circle"
    let link = "\(folder.path)/deep/two"
    #expect(symlink("..", circle) == 0)
    #expect(symlink("one", link) == 0)
    defer {
      unlink(circle)
      unlink(link)
    }
    #expect(names(try folder.set()) == ["deep/one", "deep/two"])
  }

  @Test func nothingThereIsAnError() throws {
    func message(_ body: () throws -> PictureSet) -> String {
      do {
        _ = try body()
        return ""
      } catch { return (error as? ColorizeError)?.message ?? "" }
    }
    #expect(message { try folder.set() }.contains("there is no PNG or JPEG picture in /tmp/"))
    #expect(message { try folder.set("nowhere") }.contains("nowhere: No such file"))
    try folder.write("text", Array("text".utf8))
    #expect(message { try folder.set("text") }.contains("neither a picture nor a tar nor a folder"))
    try folder.write("cut.tar", Array(tarMember("a.png", png)[..<520]))
    #expect(
      message { try folder.set("cut.tar") }.contains("is damaged at byte 0: \(png.count) bytes"))
  }

  @Test func longNamesAreRead() throws {
    let long = String(repeating: "long/", count: 40) + "name.png"
    let pax = "path=\(long)\n"
    // The length counts itself.
    let line = "\(pax.utf8.count + 4) \(pax)"
    try folder.write(
      "long.tar",
      tarMember("././@LongLink", Array(long.utf8) + [0], kind: "L") + tarMember("short", png)
        + tarMember("pax", Array(line.utf8), kind: "x") + tarMember("short", jpeg)
        + tarMember("global", Array("20 path=not-this-one\n".utf8), kind: "g")
        + tarMember("name.png", png) { header in
          for (index, byte) in "some/prefix".utf8.enumerated() { header[345 + index] = byte }
        }
        + tarMember("link", [], kind: "1") { header in header[124 + 8] = UInt8(ascii: "7") }
        + tarMember("last", jpeg) + tarEnd)
    let set = try folder.set("long.tar")
    let ends = names(set).map { String($0.dropFirst("\(folder.path)/long.tar/".utf8.count)) }
    #expect(ends == [long, long, "some/prefix/name.png", "last"])
    #expect(set.damage.isEmpty)
  }

  /// Sizes in GNU's base 256 and in pax's attributes, as large files have them.
  @Test func otherSizesAreRead() throws {
    let attribute = "size=\(png.count)\n"
    let line = "\(attribute.utf8.count + 3) \(attribute)"
    try folder.write(
      "sizes.tar",
      tarMember("base-256", png) { header in
        for index in 124..<136 { header[index] = 0 }
        header[124] = 0x80
        header[134] = UInt8(png.count >> 8)
        header[135] = UInt8(png.count & 0xFF)
      } + tarMember("pax", Array(line.utf8), kind: "x")
        + tarMember("short", png) { header in
          for index in 124..<135 { header[index] = UInt8(ascii: "0") }
        }
        + tarMember("last", jpeg) + tarEnd)
    let set = try folder.set("sizes.tar")
    #expect(set.count == 3)
    #expect(set.damage.isEmpty)
    let reader = try PictureReader(set)
    for index in 0..<2 { #expect(try reader.read(index, shorterSide: 0).width == 9) }
  }

  @Test func damageEndsAnArchiveAndIsTold() throws {
    let head = tarMember("good", png)
    func size(_ bytes: [UInt8]) -> [UInt8] {
      tarMember("bad", jpeg) { header in
        for (index, byte) in bytes.enumerated() { header[124 + index] = byte }
      }
    }
    let negative = [UInt8](repeating: 0xFF, count: 12)
    let huge = [0x80] + [UInt8](repeating: 0x7F, count: 11)
    var wrongChecksum = tarMember("bad", jpeg)
    wrongChecksum[0] ^= 1
    let cases: [(String, [UInt8], String)] = [
      ("negative", size(negative), "a size is not a number"),
      ("huge", size(huge), "a size is not a number"),
      ("minus", size(Array("-0000000001".utf8)), "a size is not a number"),
      ("large", size(Array("77777777777".utf8)), "8589934591 bytes are announced"),
      ("checksum", wrongChecksum, "the header's checksum is wrong"),
      ("header", Array(tarMember("bad", jpeg)[..<300]), "it ends within a header"),
      ("member", Array(tarMember("bad", jpeg)[..<600]), "are announced where 88 follow"),
    ]
    for (name, tail, reason) in cases {
      try folder.write("\(name).tar", head + tail)
      let set = try folder.set("\(name).tar")
      #expect(set.count == 1, "\(name)")
      #expect(set.damage.count == 1)
      #expect(set.damage.first?.contains("damaged at byte \(head.count): ") == true)
      #expect(set.damage.first?.contains(reason) == true, "\(set.damage)")
    }
    // Without the two blocks of zeros at its end, or the last member's padding, it is whole.
    let whole = head + tarMember("last", png)
    for bytes in [whole, Array(whole[..<(head.count + 512 + png.count)])] {
      try folder.write("whole.tar", bytes)
      let set = try folder.set("whole.tar")
      #expect(set.count == 2)
      #expect(set.damage.isEmpty)
    }
  }

  /// Whatever bytes are changed, nothing is read that is not in the archive, and it comes to an
  /// end.
  @Test func changedBytesDoNoHarm() throws {
    let attribute = "size=\(jpeg.count)\n"
    let line = "\(attribute.utf8.count + 3) \(attribute)"
    let sound =
      tarMember("././@LongLink", Array("name".utf8) + [0], kind: "L") + tarMember("a", png)
      + tarMember("p", Array(line.utf8), kind: "x") + tarMember("b", jpeg)
      + tarMember("sparse", [], kind: "S") { $0[482] = 1 }
      + [UInt8](repeating: 0, count: 512) + tarMember("c", png) + tarEnd
    var found = Set<Int>()
    for number in 0..<600 {
      var numbers = RandomNumbers(seed: 77, number: number)
      var bytes = sound
      for _ in 0..<(1 + numbers.index(below: 4)) {
        let header = 512 * numbers.index(below: sound.count / 512)
        let places = [124 + numbers.index(below: 12), 156, 482, numbers.index(below: 512)]
        let place = header + places[numbers.index(below: 4)]
        bytes[place] = UInt8(truncatingIfNeeded: numbers.next())
        guard numbers.fraction() < 0.9 else { continue }
        // Right again, so that what was changed is looked at.
        for index in 148..<156 { bytes[header + index] = 0x20 }
        let sum = bytes[header..<(header + 512)].reduce(0) { $0 + Int($1) }
        let text = String(sum, radix: 8)
        for (index, byte) in text.utf8.enumerated() { bytes[header + 148 + index] = byte }
        bytes[header + 148 + text.utf8.count] = 0
      }
      if numbers.fraction() < 0.3 { bytes.removeLast(numbers.index(below: bytes.count)) }
      try folder.write("changed", bytes)
      guard let set = try? folder.set("changed") else { continue }
      found.insert(set.count)
      let reader = try PictureReader(set)
      for index in 0..<set.count {
        #expect(!set.name(index).isEmpty)
        do { _ = try reader.read(index, shorterSide: 0) } catch {
          guard case .invalidArgument = error else {
            Issue.record("\(error)")
            continue
          }
        }
      }
    }
    #expect(found == [1, 2, 3])
  }

  @Test func partsAreDisjointAndComplete() throws {
    for number in 0..<11 { try folder.write("\(number + 10)", png) }
    let set = try folder.set()
    func indices(_ part: PicturePart) -> [Int] { (0..<part.count).map { part[$0] } }
    #expect(indices(set.all) == Array(0..<11))
    for period in [2, 3, 11, 12] {
      let heldBack = indices(set.heldBack(every: period))
      #expect(heldBack == (0..<11).filter { $0 % period == period - 1 })
      #expect(
        indices(set.withoutHeldBack(every: period)) == (0..<11).filter { !heldBack.contains($0) })
    }
  }

  /// A JPEG with more than twice the pixels that are needed is decoded at a part of its size; a
  /// turned one is turned.
  @Test func picturesAreDecodedFromMemory() throws {
    let large = try pictureFile(IMAGE_FILE_JPEG, width: 300, height: 200, in: folder) { x, y in
      x < 150 ? (200, 30, 30) : y < 100 ? (30, 160, 40) : (30, 30, 200)
    }
    func decode(_ bytes: [UInt8], _ side: Int) throws -> (Int, Int, [UInt8]) {
      try bytes.withUnsafeBytes { buffer in
        let picture = try DecodedPicture(buffer, shorterSide: side)
        let view = try picture.view
        // The middles of the four quarters.
        let quarters = [(1, 1), (3, 1), (1, 3), (3, 3)].flatMap { x, y in
          let pixel = view.row(y * view.height / 4) + x * view.width / 4 * 3
          return [pixel[0], pixel[1], pixel[2]]
        }
        return (view.width, view.height, quarters)
      }
    }
    let expected: [[UInt8]] = [[200, 30, 30], [30, 160, 40], [200, 30, 30], [30, 30, 200]]
    for (side, width, height) in [
      (0, 300, 200), (200, 300, 200), (101, 300, 200), (100, 150, 100), (50, 75, 50), (20, 38, 25),
    ] {
      let result = try decode(large, side)
      #expect(result.0 == width && result.1 == height)
      // JPEG's own error in flat areas.
      for (value, other) in zip(result.2, expected.joined()) {
        #expect(abs(Int(value) - Int(other)) <= 3)
      }
    }
    // EXIF: little-endian TIFF, one entry: orientation 6, the picture is to be turned clockwise.
    let exif: [UInt8] =
      Array("Exif".utf8) + [0, 0] + Array("II*".utf8) + [0, 8, 0, 0, 0, 1, 0]
      + [0x12, 0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0] + [0, 0, 0, 0]
    let segment: [UInt8] = [0xFF, 0xE1, 0, UInt8(exif.count + 2)] + exif
    let turned = try decode(Array(large[..<2]) + segment + Array(large[2...]), 50)
    #expect(turned.0 == 50 && turned.1 == 75)
    let clockwise = [expected[2], expected[0], expected[3], expected[1]]
    for (value, other) in zip(turned.2, clockwise.joined()) {
      #expect(abs(Int(value) - Int(other)) <= 3)
    }
    for cut in [0, 1, 3, 100, large.count / 2] {
      #expect(throws: ColorizeError.self) { try decode(Array(large[..<cut]), 0) }
    }
    #expect(throws: ColorizeError.self) { try decode(Array(png[..<30]), 0) }
    #expect(try decode(png, 1).0 == 9)
  }
}
