// Checkpoints that are damaged, or made to do harm: an error, never a crash, and never other values
// than those that are damaged themselves.

import ColorizeCore
import Glibc
import Testing

@Suite struct CheckpointDamageTests {
  private static let sound = CheckpointTests.files("sound")

  @Test(arguments: sound) func everyPrefixIsAnError(_ path: String) throws {
    let bytes = try CheckpointTests.bytes(path)
    for count in bytes.indices {
      #expect(CheckpointTests.error(Array(bytes[..<count])) != nil, "\(count) bytes")
    }
    #expect(CheckpointTests.error(bytes + [0])?.isEmpty == false)
  }

  /// After one byte has become another one the file is an error; or one value or one name is another
  /// one; or nothing is, as where a time or a device was.
  @Test(arguments: sound) func flippedBytes(_ path: String) throws {
    let bytes = try CheckpointTests.bytes(path)
    let original = try CheckpointTests.tensors(bytes)
    var numbers = Numbers(seed: 23)
    var errors = 0
    let rounds = 500
    for round in 0..<rounds {
      var damaged = bytes
      let index = Int(numbers.next()) % bytes.count
      let change = round % 2 == 0 ? 1 << (numbers.byte() & 7) : max(numbers.byte(), 1)
      damaged[index] ^= change
      do throws(ColorizeError) {
        let tensors = try CheckpointTests.tensors(damaged)
        #expect(Self.differences(original, tensors) <= 1, "byte \(index) ^ \(change)")
      } catch {
        errors += 1
        #expect(!error.message.isEmpty)
      }
    }
    // Neither so few nor so many that this shows nothing.
    #expect(errors > rounds / 5 && errors < rounds)
  }

  /// How many values, or names, are others.
  private static func differences(_ first: [String: [Float]], _ second: [String: [Float]]) -> Int {
    let missing = first.keys.filter { second[$0] == nil }
    let new = second.keys.filter { first[$0] == nil }
    guard missing.count == new.count else { return .max }
    var count = missing.count
    for (name, values) in first {
      // A tensor of another name has the same values.
      guard let others = second[name] ?? new.first.flatMap({ second[$0] }),
        others.count == values.count
      else { return .max }
      count += zip(values, others).count { $0.bitPattern != $1.bitPattern }
    }
    return count
  }

  /// What the fuzzer has found of different kinds: an error or tensors, but nothing else.
  @Test(arguments: ["safetensors", "zip", "legacy"]) func fuzzedFiles(_ container: String) throws {
    let files = CheckpointTests.files("../../Fuzz/corpus/\(container)")
    #expect(files.count > 10)
    for path in files { _ = CheckpointTests.error(try CheckpointTests.bytes(path)) }
  }

  // MARK: - Pickles

  /// A legacy checkpoint whose state dict is the pickle `body`, without storages.
  private static func legacy(_ body: [UInt8]) -> [UInt8] {
    head + [0x80, 2] + body + Array(".".utf8) + [0x80, 2] + Array("].".utf8)
  }

  /// The first three pickles of a legacy checkpoint.
  private static let head: [UInt8] =
    [0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E]
    + [0x80, 2, 0x4D, 0xE9, 3, 0x2E]
    + [0x80, 2] + Array("}X\u{0D}\0\0\0little_endian".utf8) + [0x88] + Array("s.".utf8)

