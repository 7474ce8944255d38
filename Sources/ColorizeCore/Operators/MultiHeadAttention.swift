// Attention with several heads (Vaswani et al., "Attention Is All You Need", 2017), without the layers around it.

import CKernelContract
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

/// A head at a time, and of it a block of tokens, whose keys and values stay in a second-level cache while all queries
/// see them, a tile after another. What each query has seen until then is the sum of the values so far, the largest
/// product and the sum of the weights (Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018; Dao et
/// al., "FlashAttention", 2022).
package struct PlannedMultiHeadAttention: PlannedOperator {
  /// Of 32 channels, keys and values take 64 KB each.
  private static let tokensAtOnce = 512

  private let heads: Int
  private let product: TileProduct

  package init(_ attention: MultiHeadAttention, kernels: KernelSet) throws(ColorizeError) {
    heads = attention.heads
    product = try TileProduct(kernels)
  }

  /// Where a thread has what, of heads of so many channels: tiles of queries, a tile of weights, a block of keys and
  /// of values, and of each query the sums of values and `colorize_softmax_parts`.
  private struct Layout {
    let tokensAtOnce: Int
    let weights: Int
    let keys: Int
    let values: Int
    let sums: Int
    let parts: Int
    let count: Int

    init(_ product: TileProduct, depth: Int, queries: Int, tokens: Int) {
      let tiles = queries.pieces(of: product.rows)
      let width = depth.roundedUp(to: product.panel)
      tokensAtOnce = min(PlannedMultiHeadAttention.tokensAtOnce, tokens)
      weights = tiles * product.tileCount(depth)
      keys = weights + product.tileCount(tokensAtOnce.roundedUp(to: product.panel))
      values = keys + tokensAtOnce.roundedUp(to: product.panel) * depth
      sums = values + tokensAtOnce * width
      parts = sums + tiles * product.rows * width
      count = parts + queries * MemoryLayout<colorize_softmax_parts>.stride / 4
    }
  }

  private func layout(_ queries: Shape, _ keys: Shape) -> Layout {
    Layout(
      product, depth: queries.channels / heads, queries: queries.height * queries.width,
      tokens: keys.height * keys.width)
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
    let (rows, panel) = (product.rows, product.panel)
    let width = depth.roundedUp(to: panel)
    let tileCount = product.tileCount(depth)
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
      let parts = UnsafeMutableRawPointer(left + layout.parts)
        .bindMemory(to: colorize_softmax_parts.self, capacity: queries.pixels)
      for index in 0..<queries.pixels {
        let query = queries.start + index * queries.stride + channel
        let tile = left + index / rows * tileCount
        for c in 0..<depth { tile[product.place(index % rows, c)] = query[c] * scale }
        parts[index] = colorize_softmax_parts()
      }
      for first in stride(from: 0, to: keys.pixels, by: layout.tokensAtOnce) {
        // The calling thread's answer counts for all.
        if execution.team.isStopping(worker) { return }
        let tokens = first..<min(first + layout.tokensAtOnce, keys.pixels)
        packTransposed(keys, tokens, channel: channel, depth: depth, into: packedKeys)
        pack(values, tokens, channel: channel, depth: depth, into: packedValues)
        for query in stride(from: 0, to: queries.pixels, by: rows) {
          let count = min(rows, queries.pixels - query)
          for token in stride(from: 0, to: tokens.count, by: panel) {
            product.multiply(
              left + query / rows * tileCount, by: packedKeys + token * depth, depth: depth,
              rows: count, into: weights + product.place(0, token), stride: product.tileStride,
              execution.kernels)
          }
          for row in 0..<count {
            product.softmax(
              weights, row: row, count: tokens.count, parts: parts + query + row, execution.kernels)
          }
          // Not into the output, where the next head's channels may be in the same panel.
          let tileSums = sums + query * width
          if first > 0 {
            for row in 0..<count where parts[query + row].scale != 1 {
              for c in 0..<width { tileSums[row &* width &+ c] *= parts[query &+ row].scale }
            }
          }
          for column in stride(from: 0, to: depth, by: panel) {
            product.multiply(
              weights, by: packedValues + column * tokens.count, depth: tokens.count, rows: count,
              into: tileSums + column, stride: width,
              adding: first > 0 ? tileSums + column : nil, inputStride: width, execution.kernels)
          }
        }
      }
      for index in 0..<queries.pixels {
        let target = output.start + index * output.stride + channel
        for c in 0..<depth { target[c] = sums[index &* width &+ c] / parts[index].sum }
      }
    }
  }

  /// A head's keys of some tokens as a right matrix, `[panels, depth, panel]`, a token a column; zeros past the last one.
  private func packTransposed(
    _ keys: Activation, _ tokens: Range<Int>, channel: Int, depth: Int,
    into packed: UnsafeMutablePointer<Float>
  ) {
    let panel = product.panel
    for first in stride(from: 0, to: tokens.count, by: panel) {
      let target = packed + first * depth
      let count = min(panel, tokens.count - first)
      for column in 0..<count {
        let key = keys.start + (tokens.lowerBound + first + column) * keys.stride + channel
        for c in 0..<depth { target[c &* panel &+ column] = key[c] }
      }
      for column in count..<panel {
        for c in 0..<depth { target[c &* panel &+ column] = 0 }
      }
    }
  }

  /// A head's values of some tokens as a right matrix, `[panels, tokens, panel]`, a token a row; zeros past the last
  /// channel.
  private func pack(
    _ values: Activation, _ tokens: Range<Int>, channel: Int, depth: Int,
    into packed: UnsafeMutablePointer<Float>
  ) {
    let panel = product.panel
    for first in stride(from: 0, to: depth, by: panel) {
      let count = min(panel, depth - first)
      for token in 0..<tokens.count {
        let target = packed + first * tokens.count + token * panel
        let value = values.start + (tokens.lowerBound + token) * values.stride + channel + first
        for c in 0..<count { target[c] = value[c] }
        for c in count..<panel { target[c] = 0 }
      }
    }
  }
}
