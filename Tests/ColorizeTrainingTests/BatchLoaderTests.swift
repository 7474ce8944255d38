// Batches from pictures: what is in them, that it depends on the seed alone, and what becomes of
// pictures that cannot be used.

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
        format, width: 40 + number, height: 50 - number, in: folder, colorful(number))
      try folder.write("picture-\(number)", bytes)
    }
  }

  private func loader(
    _ part: PicturePart, seed: UInt64 = 3, firstSample: Int = 0, threads: Int = 2,
    shape: BatchShape = Self.shape, _ change: (inout SampleOptions) -> Void = { _ in }
  ) throws -> BatchLoader {
    var options = SampleOptions(centres: Gamut.centres)
    change(&options)
    return try BatchLoader(
      part, shape: shape, options: options, seed: seed, firstSample: firstSample,
      threads: threads)
  }

  private func batches(_ loader: BatchLoader, _ count: Int) throws -> [[[Float]]] {
    try (0..<count).map { _ in values(try loader.next()) }
  }

  private func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return ""
    } catch { return (error as? ColorizeError)?.message ?? "\(error)" }
  }

  @Test func dependOnTheSeedAlone() throws {
    try writePictures(6)
    // One that is gray and one that is broken are passed over in the same way each time.
    try folder.write(
      "gray", try pictureFile(width: 30, height: 30, in: folder) { _, _ in (90, 90, 90) })
    try folder.write("broken", [0xFF, 0xD8, 0xFF, 0, 0])
    let set = try folder.set()
    #expect(set.count == 8)
    let first = try batches(loader(set.all, threads: 1), 9)
    #expect(try batches(loader(set.all, threads: 2), 9) == first)
    #expect(try batches(loader(set.all, firstSample: 16, threads: 3), 5) == Array(first[4...]))
    #expect(try batches(loader(set.all, seed: 4), 1)[0] != first[0])
    // Nine batches are more than four epochs: no two of them are alike.
    for batch in first[1...] { #expect(batch != first[0]) }
  }

  /// The whole picture, as large as the network's side: what is given is what the picture has.
  @Test(arguments: [1, 4])
  func holdWhatThePictureHas(_ channels: Int) throws {
    let side = 32
    try folder.write("one", try pictureFile(width: side, height: side, in: folder, colorful(3)))
    let set = try folder.set()
    var shape = Self.shape
    shape.inputChannels = channels
    let weights = try ClassBalance(prior: ClassBalanceTests.prior, lambda: 0.5)
    for (flips, stride) in [(false, 4), (true, 8)] {
      shape.distributionStride = stride
      let loader = try loader(set.all, shape: shape) {
        $0.augmentation = .none
        $0.augmentation.flips = flips
        $0.balance = weights
        $0.hints?.hintedShare = 0.5
      }
      var mirrored = 0
      for _ in 0..<3 {
        let batch = try loader.next()
        for position in 0..<shape.count {
          mirrored += try check(batch, position, weights.weights) ? 1 : 0
        }
      }
      #expect(flips ? (1...11).contains(mirrored) : mirrored == 0)
    }
  }

  /// A film changes the lightness that the network sees, of so many samples, and nothing else.
  @Test func filmChangesTheLightness() throws {
    try writePictures(3)
    let set = try folder.set()
    let plain = try loader(set.all)
    let filmed = try loader(set.all) { $0.film = FilmSimulation(share: 0.5) }
    let (side, channels) = (Self.shape.side, Self.shape.inputChannels)
    var changed = 0
    for _ in 0..<10 {
      let (batch, other) = (try plain.next(), try filmed.next())
      #expect(values(batch)[1...] == values(other)[1...])
      for position in 0..<Self.shape.count {
        let first = position * side * side
        var differs = false
        for pixel in first..<(first + side * side) {
          let (before, after) = (
            batch.input.start + pixel * channels, other.input.start + pixel * channels
          )
          differs = differs || before[0] != after[0]
          #expect(abs(after[0]) <= 0.5)
          for channel in 1..<channels { #expect(before[channel] == after[channel]) }
        }
        changed += differs ? 1 : 0
      }
    }
    #expect((8...32).contains(changed))
    #expect(
      message { _ = try loader(set.all) { $0.film = FilmSimulation(share: -0.5) } }
        == "film is -0.5; it must be 0 to 1")
  }

  /// - Returns: whether the sample is the mirrored picture.
  private func check(_ batch: Batch, _ position: Int, _ weights: [Float]) throws -> Bool {
    let (side, channels) = (batch.shape.side, batch.shape.inputChannels)
    let rgb = (0..<(side * side)).flatMap { pixel in
      let (red, green, blue) = colorful(3)(pixel % side, pixel / side)
      return [red, green, blue].map { Float($0) / 255 }
    }
    let lab = try Memory<Float>(count: rgb.count)
    Lab.fromRGB(rgb, into: lab.start, count: side * side, kernels: KernelSet(.best))
    let first = position * side * side
    let isMirrored = batch.input.start[first * channels] != (lab.start[0] - 50) / 100
    func place(_ x: Int, _ y: Int) -> Int { 3 * (y * side + (isMirrored ? side - 1 - x : x)) }
    for y in 0..<side {
      for x in 0..<side {
        let pixel = first + y * side + x
        let input = batch.input.start + pixel * channels
        let ab = batch.ab.start + 2 * pixel
        #expect(input[0] == (lab.start[place(x, y)] - 50) / 100)
        #expect(ab[0] == lab.start[place(x, y) + 1] / 110)
        #expect(ab[1] == lab.start[place(x, y) + 2] / 110)
        guard channels == 4 else { continue }
        #expect(input[3] == 0 || input[3] == 1)
        // A hint is the mean of pixels that are close by, whose colors hardly differ.
        #expect(abs(input[1] - input[3] * ab[0]) < 0.1)
        #expect(abs(input[2] - input[3] * ab[1]) < 0.1)
      }
    }
    let stride = batch.shape.distributionStride
    let positions = side / stride
    let encoding = try SoftEncoding(Gamut.centres)
    var bins = [Int32](repeating: 0, count: 5)
    var shares = [Float](repeating: 0, count: 5)
    for y in 0..<positions {
      for x in 0..<positions {
        var sum = SIMD2<Double>(0, 0)
        for row in (y * stride)..<((y + 1) * stride) {
          for column in (x * stride)..<((x + 1) * stride) {
            let place = place(column, row)
            sum += SIMD2(Double(lab.start[place + 1]), Double(lab.start[place + 2]))
          }
        }
        let mean = SIMD2<Float>(sum / Double(stride * stride))
        encoding.encode(a: mean.x, b: mean.y, bins: &bins, shares: &shares)
        let place = (position * positions + y) * positions + x
        #expect(batch.weights.start[place] == weights[Int(batch.bins.start[5 * place])])
        for index in 0..<5 {
          // The sum of up to 64 float32, each up to 110, is 1e-4 beside: a share moves by some
          // 1e-5.
          let found = (0..<5).first { bins[$0] == batch.bins.start[5 * place + index] }
          let share = found.map { shares[$0] } ?? 0
          #expect(abs(batch.shares.start[5 * place + index] - share) < 5e-5)
        }
      }
    }
    return isMirrored
  }

  @Test func everyPictureComesOnceAnEpoch() throws {
    for number in 0..<8 {
      try folder.write(
        "\(number)",
        try pictureFile(width: 20, height: 20, in: folder) { _, _ in (UInt8(30 * number), 200, 20) }
      )
    }
    let set = try folder.set()
    var shape = Self.shape
    shape.count = 8
    let orders = try [true, false].map { isShuffled in
      let loader = try loader(set.all, shape: shape) { $0.isShuffled = isShuffled }
      return try (0..<6).map { _ in
        let batch = try loader.next()
        let lightness = (0..<8).map { batch.input.start[$0 * 32 * 32 * 4] }
        let sorted = lightness.sorted()
        #expect(Set(lightness).count == 8)
        return lightness.map { sorted.firstIndex(of: $0) ?? -1 }
      }
    }
    #expect(Set(orders[0]).count > 1)
    #expect(Set(orders[1]) == [Array(0..<8)])
  }

  @Test func picturesThatCannotBeUsedAreReplacedAndCounted() throws {
    try writePictures(3)
    for number in 0..<4 {
      try folder.write(
        "a-gray-\(number)",
        try pictureFile(width: 30, height: 30, in: folder) { x, _ in
          // Within the bound: a chroma of about 1.
          (UInt8(6 * x + 2), UInt8(6 * x), UInt8(6 * x))
        })
    }
    try folder.write("z-broken", [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 7])
    try folder.write("z-cut", Array(try folder.read("picture-1")[..<200]))
    let set = try folder.set()
    #expect(set.count == 9)
    let loader = try loader(set.all)
    for _ in 0..<6 {
      let batch = try loader.next()
      for pixel in 0..<batch.ab.count { #expect(batch.ab.start[pixel].isFinite) }
      for position in 0..<4 {
        let ab = (0..<(32 * 32 * 2)).map { batch.ab.start[position * 32 * 32 * 2 + $0] }
        #expect(ab.contains { abs($0) > 0.1 })
      }
    }
    #expect(loader.skippedGray == 4)
    #expect(loader.broken == 2)
  }

  @Test func noUsablePictureIsAnError() throws {
    try folder.write(
      "gray", try pictureFile(width: 30, height: 30, in: folder) { _, _ in (9, 9, 9) })
    let gray = try loader(folder.set().all)
    for _ in 0..<3 {
      #expect(
        message { _ = try gray.next() }
          == "there are only gray pictures (1), and no color to learn")
    }
    try folder.write("broken", [0xFF, 0xD8, 0xFF, 0xE0])
    let none = try loader(folder.set().all)
    let text = message { _ = try none.next() }
    #expect(
      text.hasPrefix("none of 2 pictures can be used: 1 are gray, 1 cannot be read (broken: "))
    let set = try folder.set()
    #expect(
      message { _ = try loader(set.heldBack(every: 3)) }
        == "there is no picture: none of 2 is in this part")
    let encoding = try SoftEncoding(Gamut.centres)
    #expect(
      message {
        _ = try ClassBalance.prior(of: set.all, encoding: encoding, side: 16, stride: 4, threads: 2)
      }.hasPrefix("none of 2 pictures can be used"))
  }

  @Test func badOptionsAreNamed() throws {
    try writePictures(1)
    let all = try folder.set().all
    #expect(message { _ = try loader(all, threads: 0) } == "threads is 0; it must be 1 to 256")
    let changes: [(String, (inout SampleOptions) -> Void)] = [
      ("hintedShare is 2.0; it must be 0 to 1", { $0.hints?.hintedShare = 2 }),
      ("wholeShare is nan; it must be 0 to 1", { $0.hints?.wholeShare = .nan }),
      ("p is 0.0; it must be 0.001 to below 1", { $0.hints?.p = 0 }),
      ("aspect is 0.5; it must be 1 to 4", { $0.augmentation.aspect = 0.5 }),
      ("scale is 0.0 to 1.0; it must be within 0.05 to 1", { $0.augmentation.scale = 0...1 }),
    ]
    for (text, change) in changes { #expect(message { _ = try loader(all, change) } == text) }
  }

  /// Loaders that end before they are asked, while they work, and while they wait for memory.
  @Test func endInTheMiddle() throws {
    try writePictures(4)
    let all = try folder.set().all
    for number in 0..<40 {
      weak var ended: BatchLoader?
      do {
        let loader = try loader(all, threads: 1 + number % 4)
        ended = loader
        for _ in 0..<(number % 5) { _ = try loader.next() }
      }
      #expect(ended == nil)
    }
  }

  /// A batch stays as it is until the next one is asked for, however far the threads are.
  @Test func batchIsTheCallersUntilTheNext() throws {
    try writePictures(4)
    let all = try folder.set().all
    let expected = try batches(loader(all, threads: 1), 8)
    let loader = try loader(all, threads: 2)
    for number in 0..<8 {
      let batch = try loader.next()
      let atOnce = values(batch)
      // Long enough for the threads to fill all memory that there is.
      for _ in 0..<20 { #expect(values(batch) == atOnce) }
      #expect(atOnce == expected[number])
    }
  }
}
