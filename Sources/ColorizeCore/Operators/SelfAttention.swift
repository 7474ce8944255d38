// Attention of every position to every other one (Zhang, Goodfellow, Metaxas, Odena, "Self-Attention Generative
// Adversarial Networks", 2018).

import Glibc

/// Of queries f, keys g, values h and x, the four inputs:
///
///     weight[i][j] = exp(f[i] . g[j]) / sum over k of exp(f[k] . g[j])
///     output[j]    = gamma * sum over i of weight[i][j] * h[i] + x[j]
///
/// The softmax is over the first index, which is that of the queries, and nothing is divided by the root of the
/// channels.
package struct SelfAttention: Operator {
  package init() {}

  package var parameters: [Parameter] { [Parameter("gamma", [1])] }

  package func outputShape(_ inputs: [Shape]) -> Shape { inputs[3] }

  package func reference(_ inputs: [ReferenceTensor], parameters: [[Double]]) -> ReferenceTensor {
    let (queries, keys, values) = (inputs[0], inputs[1], inputs[2])
    var output = inputs[3]
    let count = output.shape.height * output.shape.width
    for j in 0..<count {
      let products = (0..<count).map { i in
        queries.values.dot(
          from: i, step: count, keys.values, from: j, step: count, count: queries.shape.channels)
      }
      let largest = products.max() ?? 0
      let weights = products.map { exp($0 - largest) }
      let sum = weights.reduce(0, +)
      for c in 0..<output.shape.channels {
        let mean = weights.dot(
          from: 0, step: 1, values.values, from: c * count, step: 1, count: count)
        output.values[c * count + j] += parameters[0][0] * mean / sum
      }
    }
    return output
  }

  package func planned(_ end: StepEnd, _ planning: Planning)
    throws(ColorizeError) -> any PlannedOperator
  {
    // In a constant: memory without one is gone before its value is read.
    let gamma = try planning.tensor("gamma", shape: [1])
    return try PlannedSelfAttention(gamma: gamma.start[0], kernels: planning.kernels)
  }
}

/// Two products of matrices for each tile of positions j: the weights of all positions i, in the thread's scratch
/// memory, and the sums of their values. The matrix of all weights never exists.
package struct PlannedSelfAttention: PlannedOperator {
  private let gamma: Float
  private let product: TileProduct

  package init(gamma: Float, kernels: KernelSet) throws(ColorizeError) {
    self.gamma = gamma
    product = try TileProduct(kernels)
  }

  package func scratchCount(_ inputs: [Shape], _ output: Shape) -> Int {
    product.tileCount(inputs[1].channels) + product.tileCount(output.height * output.width)
  }

  package func sharedCount(_ inputs: [Shape], _ output: Shape, workers: Int) -> Int {
    let positions = output.height * output.width
    let panel = product.panel
    return positions.roundedUp(to: panel) * inputs[0].channels
      + positions * inputs[2].channels.roundedUp(to: panel)
  }

  package func work(_ inputs: [Shape], _ output: Shape) -> Work {
    let positions = output.height * output.width
    let count = positions * positions * (inputs[0].channels + inputs[2].channels)
    return Work(algorithm: "attention", direct: count, done: count)
  }

  package func run(_ inputs: [Activation], _ output: Activation, _ execution: Execution) {
    let positions = output.pixels
    let (rows, panel) = (product.rows, product.panel)
    let (queries, values) = pack(inputs[0], inputs[2], execution)
    let (keys, input) = (inputs[1], inputs[3])
    execution.team.run(positions.pieces(of: rows)) { tile, worker in
      let first = tile * rows
      let count = min(rows, positions - first)
      let left = execution.scratch(of: worker)
      let weights = left + product.tileCount(keys.shape.channels)
      for row in 0..<count {
        let key = keys.start + (first + row) * keys.stride
        for c in 0..<keys.shape.channels {
          left[product.place(row, c)] = key[c]
        }
      }
      for number in 0..<positions.pieces(of: panel) {
        product.multiply(
          left, by: queries + number * panel * keys.shape.channels, depth: keys.shape.channels,
          rows: count, into: weights + product.place(0, number * panel),
          stride: product.tileStride, execution.kernels)
      }
      for row in 0..<count {
        product.softmax(weights, row: row, count: positions, sum: gamma, execution.kernels)
      }
      for number in 0..<output.shape.channels.pieces(of: panel) {
        product.multiply(
          weights, by: values + number * panel * positions, depth: positions, rows: count,
          into: output.start + first * output.stride + number * panel, stride: output.stride,
          adding: input.start + first * input.stride + number * panel,
          inputStride: input.stride, execution.kernels)
      }
    }
  }

  /// Queries, transposed, and values, as right matrices.
  private func pack(
    _ queries: Activation, _ values: Activation, _ execution: Execution
  ) -> (queries: UnsafeMutablePointer<Float>, values: UnsafeMutablePointer<Float>) {
    let positions = queries.pixels
    let panel = product.panel
    let depth = queries.shape.channels
    let packedQueries = execution.shared
    let packedValues = packedQueries + positions.roundedUp(to: panel) * depth
    execution.team.run(positions.pieces(of: panel)) { number, _ in
      let target = packedQueries + number * panel * depth
      for column in 0..<panel {
        let position = number * panel + column
        for c in 0..<depth {
          target[c * panel + column] =
            position < positions ? queries.start[position * queries.stride + c] : 0
        }
      }
    }
    execution.team.run(values.shape.channels.pieces(of: panel)) { number, _ in
      let target = packedValues + number * panel * positions
      let count = min(panel, values.shape.channels - number * panel)
      for position in 0..<positions {
        let source = values.start + position * values.stride + number * panel
        for column in 0..<panel {
          target[position * panel + column] = column < count ? source[column] : 0
        }
      }
    }
    return (packedQueries, packedValues)
  }
}
