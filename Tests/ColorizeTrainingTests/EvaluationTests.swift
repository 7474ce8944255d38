// The figures of an evaluation against what scikit-image, SciPy, PyTorch and numpy give for the same
// pictures (Tests/Reference/check_evaluation.py has the formulas, and compares the whole command).

import ColorizeCore
import ColorizeTraining
import Testing

/// A picture in memory: uint8 `[height, width, 3]`, of a formula.
private final class FormulaPicture {
  let memory: Memory<UInt8>
  let view: ImageView

  init(width: Int, height: Int, number: Int) throws {
    memory = try Memory(count: 3 * width * height)
    for y in 0..<height {
      for x in 0..<width {
        let pixel = memory.start + 3 * (y * width + x)
        pixel[0] = UInt8((x * 37 + y * 11 + number * 50) % 256)
        pixel[1] = UInt8((x * 13 + y * 59 + number * 91) % 256)
        pixel[2] = UInt8((x * 71 + y * 29 + number * 17) % 256)
      }
    }
    view = try ImageView(
      pixels: memory.start, rowBytes: 3 * width, width: width, height: height, format: .rgb8)
  }
}

@Suite struct EvaluationTests {
  /// More rows than a thread sums up at a time, and not a multiple of them.
  private let truth: FormulaPicture
  private let other: FormulaPicture
  private let weights: RebalancingWeights
  /// They overlap nothing, and cover rows in which nothing is left.
  private let known = [Patch(rows: 3..<9, columns: 2..<8), Patch(rows: 20..<37, columns: 0..<9)]

  init() throws {
    weights = try RebalancingWeights(prior: ImageNetPrior.probabilities)
    truth = try FormulaPicture(width: 9, height: 37, number: 0)
    other = try FormulaPicture(width: 9, height: 37, number: 1)
  }

  private func colors() throws -> PredictedColors {
    let ab = try Memory<Float>(count: 8)
    for (index, value) in [-30, 60, 10, 35, 20, -5, -40, 70].enumerated() {
      ab.start[index] = Float(value)
    }
    return PredictedColors(ab: ab, shape: Shape(channels: 2, height: 2, width: 2))
  }

  private func figures(
    _ coloring: Coloring, known: [Patch], threads: Int = 1
  ) throws -> [Double] {
    let comparison = try Comparison(
      truth: truth.view, weights: weights, known: known, team: Team(threads: threads))
    var sums = FigureSums()
    #expect(sums.figures == nil)
    sums.add(try comparison.sums(of: coloring))
    let figures = try #require(sums.figures)
    return [
      figures.auc, figures.rebalancedAUC, figures.psnr, figures.ciede2000, figures.chroma,
      figures.colorfulness,
    ]
  }

  /// Relative. Everything is float64; scikit-image encodes colors and decodes them again, and the bend
  /// of sRGB's curve is not at quite the same place in both.
  private func expect(
    _ figures: [Double], _ expected: [Double], within bound: Double = 1e-8,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(figures.count == expected.count, sourceLocation: sourceLocation)
    for (figure, wanted) in zip(figures, expected) {
      #expect(abs(figure - wanted) <= bound * abs(wanted), sourceLocation: sourceLocation)
    }
  }

  @Test func figuresOfGrayAreScikitImages() throws {
    expect(
      try figures(.gray, known: []),
      [
        62.54797844201817, 39.11073270715375, 11.588840239682936, 24.233888801716137, 0,
        0.003471213250435303,
      ])
    expect(
      try figures(.gray, known: known),
      [
        62.9047093451067, 44.37186312873902, 11.866096962058725, 24.034792578372688, 0,
        0.0033685143217099082,
      ])
  }

  @Test func figuresOfAPictureAreScikitImages() throws {
    expect(
      try figures(.picture(other.view), known: []),
      [
        49.289024123461225, 36.62935435295632, 8.37878260557747, 47.32711955973381,
        57.64927918265513, 138.37360940591137,
      ])
    expect(
      try figures(.picture(other.view), known: known),
      [
        49.747056659308306, 51.35618202307377, 8.533430996973445, 46.88884122385778,
        57.199688243542745, 136.20759172964807,
      ])
  }

