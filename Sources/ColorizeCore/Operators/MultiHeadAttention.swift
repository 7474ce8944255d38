// Attention with several heads (Vaswani et al., "Attention Is All You Need", 2017), without the layers around it.

import Glibc

/// Of queries, keys and values, the three inputs, of which the latter two have one size: of each head, which has its
/// own `channels / heads` channels,
///
///     weight[i][j] = exp(q[i] . k[j] / sqrt(channels / heads)) / the sum of it over j
///     output[i]    = sum over j of weight[i][j] * v[j]
package struct MultiHeadAttention: Operator {
  package var heads: Int

  /// - Parameter heads: the number of channels is a multiple of it.
  package init(heads: Int) { self.heads = heads }

  package func outputShape(_ inputs: [Shape]) -> Shape { inputs[0] }

  package func reference(_ inputs: [ReferenceTensor], parameters: [[Double]]) -> ReferenceTensor {
    let (queries, keys, values) = (inputs[0], inputs[1], inputs[2])
    var output = ReferenceTensor(queries.shape)
    let count = queries.shape.height * queries.shape.width
    let tokens = keys.shape.height * keys.shape.width
    let depth = queries.shape.channels / heads
    for head in 0..<heads {
      for i in 0..<count {
        let products = (0..<tokens).map { j in
          queries.values.dot(
            from: head * depth * count + i, step: count, keys.values,
            from: head * depth * tokens + j, step: tokens, count: depth)
            / Double(depth).squareRoot()
        }
        let largest = products.max() ?? 0
        let weights = products.map { exp($0 - largest) }
        let sum = weights.reduce(0, +)
        for c in (head * depth)..<((head + 1) * depth) {
          output.values[c * count + i] =
            weights.dot(
              from: 0, step: 1, values.values, from: c * tokens, step: 1, count: tokens) / sum
        }
      }
    }
    return output
  }

  package func planned(_ end: StepEnd, _ planning: Planning)
    throws(ColorizeError) -> any PlannedOperator
  {
    try PlannedMultiHeadAttention(self, kernels: planning.kernels)
  }
}

/// A head at a time, and of it a tile of queries: its weights of all tokens, in the thread's scratch memory, and the
/// sums of their values.
package struct PlannedMultiHeadAttention: PlannedOperator {
  private let heads: Int
  private let product: TileProduct

  package init(_ attention: MultiHeadAttention, kernels: KernelSet) throws(ColorizeError) {
    heads = attention.heads
    product = try TileProduct(kernels)
  }

  /// Where a thread has what, of heads of so many channels.
  private struct Layout {
    let weights: Int
    let keys: Int
    let values: Int
    let sums: Int
    let count: Int

    init(_ product: TileProduct, depth: Int, tokens: Int) {
      weights = product.tileCount(depth)
      keys = weights + product.tileCount(tokens)
      values = keys + tokens.roundedUp(to: product.panel) * depth
      sums = values + tokens * depth.roundedUp(to: product.panel)
      count = sums + product.rows * depth.roundedUp(to: product.panel)
    }
  }

  private func layout(_ queries: Shape, _ keys: Shape) -> Layout {
    Layout(product, depth: queries.channels / heads, tokens: keys.height * keys.width)
  }

  package func scratchCount(_ inputs: [Shape], _ output: Shape) -> Int {
    layout(inputs[0], inputs[1]).count
  }

  package func work(_ inputs: [Shape], _ output: Shape) -> Work {
    let count = 2 * output.count * inputs[1].height * inputs[1].width
    return Work(algorithm: "attention", direct: count, done: count)
  }

  package func run(_ inputs: [Activation], _ output: Activation, _ execution: Execution) {
    let (queries, keys, values) = (inputs[0], inputs[1], inputs[2])
    let depth = queries.shape.channels / heads
    let tokens = keys.pixels
    let (rows, panel) = (product.rows, product.panel)
    let layout = layout(queries.shape, keys.shape)
    // In the queries, so that products need not be divided.
    let scale = 1 / Float(depth).squareRoot()
    execution.team.run(heads) { head, worker in
      let channel = head * depth
      let left = execution.scratch(of: worker)
      let weights = left + layout.weights
      let packedKeys = left + layout.keys
      let packedValues = left + layout.values
      let sums = left + layout.sums
      packTransposed(keys, channel: channel, depth: depth, into: packedKeys)
      pack(values, channel: channel, depth: depth, into: packedValues)
      for first in stride(from: 0, to: queries.pixels, by: rows) {
        // The calling thread's answer counts for all.
        if execution.team.isStopping(worker) { return }
        let count = min(rows, queries.pixels - first)
        for row in 0..<count {
          let query = queries.start + (first + row) * queries.stride + channel
          for c in 0..<depth { left[product.place(row, c)] = query[c] * scale }
        }
        for token in stride(from: 0, to: tokens, by: panel) {
          product.multiply(
            left, by: packedKeys + token * depth, depth: depth, rows: count,
            into: weights + product.place(0, token), stride: product.tileStride, execution.kernels)
        }
        for row in 0..<count {
          product.softmax(weights, row: row, count: tokens, sum: 1, execution.kernels)
        }
        // Not into the output, where the next head's channels may be in the same panel.
        let width = depth.roundedUp(to: panel)
        for column in stride(from: 0, to: depth, by: panel) {
          product.multiply(
            weights, by: packedValues + column * tokens, depth: tokens, rows: count,
            into: sums + column, stride: width, execution.kernels)
        }
        for row in 0..<count {
          (output.start + (first + row) * output.stride + channel)
            .update(from: sums + row * width, count: depth)
        }
      }
    }
  }

  /// A head's keys as a right matrix, `[panels, depth, panel]`, a token a column; zeros past the last one.
  private func packTransposed(
    _ keys: Activation, channel: Int, depth: Int, into packed: UnsafeMutablePointer<Float>
  ) {
    let panel = product.panel
    for first in stride(from: 0, to: keys.pixels, by: panel) {
      let target = packed + first * depth
      for column in 0..<panel {
        let token = first + column
        let key = keys.start + min(token, keys.pixels - 1) * keys.stride + channel
        for c in 0..<depth { target[c &* panel &+ column] = token < keys.pixels ? key[c] : 0 }
      }
    }
  }

  /// A head's values as a right matrix, `[panels, tokens, panel]`, a token a row; zeros past the last channel.
  private func pack(
    _ values: Activation, channel: Int, depth: Int, into packed: UnsafeMutablePointer<Float>
  ) {
    let panel = product.panel
    for first in stride(from: 0, to: depth, by: panel) {
      let count = min(panel, depth - first)
      for token in 0..<values.pixels {
        let target = packed + first * values.pixels + token * panel
        let value = values.start + token * values.stride + channel + first
        for c in 0..<count { target[c] = value[c] }
        for c in count..<panel { target[c] = 0 }
      }
    }
  }
}
