// How often the bins occur in a set of pictures.

import ColorizeCore

extension ClassBalance {
  /// The smoothed prior of some pictures of a part, spread evenly over it. Each is looked at as
  /// samples are, un-augmented. The same for any number of threads.
  ///
  /// - Parameters:
  ///   - pictures: the most that are read.
  ///   - side: to which they are brought, in pixels; colors are means of stride x stride of them.
  package static func prior(
    of part: PicturePart, encoding: SoftEncoding, side: Int, stride: Int,
    pictures: Int = defaultPictures, threads: Int
  ) throws(ColorizeError) -> [Double] {
    let count = min(pictures, part.count)
    let bins = encoding.centres.count
    let usable = try UsablePictures(part.set, shorterSide: side)
    let team = Team(threads: threads)
    // Each has a histogram of its own, so that sums are made in one order.
    let pieces = min(count, 32)
    let histograms = try Memory<Double>(count: pieces * bins)
    histograms.fill(0)
    var counters: [HistogramCounter] = []
    for _ in 0..<team.size {
      counters.append(
        try HistogramCounter(part, encoding: encoding, usable: usable, side: side, stride: stride))
    }
    let monitor = Monitor()
    var failure: ColorizeError?
    team.run(pieces) { piece, worker in
      let histogram = histograms.start + piece * bins
      do throws(ColorizeError) {
        for number in (piece * count / pieces)..<((piece + 1) * count / pieces) {
          try counters[worker].add(number * part.count / count, to: histogram)
        }
      } catch {
        monitor.locked { failure = failure ?? error }
      }
    }
    if let failure { throw failure }
    var sums = [Double](repeating: 0, count: bins)
    for piece in 0..<pieces {
      for bin in 0..<bins { sums[bin] += histograms.start[piece * bins + bin] }
    }
    guard sums.contains(where: { $0 > 0 }) else { throw usable.noneIsUsable(of: count) }
    return smoothed(sums, centres: encoding.centres)
  }
}

/// Adds pictures to a histogram; for one thread.
private final class HistogramCounter {
  private let part: PicturePart
  private let encoding: SoftEncoding
  private let usable: UsablePictures
  private let stride: Int
  private let reader: PictureReader
  private let writer: SampleWriter
  private let bins: Memory<Int32>
  private let shares: Memory<Float>

  init(
    _ part: PicturePart, encoding: SoftEncoding, usable: UsablePictures, side: Int, stride: Int
  ) throws(ColorizeError) {
    self.part = part
    self.encoding = encoding
    self.usable = usable
    self.stride = stride
    reader = try PictureReader(part.set)
    writer = try SampleWriter(side: side)
    let positions = (side / stride) * (side / stride)
    bins = try Memory(count: positions * SoftEncoding.neighbours)
    shares = try Memory(count: positions * SoftEncoding.neighbours)
  }

  func add(_ number: Int, to histogram: UnsafeMutablePointer<Double>) throws(ColorizeError) {
    guard let picture = try usable.read(part[number], with: reader) else { return }
    var numbers = RandomNumbers(seed: 0, number: number)
    let crop = Augmentation.none.crop(
      width: picture.width, height: picture.height, numbers: &numbers)
    try writer.take(crop, of: picture.view)
    writer.encode(encoding, stride: stride, bins: bins.start, shares: shares.start)
    for index in 0..<bins.count {
      histogram[Int(bins.start[index])] += Double(shares.start[index])
    }
  }
}
