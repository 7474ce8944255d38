// The transposed convolution that doubles a side, and its planned form: four convolutions, one for
// each parity of the output's row and column.

/// PyTorch's `ConvTranspose2d` with a kernel of 4, stride 2 and padding 1, with bias: each input
/// pixel adds its value times the kernel to a 4x4 square of the output.
package struct TransposedConvolution: Operator {
  package var inputs: Int
  package var outputs: Int

  /// The kernel's side.
  static let kernel = 4

  package init(inputs: Int, outputs: Int) {
    self.inputs = inputs
    self.outputs = outputs
  }

  package var parameters: [Parameter] {
    [
      Parameter("weight", [inputs, outputs, Self.kernel, Self.kernel], outputDimension: 1),
      Parameter("bias", [outputs]),
    ]
  }

  package func outputShape(_ inputs: [Shape]) -> Shape {
    Shape(channels: outputs, height: 2 * inputs[0].height, width: 2 * inputs[0].width)
  }

  package func reference(_ inputs: [ReferenceTensor], parameters: [[Double]]) -> ReferenceTensor {
    let input = inputs[0]
    var output = ReferenceTensor(outputShape([input.shape]))
    for o in 0..<outputs {
      for y in 0..<output.shape.height {
        for x in 0..<output.shape.width { output[o, y, x] = parameters[1][o] }
      }
      for i in 0..<self.inputs {
        for y in 0..<input.shape.height {
          for x in 0..<input.shape.width {
            for ky in 0..<Self.kernel {
              for kx in 0..<Self.kernel {
                let targetY = 2 * y - 1 + ky
                let targetX = 2 * x - 1 + kx
                guard (0..<output.shape.height).contains(targetY) else { continue }
                guard (0..<output.shape.width).contains(targetX) else { continue }
                let weight = parameters[0][((i * outputs + o) * 4 + ky) * 4 + kx]
                output[o, targetY, targetX] += weight * input[i, y, x]
              }
            }
          }
        }
      }
    }
    return output
  }

  package var absorbs: Absorption { .epilogue }

  package func planned(_ end: StepEnd, _ planning: Planning)
    throws(ColorizeError) -> any PlannedOperator
  {
    let weight = try planning.tensor("weight", shape: parameters[0].shape)
    let bias = try planning.tensor("bias", shape: parameters[1].shape)
    return try PlannedTransposedConvolution(
      self, weight: weight.start, epilogue: try planning.epilogue(bias: bias, end),
      kernels: planning.kernels, team: planning.team)
  }
}

/// A transposed convolution as four 2x2 convolutions. Output row `2i` takes the kernel's row 3 of
/// input row `i - 1` and row 1 of `i`; output row `2i + 1` takes row 2 of `i` and row 0 of `i + 1`;
/// columns likewise.
package final class PlannedTransposedConvolution: PlannedOperator {
  /// By parity of the output's row, then of its column.
  private let phases: [TapProduct]
  private let winograd: WinogradProduct?

  /// - Parameters:
  ///   - weight: `[inputs, outputs, 4, 4]`.
  ///   - team: packs the weights.
  package init(
    _ convolution: TransposedConvolution, weight: UnsafePointer<Float>, epilogue: Epilogue,
    kernels: KernelSet, team: Team = Team(threads: 1)
  ) throws(ColorizeError) {
    let inputs = convolution.inputs
    let taps = TransposedConvolution.kernel * TransposedConvolution.kernel
    var phases: [TapProduct] = []
    for phase in 0..<4 {
      let (parityY, parityX) = (phase / 2, phase % 2)
      let rows = TapRows(channels: inputs, kernel: 2, originY: parityY - 1, originX: parityX - 1)
      let matrix = try PackedMatrix(
        depth: rows.taps * inputs, columns: convolution.outputs, columnStride: taps,
        kernels: kernels, team: team
      ) { k in
        let (tap, input) = (k / inputs, k % inputs)
        let ky = 3 - parityY - 2 * (tap / 2)
        let kx = 3 - parityX - 2 * (tap % 2)
        return weight + input * convolution.outputs * taps + ky * TransposedConvolution.kernel + kx
      }
      phases.append(TapProduct(rows: rows, matrix: matrix, epilogue: epilogue))
    }
    self.phases = phases
    guard WinogradProduct.takes(inputs: inputs, kernels) else {
      winograd = nil
      return
    }
    // Of three rows, those of the input before, at and behind the output's: parity 0 takes the first
    // two, parity 1 the others.
    let tapsOf: [[Int?]] = [[0, 1, nil], [nil, 0, 1]]
    winograd = try WinogradProduct(
      .doubling, inputs: inputs, outputs: convolution.outputs,
      phases.enumerated().map { phase, product in
        [
          WinogradKernel(product.matrix, rows: tapsOf[phase / 2], columns: tapsOf[phase % 2]) {
            $0 * 2 + $1
          }
        ]
      },
      epilogue: epilogue, gemm: kernels)
  }

  /// The algorithm for a size.
  private func chosenWinograd(_ output: Shape) -> WinogradProduct? {
    let positions = output.height * output.width / phases.count
    guard let winograd,
      winograd.cost(output)
        < phases.count * phases[0].cost(positions, gemmRows: winograd.gemmRows)
    else { return nil }
    return winograd
  }

  package func scratchCount(_ inputs: [Shape], _ output: Shape) -> Int {
    chosenWinograd(output)?.scratchCount(output) ?? phases[0].scratchCount
  }

  package func sharedCount(_ inputs: [Shape], _ output: Shape, workers: Int) -> Int {
    chosenWinograd(output)?.sharedCount(output, workers: workers) ?? 0
  }

  package func work(_ inputs: [Shape], _ output: Shape) -> Work {
    let direct = output.height * output.width * phases[0].matrix.depth * output.channels
    guard let winograd = chosenWinograd(output) else {
      return Work(algorithm: "direct", direct: direct, done: direct)
    }
    return Work(algorithm: "winograd", direct: direct, done: winograd.products(output))
  }

  package func run(_ inputs: [Activation], _ output: Activation, _ execution: Execution) {
    let input = inputs[0]
    let residual = phases[0].epilogue.hasResidual ? inputs[1] : nil
    if let winograd = chosenWinograd(output.shape) {
      winograd.run(input, residual: residual, output, execution)
      return
    }
    let kernels = execution.kernels
    let width = input.shape.width
    let atOnce = min(width, phases[0].tilesAtOnce(kernels) * kernels.gemmRows)
    // A piece is a run of one phase's positions in one row: the outputs of these are evenly apart.
    let runs = width.pieces(of: atOnce)
    execution.team.run(phases.count * input.shape.height * runs) { item, worker in
      let phase = item / (input.shape.height * runs)
      let y = item / runs % input.shape.height
      let x = item % runs * atOnce
      let pixel = (2 * y + phase / 2) * output.shape.width + 2 * x + phase % 2
      let product = phases[phase]
      product.run(
        input, y: y, x: x, width: width, count: min(atOnce, width - x),
        into: TapProduct.Target(
          output: output.start + pixel * output.stride, stride: 2 * output.stride,
          residual: residual.map { UnsafePointer($0.start + pixel * $0.stride) }),
        kernels: kernels, scratch: execution.scratch(of: worker))
    }
  }
}
