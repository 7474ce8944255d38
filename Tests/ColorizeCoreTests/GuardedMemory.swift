// Memory of exactly the size that a contract promises.

import Glibc

/// Elements of a trivial type, up to the end of a page behind which nothing can be touched: a kernel that reads
/// or writes one more ends the test's process. Where the first one lies follows from how many there are, so a
/// test with many counts has every alignment. In front of it are bytes that `isWhole` looks at.
final class GuardedMemory<Element: BitwiseCopyable> {
  let start: UnsafeMutablePointer<Element>
  let count: Int
  private let mapping: UnsafeMutableRawPointer
  private let size: Int

  private static var page: Int { 4096 }
  private static var guardByte: UInt8 { 0xA5 }

  init(_ values: [Element]) {
    count = values.count
    let bytes = count * MemoryLayout<Element>.stride
    let used = (bytes + Self.page - 1) / Self.page * Self.page + Self.page
    size = used + Self.page
    // A test without memory ends here.
    mapping = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
    precondition(mapping != MAP_FAILED && mprotect(mapping + used, Self.page, PROT_NONE) == 0)
    memset(mapping, Int32(Self.guardByte), used - bytes)
    start = (mapping + used - bytes).bindMemory(to: Element.self, capacity: count)
    start.initialize(from: values, count: count)
  }

  convenience init(_ value: Element, count: Int) {
    self.init(Array(repeating: value, count: count))
  }

  deinit { munmap(mapping, size) }

  /// Whether what is in front is as it was.
  var isWhole: Bool {
    UnsafeRawBufferPointer(
      start: mapping, count: UnsafeRawPointer(start) - UnsafeRawPointer(mapping)
    )
    .allSatisfy { $0 == Self.guardByte }
  }

  var values: [Element] { Array(UnsafeBufferPointer(start: start, count: count)) }
}
