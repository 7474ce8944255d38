// PyTorch's checkpoints: what PyTorch has written is read with the values that PyTorch gives, and
// whatever else is an error, or at most a file in which the damaged value is another one.
// Tests/Reference/make_checkpoints.py writes the files.

import ColorizeCore
import Glibc
import Testing

@Suite struct CheckpointTests {
  static let folder =
    #filePath.split(separator: "/").dropLast(2).reduce("") { "\($0)/\($1)" }
    + "/Fixtures/checkpoints"

  /// The paths of all files of a folder, sorted.
  static func files(_ name: String) -> [String] {
    guard let stream = opendir("\(folder)/\(name)") else { return [] }
    defer { closedir(stream) }
    var paths: [String] = []
    while let entry = readdir(stream) {
      let file = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if !file.hasPrefix(".") { paths.append("\(folder)/\(name)/\(file)") }
    }
    return paths.sorted()
  }

  static func bytes(_ path: String) throws -> [UInt8] {
    let file = try #require(fopen(path, "r"))
    defer { fclose(file) }
    var bytes: [UInt8] = []
    while case let byte = getc(file), byte != EOF { bytes.append(UInt8(byte)) }
    return bytes
  }

  /// name -> values, of all tensors that can be read as numbers; they are known to be small.
  static func tensors(_ file: TensorFile) throws(ColorizeError) -> [String: [Float]] {
    var tensors: [String: [Float]] = [:]
    for name in file.names {
      guard let shape = file.shape(name) else { continue }
      do throws(ColorizeError) {
        let values = try file.floats(name, shape: shape)
        tensors[name] = (0..<values.count).map { values.start[$0] }
      } catch .unsupportedModel {
        // Of whole numbers.
        _ = try file.bytes(name)
      }
    }
    return tensors
  }

  static func tensors(_ bytes: [UInt8]) throws(ColorizeError) -> [String: [Float]] {
    let memory = try Memory<UInt8>(count: bytes.count)
    for index in bytes.indices { memory.start[index] = bytes[index] }
    let source = ByteSource(UnsafeRawBufferPointer(start: memory.start, count: memory.count))
    let result = try tensors(TensorFile(source))
    // The source has borrowed the bytes.
    withExtendedLifetime(memory) {}
    return result
  }

  /// The message of the error that the bytes give; nil if they give none.
  static func error(_ bytes: [UInt8]) -> String? {
    do throws(ColorizeError) {
      _ = try tensors(bytes)
      return nil
    } catch { return error.message }
  }

  // MARK: - Sound files

