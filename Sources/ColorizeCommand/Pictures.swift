// All pictures of a run: several at a time, reported in their order.

import CImageFiles
import ColorizeCore
import Glibc

/// Colors pictures on threads of its own. Each thread takes a picture through all of its stages, so that one is decoded
/// while another is in the network and a third is encoded.
final class PictureThreads: @unchecked Sendable {
  private let coloring: PictureRun
  private let jobs: [Job]
  private let lock = Lock()
  private var next = 0
  private var reports: [Int: Report] = [:]
  private var threads: [pthread_t] = []

  /// Of each: libraries that decode pictures are used to a main thread's.
  private static let stackSize = 8 << 20

  init(_ coloring: PictureRun, _ jobs: [Job], count: Int) {
    (self.coloring, self.jobs) = (coloring, jobs)
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setstacksize(&attributes, Self.stackSize)
    // Signals go to the thread that waits for the others.
    var all = sigset_t()
    var old = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &old)
    for _ in 0..<count {
      var thread = pthread_t()
      let argument = Unmanaged.passRetained(self)
      let status = pthread_create(
        &thread, &attributes,
        { argument in
          // The pointer is what passRetained gave.
          Unmanaged<PictureThreads>.fromOpaque(argument.unsafelyUnwrapped).takeRetainedValue()
            .work()
          return nil
        }, argument.toOpaque())
      if status == 0 { threads.append(thread) } else { argument.release() }
    }
    pthread_sigmask(SIG_SETMASK, &old, nil)
    pthread_attr_destroy(&attributes)
  }

  /// Whether the system has refused all of them.
  var isEmpty: Bool { threads.isEmpty }

  private func work() {
    while true {
      lock.take()
      let index = next
      next += 1
      lock.give()
      guard index < jobs.count, !Interrupt.wanted else { return }
      let report = coloring.report(jobs[index]) { _ in }
      lock.take()
      reports[index] = report
      lock.wakeAll()
      lock.give()
    }
  }

  /// The report on a picture, when there is one.
  ///
  /// - Parameter meanwhile: called from time to time with the number of pictures that are done.
  func report(_ index: Int, _ meanwhile: (Int) -> Void) -> Report {
    while true {
      lock.take()
      if let report = reports.removeValue(forKey: index) {
        lock.give()
        return report
      }
      if !Interrupt.wanted { lock.wait(seconds: 0.1) }
      let done = index + reports.count
      let isThere = reports[index] != nil
      lock.give()
      if !isThere {
        if Interrupt.wanted { return Report(outcome: .stopped) }
        meanwhile(done)
      }
    }
  }

  /// The report on a picture that was done when a run was stopped; nil: it was not.
  func finished(_ index: Int) -> Report? { reports.removeValue(forKey: index) }

  /// Waits until nobody works any more.
  func join() {
    for thread in threads { pthread_join(thread, nil) }
    threads = []
  }
}

/// What a run has done, for its last line.
struct Summary {
  private(set) var done = 0
  private(set) var skipped: [String: Int] = [:]
  private(set) var copied = 0
  private(set) var failed: [String: Int] = [:]
  let others: [String: Int]
  private let start = Clock.seconds()

  init(others: [String: Int]) { self.others = others }

  var failures: Int { failed.values.reduce(0, +) }
  var skips: Int { skipped.values.reduce(0, +) }
  var seconds: Double { Clock.seconds() - start }

  mutating func count(_ outcome: Outcome) {
    switch outcome {
    case .done: done += 1
    case .copied: copied += 1
    case .skipped(let reason): skipped[reason, default: 0] += 1
    case .failed(let reason, _): failed[reason, default: 0] += 1
    case .stopped: break
    }
  }

  /// As lines: what was done, and why the rest was not.
  var lines: [String] {
    let seconds = seconds
    var first = "\(done) colored"
    if copied > 0 { first += ", \(copied) copied" }
    if skips > 0 { first += ", \(skips) skipped" }
    let passed = others.values.reduce(0, +)
    if passed > 0 { first += ", \(passed) passed over" }
    if failures > 0 { first += ", \(failures) failed" }
    first += " in \(Span.shown(seconds))"
    if done > 1, seconds > 0 { first += " (\(Table.oneDecimal(Double(done) / seconds)) a second)" }
    return [first] + Self.reasons("skipped", skipped) + Self.reasons("passed over", others)
      + Self.reasons("failed", failed)
  }

  /// The most frequent first; of many only some.
  private static func reasons(_ what: String, _ counts: [String: Int]) -> [String] {
    let most = 10
    let sorted = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    let rest = sorted.dropFirst(most).reduce(0) { $0 + $1.value }
    return sorted.prefix(most).map { "  \($0.value) \(what): \($0.key)" }
      + (rest > 0 ? ["  \(rest) \(what) for other reasons"] : [])
  }
}

/// Spans of time for people.
enum Span {
  /// "12.3 s", "4:05" (minutes) or "1:02:03" (hours).
  static func shown(_ seconds: Double) -> String {
    guard seconds >= 60 else { return "\(Table.oneDecimal(max(seconds, 0))) s" }
    let whole = Int(min(seconds, 1e9))
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let minutes = whole / 60 % 60
    return whole < 3600
      ? "\(minutes):\(two(whole % 60))"
      : "\(whole / 3600):\(two(minutes)):\(two(whole % 60))"
  }
}

/// How far a run of many pictures is: a line on a terminal that is written over, elsewhere one a minute.
final class CountLine {
  private let line: StatusLine
  private let isQuiet: Bool
  private let total: Int
  private let start = Clock.seconds()
  private var shown = -1.0
  private var said: Double

  /// Seconds between two of them.
  private static let onTerminal = 0.1
  private static let elsewhere = 60.0

  init(total: Int, isQuiet: Bool) {
    (self.total, self.isQuiet) = (total, isQuiet)
    line = StatusLine(isQuiet: isQuiet)
    said = start
  }

  /// - Parameter file: what is worked on.
  func update(_ done: Int, _ file: FileName) {
    let now = Clock.seconds()
    if line.isShown {
      guard now - shown >= Self.onTerminal else { return }
      shown = now
      let text = figures(done, now)
      let room = StatusLine.columns - 1 - text.count - 2
      let name = file.shown
      // Of a long name the end tells more.
      let short = name.count <= room ? name : room > 3 ? "..." + name.suffix(room - 3) : ""
      line.show(text + (short.isEmpty ? "" : "  " + short))
    } else if !isQuiet, now - said >= Self.elsewhere {
      said = now
      Terminal.say(figures(done, now))
    }
  }

  private func figures(_ done: Int, _ now: Double) -> String {
    let seconds = now - start
    guard done > 0, seconds > 0 else { return "\(done) of \(total)" }
    let speed = Double(done) / seconds
    return "\(done) of \(total), \(Table.oneDecimal(speed)) a second, "
      + "\(Span.shown(Double(total - done) / speed)) left"
  }

  /// Takes the line away, so that something else can be said.
  func end() { line.end() }
}
