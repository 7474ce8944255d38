// The language in which networks are described. A description is a graph of operators with names
// and shapes; it holds no weights and no size. Inference compiles it (Engine), training reads the
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
  }

  /// The name in model files.
  package let architecture: String
  /// Node 0 is the input, the last node the output: the logits of the ab bins.
  package let nodes: [Node]
  /// Height and width of the input are multiples of this.
  package let sizeMultiple: Int
  /// The output has 1/outputStride of the input's height and width.
  package let outputStride: Int

  /// Describes a network: `body` gets the input and returns the output.
  package init(
    _ architecture: String, inputChannels: Int, sizeMultiple: Int, outputStride: Int,
    _ body: (Value) -> Value
  ) {
    let table = Table()
    let input = Value(table, name: "", nil, [], channels: inputChannels)
    let output = body(input)
    precondition(output.index == table.nodes.count - 1, "the output must be described last")
    self.architecture = architecture
    self.nodes = table.nodes
    self.sizeMultiple = sizeMultiple
    self.outputStride = outputStride
  }

  package var inputChannels: Int { nodes[0].channels }
  package var outputChannels: Int { nodes[nodes.count - 1].channels }

  /// Names and shapes of all tensors that a model file must hold.
  package var parameters: [Parameter] {
    nodes.flatMap { node in
      (node.operation?.parameters ?? []).map { Parameter("\(node.name).\($0.name)", $0.shape) }
    }
  }

  /// The shape of every node's output, for an input of this size.
  package func shapes(height: Int, width: Int) -> [Shape] {
    var shapes: [Shape] = []
    for node in nodes {
      if let operation = node.operation {
        shapes.append(operation.outputShape(node.inputs.map { shapes[$0] }))
      } else {
        shapes.append(Shape(channels: node.channels, height: height, width: width))
      }
    }
    return shapes
  }

  /// The output in float64 through the operators' naive references: what a plan is tested against.
  ///
  /// - Parameter tensor: the values of the tensor of a name, row-major.
  package func reference(_ input: ReferenceTensor, tensor: (String) -> [Double]) -> ReferenceTensor
  {
    var values: [ReferenceTensor] = []
    for node in nodes {
      guard let operation = node.operation else {
        values.append(input)
        continue
      }
      let parameters = operation.parameters.map { tensor("\(node.name).\($0.name)") }
      values.append(operation.reference(node.inputs.map { values[$0] }, parameters: parameters))
    }
    return values[values.count - 1]
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
      _ name: String, _ outputs: Int, kernel: Int, stride: Int = 1, bias: Bool = true
    ) -> Value {
      let operation = Convolution(
        inputs: channels, outputs: outputs, kernel: kernel, stride: stride, padding: kernel / 2,
        bias: bias)
      return Value(table, name: name, operation, [self], channels: outputs)
    }

    package func batchNorm(_ name: String) -> Value {
      Value(table, name: name, BatchNorm(channels: channels), [self], channels: channels)
    }

    package func relu() -> Value {
      Value(table, name: "", ReLU(), [self], channels: channels)
    }

    package func globalMean() -> Value {
      Value(table, name: "", GlobalMean(), [self], channels: channels)
    }

    /// A fully connected layer; the value is 1x1.
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
