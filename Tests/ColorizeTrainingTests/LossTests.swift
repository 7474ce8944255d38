// Losses against their formulas in float64, and their gradients against finite differences of these.

import ColorizeCore
import ColorizeTraining
import Glibc
import Testing

@Suite struct LossTests {
  private static let side = 16
  private static let count = 2
  private static let factor: Float = 0.75

  /// An end with random values, and the losses of it.
  private struct Setup {
    let network: TrainingNetwork
    let end: TrainingNetwork.End
    let losses: Losses
    let batch: Batch

    init(
      channels: Int, distributionStride: Int = 1, instructionSet: InstructionSet = .best
    ) throws {
      var shape = BatchShape(
        count: LossTests.count, side: LossTests.side, inputChannels: 2,
        distributionStride: distributionStride, hasAB: true)
      shape.pooledChannels = 0
      let operation = Convolution(
        inputs: 2, outputs: channels, kernel: 1, stride: 1, padding: 0, bias: true)
      let nodes = [
        Network.Node(name: "", operation: nil, inputs: [], channels: 2),
        Network.Node(name: "in", operation: operation, inputs: [0], channels: channels),
      ]
      let kernels = TrainingKernels(instructionSet)
      let team = Team(threads: 2)
      network = try TrainingNetwork(
        nodes, ends: [1], parameters: Parameters(), count: LossTests.count,
        height: LossTests.side, width: LossTests.side, kernels: kernels, team: team)
      end = network[end: 1]
      losses = try Losses(bins: channels, kernels: kernels, team: team)
      batch = try Batch(shape)
      var numbers = SmallNumbers()
      for row in 0..<end.value.rows {
        for channel in 0..<channels {
          end.value.start[row * end.value.stride + channel] = Float(4 * numbers.next())
        }
      }
      // Nothing of what was there before may stay.
      end.gradient.start.update(repeating: 1e6, count: end.gradient.floats)
    }

    /// `[rows, channels]`.
    func values(_ activation: BatchActivation) -> [[Double]] {
      (0..<activation.rows).map { row in
        (0..<activation.shape.channels).map {
          Double(activation.start[row * activation.stride + $0])
        }
      }
    }

    /// Value and gradient against a sum over rows of `loss`; that of a row is differentiated in float64.
    func compare(
      _ value: Double, tolerance: Double = 1e-6, _ loss: (_ row: Int, _ values: [Double]) -> Double
    ) {
      let values = values(end.value)
      let wanted = values.enumerated().reduce(0) { $0 + loss($1.offset, $1.element) }
      #expect(abs(value - wanted) <= 1e-6 * abs(wanted))
      let differences = values.enumerated().flatMap { row, own in
        own.indices.map { index in
          var moved = own
          moved[index] = own[index] + 1e-6
          let above = loss(row, moved)
          moved[index] = own[index] - 1e-6
          return Double(LossTests.factor) * (above - loss(row, moved)) / 2e-6
        }
      }
      #expect(distance(self.values(end.gradient).flatMap(\.self), differences) < tolerance)
      let gradient = end.gradient
      for row in 0..<gradient.rows {
        for channel in gradient.shape.channels..<gradient.stride {
          #expect(gradient.start[row * gradient.stride + channel] == 0, "padding")
        }
      }
    }
  }

  @Test(arguments: InstructionSet.available)
  func classificationIsCrossEntropy(_ instructionSet: InstructionSet) throws {
    let setup = try Setup(channels: 37, instructionSet: instructionSet)
    let batch = setup.batch
    var numbers = SmallNumbers()
    for position in 0..<batch.weights.count {
      batch.weights.start[position] = Float(1.5 + numbers.next())
      for neighbour in 0..<Batch.neighbours {
        let index = position * Batch.neighbours + neighbour
        batch.bins.start[index] = Int32((position * 3 + neighbour * 7) % 37)
        batch.shares.start[index] = Float(neighbour + 1) / 15
      }
    }
    let value = try setup.losses.classification(setup.end, batch, factor: Self.factor)
    // Finite differences of logarithms leave seven digits.
    setup.compare(value, tolerance: 1e-5) { row, values in
      let logOfSum = log(values.reduce(0) { $0 + exp($1) })
      let entropy = (0..<Batch.neighbours).reduce(0.0) { sum, neighbour in
        let index = row * Batch.neighbours + neighbour
        return sum + Double(batch.shares.start[index])
          * (logOfSum - values[Int(batch.bins.start[index])])
      }
      return Double(batch.weights.start[row]) * entropy / Double(batch.weights.count)
    }
  }

  /// Half of the distances are within the bound of Huber's loss.
  @Test(arguments: Regression.allCases) func regressionIsItsFormula(_ kind: Regression) throws {
    let setup = try Setup(channels: 2)
    let batch = setup.batch
    var numbers = SmallNumbers()
    for index in 0..<batch.ab.count {
      let value = setup.end.value.start[index / 2 * setup.end.value.stride + index % 2]
      batch.ab.start[index] = value + Float(numbers.next()) * 2 / 110
    }
    let value = try setup.losses.regression(setup.end, batch, kind, factor: Self.factor)
    let pixels = Double(setup.end.value.rows)
    setup.compare(value, tolerance: 1e-4) { row, values in
      let distances = (0..<2).map { abs(values[$0] - Double(batch.ab.start[2 * row + $0])) }
      guard kind == .huber else { return (distances[0] + distances[1]) / pixels }
      let bound = 1.0 / 110
      return distances.reduce(0) {
        $0 + ($1 <= bound ? $1 * $1 / (2 * bound) : $1 - bound / 2)
      } / pixels
    }
  }

  @Test func squaresAreTheirMean() throws {
    let setup = try Setup(channels: 7)
    let wanted = try Memory<Float>(count: setup.end.value.rows * 7)
    var numbers = SmallNumbers()
    for index in 0..<wanted.count { wanted.start[index] = Float(numbers.next()) }
    let value = try setup.losses.squares(setup.end, wanted, factor: Self.factor)
    setup.compare(value) { row, values in
      values.enumerated().reduce(0) { sum, own in
        let difference = own.element - Double(wanted.start[7 * row + own.offset])
        return sum + difference * difference
      } / Double(wanted.count)
    }
  }
}
