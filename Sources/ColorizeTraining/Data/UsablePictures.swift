// Gray and broken pictures are found when they are first read, and passed over from then on.

import ColorizeCore

/// What is known of the pictures of a set. Used by several threads.
package final class UsablePictures: @unchecked Sendable {
  /// A picture whose mean chroma (of Lab) is below this is gray: 2 is what an eye just sees beside
  /// gray.
  package static let smallestChroma: Float = 2

  private enum Knowledge: UInt8 {
    case nothing, gray, broken
  }

  private let set: PictureSet
  private let kernels = KernelSet(.best)
  private let shorterSide: Int
  private let monitor = Monitor()
  /// By picture of the set: a `Knowledge`.
  private let knowledge: Memory<UInt8>
  private var counts = (gray: 0, broken: 0)
  private var firstFault: String?

  /// - Parameter shorterSide: at which all of them are read (`DecodedPicture`), so that what is
  ///   found does not depend on what is read first.
  package init(_ set: PictureSet, shorterSide: Int) throws(ColorizeError) {
    self.set = set
    self.shorterSide = shorterSide
    knowledge = try Memory(count: set.count)
    knowledge.fill(Knowledge.nothing.rawValue)
  }

  /// Pictures that were found to be gray so far.
  package var skippedGray: Int { monitor.locked { counts.gray } }
  /// And those that cannot be read.
  package var broken: Int { monitor.locked { counts.broken } }

  /// - Returns: nil if the picture is gray or broken.
  package func read(_ index: Int, with reader: PictureReader) throws(ColorizeError)
    -> DecodedPicture?
  {
    let isKnown = monitor.locked { knowledge.start[index] != Knowledge.nothing.rawValue }
    guard !isKnown else { return nil }
    do throws(ColorizeError) {
      let picture = try reader.read(index, shorterSide: shorterSide)
      let chroma = try SampleWriter.meanChroma(of: picture.view, kernels: kernels)
      guard chroma >= Self.smallestChroma else {
        note(.gray, index, nil)
        return nil
      }
      return picture
    } catch .outOfMemory(let bytes) {
      throw .outOfMemory(bytes: bytes)
    } catch {
      note(.broken, index, error.message)
      return nil
    }
  }

  private func note(_ fact: Knowledge, _ index: Int, _ reason: String?) {
    monitor.locked {
      // Another thread may have read it at the same time.
      guard knowledge.start[index] == Knowledge.nothing.rawValue else { return }
      knowledge.start[index] = fact.rawValue
      if fact == .gray { counts.gray += 1 } else { counts.broken += 1 }
      if firstFault == nil, let reason { firstFault = "\(set.name(index)): \(reason)" }
    }
  }

  /// What to say when none of a part's pictures can be used.
  package func noneIsUsable(of count: Int) -> ColorizeError {
    monitor.locked {
      guard counts.broken > 0 else {
        return .invalidArgument("there are only gray pictures (\(count)), and no color to learn")
      }
      return .invalidArgument(
        "none of \(count) pictures can be used: \(counts.gray) are gray, \(counts.broken) cannot "
          + "be read (\(firstFault ?? ""))")
    }
  }
}