  /// A pickle, and a part of what is said of it.
  static let pickles: [(body: [UInt8], message: String)] = [
    (Array("}".utf8), "no tensors"),
    (Array(repeating: 0x28, count: 1_000_000), "the stack is empty"),
    (Array(repeating: 0x5D, count: 1_000_000), "the pickle ends too early"),
    (Array(repeating: 0x28, count: 1_100_000), "more than 1048576 bytes"),
    // One million of tuples, and of lists, in each other.
    ([0x29] + Array(repeating: 0x85, count: 1_000_000), "holds a tuple"),
    (
      Array(repeating: 0x5D, count: 500_000) + Array(repeating: 0x61, count: 499_999),
      "holds a list"
    ),
    // A list, a dictionary and a dictionary of pairs that contain themselves.
    (Array("]q\0h\0a".utf8), "holds a list"),
    (Array("}q\0h\0h\0s".utf8), "something other than named tensors"),
    (Array("}X\u{1}\0\0\0a]s".utf8), "something other than named tensors"),
    (Array("}X\u{1}\0\0\0aNs".utf8), "no tensors"),
    (Array("}q\0X\u{05}\0\0\0modelh\0s".utf8), "no tensors"),
    (
      Array("ccollections\nOrderedDict\n]q\0h\0a".utf8) + [0x85, 0x52], "something else than pairs"
    ),
    // Of one list of 100,000 pairs, 100,000 dictionaries.
    (
      Array("ccollections\nOrderedDict\nq\0](".utf8)
        + Array(repeating: [0x4E, 0x4E, 0x86], count: 100_000).flatMap(\.self)
        + Array("eq\u{1}".utf8)
        + Array(repeating: [0x68, 0, 0x68, 1, 0x85, 0x52], count: 100_000).flatMap(\.self),
      "the pickle ends too early"
    ),
    (Array("ccollections\nOrderedDict\nN".utf8) + [0x85, 0x52], "orderedDictionary"),
    (Array("cos\nsystem\nX\u{04}\0\0\0true".utf8) + [0x85, 0x52], "refers to os.system"),
    (Array("X\u{02}\0\0\0osX\u{06}\0\0\0system".utf8) + [0x93], "refers to os.system"),
    (Array("NN".utf8) + [0x93], "not a string"),
    (Array("h\u{7}".utf8), "place 7 of the memo is empty"),
    (Array("Nr".utf8) + [255, 255, 255, 255], "the memo has no place 4294967295"),
    (Array("Nq\0Nq\0".utf8), "place 0 of the memo is taken"),
    (Array("q\0".utf8), "the stack is empty"),
    ([0x8D] + Array(repeating: 255, count: 8), "ends within an opcode"),
    ([0x8B] + Array(repeating: 255, count: 4), "ends within an opcode"),
    (Array("X".utf8) + [255, 255, 255, 127], "ends within an opcode"),
    (Array("cos".utf8), "ends within an opcode"),
    (Array("}NNNe".utf8), "there is no mark"),
    (Array("}(NNNu".utf8), "put into what is no dictionary"),
    (Array("](NNu".utf8), "put into what is no dictionary"),
    (Array("}Na".utf8), "put into what is no list"),
    (Array("N(Nt".utf8), "the pickle ends too early"),
    (Array("(N0".utf8), "opcode 0x30"),
    (Array("NQ".utf8), "not that of a storage"),
    (Array("N}b".utf8), "given attributes"),
    (Array("NNR".utf8), "called that is not a function"),
    (Array("i".utf8), "opcode 0x69"),
    ([0x80, 4], "opcode 0x80"),
  ]

  @Test(arguments: pickles.indices) func harmfulPickle(_ index: Int) {
    let (body, message) = Self.pickles[index]
    let said = CheckpointTests.error(Self.legacy(body))
    #expect(said?.contains(message) == true, "\(said ?? "no error")")
  }

  /// The pickle of `{"t": tensor}` with one storage of so many floats.
  private static func tensor(
    count: [UInt8], offset: [UInt8], shape: [UInt8], strides: [UInt8]
  ) -> [UInt8] {
    Array("}X\u{1}\0\0\0tctorch._utils\n_rebuild_tensor_v2\n((X\u{7}\0\0\0storage".utf8)
      + Array("ctorch\nFloatStorage\nX\u{1}\0\0\0kX\u{3}\0\0\0cpu".utf8) + count
      + Array("NtQ".utf8) + offset + shape + strides + [0x89, 0x7D, 0x74, 0x52, 0x73]
  }

  /// 2^62, 2^63 - 1, -2^63, -1 and 2^64 as LONG1.
  private static let wide: [UInt8] = [0x8A, 8, 0, 0, 0, 0, 0, 0, 0, 0x40]
  private static let largest: [UInt8] = [0x8A, 8, 255, 255, 255, 255, 255, 255, 255, 127]
  private static let smallest: [UInt8] = [0x8A, 8, 0, 0, 0, 0, 0, 0, 0, 0x80]
  private static let negative: [UInt8] = [0x8A, 1, 255]
  private static let long: [UInt8] = [0x8A, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1]

