// Colors that stay: those of the frames before, carried along the motion and averaged with the network's of this one.
//
// A place's history is its color, the lightness that it was seen with, and the number of frames that these are a mean of.
// Lightness is carried and averaged exactly as colors are. So where what was carried no longer looks like the frame,
// because something was uncovered, because motion was not found, because it blurred on its way or is fading into another
// picture, its colors are not trusted any more either: the fewer frames it counts as, the sooner the network's colors
// take its place.

import Glibc

/// What is known of a place: lightness L, a and b.
typealias PlaceHistory = SIMD3<Float>

/// The history at the places of a frame.
struct History {
  let width: Int
  let height: Int
  /// `[height, width]`.
  let places: Memory<PlaceHistory>
  /// `[height, width]`.
  let trends: Memory<PlaceTrend>

  init(width: Int, height: Int) throws(ColorizeError) {
    self.width = width
    self.height = height
    places = try Memory(count: width * height)
    trends = try Memory(count: width * height)
  }
}

/// How the network's color of a place has been changing.
struct PlaceTrend: BitwiseCopyable {
  /// Of how many frames the history is a mean.
  var frames: Float = 0
  /// What the network's colors lately differed by from those that were carried: the mean of a and b, which is small where
  /// they only flicker, and the mean of the distances.
  var drift = SIMD2<Float>.zero
  var distance: Float = 0

  /// The share of a new difference in these means.
  private static let newShare: Float = 0.0833
  /// What part of the distances drift is, where colors flicker and do not drift.
  private static let flickering: Float = 0.5
  /// The share of the network's color where they only drift.
  private static let drifting: Float = 0.25
  /// Smaller differences, in ab, are not worth following.
  private static let smallest: Float = 0.5

  /// What is left of it where the history is believed so far.
  func kept(_ share: Float) -> PlaceTrend {
    PlaceTrend(frames: frames * share, drift: drift * share, distance: distance * share)
  }

  /// Takes note of one more frame. A mean of many frames comes late where colors change for good: then it takes more of the
  /// new, as the tracking signal of Trigg and Leach ("Exponential smoothing with an adaptive response rate", 1967) says.
  ///
  /// - Returns: the share of the network's color.
  mutating func follow(_ difference: SIMD2<Float>, steadiness: Float) -> Float {
    let length = (difference * difference).sum().squareRoot()
    drift += Self.newShare * (difference - drift)
    distance += Self.newShare * (length - distance)
    let usual = 1 / (min(frames, steadiness - 1) + 1)
    // Of few frames nothing can be said.
    let certainty = min(frames * Self.newShare, 1)
    let signal = (drift * drift).sum().squareRoot() / max(distance, Self.smallest)
    let excess = max(signal * certainty - Self.flickering, 0) / (1 - Self.flickering)
    let share = max(usual, Self.drifting * min(excess, 1))
    frames = 1 / share
    return share
  }
}

/// The history of a frame's predecessor, moved to where its things are now.
struct CarriedHistory {
  /// The difference of L, beyond noise, at which what was carried counts exp(-1) of what it did.
  private static let tolerance: Float = 3
  /// The difference of L that is noise.
  private static let noise: Float = 1
  /// How much brighter or darker, as f of Lab, a whole frame may become without being another one.
  private static let exposure: ClosedRange<Float> = 0.75...1.3333
  /// A frame begins a shot where the details of it and of the frame before correlate less than this...
  private static let correlation: Float = 0.4
  /// ...and where at least this share of it does not look like what was carried there.
  private static let lostShare: Float = 0.4

  let history: History
  /// By place: how much of the history is believed, 0 to 1.
  let agreement: Memory<Float>
  /// The mean of the agreement.
  let meanAgreement: Float
  /// The share of the places whose history is believed by less than half.
  let lost: Float
  /// Whether the frame begins a shot.
  let isCut: Bool

