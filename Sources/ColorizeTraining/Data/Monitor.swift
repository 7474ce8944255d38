// Threads that live as long as what they work for, and the lock that they share things under.

import ColorizeCore
import Glibc

/// A mutex, and one condition that all who wait are woken for.
final class Monitor: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let change: UnsafeMutablePointer<pthread_cond_t>

  init() {
    mutex = .allocate(capacity: 1)
    change = .allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(change, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    pthread_cond_destroy(change)
    mutex.deallocate()
    change.deallocate()
  }

  func locked<Result, Failure>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body()
  }

  /// Within `locked`: lets others in until there is a change.
  func wait() { pthread_cond_wait(change, mutex) }

  /// Wakes all who wait.
  func announce() { pthread_cond_broadcast(change) }
}

/// Some threads that do the same.
final class WorkerThreads {
  private final class Body: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  private var threads: [pthread_t] = []

  /// Starts `count` threads, or as many as the system gives, but at least one. Each calls `body`
  /// once.
  init(_ count: Int, _ body: @escaping @Sendable () -> Void) throws(ColorizeError) {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, 1 << 20)
    // A signal is for the thread that trains.
    var all = sigset_t()
    var old = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &old)
    defer { pthread_sigmask(SIG_SETMASK, &old, nil) }
    let shared = Body(body)
    for _ in 0..<count {
      var thread = pthread_t()
      let argument = Unmanaged.passRetained(shared)
      let status = pthread_create(
        &thread, &attributes,
        { argument in
          // The pointer is what passRetained gave.
          Unmanaged<Body>.fromOpaque(argument.unsafelyUnwrapped).takeRetainedValue().body()
          return nil
        }, argument.toOpaque())
      guard status == 0 else {
        argument.release()
        break
      }
      threads.append(thread)
    }
    guard !threads.isEmpty else { throw .outOfMemory(bytes: 1 << 20) }
  }

  /// Waits for all of them.
  func join() {
    for thread in threads { pthread_join(thread, nil) }
    threads = []
  }
}
