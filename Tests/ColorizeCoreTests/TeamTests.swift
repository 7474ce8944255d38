// Threads that share out work.

import CPlatform
import ColorizeCore
import Glibc
import Testing

@Suite struct TeamTests {
  @Test(arguments: [1, 2, 3, 8]) func everyItemOnce(_ threads: Int) throws {
    let team = Team(threads: threads)
    #expect(team.size == threads)
    for items in [0, 1, 2, 7, 1000] {
      let counts = try Memory<Int>(count: items)
      counts.fill(0)
      let busy = try Memory<Int>(count: threads)
      busy.fill(0)
      nonisolated(unsafe) let shared = (counts.start, busy.start)
      nonisolated(unsafe) var clashes = 0
      team.run(items) { item, worker in
        // Scratch belongs to a worker: were two calls to have the same one, this would see it.
        shared.1[worker] += 1
        if shared.1[worker] != 1 { clashes += 1 }
        shared.0[item] += 1
        sched_yield()
        shared.1[worker] -= 1
      }
      #expect(clashes == 0)
      for item in 0..<items { #expect(counts.start[item] == 1) }
    }
  }

  /// Each item would go on for ever, and all threads but the calling one are in one when it is asked.
  @Test(arguments: [1, 2, 3]) func breaksOffItems(_ threads: Int) {
    let team = Team(threads: threads)
    var questions = 0
    team.wantsToStop = {
      questions += 1
      return questions == 100
    }
    nonisolated(unsafe) let begun = UnsafeMutablePointer<Int>.allocate(capacity: threads)
    defer { begun.deallocate() }
    begun.initialize(repeating: 0, count: threads)
    team.run(2 * threads) { _, worker in
      begun[worker] += 1
      while !team.isStopping(worker) { sched_yield() }
    }
    #expect(questions == 100)
    #expect(begun[0] == 1)
    for worker in 0..<threads { #expect(begun[worker] <= 1) }
    #expect(throws: ColorizeError.self) { try team.throwIfInterrupted() }
    team.run(8) { _, _ in Issue.record("an item after the end") }
    #expect(questions == 100)
  }

  /// The calling thread has nothing to do, and the other one does not end before it is told so.
  @Test func asksWhileItWaits() {
    let team = Team(threads: 2)
    var questions = 0
    team.wantsToStop = {
      questions += 1
      return questions == 10
    }
    team.run(2) { item, worker in
      while item == 1, !team.isStopping(worker) { sched_yield() }
    }
    #expect(questions == 10)
  }

  /// The system's number of the calling thread.
  private static func threadNumber() -> Int {
    // "PID/task/NUMBER".
    var name = [CChar](repeating: 0, count: 64)
    let count = readlink("/proc/thread-self", &name, name.count)
    let parts = name.prefix(max(count, 0)).map(UInt8.init(bitPattern:)).split(separator: 0x2F)
    return parts.last.flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? -1
  }

  /// Each of them: other tests run at the same time and have threads too, so they are not counted but looked for.
  @Test func endsItsThreads() throws {
    for _ in 0..<50 {
      let ids = try Memory<Int>(count: 4)
      let arrived = try Memory<Int32>(count: 1)
      arrived.fill(0)
      nonisolated(unsafe) let shared = (ids.start, arrived.start)
      do {
        let team = Team(threads: 4)
        #expect(team.size == 4)
        team.run(4) { _, worker in
          shared.0[worker] = Self.threadNumber()
          // Nobody has two of the items.
          platform_increment(shared.1)
          while platform_load(shared.1) < 4 { sched_yield() }
        }
      }
      #expect(Set((0..<4).map { ids.start[$0] }).count == 4)
      for worker in 1..<4 {
        // The system takes a moment to forget a thread that has been joined.
        var waits = 0
        while access("/proc/self/task/\(ids.start[worker])", F_OK) == 0, waits < 1000 {
          usleep(1000)
          waits += 1
        }
        #expect(waits < 1000, "a thread of a team is left")
      }
    }
  }
}
