// The colors of one picture for another: the distribution of a and b over the picture becomes that of
// a reference (sliced optimal transport; Pitie, Kokaram, Dahyot 2007, "Automated color grading using
// color distribution transfer", without their regraining).
//
// A distribution in the plane is hard to carry over, one along a line is easy: sort both. So ab are
// turned, both coordinates are carried over one by one, ab are turned back, and again with other angles.
// It needs ab only, so it works with every network.

import Glibc

/// Where colors are to go.
struct Palette {
  /// The reference at this side, at most, has colors enough.
  private static let side = 128
  /// Each with two lines at right angles.
  private static let turns = 12
  /// Of a coordinate, from -range to range; a and b of sRGB are within 110, along a line within 156.
  private static let range: Float = 160
  private static let buckets = 640
  /// One piece of work: less than a millisecond.
  private static let pixelsAtOnce = 4096

  /// a and b, `[2, count]`.
  private let ab: Memory<Float>
  /// How much each of them counts, `[count]`; nil: all the same.
  private let weights: Memory<Float>?
  private let count: Int

  /// - Parameter picture: the reference, which has colors.
  init(_ picture: ImageView, kernels: KernelSet, _ team: Team) throws(ColorizeError) {
    guard picture.format.colorChannels == 3 else {
      throw .invalidArgument("the palette's format has no color")
    }
    let width = min(picture.width, Self.side)
    let height = min(picture.height, Self.side)
    count = width * height
    let lab = try Memory<Float>(count: 3 * count)
    weights = try Self.means(picture, width, height, into: lab, team)
    if weights == nil { try Self.resample(picture, width, height, into: lab, kernels, team) }
    Lab.fromRGB(lab.start, into: lab.start, count: count, kernels: kernels)
    ab = try Memory(count: 2 * count)
    for pixel in 0..<count {
      ab.start[pixel] = lab.start[3 * pixel + 1]
      ab.start[count + pixel] = lab.start[3 * pixel + 2]
    }
  }

  /// - Parameter rgb: out, `[height, width, 3]`.
  private static func resample(
    _ picture: ImageView, _ width: Int, _ height: Int, into rgb: Memory<Float>,
    _ kernels: KernelSet, _ team: Team
  ) throws(ColorizeError) {
    let resampler = try Resampler(
      picture, width: width, height: height, kernels: kernels, workers: team.size)
    let small = try Memory<UInt8>(count: width * height * 3)
    team.run(resampler.bands) { band, worker in
      resampler.run(band: band, worker: worker, into: small.start, team)
    }
    try team.throwIfInterrupted()
    for index in 0..<rgb.count { rgb.start[index] = Float(small.start[index]) / 255 }
  }

  /// The means of the picture's cells, in which each pixel counts as much as it can be seen, and returns how much of
  /// each cell can be seen. nil where all of the picture is opaque, or none of it: then alpha means nothing.
  ///
  /// - Parameter rgb: out, `[height, width, 3]`.
  private static func means(
    _ picture: ImageView, _ width: Int, _ height: Int, into rgb: Memory<Float>, _ team: Team
  ) throws(ColorizeError) -> Memory<Float>? {
    guard picture.format.hasAlpha else { return nil }
    let weights = try Memory<Float>(count: width * height)
    team.run(height) { row, worker in
      for column in 0..<width {
        var sum = SIMD4<Double>.zero
        let columns = (column * picture.width / width)..<((column + 1) * picture.width / width)
        let rows = (row * picture.height / height)..<((row + 1) * picture.height / height)
        for y in rows {
          for x in columns {
            let pixel = picture.pixel(x, y)
            sum += SIMD4(pixel.x * pixel.w, pixel.y * pixel.w, pixel.z * pixel.w, pixel.w)
          }
          if team.isStopping(worker) { return }
        }
        let cell = row * width + column
        weights.start[cell] = Float(sum.w / Double(rows.count * columns.count))
        let mean = sum.w > 0 ? sum / sum.w : .zero
        for channel in 0..<3 { rgb.start[3 * cell + channel] = Float(mean[channel]) }
      }
    }
    try team.throwIfInterrupted()
    let seen = (0..<weights.count).reduce(into: Float(0)) { $0 += weights.start[$1] }
    return seen == 0 || seen == Float(weights.count) ? nil : weights
  }

