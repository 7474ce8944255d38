// What a network says of a picture besides its colors: which colors a pixel may have, and how sure it is
// (Zhang et al. 2017, section 3.3).

import Glibc

/// A color that a pixel may have.
package struct Suggestion: BitwiseCopyable, Sendable {
  /// Of the bins around it.
  package let probability: Float
  /// In the gamut of sRGB at the pixel's lightness.
  package let color: LabColor
  /// The same, sRGB-encoded.
  package let rgb: SIMD3<Double>
}

extension Session {
  /// The most plausible colors at some places.
  ///
  /// - Parameters:
  ///   - points: in pixels from the picture's left and upper edge, `[count]`.
  ///   - colors: for each point.
  ///   - body: called in the points' order when all is done: `colors` suggestions at most, most
  ///     probable first.
  package func suggest(
    at points: UnsafeBufferPointer<SIMD2<Float>>, colors: Int, options: RunOptions,
    _ body: (_ point: Int, _ suggestions: UnsafeBufferPointer<Suggestion>) -> Void
  ) throws(ColorizeError) {
    for (index, point) in points.enumerated() {
      for (name, value, most) in [("x", point.x, picture.width), ("y", point.y, picture.height)] {
        guard value >= 0, value <= Float(most) else {
          throw .invalidArgument("points[\(index)].\(name) is \(value); it must be 0 to \(most)")
        }
      }
    }
    try distribution(options, rest: 0) {
      (probabilities, shape, team, progress) throws(ColorizeError) in
      let cells = shape.height * shape.width
      let found = try Memory<Suggestion>(count: points.count * colors)
      let counts = try Memory<Int>(count: points.count)
      for (index, point) in points.enumerated() {
        let column = Self.cell(point.x, picture.width, of: shape.width)
        let row = Self.cell(point.y, picture.height, of: shape.height)
        let place = probabilities.start + row * shape.width + column
        var groups = BinGroups(model.bins, colors) { place[$0 * cells] }.groups
        groups.sort { $0.probability > $1.probability }
        counts.start[index] = groups.count
        let lightness = picture.lightness(
          Int(point.x, within: 0...(picture.width - 1)),
          Int(point.y, within: 0...(picture.height - 1)))
        for (number, group) in groups.enumerated() {
          let color = LabColor(
            lightness: lightness, a: Double(group.centre.x), b: Double(group.centre.y)
          ).broughtIntoGamut
          found.start[index * colors + number] = Suggestion(
            probability: group.probability, color: color, rgb: color.rgb)
        }
        try team.pause()
      }
      try progress.finish()
      for index in points.indices {
        body(
          index,
          UnsafeBufferPointer(start: found.start + index * colors, count: counts.start[index]))
      }
    }
  }

  /// What a pixel of confidence costs, in the time of a multiply-add.
  private static let costOfConfidence: Float = 1000
  /// Between two reports of progress: some milliseconds.
  private static let pixelsAtOnce = 1 << 20

  /// How sure the network is, 0 to 1: 1 - entropy / log(bins), bilinear at the picture's size.
  ///
  /// - Parameters:
  ///   - confidence: out, `[height, width]`.
  ///   - stride: from one row to the next one, in floats.
  package func confidence(
    options: RunOptions, into confidence: UnsafeMutablePointer<Float>, stride: Int
  ) throws(ColorizeError) {
    let pixels = Float(picture.width) * Float(picture.height)
    try distribution(options, rest: pixels * Self.costOfConfidence) {
      (probabilities, shape, team, progress) throws(ColorizeError) in
      let cells = shape.height * shape.width
      let small = try Memory<Float>(count: cells)
      let most = log(Float(model.bins.count))
      team.run(shape.height) { y, _ in
        for cell in (y * shape.width)..<((y + 1) * shape.width) {
          var entropy: Float = 0
          for bin in 0..<model.bins.count {
            let probability = probabilities.start[bin * cells + cell]
            if probability > 0 { entropy -= probability * log(probability) }
          }
          small.start[cell] = min(max(1 - entropy / most, 0), 1)
        }
      }
      try team.throwIfInterrupted()
      let rows = BilinearAxis(from: shape.height, to: picture.height)
      let columns = BilinearAxis(from: shape.width, to: picture.width)
      let rowsAtOnce = max(Self.pixelsAtOnce / picture.width, 1)
      try team.run(picture.height, atOnce: rowsAtOnce, progress.report) { y, _ in
        let row = rows[y]
        let upper = small.start + row.first * shape.width
        let lower = small.start + row.second * shape.width
        for x in 0..<picture.width {
          let column = columns[x]
          let left = upper[column.first] + (lower[column.first] - upper[column.first]) * row.share
          let right =
            upper[column.second] + (lower[column.second] - upper[column.second]) * row.share
          confidence[y * stride + x] = left + (right - left) * column.share
        }
      }
      try progress.finish()
    }
  }

