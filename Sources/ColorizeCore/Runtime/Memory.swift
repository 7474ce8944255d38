// Memory whose size depends on a picture, a model or a file, and what is left for everything else. A
// Swift array or object that cannot be allocated ends the process; these end in an error.

import Glibc

/// `count` elements of a trivial type, aligned to 64 bytes (a cache line, and the widest vector),
/// uninitialised, freed with the last reference. Take `start` from a variable, which lives until the
/// end of its scope, never from the result of a call, which is gone once `start` has been read.
package final class Memory<Element: BitwiseCopyable>: @unchecked Sendable {
  package let start: UnsafeMutablePointer<Element>
  package let count: Int

  package init(count: Int) throws(ColorizeError) {
    let (bytes, overflow) = count.multipliedReportingOverflow(by: MemoryLayout<Element>.stride)
    guard count >= 0, !overflow, let raw = Allocation.allocate(bytes) else {
      throw .outOfMemory(bytes: overflow ? .max : bytes)
    }
    do throws(ColorizeError) {
      try Reserve.check()
    } catch {
      Allocation.free(raw, bytes)
      throw error
    }
    start = raw.bindMemory(to: Element.self, capacity: count)
    self.count = count
  }

  deinit { Allocation.free(start, count * MemoryLayout<Element>.stride) }

  package func fill(_ value: Element) { start.update(repeating: value, count: count) }

  /// Has the system give all of it now, a large page at a time. One may take milliseconds, and a piece of
  /// work that is the first to use some gets them all at once.
  func fetch(_ team: Team) {
    let raw = UnsafeMutableRawPointer(start)
    let bytes = count * MemoryLayout<Element>.stride
    team.run(bytes.pieces(of: Allocation.largePage)) { page, _ in
      (raw + page * Allocation.largePage).storeBytes(of: 0, as: UInt8.self)
    }
  }
}

/// Memory of any size. What is large is mapped on its own: weights are read, packed and given back
/// layer by layer, and what is given back to the heap between what stays would never leave it.
///
/// The system is asked for large pages, where it has them: a gigabyte of activations is a quarter of a
/// million small ones, which took a tenth of a second to give back, and longer to get.
private enum Allocation {
  private static let smallestMapping = 1 << 20
  /// The bytes of a large page on x86-64, and on most others.
  static let largePage = 2 << 20

  /// Aligned to 64 bytes; nil if it cannot be had.
  static func allocate(_ bytes: Int) -> UnsafeMutableRawPointer? {
    if bytes >= smallestMapping {
      let raw = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
      guard let raw, raw != MAP_FAILED else { return nil }
      askForLargePages(raw, bytes)
      return raw
    }
    var raw: UnsafeMutableRawPointer?
    return posix_memalign(&raw, 64, max(bytes, 64)) == 0 ? raw : nil
  }

  /// Only those that lie within: one that belonged to a neighbour too could not be given back as a whole.
  private static func askForLargePages(_ raw: UnsafeMutableRawPointer, _ bytes: Int) {
    let first = Int(bitPattern: raw).roundedUp(to: largePage)
    let end = (Int(bitPattern: raw) + bytes) / largePage * largePage
    // A system that has none says so, which does not matter.
    if first < end {
      madvise(UnsafeMutableRawPointer(bitPattern: first), end - first, MADV_HUGEPAGE)
    }
  }

  static func free(_ raw: UnsafeMutableRawPointer, _ bytes: Int) {
    if bytes >= smallestMapping { munmap(raw, bytes) } else { Glibc.free(raw) }
  }
}

/// The last of the memory, which `Memory` leaves for the small objects of Swift and for the stack.
package enum Reserve {
  /// What a call needs of these at most, with a margin.
  private static let size = 256 << 10

  /// Throws if so much memory cannot be had, and takes none. Checked when a call begins and after
  /// whatever it has taken.
  ///
  /// - Parameter more: needed besides, for objects whose number depends on a file.
  package static func check(more: Int = 0) throws(ColorizeError) {
    var raw: UnsafeMutableRawPointer?
    guard posix_memalign(&raw, 64, size + more) == 0 else {
      throw .outOfMemory(bytes: size + more)
    }
    free(raw)
  }
}

extension Int {
  /// The smallest multiple of `unit` that is not below this number.
  package func roundedUp(to unit: Int) -> Int { (self + unit - 1) / unit * unit }

  /// How many pieces of at most `size` this number is cut into.
  package func pieces(of size: Int) -> Int { (self + size - 1) / size }
}
