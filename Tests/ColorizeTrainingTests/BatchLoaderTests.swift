// Batches from pictures: what is in them, and that it depends on the seed alone.

import CImageFiles
import ColorizeCore
import ColorizeTraining
import Testing

@Suite struct BatchLoaderTests {
  let folder: TemporaryFolder
  static let shape = BatchShape(
    count: 4, side: 32, inputChannels: 4, distributionStride: 4, hasAB: true)

  init() throws { folder = try TemporaryFolder() }

  private func writePictures(_ count: Int) throws {
    for number in 0..<count {
      let format = number % 2 == 0 ? IMAGE_FILE_PNG : IMAGE_FILE_JPEG
      let bytes = try pictureFile(
        format, width: 40 + number, height: 50 - number, in: folder, colourful(number))
      try folder.write("picture-\(number)", bytes)
    }
  }

  private func batches(
    _ part: PicturePart, _ count: Int, seed: UInt64 = 3, firstSample: Int = 0, threads: Int,
    shape: BatchShape = Self.shape, _ change: (inout SampleOptions) -> Void = { _ in }
  ) throws -> [[[Float]]] {
    var options = SampleOptions(centres: Gamut.centres)
    change(&options)
    let loader = try BatchLoader(
      part, shape: shape, options: options, seed: seed, firstSample: firstSample,
      threads: threads)
    return try (0..<count).map { _ in values(try loader.next()) }
  }

  @Test func dependOnTheSeedAlone() throws {
    try writePictures(6)
    let set = try folder.set()
    #expect(set.count == 6)
    let first = try batches(set.all, 9, threads: 1)
    #expect(try batches(set.all, 9, threads: 2) == first)
    #expect(try batches(set.all, 5, firstSample: 16, threads: 2) == Array(first[4...]))
    #expect(try batches(set.all, 1, seed: 4, threads: 2)[0] != first[0])
    // Nine batches are six epochs: no two of them are alike.
    for batch in first[1...] { #expect(batch != first[0]) }
  }
}
