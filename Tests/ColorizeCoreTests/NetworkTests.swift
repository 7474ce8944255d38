// Whole networks: a plan against the naive references of the same description.

import ColorizeCore
import ColorizeDefaultModel
import Testing

/// The embedded model's tensors.
func defaultTensors() throws -> TensorFile {
  try TensorFile(
    ByteSource(
      UnsafeRawBufferPointer(start: colorize_default_model, count: colorize_default_model_size)))
}

@Suite struct NetworkTests {
  @Test(arguments: InstructionSet.available)
  func planEqualsReference(_ instructionSet: InstructionSet) throws {
    let file = try defaultTensors()
    let shapes = Dictionary(
      uniqueKeysWithValues: Network.compact.parameters.map { ($0.name, $0.shape) })
    let compiled = try CompiledNetwork(
      .compact, weights: file, kernels: KernelSet(instructionSet))
    let shape = Shape(channels: 4, height: 16, width: 32)
    var numbers = Numbers(seed: 7)
    let input = numbers.values(shape.count)

    let plan = Plan(compiled, height: shape.height, width: shape.width)
    let team = Team(threads: 2)
    let workspace = try Workspace(plan, workers: team.size)
    for pixel in 0..<(shape.height * shape.width) {
      for channel in 0..<4 {
        plan.input(workspace).start[pixel * 4 + channel] =
          input[channel * shape.height * shape.width + pixel]
      }
    }
    try plan.run(workspace, team) { _ in }
    let output = plan.output(workspace)
    let planes = (0..<output.shape.count).map {
      output.start[($0 % output.pixels) * output.stride + $0 / output.pixels]
    }

    let expected = Network.compact.reference(
      ReferenceTensor(shape, input.map(Double.init))
    ) { name in
      guard let values = try? file.floats(name, shape: shapes[name] ?? []) else { return [] }
      return (0..<values.count).map { Double(values.start[$0]) }
    }
    #expect(expected.shape == output.shape)
    // Logits reach 20; float32 through 20 layers gives about 1e-4.
    #expect(largestDifference(planes, expected.values) < 1e-3)
  }
}
