// Reading safetensors: what is sound is read exactly, what is not is an error that names the fault.

import ColorizeCore
import Testing

@Suite final class TensorFileTests {
  /// A file from its header and data.
  private func file(_ header: String, data: [UInt8] = []) throws(ColorizeError) -> TensorFile {
    let length = UInt64(header.utf8.count)
    let bytes = (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * UInt64($0))) }
    return try parse(bytes + Array(header.utf8) + data)
  }

  private func parse(_ bytes: [UInt8]) throws(ColorizeError) -> TensorFile {
    let memory = try Memory<UInt8>(count: bytes.count)
    for (index, byte) in bytes.enumerated() { memory.start[index] = byte }
    kept.append(memory)
    return try TensorFile(
      ByteSource(UnsafeRawBufferPointer(start: memory.start, count: bytes.count)))
  }

  /// The bytes of the files, which are read from as long as a test runs.
  private var kept: [Memory<UInt8>] = []

  @Test func readsTensorsAndMetadata() throws {
    let file = try file(
      #" {"__metadata__": {"b": "x\ny", "a": "\u00e9\ud83c\udfa8"}, "t" : {"dtype":"F32","#
        + #""shape":[1,2],"data_offsets":[0,8]},"h":{"dtype":"F16","shape":[2],"#
        + #""data_offsets":[8,12]}} "#,
      data: [0, 0, 128, 63, 0, 0, 0, 192, 0, 60, 1, 0])
    #expect(file.metadata.map(\.key) == ["a", "b"])
    #expect(file[metadata: "a"] == "é🎨")
    #expect(file[metadata: "b"] == "x\ny")
    #expect(file[metadata: "c"] == nil)
    #expect(file.shape("h") == [2] && file.shape("t") == [1, 2] && file.shape("x") == nil)
    let single = try file.floats("t", shape: [1, 2])
    #expect(single.start[0] == 1 && single.start[1] == -2)
    let half = try file.floats("h", shape: [2])
    #expect(half.start[0] == 1 && half.start[1] == 0x1p-24)
  }

  /// Every finite half-precision number, against the compiler's own conversion.
  @Test func halfPrecisionIsExact() throws {
    let finite = (0...UInt16.max).filter { Float16(bitPattern: $0).isFinite }
    let file = try file(
      #"{"h":{"dtype":"F16","shape":[\#(finite.count)],"data_offsets":[0,\#(finite.count * 2)]}}"#,
      data: finite.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] })
    let values = try file.floats("h", shape: [finite.count])
    for (index, bits) in finite.enumerated() {
      #expect(values.start[index].bitPattern == Float(Float16(bitPattern: bits)).bitPattern)
    }
  }

  /// Two rows of I8 and scales of a shape, as a file.
  private func eightBits(
    _ scales: [Float], shape: String, kind: String = "F32", tensor: String = "[2,2]"
  ) throws(ColorizeError) -> TensorFile {
    try file(
      #"{"t":{"dtype":"I8","shape":\#(tensor),"data_offsets":[0,4]},"t_scale":{"dtype":"\#(kind)","#
        + #""shape":\#(shape),"data_offsets":[4,\#(4 + 4 * scales.count)]}}"#,
      data: [1, 0xFF, 127, 0x80]
        + scales.flatMap { scale in (0..<4).map { UInt8(scale.bitPattern >> (8 * $0) & 255) } })
  }

  @Test func eightBitsTimesTheirScales() throws {
    func values(_ file: TensorFile, _ shape: [Int] = [2, 2]) throws -> [Float] {
      let values = try file.floats("t", shape: shape)
      return (0..<values.count).map { values.start[$0] }
    }
    #expect(try values(eightBits([0.5, 3], shape: "[2,1]")) == [0.5, -0.5, 381, -384])
    #expect(try values(eightBits([0.5, 3], shape: "[1,2]")) == [0.5, -3, 63.5, -384])
    #expect(try values(eightBits([2], shape: "[1,1]")) == [2, -2, 254, -256])
    let wide = try eightBits([1, 2], shape: "[1,2,1]", tensor: "[1,2,2]")
    #expect(try values(wide, [1, 2, 2]) == [1, -1, 254, -256])
  }

  @Test(arguments: [
    (
      [Float(0), 1], "[2,1]", "F32", "t_scale has the value 0.0 at index 0; a scale is more than 0"
    ),
    ([1, -1], "[2,1]", "F32", "has the value -1.0 at index 1"),
    ([1, .nan], "[2,1]", "F32", "has the value nan at index 1"),
    ([.infinity, 1], "[2,1]", "F32", "has the value inf at index 0"),
    ([1, 3e38], "[2,1]", "F32", "tensor t has the value"),
    ([1, 1], "[2]", "F32", "one of their dimensions is its, the others 1"),
    ([1, 1, 1, 1], "[2,2]", "F32", "one of their dimensions is its, the others 1"),
    ([1, 1, 1], "[3,1]", "F32", "one of their dimensions is its, the others 1"),
    ([1], "[2,1]", "F32", "too few"),
    ([1, 1], "[2,1]", "I8", "the scales of t [2, 2] are floats"),
    ([1, 1], "[2,1]", "I32", "tensor t_scale is I32"),
  ]) func scalesThatAreDamaged(
    _ scales: [Float], _ shape: String, _ kind: String, _ message: String
  ) throws {
    // Times 3e38 the second row's numbers are beyond float32.
    let file = try eightBits(scales, shape: shape, kind: kind)
    do throws(ColorizeError) {
      _ = try file.floats("t", shape: [2, 2])
      Issue.record("no error")
    } catch { #expect(error.message.contains(message), "\(error.message)") }
  }

  @Test func eightBitsWithoutScales() throws {
    let file = try file(#"{"t":{"dtype":"I8","shape":[1],"data_offsets":[0,1]}}"#, data: [1])
    #expect(
      throws: ColorizeError.invalidModel("tensor t is I8, and its scales, t_scale, are missing")
    ) { try file.floats("t", shape: [1]) }
  }

  /// What is wrong, and a part of the message that it must give.
  static let faults: [(header: String, message: String)] = [
    ("", "too few"),
    ("  ", "\"{\" was expected"),
    ("[]", "\"{\" was expected"),
    ("{}x", "something behind the end"),
    (#"{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#, "\"}\" was expected"),
    (#"{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,5]}}"#, "bytes 0 to 5 of 4"),
    (#"{"t":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, "bytes 4 to 0"),
    (#"{"t":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#, "lacks"),
    (#"{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,1,2]}}"#, "more than 2 numbers"),
    (#"{"t":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, "a number was expected"),
    (#"{"t":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}"#, "\"]\" was expected"),
    (
      #"{"t":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}}"#,
      "beyond 64 bits"
    ),
    (#"{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1}}"#, "unknown property more"),
    (#"{"t":{"shape":[1],"data_offsets":[0,4]}}"#, "lacks its dtype"),
    (
      #"{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"#
        + #""t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, "occurs twice"
    ),
    (#"{"__metadata__":{}}"#, "4 bytes follow the last tensor"),
    (#"{"t":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#, "4 bytes follow the last tensor"),
    (#"{"__metadata__":{},"__metadata__":{}}"#, "__metadata__ occurs twice"),
    (#"{"__metadata__":{"a":"1","b":"2","a":"3"}}"#, "the metadata a occurs twice"),
    (#"{"t":{"dtype":"F32","dtype":"F32"}}"#, "tensor t has dtype twice"),
    (#"{"\#(String(repeating: "n", count: 257))":{}}"#, "a name of 257 bytes"),
    // Combining marks, which a comparison would put in order, one by one.
    (
      #"{"\#(String(repeating: "\u{0316}\u{0301}", count: 500_000))":{}}"#,
      "a name of 2000000 bytes"
    ),
    (#"{"__metadata__":{"a":1}}"#, "\"\"\" was expected"),
    (#"{"__metadata__":{"a":"\ud800"}}"#, "surrogate"),
    (#"{"__metadata__":{"a":"\q"}}"#, "unknown escape"),
    (#"{"__metadata__":{"a":"\u12"#, "without an end"),
    (#"{"__metadata__":{"a":"b"#, "without an end"),
    ("{\"__metadata__\":{\"a\":\"\n\"}}", "control character"),
    (String(repeating: #"{"a":"#, count: 100_000), "unknown property"),
    (String(repeating: "[", count: 100_000), "expected"),
  ]

  @Test(arguments: faults.indices) func faultIsNamed(_ index: Int) throws {
    let fault = Self.faults[index]
    do throws(ColorizeError) {
      _ = try file(fault.header, data: fault.header.isEmpty ? [] : [0, 0, 0, 0])
      Issue.record("no error for \(fault.header.prefix(60))")
    } catch .invalidModel(let text) {
      #expect(text.contains(fault.message) || fault.header.isEmpty)
    }
  }

  @Test func lengthsThatLie() {
    for length: UInt64 in [1, 3, 1 << 40, .max, 1 << 63] {
      let bytes = (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * UInt64($0))) }
      #expect(throws: ColorizeError.self) { try parse(bytes + [0x7B, 0x7D]) }
    }
    #expect(throws: ColorizeError.self) { try parse([]) }
    #expect(throws: ColorizeError.self) { try parse([2, 0, 0, 0, 0, 0, 0]) }
  }

  @Test func readsOtherFormats() throws {
    let file = try file(
      #"{"module.b":{"dtype":"BF16","shape":[2],"data_offsets":[8,12]},"#
        + #""d":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}"#,
      data: [0, 0, 0, 0, 0, 0, 0xE0, 0xBF, 0x40, 0x40, 0x80, 0xBF])
    #expect(file.container == .safetensors)
    #expect(file.names == ["b", "d"])
    let brain = try file.floats("b", shape: [2])
    #expect(brain.start[0] == 3 && brain.start[1] == -1)
    let double = try file.floats("d", shape: [1])
    #expect(double.start[0] == -0.5)
  }

  @Test func namesThatAreTheSameWithoutPrefix() throws {
    let entry = #"{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#
    #expect(throws: ColorizeError.invalidModel("tensor module.t occurs twice")) {
      try file(#"{"t":\#(entry),"module.t":\#(entry)}"#, data: [0, 0, 0, 0])
    }
  }

  @Test func tensorsThatDoNotFit() throws {
    let file = try file(
      #"{"t":{"dtype":"F32","shape":[2],"data_offsets":[0,4]},"#
        + #""n":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"#
        + #""l":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]},"#
        + #""d":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}"#,
      data: [0, 0, 192, 127])
    func message(_ name: String, _ shape: [Int]) -> String {
      do throws(ColorizeError) {
        _ = try file.floats(name, shape: shape)
        return ""
      } catch { return error.message }
    }
    #expect(message("t", [2]) == "tensor t [2] of F32 has 4 bytes, which are too few")
    #expect(message("l", [1 << 32, 1 << 32]).contains("has 4 bytes, which are too few"))
    #expect(message("t", [1]) == "tensor t has the shape [2], not [1]")
    #expect(
      message("d", [1])
        == "tensor d is I32; F32, F16, BF16, F64 and I8 with a scale can be read")
    #expect(message("n", [1]) == "tensor n has the value nan at index 0")
    #expect(message("x", [1]) == "tensor x is missing")
  }
}