  /// ab is enlarged in float32 here: 1e-7 of it, and a few such.
  @Test func figuresOfColorsAreScikitImages() throws {
    expect(
      try figures(.ab(try colors()), known: []),
      [
        55.5157806813436, 36.892168443984474, 10.134278894456536, 33.10123941224048,
        39.561241629634864, 99.30784290292902,
      ], within: 1e-6)
    expect(
      try figures(.ab(try colors()), known: known),
      [
        57.395143487858725, 40.511998492023835, 10.680550233039543, 33.113119829486216,
        34.887652059067136, 89.33039442792585,
      ], within: 1e-6)
  }

  @Test func anyNumberOfThreadsGivesTheSameFigures() throws {
    let one = try figures(.ab(try colors()), known: known)
    for threads in [2, 3, 7] {
      #expect(try figures(.ab(try colors()), known: known, threads: threads) == one)
    }
  }

  /// Pixels are pooled for the areas, and pictures count alike for the others.
  @Test func severalPicturesAreJoined() throws {
    let small = try FormulaPicture(width: 5, height: 4, number: 2)
    let team = Team(threads: 1)
    let first = try Comparison(truth: truth.view, weights: weights, team: team).sums(of: .gray)
    let second = try Comparison(truth: small.view, weights: weights, team: team).sums(of: .gray)
    func figures(_ pictures: [PictureSums]) throws -> Figures {
      var sums = FigureSums()
      for picture in pictures { sums.add(picture) }
      #expect(sums.pictures == pictures.count)
      return try #require(sums.figures)
    }
    let (one, other) = (try figures([first]), try figures([second]))
    let both = try figures([first, second])
    #expect(abs(one.auc - other.auc) > 1 && abs(one.psnr - other.psnr) > 0.1)
    expect([both.auc], [(one.auc * 333 + other.auc * 20) / 353])
    expect(
      [both.psnr, both.ciede2000, both.colorfulness],
      [
        (one.psnr + other.psnr) / 2, (one.ciede2000 + other.ciede2000) / 2,
        (one.colorfulness + other.colorfulness) / 2,
      ])
  }

  @Test func thePhotographItselfIsPerfect() throws {
    let figures = try figures(.picture(truth.view), known: [])
    expect([figures[0], figures[1]], [100, 100])
    #expect(figures[2] == .infinity && figures[3] == 0)
  }

  @Test func otherSizesAndNoPixelsAreErrors() throws {
    let wide = try FormulaPicture(width: 10, height: 37, number: 0)
    #expect(
      throws: ColorizeError.invalidArgument("has 10x37 pixels; the photograph has 9x37")
    ) { try figures(.picture(wide.view), known: []) }
    let everything = [Patch(rows: 0..<37, columns: 0..<9)]
    #expect(
      throws: ColorizeError.invalidArgument("the hints leave no pixel of it to compare")
    ) { try figures(.gray, known: everything) }
  }

  @Test func theNearestBinIsFound() {
    let nearestBin = NearestBin()
    var outside = 0
    for a in stride(from: -133.3, through: 133.3, by: 3.7) {
      for b in stride(from: -133.1, through: 133.1, by: 3.7) {
        let distances = Gamut.centres.map { hypotenuse(Double($0.x) - a, Double($0.y) - b) }
        let nearest = nearestBin(a: a, b: b)
        #expect(distances[nearest] == distances.min())
        if distances[nearest] > 7.1 { outside += 1 }
      }
    }
    // Colors that no square of a bin holds.
    #expect(outside > 100)
  }

  @Test func thePriorIsOneOfAllBins() throws {
    var prior = ImageNetPrior.probabilities
    #expect(prior.count == Gamut.centres.count)
    // The release gives float32 numbers of nine digits.
    #expect(abs(prior.reduce(0, +) - 1) < 1e-8)
    prior[1] = 0
    #expect(
      throws: ColorizeError.invalidArgument(
        "the bin (-90, 60) has the prior 0.0; it must be above 0")
    ) { try RebalancingWeights(prior: prior) }
  }

  private func hypotenuse(_ a: Double, _ b: Double) -> Double { (a * a + b * b).squareRoot() }
}

