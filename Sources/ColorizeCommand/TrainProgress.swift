// How far a training run is: on a terminal one line that changes with each step, elsewhere a line a
// minute.

import ColorizeCore
import Glibc

/// `step 1234/100000  loss 2.345  63.1 images/s  3 h 12 min left`
final class TrainProgress {
  private let line: StatusLine
  private let isQuiet: Bool
  private let steps: Int
  private let batch: Int
  /// Steps that earlier processes have done.
  private let before: Int
  private let start = Clock.seconds()
  private var lastSaid = Clock.seconds()
  private var lastSeconds = Clock.seconds()
  /// Of the last row of the metrics, so that what is said here is found there; of the steps until now
  /// where there is none.
  private var loss: (value: Double, isRow: Bool) = (0, false)
  private var smoothedSeconds: Double?

  private static let secondsBetweenLines = 60.0

  init(steps: Int, done: Int, batch: Int, isQuiet: Bool) {
    line = StatusLine(isQuiet: isQuiet)
    self.isQuiet = isQuiet
    self.steps = steps
    self.batch = batch
    before = done
  }

  /// - Parameters:
  ///   - loss: mean over the steps since the last row of the metrics.
  ///   - isRow: whether these steps are a row of them.
  func update(step: Int, loss: Double, isRow: Bool) {
    let now = Clock.seconds()
    let seconds = now - lastSeconds
    lastSeconds = now
    if isRow || !self.loss.isRow { self.loss = (loss, isRow) }
    smoothedSeconds = Self.smoothed(smoothedSeconds, seconds, keeping: 0.95)
    if line.isShown {
      line.show(text(step))
    } else if !isQuiet, now - lastSaid >= Self.secondsBetweenLines {
      lastSaid = now
      Terminal.say(text(step))
    }
  }

  /// Takes the line away, so that something else can be said.
  func end() { line.end() }

  private func text(_ step: Int) -> String {
    let speed = Double(batch) / max(smoothedSeconds ?? 0, 1e-9)
    // By the mean of all steps, since those that write a checkpoint take longer.
    let left = (Clock.seconds() - start) / Double(step - before) * Double(steps - step)
    return "step \(step)/\(steps)  loss \(Table.formatted("%.4f", loss.value))  "
      + "\(Table.oneDecimal(speed)) images/s  \(Self.duration(left)) left"
  }

  /// "3 h 12 min", "4 min", "20 s".
  static func duration(_ seconds: Double) -> String {
    let whole = Int(min(max(seconds, 0), 1e9))
    if whole < 100 { return "\(whole) s" }
    let minutes = (whole + 30) / 60
    return minutes < 100 ? "\(minutes) min" : "\(minutes / 60) h \(minutes % 60) min"
  }

  private static func smoothed(_ before: Double?, _ new: Double, keeping: Double) -> Double {
    before.map { $0 * keeping + new * (1 - keeping) } ?? new
  }
}
