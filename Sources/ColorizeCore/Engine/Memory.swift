// Memory whose size depends on a picture, a model or a file. A Swift array that cannot be allocated
// ends the process; these end in an error.

import Glibc

/// `count` elements of a trivial type, aligned to 64 bytes (a cache line, and the widest vector),
/// uninitialised, freed with the last reference. Take `start` from a variable, which lives until the
/// end of its scope, never from the result of a call, which is gone once `start` has been read.
package final class Memory<Element: BitwiseCopyable>: @unchecked Sendable {
  package let start: UnsafeMutablePointer<Element>
  package let count: Int

  package init(count: Int) throws(ColorizeError) {
    let (bytes, overflow) = count.multipliedReportingOverflow(by: MemoryLayout<Element>.stride)
    guard count >= 0, !overflow else { throw .outOfMemory(bytes: Int.max) }
    var raw: UnsafeMutableRawPointer?
    guard posix_memalign(&raw, 64, max(bytes, 64)) == 0, let raw else {
      throw .outOfMemory(bytes: bytes)
    }
    start = raw.bindMemory(to: Element.self, capacity: count)
    self.count = count
  }

  deinit { free(start) }

  package func fill(_ value: Element) { start.update(repeating: value, count: count) }
}

extension Int {
  /// The smallest multiple of `unit` that is not below this number.
  package func roundedUp(to unit: Int) -> Int { (self + unit - 1) / unit * unit }

  /// How many pieces of at most `size` this number is cut into.
  package func pieces(of size: Int) -> Int { (self + size - 1) / size }
}
