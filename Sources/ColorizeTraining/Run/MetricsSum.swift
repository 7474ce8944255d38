// What a run's metrics say of its steps.

import ColorizeCore

extension StepReport {
  /// The columns of what is averaged over the steps of a row.
  fileprivate static let figures = [
    "loss", "classification", "regression", "map", "pooled", "gradient_norm",
  ]

  fileprivate var figures: [Double] {
    [loss, parts.classification, parts.regression, parts.map, parts.pooled, gradientNorm]
  }

  /// Whether the weights can still be numbers.
  package var isFinite: Bool { loss.isFinite && gradientNorm.isFinite }
}

extension LossWeights {
  /// The columns of the loss and of the parts that it has, if it has several.
  package var columns: [String] {
    let parts = [
      ("classification", classification), ("regression", regression), ("map", map),
      ("pooled", pooled),
    ].filter { $0.1 > 0 }
    return ["loss"] + (parts.count > 1 ? parts.map(\.0) : [])
  }
}

/// What the steps since the last row of the metrics add up to.
package struct MetricsSum {
  /// Of the metrics.
  package static let columns =
    ["step", "images", "seconds", "images_per_second", "learning_rate"] + StepReport.figures

  private var steps = 0
  private var seconds = 0.0
  /// Of each figure of a step's report.
  private var sums = [Double](repeating: 0, count: StepReport.figures.count)

  /// Three centuries: of what a run's clock can say and a checkpoint may.
  static let maximumSeconds = 1e10

  package init() {}

  /// - Parameter seconds: how long the step took.
  package mutating func add(_ report: StepReport, seconds: Double) {
    steps += 1
    self.seconds += seconds
    for (index, value) in report.figures.enumerated() { sums[index] += value }
  }

  /// Mean of the steps' losses, as the row will have it.
  package var loss: Double { sums[0] / Double(max(steps, 1)) }

  /// The row: means.
  ///
  /// - Parameters:
  ///   - report: of the last step.
  ///   - seconds: since the run was begun.
  package func row(_ report: StepReport, batch: Int, seconds: Double) -> [String] {
    let speed = Double(steps * batch) / max(self.seconds, 1e-9)
    return [
      "\(report.step)", "\(report.step * batch)", Self.rounded(seconds), Self.rounded(speed),
      "\(report.learningRate)",
    ] + sums.map { "\(Float($0 / Double(max(steps, 1))))" }
  }

  /// With two digits behind the point.
  private static func rounded(_ value: Double) -> String { "\((value * 100).rounded() / 100)" }

  /// As a checkpoint notes it: every bit of it.
  package var text: String {
    ([Double(steps), seconds] + sums).map { "\($0)" }.joined(separator: " ")
  }

  package init?(_ text: String) {
    let numbers = text.parts(at: " ").compactMap { Double($0) }
    guard numbers.count == 2 + sums.count, numbers.allSatisfy(\.isFinite),
      let steps = Int(exactly: numbers[0]), (0...Recipe.stepBounds.upperBound).contains(steps),
      (0...Self.maximumSeconds).contains(numbers[1])
    else { return nil }
    self.steps = steps
    seconds = numbers[1]
    sums = Array(numbers[2...])
  }
}