  /// Runs the network to the probabilities of its bins.
  ///
  /// - Parameters:
  ///   - rest: what comes behind the network costs, in the time of a multiply-add.
  ///   - body: gets `[bins, height, width]` and who ran the network, and finishes the progress.
  private func distribution(
    _ options: RunOptions, rest: Float,
    _ body: (
      _ probabilities: Memory<Float>, _ shape: Shape, _ team: Team, _ progress: Progress
    ) throws(ColorizeError) -> Void
  ) throws(ColorizeError) {
    try options.validate()
    let team = Team(threads: options.threads)
    let reader = ColorReader(model, temperature: options.temperature ?? 1, team)
    let progress = Progress(
      stages: [Float(width * height) * model.costOfPixel, rest], callback: options.progress, team)
    try model.withPlan(.distribution, height: height, width: width, team) {
      (plan, workspace) throws(ColorizeError) in
      feed(try hints(options, team), to: plan.input(workspace), team)
      try plan.run(workspace, team, progress: progress.report)
      let logits = plan.output(workspace)
      let probabilities = try Memory<Float>(count: model.bins.count * logits.pixels)
      // The first row is in as many pages as there are bins.
      probabilities.fetch(team)
      try reader.distribution(logits, into: probabilities.start, commit: team.throwIfInterrupted)
      progress.nextStage()
      try body(probabilities, logits.shape, team, progress)
    }
  }

  private static func cell(_ place: Float, _ side: Int, of cells: Int) -> Int {
    Int(Double(place) * Double(cells) / Double(side), within: 0...(cells - 1))
  }
}

/// A distribution over the bins in groups, each around a peak.
private struct BinGroups {
  struct Group {
    let probability: Float
    let centre: SIMD2<Float>
  }

  /// Peaks are no nearer to each other, and what is no farther from one makes its color: two bins.
  private static let distance: Float = 20
  /// A peak that is lower is none.
  private static let leastProbability: Float = 1e-4

  private(set) var groups: [Group] = []

  /// - Parameter most: how many groups.
  init(_ bins: BinCentres, _ most: Int, _ probability: (Int) -> Float) {
    func centre(_ bin: Int) -> SIMD2<Float> { SIMD2(bins.a[bin], bins.b[bin]) }
    func distance(_ first: SIMD2<Float>, _ second: SIMD2<Float>) -> Float {
      ((first - second) * (first - second)).sum().squareRoot()
    }
    var peaks: [SIMD2<Float>] = []
    /// The bins that are no peaks, since they are too improbable or too near to one.
    var isOut = (0..<bins.count).map { probability($0) <= Self.leastProbability }
    while peaks.count < most {
      var best = -1
      for bin in 0..<bins.count where !isOut[bin] {
        if best < 0 || probability(bin) > probability(best) { best = bin }
      }
      guard best >= 0 else { break }
      let peak = centre(best)
      peaks.append(peak)
      for bin in 0..<bins.count where distance(peak, centre(bin)) < Self.distance {
        isOut[bin] = true
      }
    }
    var sums = [(all: Float, near: Float, color: SIMD2<Float>)](
      repeating: (0, 0, .zero), count: peaks.count)
    guard !peaks.isEmpty else { return }
    for bin in 0..<bins.count {
      let place = centre(bin)
      var nearest = 0
      for peak in peaks.indices
      where distance(peaks[peak], place) < distance(peaks[nearest], place) {
        nearest = peak
      }
      sums[nearest].all += probability(bin)
      guard distance(peaks[nearest], place) <= Self.distance else { continue }
      sums[nearest].near += probability(bin)
      sums[nearest].color += probability(bin) * place
    }
    groups = sums.map { Group(probability: $0.all, centre: $0.color / $0.near) }
  }
}

extension ImageView {
  /// L of CIE Lab of one pixel.
  fileprivate func lightness(_ x: Int, _ y: Int) -> Double {
    let pixel = pixel(x, y)
    return LabColor(rgb: SIMD3(pixel.x, pixel.y, pixel.z)).lightness
  }
}
