// What a step leaves alone.

import ColorizeCore
import ColorizeTraining
import Testing

@Suite struct TrainerTests {
  /// Some tensors before and after a step, in which weight decay alone would move every weight.
  private func changed(_ options: TrainerOptions) throws -> Set<String> {
    let shape = BatchShape(
      count: 1, side: 16, inputChannels: 4, distributionStride: 4, hasAB: true)
    let trainer = try Trainer(
      .siggraph17, shape, options, kernels: TrainingKernels(.best), team: Team(threads: 2))
    let batch = try Batch(shape)
    for index in 0..<batch.input.count { batch.input.start[index] = Float(index % 7) / 7 - 0.4 }
    batch.bins.fill(100)
    batch.shares.fill(0.2)
    batch.weights.fill(1)
    batch.ab.fill(0.1)
    let names = [
      "model1.0.weight", "model1.4.running_mean", "model3.0.weight", "model8.1.weight",
      "model10.1.weight", "model_out.0.weight", "model_class.0.weight",
    ]
    func values() throws -> [String: [Float]] {
      var values: [String: [Float]] = [:]
      for name in names {
        let tensor = try #require(trainer.parameters[name])
        values[name] = (0..<tensor.values.count).map { tensor.values.start[$0] }
      }
      return values
    }
    let before = try values()
    _ = try trainer.run(batch)
    let after = try values()
    return Set(names.filter { before[$0] != after[$0] })
  }

  private var options: TrainerOptions {
    var options = TrainerOptions()
    options.warmUp = 0
    options.optimiser.weightDecay = 0.1
    return options
  }

  /// The regression's layers come after those of the distribution.
  @Test func whatNoLossReachesStaysAsItIs() throws {
    let changed = try changed(options)
    #expect(changed.isDisjoint(with: ["model10.1.weight", "model_out.0.weight"]))
    #expect(changed.contains("model8.1.weight") && changed.contains("model_class.0.weight"))
  }

  @Test func whatIsFrozenStaysAsItIs() throws {
    var options = options
    options.frozen = ["model1.", "model3"]
    let changed = try changed(options)
    #expect(
      changed.isDisjoint(with: ["model1.0.weight", "model1.4.running_mean", "model3.0.weight"]))
    #expect(changed.contains("model8.1.weight"))
  }

  /// An operator without a layer.
  private struct Cube: Operator {
    func outputShape(_ inputs: [Shape]) -> Shape { inputs[0] }
    func reference(_ inputs: [ReferenceTensor], parameters: [[Double]]) -> ReferenceTensor {
      inputs[0].map { $0 * $0 * $0 }
    }
    func planned(_ end: StepEnd, _ planning: Planning) throws(ColorizeError) -> any PlannedOperator
    {
      throw .invalidArgument("it is not run")
    }
  }

  @Test func whatHasNoLayerIsRefusedByName() {
    let nodes = [
      Network.Node(name: "", operation: nil, inputs: [], channels: 1),
      Network.Node(name: "middle", operation: Cube(), inputs: [0], channels: 1),
    ]
    #expect(throws: ColorizeError.invalidArgument("Cube middle cannot be trained")) {
      try TrainingNetwork(
        nodes, ends: [1], parameters: Parameters(), count: 1, height: 4, width: 4,
        kernels: TrainingKernels(.best), team: Team(threads: 1))
    }
  }
}
