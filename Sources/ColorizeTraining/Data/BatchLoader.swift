// Batches that are made beside the training, in threads of their own.

import ColorizeCore

/// Gives a run's batches, in their order:
///
///     let loader = try BatchLoader(
///       set.all, shape: shape, options: options, seed: 1, firstSample: 0, threads: 2)
///     while true { train(on: try loader.next()) }
///
/// Batch k has the samples from firstSample + k * count on. They are the same for any number of
/// threads. The threads end with the loader, at once but for the sample that each is at.
package final class BatchLoader: BatchSource {
  private let source: SampleSource
  private let queue: BatchQueue
  private let threads: WorkerThreads

  /// - Parameters:
  ///   - options: `features` has the shape's channels, `balance` a weight for each bin.
  ///   - firstSample: 0, or as many as the run has had before it was resumed.
  ///   - threads: 1 to `Team.maximumSize`.
  package init(
    _ part: PicturePart, shape: BatchShape, options: SampleOptions, seed: UInt64,
    firstSample: Int, threads count: Int
  ) throws(ColorizeError) {
    guard (1...Team.maximumSize).contains(count) else {
      throw .invalidArgument("threads is \(count); it must be 1 to \(Team.maximumSize)")
    }
    let source = try SampleSource(part, shape: shape, options: options, seed: seed)
    let queue = try BatchQueue(shape, firstSample: firstSample)
    var makers: [SampleMaker] = []
    for _ in 0..<count { makers.append(try SampleMaker(source)) }
    let pool = MakerPool(makers)
    threads = try WorkerThreads(count) {
      let maker = pool.take()
      queue.work { (number, batch, position) throws(ColorizeError) in
        try maker.make(number, into: batch, at: position)
      }
    }
    self.source = source
    self.queue = queue
  }

  deinit {
    queue.stop()
    threads.join()
  }

  package func next() throws(ColorizeError) -> Batch { try queue.next() }

  /// Pictures that were found to be gray so far, and those that cannot be read.
  package var skippedGray: Int { source.usable.skippedGray }
  package var broken: Int { source.usable.broken }
}

/// One for each thread.
private final class MakerPool: @unchecked Sendable {
  private let monitor = Monitor()
  private var makers: [SampleMaker]

  init(_ makers: [SampleMaker]) { self.makers = makers }

  func take() -> SampleMaker { monitor.locked { makers.removeLast() } }
}

/// A ring of batches. Those who work take the samples in their order, the one who trains takes the
/// batches.
private final class BatchQueue: @unchecked Sendable {
  private struct Slot {
    let batch: Batch
    var unfinished: Int
    /// The error of the first of its samples that has one.
    var failure: (sample: Int, error: ColorizeError)?
  }

  /// One that is trained on, two that are made meanwhile.
  private static let length = 3

  private let firstSample: Int
  private let batchCount: Int
  private let monitor = Monitor()
  /// Batch k is in slot k % length.
  private var slots: [Slot] = []
  /// The next sample that nobody has taken, from 0.
  private var taken = 0
  /// The batches that have been given away, and those of them whose memory may be used again.
  private var given = 0
  private var released = 0
  private var isStopped = false

  init(_ shape: BatchShape, firstSample: Int) throws(ColorizeError) {
    precondition(firstSample >= 0)
    self.firstSample = firstSample
    batchCount = shape.count
    for _ in 0..<Self.length {
      slots.append(Slot(batch: try Batch(shape), unfinished: shape.count))
    }
  }

  func stop() {
    monitor.locked {
      isStopped = true
      monitor.announce()
    }
  }

  /// A thread's life.
  func work(
    _ make: (_ sample: Int, _ batch: Batch, _ position: Int) throws(ColorizeError) -> Void
  ) {
    while let (index, batch) = take() {
      var failure: ColorizeError?
      do throws(ColorizeError) {
        try make(firstSample + index, batch, index % batchCount)
      } catch { failure = error }
      finish(index, failure)
    }
  }

  /// Waits for a sample that there is memory for; nil: it is over.
  private func take() -> (index: Int, batch: Batch)? {
    monitor.locked {
      while !isStopped, taken / batchCount >= released + Self.length { monitor.wait() }
      guard !isStopped else { return nil }
      let index = taken
      taken += 1
      return (index, slots[index / batchCount % Self.length].batch)
    }
  }

  private func finish(_ index: Int, _ failure: ColorizeError?) {
    monitor.locked {
      let slot = index / batchCount % Self.length
      slots[slot].unfinished -= 1
      if let failure, index < slots[slot].failure?.sample ?? .max {
        slots[slot].failure = (index, failure)
      }
      if slots[slot].unfinished == 0 { monitor.announce() }
    }
  }

  /// The next batch, or the error that it met with, then and ever after.
  func next() throws(ColorizeError) -> Batch {
    try monitor.locked { () throws(ColorizeError) in
      if released < given {
        slots[released % Self.length].unfinished = batchCount
        released += 1
        monitor.announce()
      }
      let slot = given % Self.length
      while slots[slot].unfinished > 0 { monitor.wait() }
      if let failure = slots[slot].failure { throw failure.error }
      given += 1
      return slots[slot].batch
    }
  }
}