@Suite struct GroundTruthHintsTests {
  @Test func theSamePictureHasTheSamePatches() {
    let hints = GroundTruthHints(count: 20, width: 300, height: 200, picture: 5)
    #expect(hints.patches.count == 20)
    #expect(
      hints.patches == GroundTruthHints(count: 20, width: 300, height: 200, picture: 5).patches)
    let fewer = GroundTruthHints(count: 7, width: 300, height: 200, picture: 5)
    #expect(Array(hints.patches.prefix(7)) == fewer.patches)
    #expect(
      hints.patches != GroundTruthHints(count: 20, width: 300, height: 200, picture: 6).patches)
  }

  /// Of 4,000 places the mean is within 1 % of the side of the middle, and their deviation near a
  /// quarter of the side: a little less, since those beyond the rim are moved to it.
  @Test func patchesLieAroundTheMiddle() {
    let patches = GroundTruthHints(count: 4000, width: 400, height: 200, picture: 0).patches
    #expect(patches.allSatisfy { $0.rows.count == 6 && $0.columns.count == 6 })
    for (places, side) in [
      (patches.map(\.rows.lowerBound), 200.0), (patches.map(\.columns.lowerBound), 400),
    ] {
      let mean = places.reduce(0.0) { $0 + Double($1) } / 4000
      let variance = places.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / 4000
      #expect(abs(mean - (side - 6) / 2) < 0.01 * side)
      #expect(0.21 * side < variance.squareRoot() && variance.squareRoot() < 0.25 * side)
      #expect(places.min() == 0 && places.max() == Int(side) - 6)
    }
  }

  private func rasterised(
    width: Int, height: Int, side: Int
  ) throws -> (GroundTruthHints, ab: Memory<Float>, mask: Memory<Float>) {
    let picture = try FormulaPicture(width: width, height: height, number: 3)
    let hints = GroundTruthHints(count: 1, width: width, height: height, picture: 1)
    let (ab, mask) = try hints.rasterised(truth: picture.view, side: side)
    return (hints, ab, mask)
  }

  /// A patch of 6 pixels is 3 wide for half the size, 24 for four times the size, and never nothing.
  @Test func patchesAreScaledToTheNetwork() throws {
    for (width, height, side, covered) in [
      (64, 64, 64, 36), (64, 64, 32, 9), (64, 64, 256, 576), (64, 128, 64, 18), (960, 960, 32, 1),
    ] {
      let (hints, ab, mask) = try rasterised(width: width, height: height, side: side)
      let known = (0..<mask.count).filter { mask.start[$0] == 1 }
      #expect(known.count == covered)
      let patch = hints.patches[0]
      for pixel in 0..<mask.count {
        guard known.contains(pixel) else {
          #expect(mask.start[pixel] == 0)
          #expect(ab.start[pixel] == 0 && ab.start[mask.count + pixel] == 0)
          continue
        }
        // All have the one color, and are where the patch is.
        #expect(ab.start[pixel] == ab.start[known[0]] && ab.start[pixel] != 0)
        #expect(ab.start[mask.count + pixel] == ab.start[mask.count + known[0]])
        let (y, x) = pixel.quotientAndRemainder(dividingBy: side)
        let row = (Double(y) + 0.5) * Double(height) / Double(side)
        let column = (Double(x) + 0.5) * Double(width) / Double(side)
        let slack = covered == 1 ? Double(width) / Double(side) : 0
        #expect(Double(patch.rows.lowerBound) - slack <= row)
        #expect(row < Double(patch.rows.upperBound) + slack)
        #expect(Double(patch.columns.lowerBound) - slack <= column)
        #expect(column < Double(patch.columns.upperBound) + slack)
      }
    }
  }
}
