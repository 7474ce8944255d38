// What several tests need: what can compute on this processor, activations from and to plain arrays,
// ways to run one planned operator, and pictures in memory.

import ColorizeCore
import Testing

/// What a model can be computed with: the kernels of an instruction set, with the matrix products of
/// one of them also left to OpenBLAS.
struct Engine: CustomTestStringConvertible {
  let instructionSet: InstructionSet
  let gemm: GEMM

  var testDescription: String { "\(instructionSet), \(gemm)" }

  func kernels() throws -> KernelSet {
    KernelSet(instructionSet, blas: try OpenBLAS.choose(gemm))
  }

  /// What this processor has; OpenBLAS, where it is installed (`OpenBLASTests` says if it is not).
  static let available: [Engine] = {
    let own = InstructionSet.available.map { Engine(instructionSet: $0, gemm: .own) }
    guard (try? OpenBLAS.choose(.openblas)) != nil else { return own }
    return own + [Engine(instructionSet: InstructionSet.available[0], gemm: .openblas)]
  }()
}

/// Memory for an activation, with a value in every place that has no meaning.
struct TestActivation {
  let memory: Memory<Float>
  let activation: Activation

  /// What is between a pixel's channels and the next pixel.
  static let filler: Float = 1e30

  init(_ shape: Shape, stride: Int) throws {
    memory = try Memory(count: shape.height * shape.width * stride)
    memory.fill(Self.filler)
    activation = Activation(start: memory.start, shape: shape, stride: stride)
  }

  /// - Parameter planes: `[channels, height, width]`.
  init(_ shape: Shape, stride: Int, planes: [Float]) throws {
    try self.init(shape, stride: stride)
    let pixels = shape.height * shape.width
    for channel in 0..<shape.channels {
      for pixel in 0..<pixels {
        memory.start[pixel * stride + channel] = planes[channel * pixels + pixel]
      }
    }
  }

  /// `[channels, height, width]`.
  var planes: [Float] {
    let shape = activation.shape
    let pixels = shape.height * shape.width
    return (0..<shape.count).map {
      memory.start[($0 % pixels) * activation.stride + $0 / pixels]
    }
  }
}

/// Runs a planned operator on its own.
func run(
  _ operation: some PlannedOperator, _ inputs: [TestActivation], _ output: TestActivation,
  kernels: KernelSet, threads: Int = 2
) throws {
  let team = Team(threads: threads)
  let count = operation.scratchCount(
    inputs.map(\.activation.shape), output.activation.shape)
  let scratch = try Memory<Float>(count: count * team.size)
  scratch.fill(.nan)
  let shared = try Memory<Float>(
    count: operation.sharedCount(
      inputs.map(\.activation.shape), output.activation.shape, workers: team.size))
  shared.fill(.nan)
  operation.run(
    inputs.map(\.activation), output.activation,
    Execution(
      kernels: kernels, team: team, scratch: scratch.start, scratchCount: count,
      shared: shared.start))
}

/// The largest absolute difference; infinity where either is not a number.
func largestDifference(_ first: [Float], _ second: [Double]) -> Double {
  guard first.count == second.count else { return .infinity }
  return zip(first, second).reduce(0) { most, pair in
    let difference = abs(Double(pair.0) - pair.1)
    return difference.isNaN ? .infinity : max(most, difference)
  }
}

/// A picture in memory of its own, rows further apart than they are long.
struct Picture {
  let memory: Memory<UInt8>
  let view: ImageView

  static let gap = 7
  static let filler: UInt8 = 0x5A

  init(_ format: PixelFormat, width: Int, height: Int, fill: (Int, Int, Int) -> UInt8) throws {
    let used = width * format.bytesPerPixel
    memory = try Memory(count: height * (used + Self.gap))
    memory.fill(Self.filler)
    view = try ImageView(
      pixels: memory.start, rowBytes: used + Self.gap, width: width, height: height,
      format: format)
    for y in 0..<height {
      for x in 0..<width {
        for channel in 0..<format.bytesPerPixel {
          view.row(y)[x * format.bytesPerPixel + channel] = fill(x, y, channel)
        }
      }
    }
  }

  /// The bytes of the pixels alone.
  var values: [UInt8] {
    (0..<view.height).flatMap { y in
      (0..<(view.width * view.format.bytesPerPixel)).map { view.row(y)[$0] }
    }
  }

  /// Whether what is between the rows is as it was.
  var gapsAreUntouched: Bool {
    let used = view.width * view.format.bytesPerPixel
    return (0..<view.height).allSatisfy { y in
      (used..<(used + Self.gap)).allSatisfy { view.row(y)[$0] == Self.filler }
    }
  }
}
