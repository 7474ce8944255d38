// Threads that work together for the length of one call. They are started by the call and joined
// before it returns: nothing idles or spins between calls, a fork()ed child has all that it needs,
// and the library has no global state. Starting one takes some 30 microseconds.
//
// Within a call, a thread that has nothing to do waits busily for a moment before it sleeps: a network
// has a hundred steps, and waking a thread for each took a fifth of the time with two of them.

import CPlatform
import Glibc

/// A group of threads that share out numbered pieces of work. Used from the thread that made it.
package final class Team {
  /// How many threads work, the calling one included.
  package let size: Int
  private let state: TeamState
  private var threads: [pthread_t] = []
  /// Asked again and again while the calling thread works or waits for the others: whether to stop. Then
  /// the items that nobody has begun are left undone, in this run and in all later ones.
  package var wantsToStop: (() -> Bool)?

  /// The most that a team has.
  package static let maximumSize = 256
  /// Of each thread. The host's thread-local variables, of which the C library makes room there, come first.
  /// A multiple of any page's size.
  private static let stackSize = (512 << 10 + platform_stack_overhead()).roundedUp(to: 64 << 10)

  /// `threads`: how many, nil for the processors that the calling thread may run on. If the system
  /// refuses some of them the team is smaller, and the result the same.
  package init(threads requested: Int?) {
    let wanted = min(requested ?? Int(platform_processors()), Self.maximumSize)
    state = TeamState(workers: wanted)
    if wanted > 1 {
      var attributes = pthread_attr_t()
      pthread_attr_init(&attributes)
      defer { pthread_attr_destroy(&attributes) }
      pthread_attr_setstacksize(&attributes, Self.stackSize)
      // A signal meant for the host is delivered to one of the host's threads, never to ours.
      var all = sigset_t()
      var old = sigset_t()
      sigfillset(&all)
      pthread_sigmask(SIG_SETMASK, &all, &old)
      defer { pthread_sigmask(SIG_SETMASK, &old, nil) }
      for _ in 1..<wanted {
        var thread = pthread_t()
        let argument = Unmanaged.passRetained(state)
        let status = pthread_create(
          &thread, &attributes,
          { argument in
            // The pointer is what passRetained gave.
            Unmanaged<TeamState>.fromOpaque(argument.unsafelyUnwrapped).takeRetainedValue()
              .serve()
            return nil
          }, argument.toOpaque())
        guard status == 0 else {
          argument.release()
          break
        }
        threads.append(thread)
      }
    }
    size = threads.count + 1
  }

  deinit {
    state.finish()
    for thread in threads { pthread_join(thread, nil) }
  }

  /// Calls `body(item, worker)` once for every item from 0 to `items` - 1, in any order and on any
  /// of the threads, and returns when all are done. `worker` is below `size`, and no two calls with
  /// the same one run at the same time.
  ///
  /// A worker begins with its own part of the items, the same one for the same number: what is near
  /// to it in one step of a network is near in the next, and processors need not share a cache. When
  /// that is done it takes over from others.
  package func run(_ items: Int, _ body: (_ item: Int, _ worker: Int) -> Void) {
    if state.isInterrupted { return }
    if size == 1 || items <= 1 {
      for item in 0..<items {
        body(item, 0)
        if isStopping(0) { return }
      }
      return
    }
    withoutActuallyEscaping(body) { escapable in
      withUnsafePointer(to: escapable) { state.run(items, $0, wantsToStop: wantsToStop) }
    }
  }

  /// For items that take several milliseconds, to be asked between their parts: whether to leave the rest
  /// of it undone.
  ///
  /// - Parameter worker: whose item it is.
  package func isStopping(_ worker: Int) -> Bool {
    state.isStopping(asking: worker == 0 ? wantsToStop : nil)
  }

  /// For long work on the calling thread alone, now and then: asks whether to stop.
  package func pause() throws(ColorizeError) {
    run(1) { _, _ in }
    try throwIfInterrupted()
  }

  /// In a child of fork(), which has none of the threads, whatever they were doing: leaves all work undone, in
  /// the run that is going on and in all later ones. What the threads held is lost to the child.
  package func abandonThreads() {
    threads = []
    state.abandonThreads()
  }

  /// To be called before what `run` has made is looked at, where that would go wrong.
  package func throwIfInterrupted() throws(ColorizeError) {
    if state.isInterrupted { throw .cancelled }
  }
}

private typealias Body = (_ item: Int, _ worker: Int) -> Void

/// Never inlined, so that no thread still holds the closure once its item counts as done:
/// `withoutActuallyEscaping` ends the process if it finds another holder.
@inline(never)
private func call(_ body: UnsafePointer<Body>, _ item: Int, _ worker: Int) {
  body.pointee(item, worker)
}

