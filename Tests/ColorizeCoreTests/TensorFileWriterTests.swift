// Writing safetensors: what is written is read again, to the bit.

import ColorizeCore
import Glibc
import Testing

@Suite struct TensorFileWriterTests {
  private static let tensors = [
    TensorFileLayout.Tensor(name: "half", shape: [3], format: .float16),
    TensorFileLayout.Tensor(name: "b\"\\\u{1}ü", shape: [2, 2], format: .float32),
    TensorFileLayout.Tensor(name: "a", shape: [], format: .float32),
    TensorFileLayout.Tensor(name: "empty", shape: [0, 4], format: .float16),
  ]
  private static let values: [String: [Float]] = [
    "half": [1, -0x1p-24, 65504], "b\"\\\u{1}ü": [.leastNonzeroMagnitude, -0.0, 3e38, 0.1],
    "a": [-7], "empty": [],
  ]
  private static let metadata = ["licence": "\"a\"\nb\u{0}\u{1F3A8}", "architecture": "x"]

  private func memory(_ values: [Float]) throws -> Memory<Float> {
    let memory = try Memory<Float>(count: values.count)
    for (index, value) in values.enumerated() { memory.start[index] = value }
    return memory
  }

  private func write(_ layout: TensorFileLayout, to target: TensorFileWriter.Target) throws {
    var writer = try TensorFileWriter(layout, to: target)
    for tensor in layout.tensors {
      try writer.write(try memory(try #require(Self.values[tensor.name])))
    }
  }

  private func expectWritten(_ file: TensorFile) throws {
    #expect(file.names == Self.values.keys.sorted())
    #expect(file.metadata.map(\.key) == ["architecture", "licence"])
    #expect(file[metadata: "licence"] == Self.metadata["licence"])
    for tensor in Self.tensors {
      #expect(file.shape(tensor.name) == tensor.shape)
      let values = try file.floats(tensor.name, shape: tensor.shape)
      #expect(
        (0..<values.count).map { values.start[$0].bitPattern }
          == Self.values[tensor.name]?.map(\.bitPattern))
    }
  }

  @Test func writesToMemory() throws {
    let layout = try TensorFileLayout(Self.tensors, metadata: Self.metadata)
    #expect(layout.tensors.map(\.name) == ["a", "b\"\\\u{1}ü", "empty", "half"])
    let bytes = try Memory<UInt8>(count: layout.byteCount)
    try write(layout, to: .memory(bytes))
    // The data is aligned to 8 bytes, and what is wide comes first.
    let headerBytes = Int(bytes.start[0]) + Int(bytes.start[1]) << 8
    #expect(headerBytes % 8 == 0 && bytes.count == 8 + headerBytes + 4 + 16 + 6)
    let source = ByteSource(UnsafeRawBufferPointer(start: bytes.start, count: bytes.count))
    try expectWritten(TensorFile(source))
  }

  @Test func writesToAFile() throws {
    let file = try #require(tmpfile())
    defer { fclose(file) }
    let descriptor = fileno(file)
    let layout = try TensorFileLayout(Self.tensors, metadata: Self.metadata)
    try write(layout, to: .descriptor(descriptor))
    #expect(lseek(descriptor, 0, SEEK_CUR) == layout.byteCount)
    try expectWritten(TensorFile(ByteSource(path: "/proc/self/fd/\(descriptor)")))
  }

  @Test func withoutTensors() throws {
    let layout = try TensorFileLayout([], metadata: [:])
    let bytes = try Memory<UInt8>(count: layout.byteCount)
    _ = try TensorFileWriter(layout, to: .memory(bytes))
    #expect(
      (0..<bytes.count).map { bytes.start[$0] } == [8, 0, 0, 0, 0, 0, 0, 0] + "{}      ".utf8)
  }

  @Test func whatCannotBeWritten() throws {
    for (format, value, text) in [
      (TensorFileLayout.Format.float16, Float(65520), "65520.0 at index 1, which F16"),
      (.float16, -.infinity, "-inf at index 1, which F16"), (.float32, .nan, "nan at index 1"),
      (.int8, 128, "128.0 at index 1, which I8"), (.int8, 0.5, "0.5 at index 1, which I8"),
    ] {
      let tensor = TensorFileLayout.Tensor(name: "t", shape: [2], format: format)
      let layout = try TensorFileLayout([tensor], metadata: [:])
      var writer = try TensorFileWriter(layout, to: .memory(Memory(count: layout.byteCount)))
      let values = try memory([1, value])
      do throws(ColorizeError) {
        try writer.write(values)
        Issue.record("no error for \(value)")
      } catch { #expect(error.message.contains("tensor t has the value \(text)")) }
    }
    let full = open("/dev/full", O_WRONLY)
    defer { close(full) }
    let layout = try TensorFileLayout(Self.tensors, metadata: [:])
    #expect(throws: ColorizeError.cannotWriteFile(reason: "No space left on device")) {
      try TensorFileWriter(layout, to: .descriptor(full))
    }
    #expect(throws: ColorizeError.self) {
      try TensorFileLayout([], metadata: ["a": String(repeating: "x", count: 5 << 20)])
    }
  }

  /// Against the compiler's own conversion: every half-precision number, what lies in the middle of
  /// two, and the floats beside each; and then a million floats of any kind.
  @Test func halfPrecisionIsRounded() throws {
    var floats: [Float] = []
    for bits in 0..<UInt16(0x7C00) {
      let number = Float(Float16(bitPattern: bits))
      let middle = (number + Float(Float16(bitPattern: bits + 1))) / 2
      for value in [number, middle] where value.isFinite {
        floats += [value, value.nextUp, value.nextDown].flatMap { [$0, -$0] }
      }
    }
    var numbers = Numbers(seed: 5)
    for _ in 0..<1_000_000 {
      let high = UInt32(truncatingIfNeeded: numbers.next()) << 16
      floats.append(Float(bitPattern: high ^ UInt32(truncatingIfNeeded: numbers.next())))
    }
    floats.removeAll { !Float16($0).isFinite }
    #expect(floats.count > 400_000)
    let tensor = TensorFileLayout.Tensor(name: "t", shape: [floats.count], format: .float16)
    let layout = try TensorFileLayout([tensor], metadata: [:])
    let bytes = try Memory<UInt8>(count: layout.byteCount)
    var writer = try TensorFileWriter(layout, to: .memory(bytes))
    try writer.write(try memory(floats))
    let start = bytes.count - floats.count * 2
    var wrong = 0
    for (index, value) in floats.enumerated() {
      let low = UInt16(bytes.start[start + 2 * index])
      let half = low | UInt16(bytes.start[start + 2 * index + 1]) << 8
      if half != Float16(value).bitPattern { wrong += 1 }
    }
    #expect(wrong == 0)
  }
}
