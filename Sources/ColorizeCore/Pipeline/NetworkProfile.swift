// Where a network's time goes: its steps, each timed and set against what the processor could do.

import CKernelContract

/// The times of a network's steps, as a call of `Colorizer.predict` does them, but for reading the
/// input.
package struct NetworkProfile: Sendable {
  /// One step.
  package struct Step: Sendable {
    /// That of the step's first tensor; empty if it has none.
    package let name: String
    /// A fused addition's other operand has the output's shape.
    package let input: Shape
    package let output: Shape
    package let work: Work
    /// The median.
    package let milliseconds: Double

    /// Two operations for each multiply-add of a direct computation.
    package var directGigaflops: Double { 2 * Double(work.direct) / milliseconds * 1e-6 }
  }

  package let steps: [Step]
  /// All steps as one. Its time is the median of whole runs, not the sum of the steps' medians.
  package let whole: Step
  package let threads: Int
  /// Multiply-adds that one thread does in a second while all that it touches is in the first-level
  /// cache.
  package let peak: Double

  /// Multiply-adds of a step in a second, as a share of what all threads could do.
  package func rooflineShare(_ step: Step) -> Double {
    Double(step.work.done) / (step.milliseconds / 1000) / (peak * Double(threads))
  }

  /// - Parameters:
  ///   - size: the side of the network's input.
  ///   - threads: nil: the processors that the calling thread may run on.
  ///   - rounds: how many runs are timed, after one that is not.
  package static func run(model: Model, size: Int, threads: Int?, rounds: Int)
    throws(ColorizeError) -> NetworkProfile
  {
    try model.validateNetworkSize(size, "size")
    let team = Team(threads: threads)
    let reader = ColorReader(model, temperature: AnnealedMean.defaultTemperature, team)
    let abShape = model.network.abShape(height: size, width: size)
    let ab = try Memory<Float>(count: abShape.count)
    let peakMeter = try PeakMeter(model.compiled.kernels)
    let plan = Plan(model.compiled, .ab, height: size, width: size)
    let workspace = try Workspace(plan, workers: team.size)
    let outline =
      plan.outline + [
        ("", plan.outputShape, abShape, Work(algorithm: "decode", direct: 0, done: 0))
      ]
    /// By step and round, in seconds.
    var times: [[Double]] = Array(repeating: [], count: outline.count)
    var wholes: [Double] = []
    var peak = 0.0
    for round in 0...rounds {
      // A run may write over its input.
      let input = plan.input(workspace)
      for index in 0..<input.shape.count { input.start[index] = Float(index % 97) / 97 - 0.5 }
      var ends = [Clock.seconds()]
      try plan.run(workspace, team) { _ in ends.append(Clock.seconds()) }
      try reader.ab(plan.output(workspace), into: ab)
      ends.append(Clock.seconds())
      peak = max(peak, peakMeter.measure())
      guard round > 0 else { continue }
      for step in times.indices { times[step].append(ends[step + 1] - ends[step]) }
      wholes.append(ends[outline.count] - ends[0])
    }
    let steps = zip(outline, times).map { step, times in
      Step(
        name: step.name, input: step.input, output: step.output, work: step.work,
        milliseconds: 1000 * median(times))
    }
    let work = Work(
      algorithm: "whole", direct: steps.reduce(0) { $0 + $1.work.direct },
      done: steps.reduce(0) { $0 + $1.work.done })
    let whole = Step(
      name: "", input: plan.inputShape, output: abShape, work: work,
      milliseconds: 1000 * median(wholes))
    return NetworkProfile(steps: steps, whole: whole, threads: team.size, peak: peak)
  }

  private static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }
}

/// Measures how fast the product's kernel is on data in the first-level cache.
private struct PeakMeter {
  /// So many rows of a panel and columns of a tile: 23 KB for AVX-512.
  private static let depth = 128
  /// A millisecond or less.
  private static let repetitions = 500

  private let kernels: KernelSet
  /// The tile, the panel, the bias and the output.
  private let left: Memory<Float>
  private let right: Memory<Float>
  private let bias: Memory<Float>
  private let output: Memory<Float>

  init(_ kernels: KernelSet) throws(ColorizeError) {
    self.kernels = kernels
    left = try Memory(count: kernels.gemmRows * Int(COLORIZE_GEMM_BLOCK))
    right = try Memory(count: Self.depth * kernels.gemmPanel)
    bias = try Memory(count: kernels.gemmPanel)
    output = try Memory(count: kernels.gemmRows * kernels.gemmPanel)
    left.fill(0.5)
    right.fill(0.5)
    bias.fill(0)
  }

  /// Multiply-adds in a second.
  func measure() -> Double {
    var tile = colorize_gemm_tile()
    tile.left = UnsafePointer(left.start)
    tile.left_stride = Int(COLORIZE_GEMM_BLOCK)
    tile.right = UnsafePointer(right.start)
    tile.depth = Self.depth
    tile.bias = UnsafePointer(bias.start)
    tile.output = output.start
    tile.output_stride = kernels.gemmPanel
    tile.rows = kernels.gemmRows
    tile.slope = 1
    tile.ceiling = .infinity
    let start = Clock.seconds()
    for _ in 0..<Self.repetitions { kernels.table.gemm(&tile) }
    let multiplyAdds = Self.repetitions * Self.depth * kernels.gemmRows * kernels.gemmPanel
    return Double(multiplyAdds) / (Clock.seconds() - start)
  }
}
