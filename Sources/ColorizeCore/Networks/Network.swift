// The language in which networks are described. A description is a graph of operators with names
// and shapes; it holds no weights and no size. Inference compiles it (Compilation), training reads the
// same graph.

/// A network as its paper's table gives it.
package struct Network: Sendable {
  /// One row of the table.
  package struct Node: Sendable {
    /// The name in front of its tensors' names; empty for operators without parameters.
    package let name: String
    /// nil: the network's input.
    package let operation: (any Operator)?
    /// Indices of the nodes whose outputs it takes; all are smaller than its own.
    package let inputs: [Int]
    package let channels: Int

    package init(name: String, operation: (any Operator)?, inputs: [Int], channels: Int) {
      self.name = name
      self.operation = operation
      self.inputs = inputs
      self.channels = channels
    }
  }

  /// What a network is run for.
  package enum Goal: CaseIterable, Sendable {
    /// Colors.
    case ab
    /// The distribution over the ab bins.
    case distribution
  }

  /// How a release brings a picture to its network's size, and colors to the picture's.
  package enum Resampling: Sendable {
    /// Pillow's bicubic, and bilinear.
    case antialiased
    /// Bilinear without antialiasing, and the nearest.
    case points
  }

  /// What colors are made of.
  package enum Colors: Sendable {
    /// The annealed mean of the distribution, and then this many times larger, bilinearly.
    case annealedMean(upsampling: Int)
    /// A node whose two channels times `scale` are a and b.
    case ab(node: Int, scale: Float)
    /// A node whose three channels are red, green and blue, normalised; what is outside of 0 to 1 is brought inside.
    /// a and b are those of that color.
    case rgb(node: Int, RGBNormalization)
  }

  /// A distribution over ab bins.
  package struct Distribution: Sendable {
    /// Its logits.
    package let node: Int
    /// What part of the (rounded) sides it has.
    package let stride: Int
    package let bins: Bins
    package let binCount: Int
    /// The temperature at which softmax(logits) stands, unless a model file says otherwise.
    package let plainSoftmaxTemperature: Float
  }

  /// Where the centres of the ab bins come from.
  package enum Bins: Sendable {
    /// The 313 bins that hold colors of sRGB.
    case gamut
    /// All 529 bins of a square.
    case grid
    /// `[2, 313, 1, 1]` in the model file: the centres divided by 110.
    case tensor(String)
  }

  /// The name in model files.
  package let architecture: String
  /// Node 0 is the input.
  package let nodes: [Node]
  /// Height and width of the input are multiples of this.
  package let sizeMultiple: Int
  /// Outputs are as large as if the input's sides were rounded up to multiples of this.
  package let sizeRounding: Int
  /// The side at which its release has a network see a picture.
  package let releasedSize: Int
  /// How its release brings a picture to that size, and colors back.
  package let releasedResampling: Resampling
  package let input: InputForm
  package let colors: Colors
  /// nil: it gives colors alone.
  package let distribution: Distribution?
  /// Nodes with a name for what training may ask of them besides: "map", what the network has seen at each place, and
  /// "pooled", in the picture.
  package let features: [String: Int]

  /// How much padding a convolution has to keep the size (divided by the stride).
  package enum Padding: Sendable {
    /// As much on every side.
    case even
    /// No more than it takes, of which an odd one comes after: TensorFlow's SAME, for sides that are multiples of the
    /// stride.
    case same

    /// Above and to the left, and below and to the right.
    package func sides(kernel: Int, stride: Int, dilation: Int = 1) -> (before: Int, after: Int) {
      switch self {
      case .even:
        let side = kernel / 2 * dilation
        return (side, side)
      case .same:
        let both = max(dilation * (kernel - 1) + 1 - stride, 0)
        return (both / 2, both - both / 2)
      }
    }
  }

  /// What a description ends in: the values from which colors are made.
  package struct Outputs {
    fileprivate enum Colors {
      case annealedMean(upsampling: Int)
      case ab(Value, scale: Float)
      case rgb(Value, RGBNormalization)
    }

    /// The logits of a distribution over ab bins.
    package struct Logits {
      fileprivate let value: Value
      fileprivate let bins: Bins
      fileprivate let stride: Int
      fileprivate let plainSoftmaxTemperature: Float

      /// - Parameter stride: what part of the (rounded) sides they have.
      package init(
        _ value: Value, over bins: Bins, stride: Int, plainSoftmaxTemperature: Float = 1
      ) {
        self.value = value
        self.bins = bins
        self.stride = stride
        self.plainSoftmaxTemperature = plainSoftmaxTemperature
      }
    }

    fileprivate let logits: Logits?
    fileprivate let colors: Colors
    fileprivate let features: [String: Value]

    /// Colors are the annealed mean of the distribution, `upsampling` times larger.
    package init(_ logits: Logits, upsampling: Int = 1, features: [String: Value] = [:]) {
      self.logits = logits
      colors = .annealedMean(upsampling: upsampling)
      self.features = features
    }

    /// Colors are a value of three channels, red, green and blue, as large as the input.
    package init(rgb: Value, _ normalization: RGBNormalization) {
      logits = nil
      colors = .rgb(rgb, normalization)
      features = [:]
    }

    /// Colors are a value of two channels, a and b divided by `scale`, as large as the input.
    package init(
      ab: Value, scale: Float, logits: Logits? = nil, features: [String: Value] = [:]
    ) {
      self.logits = logits
      colors = .ab(ab, scale: scale)
      self.features = features
    }
  }

  /// Describes a network: `body` gets the input and returns the outputs.
  package init(
    _ architecture: String, input: InputForm, sizeMultiple: Int, sizeRounding: Int,
    releasedSize: Int = 256, releasedResampling: Resampling = .antialiased,
    _ body: (Value) -> Outputs
  ) {
    let table = Table()
    let outputs = body(Value(table, name: "", nil, [], channels: input.channels))
    self.architecture = architecture
    self.input = input
    nodes = table.nodes
    self.sizeMultiple = sizeMultiple
    self.sizeRounding = sizeRounding
    self.releasedSize = releasedSize
    self.releasedResampling = releasedResampling
    distribution = outputs.logits.map {
      Distribution(
        node: $0.value.index, stride: $0.stride, bins: $0.bins, binCount: $0.value.channels,
        plainSoftmaxTemperature: $0.plainSoftmaxTemperature)
    }
    features = outputs.features.mapValues(\.index)
    var ends = [outputs.logits?.value.index].compactMap(\.self)
    switch outputs.colors {
    case .annealedMean(let upsampling): colors = .annealedMean(upsampling: upsampling)
    case .ab(let value, let scale):
      colors = .ab(node: value.index, scale: scale)
      ends.append(value.index)
    case .rgb(let value, let normalization):
      colors = .rgb(node: value.index, normalization)
      ends.append(value.index)
    }
    precondition(
      !nodes.contains { $0.inputs.contains { ends.contains($0) } }, "an output is used inside")
  }

  /// Whether it takes colors at some places.
  package var takesHints: Bool { input.takesHints }

  /// The node that must be computed for a goal; that of the colors if there is no distribution.
  package func node(for goal: Goal) -> Int {
    switch (goal, colors) {
    case (.ab, .ab(let node, _)), (.ab, .rgb(let node, _)): node
    case (.distribution, .ab(let node, _)), (.distribution, .rgb(let node, _)):
      distribution?.node ?? node
    // Then there is one.
    case (_, .annealedMean): distribution?.node ?? 0
    }
  }

  /// What part of the (rounded) sides ab has.
  package var abStride: Int {
    switch colors {
    case .annealedMean(let upsampling): (distribution?.stride ?? upsampling) / upsampling
    case .ab, .rgb: 1
    }
  }

  /// `[2, height, width]` of ab for an input of this size.
  package func abShape(height: Int, width: Int) -> Shape {
    Shape(
      channels: 2, height: height.roundedUp(to: sizeRounding) / abStride,
      width: width.roundedUp(to: sizeRounding) / abStride)
  }

  /// `[2, height, width]` of the ab of an input of this size before the network's own upsampling.
  func cellShape(height: Int, width: Int) -> Shape {
    let shape = abShape(height: height, width: width)
    guard case .annealedMean(let upsampling) = colors else { return shape }
    return Shape(
      channels: 2, height: shape.height / upsampling, width: shape.width / upsampling)
  }

  /// Names and shapes of all tensors that a model file must hold.
  package var parameters: [Parameter] {
    var names: Set<String> = []
    // Several nodes may share one.
    let own = nodes.flatMap { node in
      (node.operation?.parameters ?? []).map {
        Parameter(
          Parameter.fullName(node.name, $0.name), $0.shape, outputDimension: $0.outputDimension)
      }
    }.filter { names.insert($0.name).inserted }
    if let distribution, case .tensor(let name) = distribution.bins {
      return own + [Parameter(name, [2, distribution.binCount, 1, 1])]
    }
    return own
  }

  /// The shape of every node's output, for an input of this size.
  package func shapes(height: Int, width: Int) -> [Shape] {
    nodes.shapes(height: height, width: width)
  }

  /// By node: whether its value is needed for that of `node`.
  package func isNeeded(for node: Int) -> [Bool] {
    var isNeeded = Array(repeating: false, count: nodes.count)
    isNeeded[node] = true
    for index in nodes.indices.reversed() where isNeeded[index] {
      for input in nodes[index].inputs { isNeeded[input] = true }
    }
    return isNeeded
  }

  /// What is to be computed for a goal, in float64 through the operators' naive references: what
  /// plans are tested against.
  ///
  /// - Parameter tensor: the values of the tensor of a name, row-major.
  package func reference(
    _ goal: Goal, _ input: ReferenceTensor, tensor: (String) throws(ColorizeError) -> [Double]
  ) throws(ColorizeError) -> ReferenceTensor {
    let target = node(for: goal)
    let isNeeded = isNeeded(for: target)
    var values: [ReferenceTensor?] = []
    for (index, node) in nodes.enumerated() {
      guard isNeeded[index] else {
        values.append(nil)
        continue
      }
      guard let operation = node.operation else {
        values.append(input)
        continue
      }
      var parameters: [[Double]] = []
      for parameter in operation.parameters {
        parameters.append(try tensor(Parameter.fullName(node.name, parameter.name)))
      }
      values.append(
        operation.reference(node.inputs.compactMap { values[$0] }, parameters: parameters))
    }
    return values[target] ?? input
  }

  /// The rows that have been described so far.
  fileprivate final class Table {
    var nodes: [Node] = []
  }

  /// The output of a row, from which further rows are made:
  ///
  ///     let x = input.convolution("stem", 32, kernel: 3, stride: 2).batchNorm("norm").relu()
  package struct Value {
    fileprivate let table: Table
    fileprivate let index: Int
    package let channels: Int

    fileprivate init(
      _ table: Table, name: String, _ operation: (any Operator)?, _ inputs: [Value], channels: Int
    ) {
      self.table = table
      self.index = table.nodes.count
      self.channels = channels
      table.nodes.append(
        Node(name: name, operation: operation, inputs: inputs.map(\.index), channels: channels))
    }

    /// A convolution whose padding keeps the size (divided by the stride).
    package func convolution(
      _ name: String, _ outputs: Int, kernel: Int, stride: Int = 1, dilation: Int = 1,
      padding: Padding = .even, bias: Bool = true
    ) -> Value {
      let sides = padding.sides(kernel: kernel, stride: stride, dilation: dilation)
      let operation = Convolution(
        inputs: channels, outputs: outputs, kernel: kernel, stride: stride,
        padding: sides.before, paddingAfter: sides.after, dilation: dilation, bias: bias)
      return Value(table, name: name, operation, [self], channels: outputs)
    }

    /// A convolution of each channel by itself; its padding keeps the size (divided by the stride).
    package func depthwise(
      _ name: String, kernel: Int, stride: Int = 1, padding: Padding = .even, bias: Bool = false
    ) -> Value {
      let operation = DepthwiseConvolution(
        channels: channels, kernel: kernel, stride: stride,
        padding: padding.sides(kernel: kernel, stride: stride), bias: bias)
      return Value(table, name: name, operation, [self], channels: channels)
    }

    /// A transposed convolution that doubles the sides.
    package func transposedConvolution(_ name: String, _ outputs: Int) -> Value {
      let operation = TransposedConvolution(inputs: channels, outputs: outputs)
      return Value(table, name: name, operation, [self], channels: outputs)
    }

    /// Every other pixel of every other row.
    package func subsampled() -> Value {
      Value(table, name: "", Subsample(), [self], channels: channels)
    }

    package func batchNorm(_ name: String) -> Value {
      Value(table, name: name, BatchNorm(channels: channels), [self], channels: channels)
    }

    package func relu(ceiling: Float = .infinity) -> Value {
      Value(table, name: "", ReLU(ceiling: ceiling), [self], channels: channels)
    }

    package func leakyReLU(_ slope: Float) -> Value {
      Value(table, name: "", LeakyReLU(slope: slope), [self], channels: channels)
    }

    package func tanh() -> Value {
      Value(table, name: "", Tanh(), [self], channels: channels)
    }

    /// What a classifier is shown of the lightness in channel 0.
    package func grayAsRGB(_ normalization: RGBNormalization = .signed) -> Value {
      Value(table, name: "", GrayAsRGB(normalization), [self], channels: 3)
    }

    package func maxPool(kernel: Int, stride: Int, padding: Int) -> Value {
      let operation = MaxPool(kernel: kernel, stride: stride, padding: padding)
      return Value(table, name: "", operation, [self], channels: channels)
    }

    /// Channels to pixels: sides that are `factor` times as long.
    package func pixelShuffle(_ factor: Int) -> Value {
      let operation = PixelShuffle(factor: factor)
      return Value(
        table, name: "", operation, [self], channels: channels / (factor * factor))
    }

    /// The mean of each pixel and those above and to the left of it; cropped to the size of `other`.
    package func blurred(croppedTo other: Value? = nil) -> Value {
      Value(table, name: "", Blur(), [self] + [other].compactMap(\.self), channels: channels)
    }

    /// Its channels, and behind them those of `other`.
    package func joined(with other: Value) -> Value {
      Value(
        table, name: "", Concatenation(), [self, other], channels: channels + other.channels)
    }

    /// Attention of all positions to each other, added: SAGAN's, with an eighth of the channels for queries and keys.
    package func selfAttention(_ name: String) -> Value {
      func linear(_ part: String, _ outputs: Int) -> Value {
        let operation = Linear(
          inputs: channels, outputs: outputs, bias: false, isConvolution: true)
        return Value(table, name: "\(name).\(part)", operation, [self], channels: outputs)
      }
      let (query, key) = (linear("query", channels / 8), linear("key", channels / 8))
      let value = linear("value", channels)
      return Value(
        table, name: name, SelfAttention(), [query, key, value, self], channels: channels)
    }

    /// What a network's file says of its inputs' mean and deviation.
    package func standardized() -> Value {
      Value(table, name: "", Standardization(channels: channels), [self], channels: channels)
    }

    package func layerNorm(_ name: String, epsilon: Double) -> Value {
      let operation = LayerNorm(channels: channels, epsilon: epsilon)
      return Value(table, name: name, operation, [self], channels: channels)
    }

    package func gelu() -> Value {
      Value(table, name: "", GELU(), [self], channels: channels)
    }

    /// Each channel times its gamma.
    package func layerScale(_ name: String) -> Value {
      Value(table, name: name, LayerScale(channels: channels), [self], channels: channels)
    }

    /// A table that has been learnt, whatever this is: a position a row.
    ///
    /// - Parameter row: this one alone.
    package func embedding(_ name: String, count: Int, channels: Int, row: Int? = nil) -> Value {
      let operation = Embedding(count: count, channels: channels, row: row)
      return Value(table, name: name, operation, [self], channels: channels)
    }

    /// Where each of its positions is.
    package func sinePositions() -> Value {
      Value(table, name: "", SinePositions(channels: channels), [self], channels: channels)
    }

    /// Its queries, keys or values for the attention of a name.
    package func attentionProjection(_ name: String, _ part: AttentionProjection.Part) -> Value {
      let operation = AttentionProjection(channels: channels, part)
      return Value(table, name: name, operation, [self], channels: channels)
    }

    /// Of its queries to keys, and what these have for values.
    package func attention(to keys: Value, _ values: Value, heads: Int) -> Value {
      let operation = MultiHeadAttention(heads: heads)
      return Value(table, name: "", operation, [self, keys, values], channels: channels)
    }

    /// Two channels, at four times the sides, of what queries find in it and of the picture.
    package func queryColors(
      _ queries: Value, count: Int, picture: Value, enlargement: String, refinement: String
    ) -> Value {
      let operation = QueryColors(
        channels: channels, queries: count, enlargement: enlargement, refinement: refinement)
      return Value(table, name: "", operation, [self, queries, picture], channels: 2)
    }

    package func sigmoid(_ range: ClosedRange<Float>) -> Value {
      Value(table, name: "", SigmoidRange(range), [self], channels: channels)
    }

    package func globalMean() -> Value {
      Value(table, name: "", GlobalMean(), [self], channels: channels)
    }

    /// A fully connected layer, at every position.
    package func linear(_ name: String, _ outputs: Int) -> Value {
      let operation = Linear(inputs: channels, outputs: outputs)
      return Value(table, name: name, operation, [self], channels: outputs)
    }

    /// Bilinear, align_corners false, to the size of `other`.
    package func upsampled(to other: Value) -> Value {
      Value(table, name: "", Bilinear(), [self, other], channels: channels)
    }

    /// The sum; a 1x1 right-hand side is added at every position.
    package static func + (left: Value, right: Value) -> Value {
      precondition(left.channels == right.channels)
      return Value(left.table, name: "", Add(), [left, right], channels: left.channels)
    }
  }
}

extension [Network.Node] {
  /// The shape of every node's output, for an input of this size.
  package func shapes(height: Int, width: Int) -> [Shape] {
    var shapes: [Shape] = []
    for node in self {
      if let operation = node.operation {
        shapes.append(operation.outputShape(node.inputs.map { shapes[$0] }))
      } else {
        shapes.append(Shape(channels: node.channels, height: height, width: width))
      }
    }
    return shapes
  }
}
