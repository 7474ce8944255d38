// DDColor's end: from a map at a quarter of the sides, and what its queries have become, to colors.

import CKernelContract

/// Of a map at a quarter of the sides, queries and the picture, the three inputs: a 1x1 convolution to 16 times the
/// channels, ReLU, pixel shuffle by 4, blur; of the result the products with each query, a map each, and behind them the
/// picture's channels; and of these a 1x1 convolution to two channels.
package struct QueryColors: Operator {
  package var channels: Int
  package var queries: Int
  /// The names of the two convolutions.
  package var enlargement: String
  package var refinement: String

  private static let factor = 4
  private static let pictureChannels = 3
  private static let outputs = 2

  package init(channels: Int, queries: Int, enlargement: String, refinement: String) {
    self.channels = channels
    self.queries = queries
    self.enlargement = enlargement
    self.refinement = refinement
  }

  fileprivate var pixelsOfOne: Int { Self.factor * Self.factor }

  private var enlarging: Convolution {
    Convolution(
      inputs: channels, outputs: pixelsOfOne * channels, kernel: 1, stride: 1, padding: 0,
      bias: true)
  }

  private var refining: Convolution {
    Convolution(
      inputs: queries + Self.pictureChannels, outputs: Self.outputs, kernel: 1, stride: 1,
      padding: 0, bias: true)
  }

  package var parameters: [Parameter] {
    [(enlargement, enlarging), (refinement, refining)].flatMap { name, convolution in
      convolution.parameters.map { Parameter("\(name).\($0.name)", $0.shape) }
    }
  }

  package func outputShape(_ inputs: [Shape]) -> Shape {
    Shape(
      channels: Self.outputs, height: Self.factor * inputs[0].height,
      width: Self.factor * inputs[0].width)
  }

  /// As the network's definition has it: nothing is folded.
  package func reference(_ inputs: [ReferenceTensor], parameters: [[Double]]) -> ReferenceTensor {
    var map = enlarging.reference([inputs[0]], parameters: Array(parameters[0..<2]))
    map = ReLU().reference([map], parameters: [])
    map = PixelShuffle(factor: Self.factor).reference([map], parameters: [])
    map = Blur().reference([map], parameters: [])
    let count = map.shape.height * map.shape.width
    var products = ReferenceTensor(
      Shape(channels: queries, height: map.shape.height, width: map.shape.width))
    for q in 0..<queries {
      for pixel in 0..<count {
        products.values[q * count + pixel] = inputs[1].values.dot(
          from: q, step: queries, map.values, from: pixel, step: count, count: channels)
      }
    }
    let joined = Concatenation().reference([products, inputs[2]], parameters: [])
    return refining.reference([joined], parameters: Array(parameters[2..<4]))
  }

  package func planned(_ end: StepEnd, _ planning: Planning)
    throws(ColorizeError) -> any PlannedOperator
  {
    var values: [Memory<Float>] = []
    for parameter in parameters {
      values.append(try planning.tensor(parameter.name, shape: parameter.shape))
    }
    return try PlannedQueryColors(
      self,
      enlargement: (UnsafePointer(values[0].start), UnsafePointer(values[1].start)),
      refinement: (values[2], values[3]), kernels: planning.kernels, team: planning.team)
  }
}

