// Which colors photographs have: how often each ab bin occurs in a set of them.

import ColorizeCore

/// A histogram over `Gamut.centres`: each pixel belongs to the nearest one, and each picture counts alike,
/// however large it is. Made on the calling thread, which may share the work out.
package final class BinHistogram {
  /// Pictures that have been counted.
  package private(set) var pictures = 0
  /// Pictures that have no color, as `UsablePictures` has it, and were left out.
  package private(set) var gray = 0
  /// Pictures that cannot be read.
  package private(set) var broken = 0
  /// `[bins]`: sums of the shares that the bins have of each picture.
  private var sums = Array(repeating: 0.0, count: Gamut.centres.count)

  private let set: PictureSet
  private let team: Team
  private let kernels = KernelSet(.best)
  private let nearest = NearestBin()
  private var readers: [PictureReader] = []

  private enum Outcome {
    case counted
    case gray
    case failed(ColorizeError)
  }

  /// Pictures between two reports of progress. Each has a histogram of its own, and they are added in
  /// their order, so the result does not depend on the number of threads.
  private static let picturesAtOnce = 64

  /// - Parameter threads: nil: one for each processor.
  package init(_ set: PictureSet, threads: Int?) throws(ColorizeError) {
    self.set = set
    team = Team(threads: threads)
    for _ in 0..<team.size { readers.append(try PictureReader(set)) }
  }

  /// Counts all pictures.
  ///
  /// - Parameters:
  ///   - fault: called with the name of a picture that cannot be read, and the reason.
  ///   - progress: called with the number of pictures that have been looked at; true stops.
  package func count(
    fault: (_ picture: String, _ reason: String) -> Void, progress: (Int) -> Bool
  ) throws(ColorizeError) {
    let shares = try Memory<Double>(count: Self.picturesAtOnce * sums.count)
    var first = 0
    while first < set.count {
      let pictures = min(Self.picturesAtOnce, set.count - first)
      shares.fill(0)
      var outcomes = Array(repeating: Outcome.gray, count: pictures)
      outcomes.withUnsafeMutableBufferPointer { buffer in
        let outcomes = buffer.baseAddress.unsafelyUnwrapped
        team.run(pictures) { item, worker in
          do throws(ColorizeError) {
            let isColored = try add(
              first + item, with: readers[worker], to: shares.start + item * sums.count)
            outcomes[item] = isColored ? .counted : .gray
          } catch {
            outcomes[item] = .failed(error)
          }
        }
      }
      for (item, outcome) in outcomes.enumerated() {
        switch outcome {
        case .counted:
          self.pictures += 1
          for bin in sums.indices { sums[bin] += shares.start[item * sums.count + bin] }
        case .gray: gray += 1
        case .failed(.outOfMemory(let bytes)): throw .outOfMemory(bytes: bytes)
        case .failed(let error):
          broken += 1
          fault(set.name(first + item), error.message)
        }
      }
      first += pictures
      if progress(first) { throw .cancelled }
    }
  }

  /// What share of the pictures each bin has; 0 for all where nothing was counted.
  package var shares: [Double] { sums.map { $0 / Double(max(pictures, 1)) } }

  /// The shares, spread over the ab plane (`ClassBalance.smoothed`).
  package var prior: [Double] { ClassBalance.smoothed(shares, centres: Gamut.centres) }

  /// - Returns: false if the picture is gray.
  private func add(
    _ index: Int, with reader: PictureReader, to shares: UnsafeMutablePointer<Double>
  ) throws(ColorizeError) -> Bool {
    let picture = try reader.read(index, shorterSide: 0)
    let view = try picture.view
    guard
      try SampleWriter.meanChroma(of: view, kernels: kernels) >= UsablePictures.smallestChroma
    else { return false }
    let row = try Memory<Float>(count: 3 * view.width)
    for y in 0..<view.height {
      for x in 0..<view.width {
        let bytes = view.bytes(x, y)
        row.start[3 * x] = Float(bytes.red) / 255
        row.start[3 * x + 1] = Float(bytes.green) / 255
        row.start[3 * x + 2] = Float(bytes.blue) / 255
      }
      Lab.fromRGB(row.start, into: row.start, count: view.width, kernels: kernels)
      for x in 0..<view.width {
        shares[nearest(a: Double(row.start[3 * x + 1]), b: Double(row.start[3 * x + 2]))] += 1
      }
    }
    let pixels = Double(view.width) * Double(view.height)
    for bin in sums.indices { shares[bin] /= pixels }
    return true
  }
}
