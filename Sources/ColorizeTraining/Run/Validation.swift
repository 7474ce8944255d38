// How good a network in training is on pictures that it does not learn from, by the figures of
// `libcolorize evaluate`.

import ColorizeCore

/// The same pictures again and again, while the weights change.
package struct Validation {
  package static let columns = [
    "step", "auc", "rebalanced_auc", "psnr", "ciede2000", "chroma", "colorfulness",
  ]
  /// More would take longer than what they tell is worth.
  private static let maximumPictures = 200

  private let part: PicturePart
  private let side: Int
  private let team: Team

  /// - Parameter side: of the network's input.
  package init(_ part: PicturePart, side: Int, team: Team) {
    self.part = part
    self.side = side
    self.team = team
  }

  /// The row about a step. Pictures that cannot be read are left out.
  package func row(_ step: Int, _ model: Model) throws(ColorizeError) -> [String] {
    var options = RunOptions()
    options.threads = team.size
    let coloring = ModelColoring(model: model, options: options, saturation: 1)
    let weights = try RebalancingWeights(prior: ImageNetPrior.probabilities)
    let reader = try PictureReader(part.set)
    let count = min(part.count, Self.maximumPictures)
    var sums = FigureSums()
    for index in 0..<count {
      let picture: DecodedPicture
      do throws(ColorizeError) {
        // A JPEG is read at two to four times the network's size: the network's colors are not finer.
        picture = try reader.read(part[index * part.count / count], shorterSide: 2 * side)
      } catch .invalidArgument {
        continue
      }
      let truth = try picture.view
      let colors = try coloring.colors(of: truth, side: side, hints: nil, team)
      sums.add(try Comparison(truth: truth, weights: weights, team: team).sums(of: .ab(colors)))
    }
    guard let figures = sums.figures else {
      throw .invalidArgument("none of \(count) pictures to validate with can be read")
    }
    let values = [
      figures.auc, figures.rebalancedAUC, figures.psnr, figures.ciede2000, figures.chroma,
      figures.colorfulness,
    ]
    return ["\(step)"] + values.map { "\($0)" }
  }
}