  /// Carries `history` along `motion`.
  ///
  /// - Parameters:
  ///   - frame, before: what motion was found in.
  ///   - lightness: of the places, `[history.height, history.width]`.
  init(
    _ history: History, along motion: Motion, frame: LightnessPyramid.Level,
    before: LightnessPyramid.Level, lightness: Memory<Float>, _ team: Team
  ) throws(ColorizeError) {
    let (width, height) = (history.width, history.height)
    let carried = try History(width: width, height: height)
    let scale = SIMD2(
      Float(frame.width) / Float(width), Float(frame.height) / Float(height))
    team.run(height) { y, _ in
      for x in 0..<width {
        let center = SIMD2(Float(x) + 0.5, Float(y) + 0.5)
        let shift = motion.at(x: center.x * scale.x, y: center.y * scale.y) / scale
        let place = center + shift
        carried.places.start[y * width + x] = Self.sample(history, place)
        let isInside =
          place.x >= 0 && place.y >= 0 && place.x <= Float(width) && place.y <= Float(height)
        let nearest =
          Int(place.y, within: 0...(height - 1)) * width + Int(place.x, within: 0...(width - 1))
        carried.trends.start[y * width + x] =
          isInside ? history.trends.start[nearest] : PlaceTrend()
      }
    }
    try team.throwIfInterrupted()
    let exposure = try Self.exposure(carried, lightness, team)
    let difference = try Memory<Float>(count: width * height)
    team.run(height) { y, _ in
      for place in (y * width)..<((y + 1) * width) {
        // L is 116 f - 16, and f of what is k times as bright is the cube root of k times what it was.
        let seen = (carried.places.start[place].x + 16) * exposure - 16
        carried.places.start[place].x = seen
        difference.start[place] = (lightness.start[place] - seen).magnitude
      }
    }
    try team.throwIfInterrupted()
    let agreement = try Memory<Float>(count: width * height)
    let rows = try Memory<SIMD2<Float>>(count: height)
    team.run(height) { y, _ in
      var sum = SIMD2<Float>.zero
      for x in 0..<width {
        let place = y * width + x
        let around = Self.mean(difference.start, x, y, width, height)
        let excess = max(around - Self.noise, 0) / Self.tolerance
        let isKnown = carried.trends.start[place].frames > 0
        let share = isKnown ? exp(-excess * excess) : 0
        agreement.start[place] = share
        sum += SIMD2(share, share < 0.5 ? 1 : 0)
      }
      rows.start[y] = sum
    }
    try team.throwIfInterrupted()
    var sum = SIMD2<Float>.zero
    for y in 0..<height { sum += rows.start[y] }
    sum /= Float(width * height)
    meanAgreement = sum.x
    lost = sum.y
    isCut =
      if lost >= Self.lostShare {
        try Self.correlation(frame, before, motion, team) < Self.correlation
      } else { false }
    self.history = carried
    self.agreement = agreement
  }

  /// The history between places, by Catmull and Rom's cubic, which blurs less than a bilinear one does; kept within the
  /// four places around. Outside of the frame it is that of the border.
  private static func sample(_ history: History, _ place: SIMD2<Float>) -> PlaceHistory {
    let (width, height) = (history.width, history.height)
    let x = min(max(place.x, 0), Float(width)) - 0.5
    let y = min(max(place.y, 0), Float(height)) - 0.5
    let left = x.rounded(.down)
    let top = y.rounded(.down)
    let column = Int(left, within: -1...(width - 1))
    let row = Int(top, within: -1...(height - 1))
    let across = weights(x - left)
    let down = weights(y - top)
    let places = history.places.start
    let columns = SIMD4(
      Int32(max(column - 1, 0)), Int32(max(column, 0)), Int32(min(column + 1, width - 1)),
      Int32(min(column + 2, width - 1)))
    func line(_ row: Int) -> (PlaceHistory, PlaceHistory, PlaceHistory, PlaceHistory) {
      let start = places + min(max(row, 0), height - 1) * width
      return (
        start[Int(columns.x)], start[Int(columns.y)], start[Int(columns.z)], start[Int(columns.w)]
      )
    }
    func between(_ line: (PlaceHistory, PlaceHistory, PlaceHistory, PlaceHistory)) -> PlaceHistory {
      across.x * line.0 + across.y * line.1 + across.z * line.2 + across.w * line.3
    }
    let upper = line(row)
    let lower = line(row + 1)
    let sum =
      down.x * between(line(row - 1)) + down.y * between(upper) + down.z * between(lower)
      + down.w * between(line(row + 2))
    let least = smaller(smaller(upper.1, upper.2), smaller(lower.1, lower.2))
    let most = larger(larger(upper.1, upper.2), larger(lower.1, lower.2))
    return smaller(larger(sum, least), most)
  }