  @Test func sizesThatOverflow() {
    let one: [UInt8] = [0x4B, 1]
    func error(
      count: [UInt8] = [0x4B, 6], offset: [UInt8] = [0x4B, 0], shape: [UInt8] = [0x4B, 6, 0x85],
      strides: [UInt8] = [0x4B, 1, 0x85]
    ) -> String {
      let body = Self.tensor(count: count, offset: offset, shape: shape, strides: strides)
      let file =
        Self.head + [0x80, 2] + body + Array(".".utf8) + [0x80, 2]
        + Array("]X\u{1}\0\0\0ka.".utf8)
      return CheckpointTests.error(
        file + [6, 0, 0, 0, 0, 0, 0, 0] + Array(repeating: 0, count: 24)) ?? "none"
    }
    #expect(error() == "none")
    for count in [Self.wide, Self.largest] { #expect(error(count: count).contains("has 6 values")) }
    for count in [Self.smallest, Self.negative, [0x4E], Self.long] {
      #expect(error(count: count).contains("persistent id"))
    }
    for offset in [Self.wide, Self.largest, Self.smallest, Self.negative, one, [0x4E]] {
      #expect(error(offset: offset).contains("not within the 6 values"))
    }
    for size in [Self.wide, Self.largest] {
      #expect(error(shape: size + [0x85]).contains("not within"))
      let several = Array(repeating: size, count: 3).flatMap(\.self) + [0x87]
      #expect(error(shape: several, strides: several).contains("not within"))
      #expect(error(strides: size + [0x85]).contains("strides"))
    }
    #expect(error(shape: Self.negative + [0x85]).contains("no valid shape"))
    #expect(error(strides: Self.negative + [0x85]).contains("no valid strides"))
    #expect(error(shape: [0x4B, 0, 0x85]).contains("belong to no tensor"))
    #expect(error(shape: [0x4B, 3, 0x85]).contains("values 3 to 6"))
    #expect(error(shape: [0x4B, 2, 0x4B, 3, 0x86]).contains("[2, 3] and the strides [1]"))
    let nine = [0x28] + Array(repeating: one, count: 9).flatMap(\.self) + [0x74]
    #expect(error(shape: nine, strides: nine).contains("no valid shape"))
    // [1, 6] with any stride where there is one value, and [2, 3] transposed.
    #expect(
      error(shape: [0x4B, 1, 0x4B, 6, 0x86], strides: Self.largest + [0x4B, 1, 0x86]) == "none")
    #expect(
      error(shape: [0x4B, 2, 0x4B, 3, 0x86], strides: [0x4B, 1, 0x4B, 2, 0x86]) == "none")
    #expect(
      error(shape: [0x4B, 2, 0x4B, 3, 0x86], strides: [0x4B, 2, 0x4B, 2, 0x86]).contains("strides"))
  }

  // MARK: - Zip archives

  /// A little-endian number of so many bytes.
  private static func number(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  /// What a zip archive is made of here, and what can be wrong in it.
  struct Entry {
    var name: String
    var data: [UInt8]
    var method = 0
    var flags = 0
    /// In place of the data's length.
    var size: Int?
    var localName: String?
    /// In place of where it is.
    var offset: Int?
    var gap: [UInt8] = []
    /// Whether the sizes and the offset are in a zip64 field.
    var isWide = false
  }

  private static func archive(_ entries: [Entry], directory order: [Int]? = nil) -> [UInt8] {
    var file: [UInt8] = []
    var records: [[UInt8]] = []
    for entry in entries {
      let size = entry.size ?? entry.data.count
      let offset = entry.offset ?? file.count
      let sizes = number(0, 4) + number(size, 4) + number(size, 4)
      let name = Array((entry.localName ?? entry.name).utf8)
      file += number(0x0403_4B50, 4) + number(20, 2) + number(entry.flags, 2)
      file += number(entry.method, 2) + number(0, 4) + sizes + number(name.count, 2) + number(0, 2)
      file += name + entry.data + entry.gap
      let recordName = Array(entry.name.utf8)
      let field =
        entry.isWide
        ? number(1, 2) + number(24, 2) + number(size, 8) + number(size, 8) + number(offset, 8) : []
      let marks = [UInt8](repeating: 255, count: 12)
      records.append(
        number(0x0201_4B50, 4) + number(20, 2) + number(20, 2) + number(entry.flags, 2)
          + number(entry.method, 2) + number(0, 4)
          + (entry.isWide ? Array(marks.prefix(4)).map { _ in 0 } + marks.prefix(8) : sizes)
          + number(recordName.count, 2) + number(field.count, 2) + number(0, 10)
          + (entry.isWide ? Array(marks.prefix(4)) : number(offset, 4)) + recordName + field)
    }
    let start = file.count
    for index in order ?? Array(records.indices) { file += records[index] }
    let count = order?.count ?? records.count
    let length = file.count - start
    return file + number(0x0605_4B50, 4) + number(0, 4) + number(count, 2) + number(count, 2)
      + number(length, 4) + number(start, 4) + number(0, 2)
  }

  /// A checkpoint of one tensor `t` of six floats.
  private static let entries = [
    Entry(
      name: "a/data.pkl",
      data: [0x80, 2]
        + tensor(
          count: [0x4B, 6], offset: [0x4B, 0], shape: [0x4B, 6, 0x85], strides: [0x4B, 1, 0x85])
        + [0x2E]),
    Entry(name: "a/byteorder", data: Array("little".utf8)),
    Entry(name: "a/data/k", data: Array(repeating: 0, count: 24)),
  ]

  @Test func entriesInAnyOrder() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
      #expect(CheckpointTests.error(Self.archive(order.map { Self.entries[$0] })) == nil)
      #expect(CheckpointTests.error(Self.archive(Self.entries, directory: order)) == nil)
    }
    // Without a byte order, as before PyTorch 1.13; and with a folder that has an entry of its own.
    #expect(CheckpointTests.error(Self.archive([Self.entries[0], Self.entries[2]])) == nil)
    #expect(
      CheckpointTests.error(Self.archive(Self.entries + [Entry(name: "a/", data: [])])) == nil)
    var wide = Self.entries
    for index in wide.indices { wide[index].isWide = true }
    #expect(CheckpointTests.error(Self.archive(wide)) == nil)
  }

  @Test func archivesThatLie() {
    func error(_ change: (inout [Entry]) -> Void) -> String {
      var entries = Self.entries
      change(&entries)
      return CheckpointTests.error(Self.archive(entries)) ?? "none"
    }
    #expect(error { _ in } == "none")
    // Bombs: a deflated entry that would become a terabyte, and sizes that are not there.
    #expect(
      error {
        $0[2].method = 8
        $0[2].size = 1 << 31
      }.contains("a/data/k of the zip archive is compressed"))
    #expect(error { $0[2].size = 1 << 31 }.contains("overlaps"))
    #expect(
      error {
        $0[2].isWide = true
        $0[2].size = 1 << 62
      }.contains("overlaps"))
    #expect(
      error {
        $0[2].isWide = true
        $0[2].size = -1
      }.contains("no valid zip64 sizes"))
    #expect(error { $0[2].size = 23 }.contains("does not end at byte"))
    #expect(error { $0[2].offset = 0 }.contains("overlaps"))
    #expect(error { $0[2].offset = 1 }.contains("overlaps"))
    #expect(error { $0[2].offset = 0xFFFF_FFFE }.contains("the directory begins at byte"))
    #expect(
      error {
        $0[2].isWide = true
        $0[2].offset = .max
      }.contains("the directory begins at byte"))
    // Entries that agree with each other about places far behind the file's end.
    #expect(
      error {
        $0[0].size = 0x7000_0000 - 30 - "a/data.pkl".utf8.count
        $0[1].offset = 0x7000_0000
        $0[2].offset = 0x7000_1000
      }.contains("the directory begins at byte"))
    #expect(error { $0[0].gap = [1] }.contains("does not end at byte"))
    #expect(error { $0[1].flags = 1 }.contains("encrypted"))
    #expect(error { $0[1].flags = 8 }.contains("does not end at byte"))
    #expect(error { $0[1].localName = "b/byteorder" }.contains("is not the entry a/byteorder"))
    #expect(error { $0[1].name = "a/data.pkl" }.contains("occurs twice"))
    #expect(error { $0.append($0[2]) }.contains("a/data/k occurs twice"))
    #expect(error { $0.append(Entry(name: "b/x", data: [])) }.contains("not in one folder"))
    #expect(error { $0.remove(at: 0) }.contains("has no data.pkl"))
    #expect(error { $0.remove(at: 2) }.contains("entry data/k is missing"))
    #expect(error { $0[2].data += [0] }.contains("has 25 bytes for 6 values"))
    #expect(error { $0.append(Entry(name: "a/data/l", data: [])) }.contains("has 2 storages"))
    #expect(error { $0[0].data += [0] }.contains("continues after its end"))
    #expect(error { $0[1].data = [0] }.contains("its byteorder is ?"))
    let name = String(repeating: "n", count: 600)
    #expect(error { $0[2].name = "a/\(name)" }.contains("has 602 bytes"))
    #expect(error { $0[2].localName = "" }.contains("is not the entry"))
  }

  /// The last line of defence: bytes in memory have no end that the system would see to.
  @Test func readsNothingOutsideOfBytes() throws {
    let bytes = try Memory<UInt8>(count: 8)
    bytes.fill(7)
    let source = ByteSource(UnsafeRawBufferPointer(start: bytes.start, count: bytes.count))
    let target = try Memory<UInt8>(count: 64)
    target.fill(0)
    try source.read(0, 8, into: target.start)
    #expect(target.start[7] == 7)
    for (offset, length) in [(0, 9), (8, 1), (1, 8), (-1, 1), (0, -1), (.max, 1), (1, .max)] {
      #expect(throws: ColorizeError.self) { try source.read(offset, length, into: target.start) }
    }
  }

  @Test func manyEntries() {
    let many = (0..<25_000).map { Entry(name: "a/\($0)", data: []) }
    #expect(CheckpointTests.error(Self.archive(many))?.contains("the limit is 1048576") == true)
  }

  // MARK: - Files

  @Test func whatIsNoFile() throws {
    let folder = try Self.makeFolder()
    defer { rmdir(folder) }
    let pipe = "\(folder)/pipe"
    mkfifo(pipe, 0o600)
    defer { unlink(pipe) }
    for path in [folder, pipe, "/dev/zero"] {
      #expect(throws: ColorizeError.cannotReadFile(path: path, reason: "not a regular file")) {
        try ByteSource(path: path)
      }
    }
  }

  /// A terabyte of zeros behind what a file begins with.
  @Test(arguments: ["zip", "legacy", "../expected"]) func sparseFile(_ name: String) throws {
    let folder = try Self.makeFolder()
    defer { rmdir(folder) }
    let path = "\(folder)/sparse"
    let kind = name.hasPrefix(".") ? "safetensors" : "pth"
    try Self.write(CheckpointTests.bytes("\(CheckpointTests.folder)/sound/\(name).\(kind)"), path)
    defer { unlink(path) }
    guard truncate(path, 1 << 40) == 0 else { return }
    #expect(throws: ColorizeError.self) { try TensorFile(ByteSource(path: path)) }
  }

  /// The length of a file that is open is cut, and its bytes become others.
  @Test(arguments: sound) func fileThatChangesWhileOpen(_ path: String) throws {
    let folder = try Self.makeFolder()
    defer { rmdir(folder) }
    let copy = "\(folder)/copy"
    let bytes = try CheckpointTests.bytes(path)
    defer { unlink(copy) }
    for count in stride(from: 0, to: bytes.count, by: 97) {
      try Self.write(bytes, copy)
      let source = try ByteSource(path: copy)
      truncate(copy, count)
      #expect(throws: ColorizeError.self) { try TensorFile(source) }
      // The tensors are there, their bytes no longer.
      try Self.write(bytes, copy)
      let file = try TensorFile(ByteSource(path: copy))
      truncate(copy, 0)
      #expect(throws: ColorizeError.self) { try CheckpointTests.tensors(file) }
    }
    try Self.write(bytes, copy)
    let file = try TensorFile(ByteSource(path: copy))
    try Self.write(bytes.map { $0 & 0x3F }, copy)
    _ = try CheckpointTests.tensors(file)
  }

  private static func makeFolder() throws -> String {
    var template = Array("/tmp/colorize-tests-XXXXXX".utf8CString)
    let path = try #require(mkdtemp(&template))
    return String(cString: path)
  }

  private static func write(_ bytes: [UInt8], _ path: String) throws {
    let file = try #require(fopen(path, "w"))
    defer { fclose(file) }
    try #require(fwrite(bytes, 1, bytes.count, file) == bytes.count)
  }
}
