// How far a run has come, told to its caller, who may stop it.

import Glibc

/// One fraction for the stages of a run. Lives on the thread that made the call.
final class Progress {
  /// What each stage costs.
  private let stages: [Float]
  private let callback: ((Float) -> Bool)?
  private unowned let team: Team
  private let process = getpid()
  private var stage = 0
  private var last: Float = 0
  private var lastTime = Clock.seconds()
  private var isCancelled = false
  /// Then nothing can be stopped any more.
  private var isFinished = false

  /// Between two questions whether to stop, in seconds: an answer is heeded well within 50 ms.
  private static let patience = 0.005

  /// - Parameter team: asks whether to stop while it works.
  init(stages: [Float] = [1], callback: ((Float) -> Bool)?, _ team: Team) {
    self.stages = stages
    self.callback = callback
    self.team = team
    guard callback != nil else { return }
    team.wantsToStop = { !self.isFinished && self.isLong && self.ask(self.last) }
  }

  private var isLong: Bool { Clock.seconds() - lastTime > Self.patience }

  func nextStage() { stage += 1 }

  /// - Parameter share: of the stage's work.
  func report(_ share: Float) throws(ColorizeError) {
    let done = stages[..<stage].reduce(0, +) + share * stages[stage]
    // 1 is kept for the end.
    try tell(min(done / stages.reduce(0, +), 0.999))
  }

  func finish() throws(ColorizeError) {
    try tell(1)
    isFinished = true
  }

  private func tell(_ fraction: Float) throws(ColorizeError) {
    if isCancelled || ask(fraction) { throw .cancelled }
  }

  private func ask(_ fraction: Float) -> Bool {
    guard let callback else { return false }
    last = max(last, fraction)
    isCancelled = callback(last)
    if getpid() != process {
      // A child of fork(), which the callback has made: it has none of the threads that work on this call.
      team.abandonThreads()
      isCancelled = true
    }
    lastTime = Clock.seconds()
    return isCancelled
  }
}
