// A list whose length is known when it is complete: the index of tens of thousands of pictures.

import ColorizeCore

/// Elements that are appended one by one, in memory that doubles.
struct GrowingMemory<Element: BitwiseCopyable> {
  private(set) var memory: Memory<Element>
  private(set) var count = 0

  init() throws(ColorizeError) { memory = try Memory(count: 1024) }

  mutating func append(_ element: Element) throws(ColorizeError) {
    try reserve(1)
    memory.start[count] = element
    count += 1
  }

  mutating func append(_ elements: UnsafeBufferPointer<Element>) throws(ColorizeError) {
    guard let start = elements.baseAddress else { return }
    try reserve(elements.count)
    (memory.start + count).update(from: start, count: elements.count)
    count += elements.count
  }

  subscript(index: Int) -> Element {
    precondition(index >= 0 && index < count)
    return memory.start[index]
  }

  var buffer: UnsafeMutableBufferPointer<Element> {
    UnsafeMutableBufferPointer(start: memory.start, count: count)
  }

  private mutating func reserve(_ more: Int) throws(ColorizeError) {
    guard memory.count - count < more else { return }
    let larger = try Memory<Element>(count: max(2 * memory.count, count + more))
    larger.start.update(from: memory.start, count: count)
    memory = larger
  }
}
