// The numbers that other programs gave: Tests/Reference/make_fixtures.py writes them with Pillow,
// scikit-image and PyTorch into Tests/Fixtures.

import ColorizeCore
import Glibc

/// A tensor of a fixture file, in the number format that the file has.
struct FixtureTensor<Element: BitwiseCopyable> {
  let shape: [Int]
  let values: [Element]
}

/// One fixture file.
struct Fixture {
  private let file: TensorFile

  /// - Parameter name: without its folder and extension. The folder is Tests/Fixtures, or what the
  ///   environment variable LIBCOLORIZE_FIXTURES names.
  init(_ name: String) throws {
    let folder =
      getenv("LIBCOLORIZE_FIXTURES").map { String(cString: $0) }
      ?? #filePath.split(separator: "/").dropLast(2).reduce("") { "\($0)/\($1)" } + "/Fixtures"
    file = try TensorFile(ByteSource(path: "\(folder)/\(name).safetensors"))
  }

  /// nil if there is no tensor of that name.
  func tensor<Element>(_ name: String, of type: Element.Type) throws -> FixtureTensor<Element>? {
    guard let shape = file.shape(name) else { return nil }
    let bytes = try file.bytes(name)
    precondition(
      bytes.count == shape.reduce(1, *) * MemoryLayout<Element>.stride,
      "\(name) is not a tensor of \(type)")
    let values = UnsafeRawPointer(bytes.start).assumingMemoryBound(to: Element.self)
    return FixtureTensor(
      shape: shape, values: (0..<shape.reduce(1, *)).map { values[$0] })
  }

  /// The first element of a tensor of whole numbers.
  func number(_ name: String) throws -> Int? {
    try tensor(name, of: Int64.self).map { Int($0.values[0]) }
  }

  /// Calls `body` with the input of each case, and expects that there are some.
  func forEachCase<Element>(
    inputs: Element.Type, _ body: (_ number: Int, _ input: FixtureTensor<Element>) throws -> Void
  ) throws -> Int {
    var number = 0
    while let input = try tensor("\(number).input", of: inputs) {
      try body(number, input)
      number += 1
    }
    return number
  }
}
