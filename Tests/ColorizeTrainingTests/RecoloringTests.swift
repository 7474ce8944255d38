// Things in other colors: all of a thing and nothing else, with hints of what it has become.

import ColorizeCore
import ColorizeTraining
import Testing

@Suite struct RecoloringTests {
  let folder: TemporaryFolder
  static let shape = BatchShape(
    count: 8, side: 32, inputChannels: 4, distributionStride: 4, hasAB: true)

  init() throws { folder = try TemporaryFolder() }

  /// Two things: a red half and a blue half.
  private static func halves(_ x: Int, _: Int) -> (UInt8, UInt8, UInt8) {
    x < 16 ? (170, 90, 80) : (60, 90, 150)
  }

  private func loader(_ change: (inout SampleOptions) -> Void) throws -> BatchLoader {
    try folder.write("one", try pictureFile(width: 32, height: 32, in: folder, Self.halves))
    var options = SampleOptions(centres: Gamut.centres)
    options.augmentation = .none
    options.hints?.hintedShare = 0
    change(&options)
    return try BatchLoader(
      try folder.set().all, shape: Self.shape, options: options, seed: 5, firstSample: 0,
      threads: 2)
  }

  /// Each half of each sample has one color. Those that have another one than the picture's are hinted, by what they have
  /// become; no half without a hint has changed. Lightness stays.
  @Test func changesThingsAndSaysSo() throws {
    let plain = try loader { _ in }.next()
    let loader = try loader {
      $0.recoloring = Recoloring(share: 0.5)
      $0.recoloring?.area = 0.1...0.6
      $0.recoloring?.grayShare = 0.3
    }
    let side = Self.shape.side
    var (samples, changed, both, gray) = (0, 0, 0, 0)
    for _ in 0..<20 {
      let batch = try loader.next()
      for position in 0..<Self.shape.count {
        let first = position * side * side
        var recolored = 0
        for half in 0..<2 {
          let middle = first + side / 2 * side + half * side / 2 + side / 4
          let ab = SIMD2(batch.ab.start[2 * middle], batch.ab.start[2 * middle + 1])
          let before = SIMD2(plain.ab.start[2 * middle], plain.ab.start[2 * middle + 1])
          var hinted = 0
          for pixel in first..<(first + side * side) where pixel % side / (side / 2) == half {
            #expect(batch.ab.start[2 * pixel] == ab.x && batch.ab.start[2 * pixel + 1] == ab.y)
            let input = batch.input.start + 4 * pixel
            #expect(input[0] == plain.input.start[4 * pixel])
            guard input[3] > 0 else { continue }
            hinted += 1
            #expect(abs(input[1] - ab.x) < 1e-6 && abs(input[2] - ab.y) < 1e-6)
          }
          #expect((hinted > 0) == (ab != before))
          recolored += hinted > 0 ? 1 : 0
          gray += hinted > 0 && ab == .zero ? 1 : 0
        }
        samples += 1
        changed += recolored > 0 ? 1 : 0
        both += recolored == 2 ? 1 : 0
      }
    }
    // Of 160 samples half, with four standard deviations; of these about half have a second thing.
    #expect(samples == 160 && (55...105).contains(changed))
    #expect((20...70).contains(both))
    // About 0.3 of some 120 things.
    #expect((15...60).contains(gray))
  }

  /// The target of a position is the bin of what the thing has become.
  @Test func targetsAreTheNewColors() throws {
    let loader = try loader {
      $0.recoloring = Recoloring(share: 1)
      $0.recoloring?.area = 0.1...0.6
      $0.recoloring?.grayShare = 1
      $0.recoloring?.p = 0.01
    }
    let batch = try loader.next()
    let neutral = try #require(Gamut.centres.firstIndex { $0 == .zero })
    for position in 0..<Self.shape.positions {
      #expect(Int(batch.bins.start[position * Batch.neighbours]) == neutral)
    }
  }
}
