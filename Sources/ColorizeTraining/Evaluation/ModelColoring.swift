// What a model makes of a photograph's lightness.

import ColorizeCore

/// a and b of CIE Lab, `[2, shape.height, shape.width]`, for a whole photograph.
package struct PredictedColors {
  let ab: Memory<Float>
  let shape: Shape

  package init(ab: Memory<Float>, shape: Shape) {
    self.ab = ab
    self.shape = shape
  }
}

/// A model with the dials that it is evaluated at.
package struct ModelColoring {
  private let model: Model
  private let options: RunOptions
  private let saturation: Float

  /// - Parameters:
  ///   - options: the temperature, the threads, and whether to stop.
  ///   - saturation: what the network's a and b are multiplied by.
  package init(model: Model, options: RunOptions, saturation: Float) {
    self.model = model
    self.options = options
    self.saturation = saturation
  }

  /// The photograph's lightness in colors, from a network input of `side` x `side`.
  package func colors(
    of truth: ImageView, side: Int, hints: GroundTruthHints?, _ team: Team
  ) throws(ColorizeError) -> PredictedColors {
    let lightness = try lightness(of: truth, side: side, team)
    let known = try hints?.rasterised(truth: truth, side: side)
    let input = try NetworkInput(
      model: model, height: side, width: side, lightness: lightness.start,
      hints: known.map { (UnsafePointer($0.ab.start), UnsafePointer($0.mask.start)) })
    let shape = model.network.abShape(height: side, width: side)
    let ab = try Memory<Float>(count: shape.count)
    try Colorizer.predict(model: model, input: input, options: options, into: ab.start)
    for index in 0..<ab.count { ab.start[index] *= saturation }
    return PredictedColors(ab: ab, shape: shape)
  }

  /// `[side, side]`, squashed as the pipeline does it.
  private func lightness(
    of truth: ImageView, side: Int, _ team: Team
  ) throws(ColorizeError) -> Memory<Float> {
    let kernels = KernelSet(model.information.instructionSet)
    let resampler = try Resampler(
      truth, width: side, height: side, kernels: kernels, workers: team.size)
    let small = try Memory<UInt8>(count: side * side * resampler.channels)
    team.run(resampler.bands) { band, worker in
      resampler.run(band: band, worker: worker, into: small.start)
    }
    let table = try LuminanceTable()
    // Rows of lightness are written in whole vectors.
    let lightness = try Memory<Float>(count: side * side + 16)
    for y in 0..<side {
      table.lightness(
        small.start + y * side * resampler.channels, channels: resampler.channels, count: side,
        into: lightness.start + y * side, kernels: kernels)
    }
    return lightness
  }

  /// Paints colors that were predicted into an RGB picture of the photograph's size.
  package func paint(
    _ colors: PredictedColors, over truth: ImageView, into picture: ImageView, _ team: Team
  ) throws(ColorizeError) {
    let renderer = try Renderer(
      input: truth, output: picture, abHeight: colors.shape.height,
      abWidth: colors.shape.width, gamutMapping: .clip,
      kernels: KernelSet(model.information.instructionSet),
      workers: team.size)
    renderer.ab.start.update(from: colors.ab.start, count: colors.ab.count)
    try renderer.run(team) { _ throws(ColorizeError) in }
  }
}