  // The standard library's pointwiseMin and pointwiseMax go through their numbers one by one.
  private static func smaller(_ a: PlaceHistory, _ b: PlaceHistory) -> PlaceHistory {
    a.replacing(with: b, where: b .< a)
  }

  private static func larger(_ a: PlaceHistory, _ b: PlaceHistory) -> PlaceHistory {
    a.replacing(with: b, where: b .> a)
  }

  private static func weights(_ t: Float) -> SIMD4<Float> {
    SIMD4(
      ((2 - t) * t - 1) * t, (3 * t - 5) * t * t + 2, ((4 - 3 * t) * t + 1) * t,
      (t - 1) * t * t) / 2
  }

  /// The median of how much brighter f of Lab has become.
  private static func exposure(_ carried: History, _ lightness: Memory<Float>, _ team: Team)
    throws(ColorizeError) -> Float
  {
    let bins = 512
    let (width, height) = (carried.width, carried.height)
    let counts = try Memory<Int32>(count: team.size * bins)
    counts.fill(0)
    let range = exposure
    let size = (range.upperBound - range.lowerBound) / Float(bins)
    team.run(height) { y, worker in
      let counts = counts.start + worker * bins
      for place in (y * width)..<((y + 1) * width) where carried.trends.start[place].frames > 0 {
        let ratio = (lightness.start[place] + 16) / (carried.places.start[place].x + 16)
        counts[Int((ratio - range.lowerBound) / size, within: 0...(bins - 1))] += 1
      }
    }
    try team.throwIfInterrupted()
    var sums = [Int](repeating: 0, count: bins)
    for index in 0..<counts.count { sums[index % bins] += Int(counts.start[index]) }
    let half = sums.reduce(0, +) / 2
    guard half > 0 else { return 1 }
    var below = 0
    var bin = 0
    while below + sums[bin] <= half {
      below += sums[bin]
      bin += 1
    }
    let share = Float(half - below) / Float(sums[bin])
    let ratio = range.lowerBound + (Float(bin) + share) * size
    // Within a bin of 1 it is the rounding of the bins.
    return (ratio - 1).magnitude < size ? 1 : ratio
  }

  /// Of the 5x5 places around one.
  private static func mean(
    _ values: UnsafePointer<Float>, _ x: Int, _ y: Int, _ width: Int, _ height: Int
  ) -> Float {
    let rows = max(y - 2, 0)...min(y + 2, height - 1)
    let columns = max(x - 2, 0)...min(x + 2, width - 1)
    var sum: Float = 0
    for row in rows { for column in columns { sum += values[row * width + column] } }
    return sum / Float(rows.count * columns.count)
  }

