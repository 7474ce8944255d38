// From a network's last values to colors, or to probabilities.

/// Reads colors, or probabilities, from what a model's plans give.
struct ColorReader {
  private let model: Model
  private let mean: AnnealedMean
  private let team: Team

  private var kernels: KernelSet { model.compiled.kernels }

  /// - Parameter temperature: the caller's.
  init(_ model: Model, temperature: Float, _ team: Team) {
    self.model = model
    self.team = team
    mean = AnnealedMean(
      bins: model.bins, temperature: temperature,
      plainTemperature: model.information.plainSoftmaxTemperature)
  }

  /// Makes the logits those of another coloring.
  func tilt(_ logits: Activation, _ variant: Variant) throws(ColorizeError) {
    let plainTemperature = model.information.plainSoftmaxTemperature
    let plain = AnnealedMean(
      bins: model.bins, temperature: 1, plainTemperature: plainTemperature)
    let scratch = try Memory<Float>(count: plain.scratchCount * team.size)
    let covariance = try plain.covariance(
      logits, kernels: kernels, team: team, scratch: scratch.start)
    try variant.tilt(
      logits, covariance, bins: model.bins, plainTemperature: plainTemperature, team)
  }

  /// - Parameters:
  ///   - output: of a plan whose goal is ab.
  ///   - enlarged: whether the network's own bilinear upsampling is done.
  ///   - ab: out, of the network's `abShape`, or `cellShape` if it is not enlarged.
  func ab(_ output: Activation, enlarged: Bool = true, into ab: Memory<Float>)
    throws(ColorizeError)
  {
    switch model.network.colors {
    case .ab(_, let scale):
      let (a, b) = (ab.start, ab.start + output.pixels)
      let width = output.shape.width
      team.run(output.shape.height) { y, _ in
        for pixel in (y * width)..<((y + 1) * width) {
          a[pixel] = scale * output.start[pixel * output.stride]
          b[pixel] = scale * output.start[pixel * output.stride + 1]
        }
      }
    case .rgb(_, let normalization): try rgb(output, normalization, into: ab)
    case .annealedMean(let upsampling) where upsampling == 1 || !enlarged:
      try annealedMean(output, into: ab)
    case .annealedMean(let upsampling):
      let small = try Memory<Float>(count: 2 * output.pixels)
      try annealedMean(output, into: small)
      try enlarge(small.start, output.shape, by: upsampling, into: ab.start)
    }
    try validate(ab)
  }

  /// Red, green and blue of a network that gives these, as bytes that are cut off, not rounded.
  func bytes(_ output: Activation, into bytes: Memory<UInt8>) throws(ColorizeError) {
    guard case .rgb(_, let normalization) = model.network.colors else {
      preconditionFailure("the network gives other colors")
    }
    let colors = try Memory<Float>(count: 3 * output.pixels)
    for pixel in 0..<output.pixels {
      normalization.color(output.start + pixel * output.stride, into: colors.start + 3 * pixel)
    }
    try validate(colors)
    for index in 0..<colors.count {
      bytes.start[index] = UInt8(Int(colors.start[index] * 255, within: 0...255))
    }
  }

  /// a and b of red, green and blue.
  private func rgb(
    _ output: Activation, _ normalization: RGBNormalization, into ab: Memory<Float>
  ) throws(ColorizeError) {
    let width = output.shape.width
    let rows = try Memory<Float>(count: team.size * 3 * width)
    team.run(output.shape.height) { y, worker in
      let row = rows.start + worker * 3 * width
      for x in 0..<width {
        normalization.color(
          output.start + (y * width + x) * output.stride, into: row + 3 * x)
      }
      Lab.fromRGB(row, into: row, count: width, kernels: kernels)
      for x in 0..<width {
        ab.start[y * width + x] = row[3 * x + 1]
        ab.start[output.pixels + y * width + x] = row[3 * x + 2]
      }
    }
  }

  /// - Parameters:
  ///   - logits: the output of a plan whose goal is the distribution; its memory is used.
  ///   - probabilities: out, `[bins, h, w]`.
  ///   - commit: called before the first is written.
  func distribution(
    _ logits: Activation, into probabilities: UnsafeMutablePointer<Float>,
    commit: () throws(ColorizeError) -> Void
  ) throws(ColorizeError) {
    // Finite colors come of finite probabilities, and take less memory to look at.
    let ab = try Memory<Float>(count: 2 * logits.pixels)
    let scratch = try Memory<Float>(count: mean.scratchCount * team.size)
    mean.distribution(
      inPlaceOf: logits, ab.start, kernels: kernels, team: team, scratch: scratch.start)
    try validate(ab)
    // From here on nothing can be stopped, so only copying is left to do.
    try commit()
    copyPlanes(logits, into: probabilities)
  }

  /// - Parameter planes: out, `[channels, h, w]`.
  private func copyPlanes(_ values: Activation, into planes: UnsafeMutablePointer<Float>) {
    // A cache line of each plane, and of a pixel's channels one line after the other.
    let line = 16
    let (channels, pixels) = (values.shape.channels, values.pixels)
    team.run(pixels.pieces(of: line)) { piece, _ in
      let first = piece * line
      let end = min(first + line, pixels)
      for channel in 0..<channels {
        let plane = planes + channel * pixels
        for pixel in first..<end { plane[pixel] = values.start[pixel * values.stride + channel] }
      }
    }
  }

  /// What is above this is no color but an overflow. Saturation, palette and hints compute with what is
  /// below, and stay a million million times below what a float can hold.
  private static let overflow: Float = 1e24

  /// Weights and inputs are finite, but sums of their products may have overflowed.
  private func validate(_ ab: Memory<Float>) throws(ColorizeError) {
    try team.throwIfInterrupted()
    for index in 0..<ab.count where !(ab.start[index].magnitude < Self.overflow) {
      throw .invalidModel("the network's result is not a number: its weights or its input overflow")
    }
  }

  private func annealedMean(_ logits: Activation, into ab: Memory<Float>) throws(ColorizeError) {
    let scratch = try Memory<Float>(count: mean.scratchCount * team.size)
    mean.decode(logits, into: ab.start, kernels: kernels, team: team, scratch: scratch.start)
  }

  /// Bilinear, align_corners false.
  ///
  /// - Parameters:
  ///   - ab: `[2, shape.height, shape.width]`.
  ///   - large: out, `factor` times as high and wide.
  private func enlarge(
    _ ab: UnsafePointer<Float>, _ shape: Shape, by factor: Int,
    into large: UnsafeMutablePointer<Float>
  ) throws(ColorizeError) {
    let width = factor * shape.width
    let height = factor * shape.height
    let rows = BilinearAxis(from: shape.height, to: height)
    let axis = BilinearAxis(from: shape.width, to: width)
    let columns = try Memory<(first: Int, second: Int, share: Float)>(count: width)
    for x in 0..<width { columns.start[x] = axis[x] }
    let betweens = try Memory<Float>(count: team.size * shape.width)
    team.run(2 * height) { item, worker in
      let (channel, y) = item.quotientAndRemainder(dividingBy: height)
      let row = rows[y]
      let upper = ab + (channel * shape.height + row.first) * shape.width
      let lower = ab + (channel * shape.height + row.second) * shape.width
      let between = betweens.start + worker * shape.width
      for x in 0..<shape.width { between[x] = upper[x] + (lower[x] - upper[x]) * row.share }
      let target = large + item * width
      for x in 0..<width {
        let column = columns.start[x]
        let left = between[column.first]
        target[x] = left + (between[column.second] - left) * column.share
      }
    }
  }
}