  @Test(arguments: files("sound")) func soundFileIsRead(_ path: String) throws {
    let expected = try TensorFile(ByteSource(path: "\(Self.folder)/expected.safetensors"))
    let file = try TensorFile(ByteSource(path: path))
    #expect(file.container == (path.contains("/legacy") ? .pytorchLegacy : .pytorchZip))
    #expect(file.metadata.isEmpty)
    let counter = "norm.num_batches_tracked"
    #expect(file.names.filter { $0 != counter } == expected.names)
    for name in expected.names {
      let shape = try #require(expected.shape(name))
      let want = try expected.floats(name, shape: shape)
      let have = try file.floats(name, shape: shape)
      #expect(memcmp(want.start, have.start, want.count * 4) == 0, "\(name)")
    }
    if file.shape(counter) != nil {
      #expect(
        throws: ColorizeError.unsupportedModel(
          "tensor \(counter) is I64; F32, F16, BF16, F64 and I8 with a scale can be read")
      ) { try file.floats(counter, shape: []) }
      let count = try file.bytes(counter)
      #expect(count.start[0] == 3)
    }
  }

  /// Weights that are in parts are what PyTorch makes of them; the parts are still there.
  @Test(arguments: files("normalized")) func normalizedWeightsArePutTogether(_ path: String) throws
  {
    let expected = try TensorFile(ByteSource(path: "\(Self.folder)/normalized.safetensors"))
    let file = try TensorFile(ByteSource(path: path))
    #expect(expected.names == ["line.weight", "spectral.weight", "weight.weight"])
    for name in expected.names {
      let shape = try #require(expected.shape(name))
      #expect(file.shape(name) == shape && file.format(name) == "F32")
      let want = try expected.floats(name, shape: shape)
      let have = try file.floats(name, shape: shape)
      for index in 0..<want.count {
        #expect(abs(have.start[index] - want.start[index]) <= 1e-6 * abs(want.start[index]))
      }
    }
    #expect(file.shape("spectral.weight_orig") == [4, 3, 3, 3])
    #expect(!file.names.contains("spectral.weight"))
  }

  /// A norm of 0, a length of 0, and parts that do not fit.
  @Test func weightsThatCannotBePutTogether() throws {
    func message(_ tensors: [(name: String, shape: [Int], values: [Float])]) throws -> String {
      var entries: [String] = []
      var values: [Float] = []
      for tensor in tensors {
        let start = 4 * values.count
        values += tensor.values
        entries.append(
          "\"\(tensor.name)\":{\"dtype\":\"F32\",\"shape\":\(tensor.shape),"
            + "\"data_offsets\":[\(start),\(4 * values.count)]}")
      }
      let header = Array("{\(entries.joined(separator: ","))}".utf8)
      let bytes =
        (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) } + header
        + values.flatMap { value in
          (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
        }
      let memory = try Memory<UInt8>(count: bytes.count)
      memory.start.update(from: bytes, count: bytes.count)
      let file = try TensorFile(
        ByteSource(UnsafeRawBufferPointer(start: memory.start, count: memory.count)))
      defer { withExtendedLifetime(memory) {} }
      do throws(ColorizeError) {
        _ = try file.floats("a.weight", shape: [2, 2])
        return ""
      } catch { return error.message }
    }
    let original = ("a.weight_orig", [2, 2], [1, 2, 3, 4] as [Float])
    let left = ("a.weight_u", [2], [1, 0] as [Float])
    #expect(
      try message([original, left, ("a.weight_v", [2], [2, -1])]).contains(
        "norm of a.weight_orig is 0"))
    #expect(try message([original, left, ("a.weight_v", [2], [1, 1])]) == "")
    #expect(
      try message([original, left, ("a.weight_v", [3], [1, 1, 1])]).contains(
        "a.weight_v has the shape [3]"))
    #expect(try message([original, left]).contains("a.weight is missing"))
    #expect(
      try message([original, left, ("a.weight_v", [2], [.leastNonzeroMagnitude, 0])]).contains(
        "a.weight has the value inf"))
    let direction = ("a.weight_v", [2, 2], [1, 2, 0, 0] as [Float])
    #expect(
      try message([("a.weight_g", [2, 1], [1, 1]), direction]).contains(
        "output 1 of a.weight_v is 0"))
  }

  @Test func thereAreSoundFiles() {
    #expect(Self.files("normalized").count == 3)
    #expect(Self.files("sound").count == 22)
    #expect(Self.files("refused").count == Self.refusals.count)
  }

  // MARK: - Files that are no models

  /// A file of the folder `refused`, and a part of what is said of it.
  static let refusals = [
    ("big-endian", "its byteorder is big"),
    ("compressed", "zip/.data/serialization_id of the zip archive is compressed"),
    ("every-second", "tensor conv.bias [4] has the strides [2]"),
    ("expanded", "tensor conv.bias [4]"),
    ("foreign", "refers to posix.system at byte 13"),
    ("list", "holds a list, not a state dict"),
    ("mixed", "float16 and bfloat16"),
    (
      "module",
      "torch.nn.modules.container.Sequential at byte 2, which is not a part of a state dict"
    ),
    ("module-legacy", "torch.nn.modules.activation.ReLU"),
    ("no-tensors", "no tensors"),
    ("part", "values 0 to 2 of the storage 1 belong to no tensor"),
    ("protocol-1", "no pickle of a protocol from 2 to 5"),
    ("same-name", "tensor conv.bias occurs twice"),
    ("script", "TorchScript"),
    ("slice-of-text", "slice is called with other arguments"),
    ("sparse", "torch._utils._rebuild_sparse_tensor"),
    ("tied", "share values of the storage 1"),
    ("two", "more than one state dict"),
    ("untyped", "torch._utils._rebuild_tensor_v3"),
  ]

  @Test(arguments: refusals) func refusedFileIsNamed(_ name: String, _ message: String) throws {
    let said = Self.error(try Self.bytes("\(Self.folder)/refused/\(name).pth"))
    #expect(said?.contains(message) == true, "\(said ?? "no error")")
  }
}