  /// Gives colors the reference's distribution.
  ///
  /// - Parameters:
  ///   - colors: `[2, count]`, in place.
  ///   - strength: 0 leaves them as they are, 1 takes them all the way.
  ///   - team: shares the work, and is asked whether to stop.
  func apply(to colors: Memory<Float>, strength: Float, _ team: Team) throws(ColorizeError) {
    let pixels = colors.count / 2
    let moved = try Memory<Float>(count: colors.count)
    moved.fetch(team)
    moved.start.update(from: colors.start, count: colors.count)
    let from = try Line(buckets: Self.buckets, range: Self.range)
    let to = try Line(buckets: Self.buckets, range: Self.range)
    for turn in 0..<Self.turns {
      // Between the two lines of one turn lie those of all others.
      let angle = Double(turn) / Double(Self.turns) * .pi / 2
      let (cosine, sine) = (Float(cos(angle)), Float(sin(angle)))
      for (x, y) in [(cosine, sine), (-sine, cosine)] {
        from.count(moved.start, pixels, nil, x, y)
        to.count(ab.start, count, weights, x, y)
        team.run(pixels.pieces(of: Self.pixelsAtOnce)) { piece, _ in
          let first = piece * Self.pixelsAtOnce
          for pixel in first..<min(first + Self.pixelsAtOnce, pixels) {
            let place = moved.start[pixel] * x + moved.start[pixels + pixel] * y
            let step = to.place(ofShare: from.share(at: place)) - place
            moved.start[pixel] += step * x
            moved.start[pixels + pixel] += step * y
          }
        }
        try team.throwIfInterrupted()
      }
    }
    for index in 0..<colors.count {
      colors.start[index] += (moved.start[index] - colors.start[index]) * strength
    }
  }
}

/// The distribution of values along a line.
private struct Line {
  private let range: Float
  private let buckets: Int
  /// The share of the values below the end of each bucket, `[buckets + 1]`, from 0 to 1.
  private let shares: Memory<Float>

  init(buckets: Int, range: Float) throws(ColorizeError) {
    self.range = range
    self.buckets = buckets
    shares = try Memory(count: buckets + 1)
  }

  /// A place in buckets, 0 to `buckets`.
  private func bucket(_ place: Float) -> Float {
    min(max((place + range) / (2 * range), 0), 1) * Float(buckets)
  }

  /// Counts the values `x a + y b`.
  ///
  /// - Parameters:
  ///   - ab: `[2, count]`.
  ///   - weights: how much each counts; nil: all the same.
  func count(
    _ ab: UnsafePointer<Float>, _ count: Int, _ weights: Memory<Float>?, _ x: Float, _ y: Float
  ) {
    shares.fill(0)
    for index in 0..<count {
      let place = bucket(ab[index] * x + ab[count + index] * y)
      let weight = weights?.start[index] ?? 1
      shares.start[Int(place, within: 0...(buckets - 1)) + 1] += weight
    }
    let all = (0...buckets).reduce(into: Float(0)) { $0 += shares.start[$1] }
    var sum: Float = 0
    for index in 0...buckets {
      sum += shares.start[index] / all
      shares.start[index] = min(sum, 1)
    }
    shares.start[buckets] = 1
  }

  func share(at place: Float) -> Float {
    let bucket = bucket(place)
    let index = Int(bucket, within: 0...(buckets - 1))
    let lower = shares.start[index]
    return lower + (shares.start[index + 1] - lower) * (bucket - Float(index))
  }

  func place(ofShare share: Float) -> Float {
    // The first bucket at whose end there are as many.
    var (first, end) = (0, buckets - 1)
    while first < end {
      let middle = (first + end) / 2
      if shares.start[middle + 1] >= share { end = middle } else { first = middle + 1 }
    }
    let lower = shares.start[first]
    let span = shares.start[first + 1] - lower
    let part = span > 0 ? min(max((share - lower) / span, 0), 1) : 0.5
    return (Float(first) + part) / Float(buckets) * 2 * range - range
  }
}