/// What the threads of a team share. Every property is read and written under `mutex`, but for the
/// numbers that are also read without it.
private final class TeamState: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let workToDo: UnsafeMutablePointer<pthread_cond_t>
  private let workDone: UnsafeMutablePointer<pthread_cond_t>
  private var body: UnsafePointer<Body>?
  /// The items that nobody has taken, by the worker whose they are.
  private let left: UnsafeMutablePointer<Range<Int>>
  private let maximumWorkers: Int
  private var untaken = 0
  private var unfinished = 0
  private var workers = 1
  private var isFinished = false
  /// Whether one of the items is in the hands of the calling thread.
  private var isCallerWorking = false
  /// Change with new work, or with the end of all, and with the end of the last item. Also read without
  /// the mutex.
  private let beginnings: UnsafeMutablePointer<Int32>
  private let ends: UnsafeMutablePointer<Int32>
  /// Not 0 once work is to be left undone. Read and written without the mutex.
  private let interruptions: UnsafeMutablePointer<Int32>

  /// While it waits for the others, the calling thread asks this often whether to stop, in nanoseconds.
  private static let waitingTime = 2_000_000

  init(workers: Int) {
    maximumWorkers = max(workers, 1)
    left = .allocate(capacity: maximumWorkers)
    left.initialize(repeating: 0..<0, count: maximumWorkers)
    beginnings = .allocate(capacity: 1)
    beginnings.initialize(to: 0)
    ends = .allocate(capacity: 1)
    ends.initialize(to: 0)
    interruptions = .allocate(capacity: 1)
    interruptions.initialize(to: 0)
    mutex = .allocate(capacity: 1)
    workToDo = .allocate(capacity: 1)
    workDone = .allocate(capacity: 1)
    unlock()
  }

  /// Makes mutex and conditions what they are at first.
  private func unlock() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(workToDo, nil)
    // So that setting the computer's clock makes no wait longer.
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(workDone, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    pthread_cond_destroy(workToDo)
    pthread_cond_destroy(workDone)
    mutex.deallocate()
    workToDo.deallocate()
    workDone.deallocate()
    beginnings.deallocate()
    ends.deallocate()
    interruptions.deallocate()
    left.deallocate()
  }

  var isInterrupted: Bool { platform_load(interruptions) != 0 }

  /// - Parameter wantsToStop: of the calling thread.
  func isStopping(asking wantsToStop: (() -> Bool)?) -> Bool {
    if isInterrupted { return true }
    guard wantsToStop?() ?? false else { return false }
    platform_increment(interruptions)
    return true
  }

  func run(_ count: Int, _ work: UnsafePointer<Body>, wantsToStop: (() -> Bool)?) {
    pthread_mutex_lock(mutex)
    body = work
    for worker in 0..<maximumWorkers {
      left[worker] = (count * worker / maximumWorkers)..<(count * (worker + 1) / maximumWorkers)
    }
    untaken = count
    unfinished = count
    platform_increment(beginnings)
    pthread_cond_broadcast(workToDo)
    takeItems(as: 0, wantsToStop: wantsToStop)
    if unfinished > 0 { waitBusily(ends) }
    while unfinished > 0 {
      if wantsToStop == nil || isInterrupted {
        pthread_cond_wait(workDone, mutex)
        continue
      }
      var end = timespec()
      clock_gettime(CLOCK_MONOTONIC, &end)
      let nanoseconds = end.tv_nsec + Self.waitingTime
      end.tv_sec += nanoseconds / 1_000_000_000
      end.tv_nsec = nanoseconds % 1_000_000_000
      guard pthread_cond_timedwait(workDone, mutex, &end) != 0 else { continue }
      pthread_mutex_unlock(mutex)
      _ = isStopping(asking: wantsToStop)
      pthread_mutex_lock(mutex)
    }
    body = nil
    pthread_mutex_unlock(mutex)
  }

  func abandonThreads() {
    unlock()
    dropUntaken()
    unfinished = isCallerWorking ? 1 : 0
    platform_increment(interruptions)
  }

  private func dropUntaken() {
    untaken = 0
    for worker in 0..<maximumWorkers { left[worker] = 0..<0 }
  }

  func finish() {
    pthread_mutex_lock(mutex)
    isFinished = true
    platform_increment(beginnings)
    pthread_cond_broadcast(workToDo)
    pthread_mutex_unlock(mutex)
  }

  /// A thread's life.
  func serve() {
    pthread_mutex_lock(mutex)
    let worker = workers
    workers += 1
    while !isFinished {
      takeItems(as: worker, wantsToStop: nil)
      if !isFinished { waitBusily(beginnings) }
      while untaken == 0, !isFinished { pthread_cond_wait(workToDo, mutex) }
    }
    pthread_mutex_unlock(mutex)
  }

  /// Waits a moment for one more of them. Called and left with the mutex locked.
  private func waitBusily(_ number: UnsafePointer<Int32>) {
    let known = platform_load(number)
    pthread_mutex_unlock(mutex)
    platform_wait_busily(number, known)
    pthread_mutex_lock(mutex)
  }

  /// Works until no item is left to take, or leaves those that are undone. Called and left with the mutex
  /// locked.
  private func takeItems(as worker: Int, wantsToStop: (() -> Bool)?) {
    while untaken > 0, let work = body {
      let item = take(for: worker)
      if worker == 0 { isCallerWorking = true }
      pthread_mutex_unlock(mutex)
      call(work, item, worker)
      let stops = isStopping(asking: wantsToStop)
      pthread_mutex_lock(mutex)
      if worker == 0 { isCallerWorking = false }
      unfinished -= 1
      if stops {
        unfinished -= untaken
        dropUntaken()
      }
      if unfinished == 0 {
        platform_increment(ends)
        pthread_cond_signal(workDone)
      }
    }
  }

  /// One of the worker's own items, the first, or the last of whoever has most left.
  private func take(for worker: Int) -> Int {
    untaken -= 1
    if let item = left[worker].first {
      left[worker] = (item + 1)..<left[worker].upperBound
      return item
    }
    var richest = 0
    for other in 1..<maximumWorkers where left[other].count > left[richest].count {
      richest = other
    }
    let item = left[richest].upperBound - 1
    left[richest] = left[richest].lowerBound..<item
    return item
  }
}
