// Writing safetensors, tensor after tensor, so that no more than one of them need be in memory.

import CPlatform
import Glibc

/// What a safetensors file will hold, and where.
package struct TensorFileLayout {
  package enum Format: String {
    case float32 = "F32"
    case float16 = "F16"
    case int8 = "I8"

    fileprivate var bytes: Int {
      switch self {
      case .float32: 4
      case .float16: 2
      case .int8: 1
      }
    }
  }

  package struct Tensor {
    package let name: String
    package let shape: [Int]
    package let format: Format

    package init(name: String, shape: [Int], format: Format) {
      self.name = name
      self.shape = shape
      self.format = format
    }

    fileprivate var count: Int { shape.reduce(1, *) }
  }

  /// In the order in which they are to be written: wide numbers first, so that each is aligned
  /// without gaps, which the format forbids; then by name.
  package let tensors: [Tensor]
  /// The size of the file.
  package let byteCount: Int
  fileprivate let head: [UInt8]

  /// - Parameter tensors: in any order, of different names; their bytes are below 2^63.
  package init(_ tensors: [Tensor], metadata: [String: String]) throws(ColorizeError) {
    self.tensors = tensors.sorted { ($1.format.bytes, $0.name) < ($0.format.bytes, $1.name) }
    var members: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }.map { key, value in
        "\(Self.quoted(key)):\(Self.quoted(value))"
      }
      members.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
    }
    var offset = 0
    for tensor in self.tensors {
      let end = offset + tensor.count * tensor.format.bytes
      let shape = tensor.shape.map { "\($0)" }.joined(separator: ",")
      members.append(
        "\(Self.quoted(tensor.name)):{\"dtype\":\"\(tensor.format.rawValue)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var header = Array("{\(members.joined(separator: ","))}".utf8)
    header += Array(repeating: 0x20, count: header.count.roundedUp(to: 8) - header.count)
    guard header.count <= TensorFile.maximumHeaderBytes else {
      throw .invalidArgument(
        "the header would have \(header.count) bytes; the limit is \(TensorFile.maximumHeaderBytes)"
      )
    }
    head = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) } + header
    byteCount = head.count + offset
  }

  /// A string as JSON has it.
  private static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\":
        quoted += "\\"
        quoted.unicodeScalars.append(scalar)
      case "\u{0}"..<" ":
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}

/// Writes a file of some layout:
///
///     let layout = try TensorFileLayout(tensors, metadata: ["architecture": "compact"])
///     var writer = try TensorFileWriter(layout, to: .descriptor(file))
///     for tensor in layout.tensors { try writer.write(values(of: tensor)) }
package struct TensorFileWriter {
  package enum Target {
    /// A file, from where it is now; it is not closed.
    case descriptor(Int32)
    /// As many bytes as the layout has.
    case memory(Memory<UInt8>)
  }

  /// Values are converted in blocks of so many.
  private static let blockCount = 1 << 14

  private let tensors: [TensorFileLayout.Tensor]
  private let target: Target
  private let block: Memory<UInt16>
  private var written = 0
  private var position = 0

  /// Writes what is before the tensors.
  package init(_ layout: TensorFileLayout, to target: Target) throws(ColorizeError) {
    tensors = layout.tensors
    self.target = target
    block = try Memory(count: Self.blockCount)
    let head = try Memory<UInt8>(count: layout.head.count)
    for (index, byte) in layout.head.enumerated() { head.start[index] = byte }
    try append(head.start, head.count)
  }

  /// Writes the next of the layout's tensors, all of whose values must be finite; of I8, whole numbers.
  package mutating func write(_ values: Memory<Float>) throws(ColorizeError) {
    let tensor = tensors[written]
    precondition(values.count == tensor.count, "the values are those of another tensor")
    written += 1
    switch tensor.format {
    case .float32:
      if let index = values.firstThatIsNotFinite {
        throw Self.failure(tensor, values, index)
      }
      try append(values.start, values.count * 4)
    case .float16:
      for first in stride(from: 0, to: values.count, by: Self.blockCount) {
        let length = min(Self.blockCount, values.count - first)
        for index in 0..<length {
          guard let half = values.start[first + index].halfPrecision else {
            throw Self.failure(tensor, values, first + index)
          }
          block.start[index] = half
        }
        try append(block.start, length * 2)
      }
    case .int8:
      for first in stride(from: 0, to: values.count, by: Self.blockCount) {
        let length = min(Self.blockCount, values.count - first)
        try block.start.withMemoryRebound(to: Int8.self, capacity: length) {
          (bytes) throws(ColorizeError) in
          for index in 0..<length {
            guard let number = Int8(exactly: values.start[first + index]) else {
              throw Self.failure(tensor, values, first + index)
            }
            bytes[index] = number
          }
        }
        try append(block.start, length)
      }
    }
  }

  private static func failure(
    _ tensor: TensorFileLayout.Tensor, _ values: Memory<Float>, _ index: Int
  ) -> ColorizeError {
    .invalidArgument(
      "tensor \(tensor.name) has the value \(values.start[index]) at index \(index), which "
        + "\(tensor.format.rawValue) cannot hold")
  }

  private mutating func append(_ bytes: UnsafeRawPointer, _ count: Int) throws(ColorizeError) {
    switch target {
    case .memory(let memory):
      precondition(memory.count - position >= count, "the memory is smaller than the file")
      memcpy(memory.start + position, bytes, count)
    case .descriptor(let descriptor):
      var done = 0
      while done < count {
        let result = Glibc.write(descriptor, bytes + done, count - done)
        if result < 0 && errno == EINTR { continue }
        guard result >= 0 else {
          throw .cannotWriteFile(reason: String(cString: platform_error_text(errno)))
        }
        done += result
      }
    }
    position += count
  }
}