  /// How alike the details of a frame and of what was carried to it are, -1 to 1: the correlation of what is left of
  /// lightness without its mean around.
  private static func correlation(
    _ frame: LightnessPyramid.Level, _ before: LightnessPyramid.Level, _ motion: Motion,
    _ team: Team
  ) throws(ColorizeError) -> Float {
    let (width, height) = (frame.width, frame.height)
    let moved = try Memory<Float>(count: width * height)
    let own = try Memory<Float>(count: width * height)
    team.run(height) { y, _ in
      own.start.advanced(by: y * width).update(from: frame.row(y), count: width)
      for x in 0..<width {
        let shift = motion.at(x: Float(x) + 0.5, y: Float(y) + 0.5)
        let column = Int(Float(x) + shift.x + 0.5, within: 0...(width - 1))
        let row = Int(Float(y) + shift.y + 0.5, within: 0...(height - 1))
        moved.start[y * width + x] = before.row(row)[column]
      }
    }
    try team.throwIfInterrupted()
    let rows = try Memory<SIMD4<Float>>(count: height)
    team.run(height) { y, _ in
      var sum = SIMD4<Float>.zero
      for x in 0..<width {
        let place = y * width + x
        let here = own.start[place] - mean(own.start, x, y, width, height)
        let there = moved.start[place] - mean(moved.start, x, y, width, height)
        sum += SIMD4(here * there, here * here, there * there, 0)
      }
      rows.start[y] = sum
    }
    try team.throwIfInterrupted()
    var sum = SIMD4<Float>.zero
    for y in 0..<height { sum += rows.start[y] }
    // A frame without details is like any other.
    let size = (sum.y * sum.z).squareRoot()
    return size > Float(width * height) * 0.01 ? sum.x / size : 1
  }

  /// Averages what was carried with the network's colors.
  ///
  /// - Parameters:
  ///   - ab: the network's, `[2, height, width]`; in place, to what the frame has.
  ///   - lightness: as for `init`.
  ///   - steadiness: the most frames that a color is the mean of.
  ///   - changed: by place, how much the caller has changed the network's colors, 0 to 1; nil: nowhere.
  func mix(
    _ ab: UnsafeMutablePointer<Float>, lightness: Memory<Float>, steadiness: Float,
    changed: Memory<Float>?, _ team: Team
  ) throws(ColorizeError) -> History {
    let (width, height) = (history.width, history.height)
    let result = try History(width: width, height: height)
    team.run(height) { y, _ in
      for place in (y * width)..<((y + 1) * width) {
        let was = history.places.start[place]
        let kept = agreement.start[place] * (1 - (changed?.start[place] ?? 0))
        var trend = history.trends.start[place].kept(kept)
        let now = PlaceHistory(lightness.start[place], ab[place], ab[width * height + place])
        let share = trend.follow(
          SIMD2(now.y - was.y, now.z - was.z), steadiness: steadiness)
        result.trends.start[place] = trend
        result.places.start[place] = now
        // What is wholly new is not touched by what was before, not even by its rounding.
        guard share < 1 else { continue }
        let mixed = was + share * (now - was)
        result.places.start[place] = mixed
        ab[place] = mixed.y
        ab[width * height + place] = mixed.z
      }
    }
    try team.throwIfInterrupted()
    return result
  }

  /// Colors of a frame without the network's.
  ///
  /// - Parameter ab: out, `[2, height, width]`.
  func colors(into ab: UnsafeMutablePointer<Float>, _ team: Team) throws(ColorizeError) -> History {
    let (width, height) = (history.width, history.height)
    let result = try History(width: width, height: height)
    team.run(height) { y, _ in
      for place in (y * width)..<((y + 1) * width) {
        let was = history.places.start[place]
        ab[place] = was.y
        ab[width * height + place] = was.z
        result.places.start[place] = was
        // Where it is not believed the next key frame's colors take its place.
        result.trends.start[place] = history.trends.start[place].kept(agreement.start[place])
      }
    }
    try team.throwIfInterrupted()
    return result
  }
}

extension History {
  /// The history of the first frame of a shot.
  init(
    first ab: UnsafePointer<Float>, lightness: Memory<Float>, width: Int, height: Int, _ team: Team
  ) throws(ColorizeError) {
    try self.init(width: width, height: height)
    let (places, trends) = (places, trends)
    team.run(height) { y, _ in
      for place in (y * width)..<((y + 1) * width) {
        places.start[place] = PlaceHistory(
          lightness.start[place], ab[place], ab[width * height + place])
        trends.start[place] = PlaceTrend(frames: 1)
      }
    }
    try team.throwIfInterrupted()
  }
}