/// The same with queries and the last convolution multiplied first, to a 2x`channels` matrix: what follows the ReLU is
/// linear, so that matrix comes before shuffle and blur, and neither the maps nor what is shuffled ever exists. Only so
/// many positions of the enlarged map are there at a time as fit in the cache.
package final class PlannedQueryColors: PlannedOperator {
  private static let tilesAtOnce = 4

  private let operation: QueryColors
  /// Its outputs are the 16 pixels, each with its channels.
  private let product: TapProduct
  /// `[2, queries + 3, 1, 1]` and `[2]`.
  private let refinement: (weight: Memory<Float>, bias: Memory<Float>)
  /// Channels with room for whole vectors.
  private let padded: Int

  /// - Parameters:
  ///   - enlargement: weight `[16 x channels, channels, 1, 1]` and bias.
  ///   - refinement: weight `[2, queries + 3, 1, 1]` and bias.
  package init(
    _ operation: QueryColors,
    enlargement: (weight: UnsafePointer<Float>, bias: UnsafePointer<Float>),
    refinement: (weight: Memory<Float>, bias: Memory<Float>), kernels: KernelSet,
    team: Team = Team(threads: 1)
  ) throws(ColorizeError) {
    self.operation = operation
    self.refinement = refinement
    let (channels, pixels) = (operation.channels, operation.pixelsOfOne)
    padded = channels.roundedUp(to: 16)
    // From channels of 16 pixels to 16 pixels of channels.
    let weight = try Memory<Float>(count: pixels * padded * channels)
    let bias = try Memory<Float>(count: pixels * padded)
    weight.fill(0)
    bias.fill(0)
    for c in 0..<channels {
      for pixel in 0..<pixels {
        let (from, to) = (c * pixels + pixel, pixel * padded + c)
        (weight.start + to * channels)
          .update(from: enlargement.weight + from * channels, count: channels)
        bias.start[to] = enlargement.bias[from]
      }
    }
    let matrix = try PackedMatrix(
      depth: channels, columns: bias.count, columnStride: channels,
      isBrain: kernels.brain != nil && channels % 2 == 0, kernels: kernels, team: team
    ) { k in UnsafePointer(weight.start + k) }
    product = TapProduct(
      rows: TapRows(channels: channels, kernel: 1, originY: 0, originX: 0), matrix: matrix,
      epilogue: try Epilogue(
        channels: bias.count, bias: bias.start, slope: 0, kernels: kernels))
  }

  /// From a position's 16 pixels to the next one's.
  private var stride: Int { product.matrix.panels * product.matrix.panel }

  /// The positions of a piece: made from the weights' shape alone, so that it does not matter how many threads
  /// there are.
  private func positionsAtOnce(_ kernels: KernelSet) -> Int {
    min(Self.tilesAtOnce, product.tilesAtOnce(kernels)) * kernels.gemmRows
  }

  package func scratchCount(_ inputs: [Shape], _ output: Shape) -> Int {
    // The largest number of rows that a tile of any instruction set has is 16 or less.
    product.scratchCount + Self.tilesAtOnce * 16 * stride
  }

  /// The folded matrix, and two values for each pixel.
  package func sharedCount(_ inputs: [Shape], _ output: Shape, workers: Int) -> Int {
    2 * padded + 2 * output.height * output.width
  }

  package func work(_ inputs: [Shape], _ output: Shape) -> Work {
    let positions = inputs[0].height * inputs[0].width
    let enlarging =
      positions * operation.channels * operation.channels * operation.pixelsOfOne
    let pixels = output.height * output.width
    return Work(
      algorithm: "folded",
      direct: enlarging + pixels * operation.queries * operation.channels
        + 2 * pixels * (operation.queries + 3),
      done: enlarging + 2 * pixels * operation.channels)
  }

  package func run(_ inputs: [Activation], _ output: Activation, _ execution: Execution) {
    let (map, queries, picture) = (inputs[0], inputs[1], inputs[2])
    let pair = execution.shared
    let colors = pair + 2 * padded
    fold(queries, into: pair)

    let kernels = execution.kernels
    let pixelsOfOne = operation.pixelsOfOne
    let atOnce = positionsAtOnce(kernels)
    let stride = stride
    let width = map.shape.width
    execution.team.run(map.pixels.pieces(of: atOnce)) { item, worker in
      let first = item * atOnce
      let count = min(atOnce, map.pixels - first)
      let scratch = execution.scratch(of: worker)
      let enlarged = scratch + product.scratchCount
      product.run(
        map, y: first / width, x: first % width, width: width, count: count,
        into: TapProduct.Target(output: enlarged, stride: stride, residual: nil),
        kernels: kernels, scratch: scratch)
      var arguments = colorize_pair_products()
      arguments.stride = padded
      arguments.row_count = pixelsOfOne
      arguments.pair = UnsafePointer(pair)
      arguments.count = padded
      for position in 0..<count {
        arguments.rows = UnsafePointer(enlarged + position * stride)
        arguments.output = colors + (first + position) * pixelsOfOne * 2
        kernels.table.pair_products(&arguments)
      }
    }
    finish(UnsafePointer(colors), picture, output, execution)
  }

  /// The queries times the last convolution's weights, `[2, padded]`.
  private func fold(_ queries: Activation, into pair: UnsafeMutablePointer<Float>) {
    let columns = operation.queries + 3
    for output in 0..<2 {
      for c in 0..<padded {
        var sum = 0.0
        if c < operation.channels {
          for q in 0..<operation.queries {
            sum +=
              Double(refinement.weight.start[output * columns + q])
              * Double(queries.start[q * queries.stride + c])
          }
        }
        pair[output * padded + c] = Float(sum)
      }
    }
  }

  /// Shuffle, blur, and the picture's part of the last convolution.
  ///
  /// - Parameter colors: of each position 16 pairs.
  private func finish(
    _ colors: UnsafePointer<Float>, _ picture: Activation, _ output: Activation,
    _ execution: Execution
  ) {
    let width = output.shape.width
    let weight = refinement.weight.start + operation.queries
    let columns = operation.queries + 3
    func pixel(_ y: Int, _ x: Int) -> UnsafePointer<Float> {
      let position = (y / 4) * (width / 4) + x / 4
      return colors + (position * operation.pixelsOfOne + y % 4 * 4 + x % 4) * 2
    }
    execution.team.run(output.shape.height) { y, _ in
      for x in 0..<width {
        let (above, left) = (max(y - 1, 0), max(x - 1, 0))
        let (corner0, corner1) = (pixel(above, left), pixel(above, x))
        let (corner2, corner3) = (pixel(y, left), pixel(y, x))
        let shown = picture.start + (y * width + x) * picture.stride
        let target = output.start + (y * width + x) * output.stride
        for c in 0..<2 {
          var sum = (corner0[c] + corner1[c] + corner2[c] + corner3[c]) * 0.25
          sum += refinement.bias.start[c]
          for channel in 0..<3 { sum += weight[c * columns + channel] * shown[channel] }
          target[c] = sum
        }
      }
    }
  }
}
