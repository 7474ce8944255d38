// A picture that is colored again and again: what does not depend on hints and dials is computed once.

/// A picture and what the network sees of it. Does not change; any number of threads may use it.
package final class Session: Sendable {
  let model: Model
  package let picture: ImageView
  let preset: Preset
  /// The sides of the network's input.
  let width: Int
  let height: Int
  /// L of CIE Lab, `[height, width]`.
  let lightness: Memory<Float>
  /// Keeps the picture, if it is not the caller's.
  private let pixels: Memory<UInt8>?

  /// A session with a picture of its own: the caller's is not needed afterwards.
  package convenience init(
    model: Model, copying picture: ImageView, options: RunOptions
  ) throws(ColorizeError) {
    try options.validate()
    let team = Team(threads: options.threads)
    let progress = Progress(callback: options.progress, team)
    let bytes = picture.width * picture.format.bytesPerPixel
    let pixels = try Memory<UInt8>(count: bytes * picture.height)
    team.run(picture.height) { y, _ in
      (pixels.start + y * bytes).update(from: picture.row(y), count: bytes)
    }
    try team.throwIfInterrupted()
    let copy = try ImageView(
      pixels: pixels.start, rowBytes: bytes, width: picture.width, height: picture.height,
      format: picture.format)
    try self.init(model: model, copy, pixels, options, team, progress)
    try progress.finish()
  }

  /// - Parameter picture: in memory that outlives the session, which is `pixels` if there are some.
  init(
    model: Model, _ picture: ImageView, _ pixels: Memory<UInt8>?, _ options: RunOptions,
    _ team: Team, _ progress: Progress
  ) throws(ColorizeError) {
    self.model = model
    self.picture = picture
    self.pixels = pixels
    preset = options.preset
    (width, height) = try Self.networkSize(model, picture, options)
    lightness = try Memory(count: width * height + 16)
    try see(team, progress)
  }

  /// Whether colors are merged with the picture as the release of a network of red, green and blue does it.
  var mergesRGB: Bool {
    if preset == .reference, case .rgb = model.network.colors { true } else { false }
  }

  /// The sides of the network's input. Throws where the network does not take them.
  package static func networkSize(
    _ model: Model, _ picture: ImageView, _ options: RunOptions
  ) throws(ColorizeError) -> (width: Int, height: Int) {
    try networkSize(model, width: picture.width, height: picture.height, options)
  }

  /// The same for a picture of these sides.
  static func networkSize(
    _ model: Model, width: Int, height: Int, _ options: RunOptions
  ) throws(ColorizeError) -> (width: Int, height: Int) {
    let side =
      options.networkSize
      ?? (options.preset == .reference
        ? model.network.releasedSize : model.information.defaultNetworkSize)
    try model.validateNetworkSize(side, "network_size")
    guard options.networkFit == .aspect else { return (side, side) }
    let multiple = model.information.networkSizeMultiple
    let most = Model.maximumNetworkSize
    let proportion = Double(width) / Double(height)
    // The square's area, unless the longer side would be too long.
    let longer = Double(side) * max(proportion, 1 / proportion).squareRoot()
    let scale = Double(side) * min(Double(most) / longer, 1)
    /// The multiple that is nearest.
    func fitted(_ exact: Double) -> Int {
      Int((exact / Double(multiple)).rounded(), within: 1...most / multiple) * multiple
    }
    return (fitted(scale * proportion.squareRoot()), fitted(scale / proportion.squareRoot()))
  }

  /// Whether pictures and colors are brought to other sizes as a release without antialiasing does it.
  var samplesPoints: Bool { preset == .reference && model.network.releasedResampling == .points }

  /// Takes the lightness between the nearest pixels.
  private func seePoints(_ team: Team, _ progress: Progress) throws(ColorizeError) {
    let sampler = PointSampler(picture, width: width, height: height)
    let rows = try Memory<Float>(count: team.size * 3 * width)
    try team.run(height, atOnce: 16 * team.size, progress.report) { y, worker in
      let row = rows.start + worker * 3 * width
      sampler.run(y, into: row)
      Lab.fromRGB(row, into: row, count: width, kernels: model.compiled.kernels)
      for x in 0..<width { lightness.start[y * width + x] = row[3 * x] }
    }
    try team.throwIfInterrupted()
  }

  /// Squashes the picture to the network's size, 8 bits a channel, and takes its lightness.
  private func see(_ team: Team, _ progress: Progress) throws(ColorizeError) {
    if samplesPoints {
      try seePoints(team, progress)
      return
    }
    let kernels = model.compiled.kernels
    let resampler = try Resampler(
      picture, width: width, height: height, filter: mergesRGB ? .bilinear : .bicubic,
      kernels: kernels, workers: team.size)
    let small = try Memory<UInt8>(count: width * height * resampler.channels)
    try team.run(resampler.bands, atOnce: team.size, progress.report) { band, worker in
      resampler.run(band: band, worker: worker, into: small.start, team)
    }
    // The release of a network of red, green and blue shows it Pillow's gray.
    var channels = resampler.channels
    if mergesRGB, channels == 3 {
      for pixel in 0..<(width * height) {
        small.start[pixel] = YUV.gray(small.start + 3 * pixel)
      }
      channels = 1
    }
    let table = try LuminanceTable()
    team.run(height) { y, _ in
      table.lightness(
        small.start + y * width * channels, channels: channels, count: width,
        into: lightness.start + y * width, kernels: kernels)
    }
    try team.throwIfInterrupted()
  }

  /// Writes the network's input: the lightness, and hints if there are some.
  func feed(_ hints: RasterisedHints?, to input: Activation, _ team: Team) {
    let offset = model.information.maskConvention.offset
    let form = model.network.input
    team.run(height) { y, _ in
      for pixel in (y * width)..<((y + 1) * width) {
        let target = input.start + pixel * input.stride
        form.write(lightness: lightness.start[pixel], maskOffset: offset, to: target)
        guard let hints else { continue }
        InputForm.add(
          a: hints.a.start[pixel], b: hints.b.start[pixel], mask: hints.mask.start[pixel],
          to: target)
      }
    }
  }

  /// The hints of a run at the network's size; nil if there are none.
  func hints(_ options: RunOptions, _ team: Team) throws(ColorizeError) -> RasterisedHints? {
    guard !options.hints.isEmpty else { return nil }
    guard model.information.takesHints else {
      throw .invalidArgument(
        "there are hints, and the network \(model.information.architecture) takes none")
    }
    return try options.hints.rasterised(
      width: picture.width, height: picture.height, networkWidth: width, networkHeight: height,
      team)
  }
}
