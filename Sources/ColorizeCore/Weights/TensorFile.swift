// The tensors of a model file, whatever its container is.

/// The tensors of a model file, by name, and its metadata. All that the file says of itself is
/// checked here; values are read, and must be finite, when they are asked for.
package struct TensorFile {
  /// How the tensors are put into a file, known by its first bytes.
  package enum Container: String {
    case safetensors = "safetensors"
    /// What torch.save writes since PyTorch 1.6.
    case pytorchZip = "PyTorch"
    /// What it wrote before.
    case pytorchLegacy = "PyTorch, before 1.6"
  }

  /// The number formats that are read.
  package enum NumberFormat: String {
    case float32 = "F32"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case float64 = "F64"
    /// With a scale beside it.
    case int8 = "I8"

    var bytes: Int {
      switch self {
      case .float64: 8
      case .float32: 4
      case .float16, .bfloat16: 2
      case .int8: 1
      }
    }
  }

  struct Entry {
    /// As safetensors names it.
    var format: String
    var shape: [Int]
    /// How many values lie between neighbours of each dimension; nil: as in a row-major tensor.
    var strides: [Int]?
    /// Bytes of the file.
    var start: Int
    var end: Int
  }

  /// More tensors are refused: they are kept in Swift collections, which cannot fail gently.
  static let maximumTensors = 1 << 14
  /// What DataParallel puts before the names of a network's tensors.
  private static let modulePrefix = "module."
  /// Values are converted in blocks of so many.
  private static let blockCount = 1 << 14

  private let source: ByteSource
  private let entries: [String: Entry]
  /// Tensors that are not in the file, but in parts.
  private let normalized: [String: NormalizedWeight]
  package let container: Container
  /// The metadata of a safetensors file, sorted by key.
  package let metadata: [(key: String, value: String)]

  package init(_ source: ByteSource) throws(ColorizeError) {
    guard source.count >= 8 else {
      throw .invalidModel("\(source.count) bytes are too few for a model file")
    }
    let first = try source.bytes(0, 8)
    // As the length of a safetensors header, either would be over the limit.
    switch (first.start[0], first.start[1], first.start[2], first.start[3]) {
    case (0x50, 0x4B, 0x03, 0x04):
      container = .pytorchZip
      entries = try Self.readZip(source)
      metadata = []
    case (0x80, 2...5, 0x40..., _):
      container = .pytorchLegacy
      entries = try Self.readLegacy(source)
      metadata = []
    default:
      try Self.refuseTar(source)
      container = .safetensors
      (entries, metadata) = try Self.readSafetensors(
        source, headerBytes: first.number(0, UInt64.self))
    }
    self.source = source
    normalized = NormalizedWeight.all(entries)
  }

  /// Before version 0.2 PyTorch wrote tar archives.
  private static func refuseTar(_ source: ByteSource) throws(ColorizeError) {
    let position = 257
    guard source.count >= 512 else { return }
    let mark = try source.bytes(position, 5)
    if mark.buffer.elementsEqual("ustar".utf8) {
      throw .unsupportedModel("a tar archive; save the state dict with a newer PyTorch")
    }
  }

  /// A tensor's name from the bytes of a file.
  static func name(_ bytes: UnsafeBufferPointer<UInt8>) throws(ColorizeError) -> String {
    guard bytes.count <= HeaderParser.maximumNameBytes,
      let name = String(validating: bytes, as: UTF8.self)
    else { throw .invalidModel("the name of a tensor is not UTF-8 of up to 256 bytes") }
    return Self.name(name)
  }

  /// A tensor's name as the network knows it.
  static func name(_ name: String) -> String {
    guard name.utf8.starts(with: modulePrefix.utf8) else { return name }
    return String(name.dropFirst(modulePrefix.count))
  }

  package subscript(metadata key: String) -> String? { metadata.first { $0.key == key }?.value }

  /// The names of all tensors, sorted.
  package var names: [String] { entries.keys.sorted() }

  /// The shape of a tensor; nil if there is none of that name.
  package func shape(_ name: String) -> [Int]? { entries[mainName(name)]?.shape }

  /// The number format of a tensor, as safetensors names it; nil if there is none of that name.
  package func format(_ name: String) -> String? { entries[mainName(name)]?.format }

  /// The tensor itself, or the part that has its shape.
  private func mainName(_ name: String) -> String { normalized[name]?.main ?? name }

  /// The bytes of a tensor, row-major, in whatever number format it has.
  package func bytes(_ name: String) throws(ColorizeError) -> Memory<UInt8> {
    guard let entry = entries[name] else { throw .invalidModel("tensor \(name) is missing") }
    let bytes = try source.bytes(entry.start, entry.end - entry.start)
    guard let strides = entry.strides else { return bytes }
    // A permutation has been checked to be one: no index lies outside.
    let count = entry.shape.reduce(1, *)
    let size = bytes.count / count
    let ordered = try Memory<UInt8>(count: bytes.count)
    var position = [Int](repeating: 0, count: strides.count)
    var from = 0
    for to in 0..<count {
      for byte in 0..<size { ordered.start[to * size + byte] = bytes.start[from * size + byte] }
      for dimension in position.indices.reversed() {
        position[dimension] += 1
        from += strides[dimension]
        if position[dimension] < entry.shape[dimension] { break }
        from -= position[dimension] * strides[dimension]
        position[dimension] = 0
      }
    }
    return ordered
  }

  /// The values of a tensor as float32, put together if the file has it in parts. All are finite.
  package func floats(_ name: String, shape: [Int]) throws(ColorizeError) -> Memory<Float> {
    let values =
      if let parts = normalized[name], shape.allSatisfy({ $0 > 0 }), !shape.isEmpty {
        try parts.values(self, shape: shape)
      } else { try storedFloats(name, shape: shape) }
    if let index = values.firstThatIsNotFinite {
      throw .invalidModel("tensor \(name) has the value \(values.start[index]) at index \(index)")
    }
    return values
  }

  /// The values of a tensor that is in the file, whatever they are.
  private func storedFloats(_ name: String, shape: [Int]) throws(ColorizeError) -> Memory<Float> {
    guard let entry = entries[name] else { throw .invalidModel("tensor \(name) is missing") }
    guard entry.shape == shape else {
      throw .invalidModel("tensor \(name) has the shape \(entry.shape), not \(shape)")
    }
    guard let format = NumberFormat(rawValue: entry.format) else {
      throw .unsupportedModel(
        "tensor \(name) is \(entry.format); F32, F16, BF16, F64 and I8 with a scale can be read")
    }
    let byteCount = entry.end - entry.start
    let count = byteCount / format.bytes
    guard Self.count(shape) == count, byteCount % format.bytes == 0 else {
      throw .invalidModel(
        "tensor \(name) \(shape) of \(entry.format) has \(byteCount) bytes, which are too "
          + (Self.count(shape) ?? .max > count ? "few" : "many"))
    }
    let values = try Memory<Float>(count: count)
    if entry.strides != nil {
      let bytes = try bytes(name)
      Self.convert(bytes.start, format, to: values.start, count)
    } else if format == .float32 {
      try source.read(entry.start, count * 4, into: values.start)
    } else {
      let block = try Memory<UInt8>(count: Self.blockCount * format.bytes)
      for first in stride(from: 0, to: count, by: Self.blockCount) {
        let length = min(Self.blockCount, count - first)
        try source.read(
          entry.start + first * format.bytes, length * format.bytes, into: block.start)
        Self.convert(block.start, format, to: values.start + first, length)
      }
    }
    if format == .int8 { try scale(values, name, shape) }
    return values
  }

  /// Multiplies whole numbers by the scales that lie beside them: one for each place of one dimension.
  private func scale(_ values: Memory<Float>, _ name: String, _ shape: [Int]) throws(ColorizeError)
  {
    let scaleName = EightBitWeights.scaleName(name)
    guard let entry = entries[scaleName] else {
      throw .invalidModel("tensor \(name) is I8, and its scales, \(scaleName), are missing")
    }
    let own = shape.indices.filter { entry.shape.count == shape.count && entry.shape[$0] != 1 }
    guard entry.shape.count == shape.count, own.count <= 1,
      own.allSatisfy({ entry.shape[$0] == shape[$0] }),
      entry.format != NumberFormat.int8.rawValue
    else {
      throw .invalidModel(
        "tensor \(scaleName) is \(entry.format) of the shape \(entry.shape); the scales of "
          + "\(name) \(shape) are floats, and one of their dimensions is its, the others 1")
    }
    let scales = try storedFloats(scaleName, shape: entry.shape)
    for index in 0..<scales.count {
      let scale = scales.start[index]
      guard scale > 0, scale.isFinite else {
        throw .invalidModel(
          "tensor \(scaleName) has the value \(scale) at index \(index); a scale is more than 0")
      }
    }
    EightBitWeights.eachOutput(shape, dimension: own.first ?? 0) { output, range in
      let scale = scales.start[own.isEmpty ? 0 : output]
      for index in range { values.start[index] *= scale }
    }
  }

  /// Throws unless a tensor's values can be read in parts: F16, row-major, and as many as its shape
  /// says.
  package func checkHalves(_ name: String) throws(ColorizeError) {
    guard let entry = entries[name] else { throw .invalidModel("tensor \(name) is missing") }
    guard entry.format == NumberFormat.float16.rawValue, entry.strides == nil else {
      throw .unsupportedModel("tensor \(name) is \(entry.format); it must be F16, row-major")
    }
    let byteCount = entry.end - entry.start
    guard byteCount % 2 == 0, Self.count(entry.shape) == byteCount / 2 else {
      throw .invalidModel("tensor \(name) \(entry.shape) of F16 has \(byteCount) bytes")
    }
  }

  /// Reads some values, which must be finite, of a tensor that has passed `checkHalves`.
  ///
  /// - Parameters:
  ///   - first: the first of them, in the row-major order.
  ///   - values: `[count]`, out.
  package func readHalves(
    _ name: String, from first: Int, count: Int, into values: UnsafeMutablePointer<Float>
  ) throws(ColorizeError) {
    guard let entry = entries[name] else { throw .invalidModel("tensor \(name) is missing") }
    precondition(first >= 0 && count >= 0 && count <= (entry.end - entry.start) / 2 - first)
    // The values' own memory holds the halves first, in its second part: those that are converted
    // first are overwritten last.
    let halves = UnsafeMutableRawPointer(values) + 2 * count
    try source.read(entry.start + 2 * first, 2 * count, into: halves)
    for index in 0..<count {
      let half = halves.load(fromByteOffset: 2 * index, as: UInt16.self)
      values[index] = Float(halfPrecision: half)
      guard values[index].isFinite else {
        throw .invalidModel(
          "tensor \(name) has the value \(values[index]) at index \(first + index)")
      }
    }
  }

  /// The number of values of a shape; nil beyond 63 bits.
  private static func count(_ shape: [Int]) -> Int? {
    if shape.contains(0) { return 0 }
    var count = 1
    for size in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      guard !overflow else { return nil }
      count = product
    }
    return count
  }

  /// - Parameter bytes: aligned to the format.
  private static func convert(
    _ bytes: UnsafeMutablePointer<UInt8>, _ format: NumberFormat,
    to values: UnsafeMutablePointer<Float>, _ count: Int
  ) {
    let bytes = UnsafeRawPointer(bytes)
    switch format {
    case .float32:
      let numbers = bytes.assumingMemoryBound(to: Float.self)
      values.update(from: numbers, count: count)
    case .float16:
      let numbers = bytes.assumingMemoryBound(to: UInt16.self)
      for index in 0..<count { values[index] = Float(halfPrecision: numbers[index]) }
    case .bfloat16:
      let numbers = bytes.assumingMemoryBound(to: UInt16.self)
      for index in 0..<count { values[index] = Float(brainPrecision: numbers[index]) }
    case .float64:
      let numbers = bytes.assumingMemoryBound(to: Double.self)
      for index in 0..<count { values[index] = Float(numbers[index]) }
    case .int8:
      let numbers = bytes.assumingMemoryBound(to: Int8.self)
      for index in 0..<count { values[index] = Float(numbers[index]) }
    }
  }
}

extension Memory<Float> {
  /// The index of the first value that is infinite or not a number.
  var firstThatIsNotFinite: Int? {
    // Without a way out of the loop it takes a vector at a time.
    var largest: UInt32 = 0
    for index in 0..<count { largest = max(largest, start[index].bitPattern & 0x7FFF_FFFF) }
    guard largest >= Float.infinity.bitPattern else { return nil }
    return (0..<count).first { !start[$0].isFinite }
  }
}
