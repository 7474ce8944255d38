// Which picture a sample shows, and how: all of it follows from the seed and the sample's number.

import ColorizeCore

/// How pictures become samples.
package struct SampleOptions: Sendable {
  /// a and b of each of the network's bins.
  package var centres: [SIMD2<Float>]
  package var augmentation = Augmentation()
  /// nil: the weight of every position is 1.
  package var balance: ClassBalance?
  /// nil: no hints. Without meaning for a network that takes none.
  package var hints: HintSimulation? = HintSimulation()
  /// nil: everything has its colors. Without meaning for a network that takes no hints.
  package var recoloring: Recoloring?
  /// nil: the lightness is the picture's.
  package var film: FilmSimulation?
  /// What `Batch.map` and `Batch.pooled` are taken from.
  package var features: FeatureFile?
  /// Whether each epoch has an order of its own; otherwise it is the part's.
  package var isShuffled = true

  package init(centres: [SIMD2<Float>]) { self.centres = centres }
}

/// What all samples of a run have in common. Used by several threads.
final class SampleSource: Sendable {
  let part: PicturePart
  let shape: BatchShape
  let options: SampleOptions
  let encoding: SoftEncoding
  let usable: UsablePictures
  let seed: UInt64
  /// Told from the seed of the samples.
  private var orderSeed: UInt64 { ~seed }

  init(_ part: PicturePart, shape: BatchShape, options: SampleOptions, seed: UInt64)
    throws(ColorizeError)
  {
    guard part.count > 0 else {
      throw .invalidArgument("there is no picture: none of \(part.set.count) is in this part")
    }
    try options.augmentation.validate()
    try options.hints?.validate()
    try options.recoloring?.validate()
    try options.film?.validate()
    precondition(
      shape.count > 0 && shape.side > 0 && InputForm(channels: shape.inputChannels) != nil)
    precondition(shape.side % shape.distributionStride == 0)
    precondition(shape.mapChannels == 0 || shape.side % shape.mapStride == 0)
    precondition(options.balance.map { $0.weights.count == options.centres.count } ?? true)
    precondition(shape.mapChannels == options.features?.mapChannels ?? 0)
    precondition(shape.pooledChannels == options.features?.pooledChannels ?? 0)
    self.part = part
    self.shape = shape
    self.options = options
    self.seed = seed
    encoding = try SoftEncoding(options.centres)
    usable = try UsablePictures(
      part.set, shorterSide: options.augmentation.shorterSide(for: shape.side))
  }

  /// The number in the set of the picture of sample `number`; the next one of its epoch's order for
  /// each `attempt` that met with a picture that cannot be used.
  func picture(_ number: Int, attempt: Int) -> Int {
    let (epoch, place) = number.quotientAndRemainder(dividingBy: part.count)
    let index = (place + attempt) % part.count
    guard options.isShuffled else { return part[index] }
    var numbers = RandomNumbers(seed: orderSeed, number: epoch)
    return part[Permutation(count: part.count, numbers: &numbers)[index]]
  }
}

/// Makes samples; for one thread.
final class SampleMaker {
  private let source: SampleSource
  private let reader: PictureReader
  private let writer: SampleWriter
  private let features: FeatureReader?

  init(_ source: SampleSource) throws(ColorizeError) {
    self.source = source
    reader = try PictureReader(source.part.set)
    writer = try SampleWriter(side: source.shape.side)
    if let file = source.options.features {
      features = try FeatureReader(file)
    } else {
      features = nil
    }
  }

  /// Writes a sample.
  ///
  /// - Parameters:
  ///   - number: of the sample in the run, from 0.
  ///   - position: in the batch.
  func make(_ number: Int, into batch: Batch, at position: Int) throws(ColorizeError) {
    for attempt in 0..<source.part.count {
      let index = source.picture(number, attempt: attempt)
      guard let picture = try source.usable.read(index, with: reader) else { continue }
      var numbers = RandomNumbers(seed: source.seed, number: number)
      let crop = source.options.augmentation.crop(
        width: picture.width, height: picture.height, numbers: &numbers)
      try writer.take(crop, of: picture.view)
      write(to: batch, position, &numbers)
      try features?.write(
        index, crop, width: picture.width, height: picture.height, to: batch, position)
      return
    }
    throw source.usable.noneIsUsable(of: source.part.count)
  }

  private func write(to batch: Batch, _ position: Int, _ numbers: inout RandomNumbers) {
    let shape = source.shape
    let pixels = shape.side * shape.side
    let input = batch.input.start + position * pixels * shape.inputChannels
    writer.writeLightness(to: input, channels: shape.inputChannels)
    if InputForm(channels: shape.inputChannels) == .grayWithHints {
      let own = source.options.recoloring.map { writer.recolor($0, &numbers) } ?? []
      var hints = source.options.hints?.draw(side: shape.side, numbers: &numbers) ?? .none
      hints.add(own)
      HintSimulation.write(hints, side: shape.side, ab: writer.normalizedAB, input: input)
    }
    if let film = source.options.film?.draw(numbers: &numbers) {
      writer.writeLightness(on: film, to: input, channels: shape.inputChannels)
    }
    if shape.hasAB {
      (batch.ab.start + position * pixels * 2).update(
        from: writer.normalizedAB, count: pixels * 2)
    }
    let positions = shape.positions / shape.count
    let neighbours = SoftEncoding.neighbours
    let bins = batch.bins.start + position * positions * neighbours
    let shares = batch.shares.start + position * positions * neighbours
    writer.encode(source.encoding, stride: shape.distributionStride, bins: bins, shares: shares)
    let weights = batch.weights.start + position * positions
    for place in 0..<positions {
      // The nearest bin has the largest share.
      weights[place] = source.options.balance?.weights[Int(bins[place * neighbours])] ?? 1
    }
  }
}
