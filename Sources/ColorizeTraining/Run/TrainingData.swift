// The pictures of a run, and the batches that come of them.

import ColorizeCore

/// Where a run's batches come from.
package struct TrainingData {
  /// A tensor of the checkpoint: how frequent the bins are. It is counted once.
  private static let priorName = "data.prior"

  private let pictures: PictureSet
  private let part: PicturePart
  private let recipe: Recipe
  private let features: FeatureFile?
  package let shape: BatchShape
  /// nil: all bins count alike.
  private var prior: Memory<Float>?
  /// How many pictures there are, and which, in words.
  package let description: String
  /// Sentences about archives that are damaged.
  package var damage: [String] { pictures.damage }

  /// Looks at what is there.
  package init(_ recipe: Recipe) throws(ColorizeError) {
    self.recipe = recipe
    let pictures = try PictureSet(recipe.data.map { Array($0.utf8) })
    self.pictures = pictures
    part =
      recipe.heldBack == 0 ? pictures.all : pictures.withoutHeldBack(every: recipe.heldBack)
    features =
      recipe.features.isEmpty
      ? nil : try FeatureFile(path: Array(recipe.features.utf8), set: pictures)
    shape = recipe.shape(features)
    // FNV-1a of all names: the data of a run that goes on must be those that it was begun with.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for index in 0..<pictures.count {
      for byte in pictures.name(index).utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    }
    description = "\(pictures.count) pictures, names \(String(hash, radix: 16))"
  }

  /// Finds out how frequent the bins are, by what a table says, or by counting them.
  package mutating func findPrior(threads: Int) throws(ColorizeError) {
    guard recipe.needsPrior else { return }
    let centres = recipe.network.binCentres
    let found =
      recipe.prior.isEmpty
      ? try ClassBalance.prior(
        of: part, encoding: SoftEncoding(centres), side: shape.side,
        stride: shape.distributionStride, threads: threads)
      : try PriorFile.read(Array(recipe.prior.utf8), centres: centres)
    let prior = try Memory<Float>(count: centres.count)
    for (bin, share) in found.enumerated() { prior.start[bin] = Float(share) }
    self.prior = prior
  }

  /// Takes it from a checkpoint.
  package mutating func restorePrior(_ file: TensorFile) throws(ColorizeError) {
    guard recipe.needsPrior else { return }
    prior = try file.floats(Self.priorName, shape: [recipe.network.binCentres.count])
  }

  /// What a checkpoint is to hold of it.
  package var state: [TrainingTensor] {
    prior.map { [TrainingTensor(name: Self.priorName, shape: [$0.count], values: $0)] } ?? []
  }

  /// Batches, from where a run is after some steps.
  package func loader(after step: Int, threads: Int) throws(ColorizeError) -> BatchLoader {
    let shares = prior.map { prior in (0..<prior.count).map { Double(prior.start[$0]) } }
    return try BatchLoader(
      part, shape: shape, options: recipe.samples(features, prior: shares), seed: recipe.seed,
      firstSample: step * recipe.batch, threads: threads)
  }

  /// Pictures that nothing is learnt from; nil: there are none.
  package func validation() throws(ColorizeError) -> PicturePart? {
    if !recipe.validation.isEmpty { return try PictureSet([Array(recipe.validation.utf8)]).all }
    guard recipe.heldBack > 0 else { return nil }
    let heldBack = pictures.heldBack(every: recipe.heldBack)
    return heldBack.count > 0 ? heldBack : nil
  }

  /// The pictures for the sheets.
  package func samples() throws(ColorizeError) -> PicturePart {
    if !recipe.samples.isEmpty { return try PictureSet([Array(recipe.samples.utf8)]).all }
    return try validation() ?? part
  }
}
