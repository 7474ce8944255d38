// The gradients of a small graph: how single operators are compared.
//
// Metadata: "count", "height", "width" and "channels" of node 0, which is the input; "graph", a node a line, counted from 1:
//
//     NAME OPERATION INPUT[,INPUT] [KEY=VALUE ...]
//
// "ends", the numbers of nodes; "frozen", beginnings of tensors' names. Tensors: the operators', "input" [count, height,
// width, channels], and for each end N "seed.N", the gradient of the loss by it, as far as other ends do not count.
//
// Gives "node.N" of each end, "gradient.node.N", to which other ends have been added that follow on N (it has a meaning
// where N only has the input before it: what comes before takes the memory), "gradient.NAME" and "statistic.NAME".

import ColorizeCore
import ColorizeTraining

/// A line of the description.
private struct Line {
  let name: String
  let operation: String
  let inputs: [Int]
  private let options: [String: String]

  init(_ text: Substring) {
    let words = text.split(separator: " ").map(String.init)
    guard words.count >= 3 else { fail("no node: \(text)") }
    name = words[0]
    operation = words[1]
    inputs = words[2].split(separator: ",").compactMap { Int($0) }
    var options: [String: String] = [:]
    for word in words.dropFirst(3) {
      let parts = word.split(separator: "=").map(String.init)
      guard parts.count == 2 else { fail("no option: \(word)") }
      options[parts[0]] = parts[1]
    }
    self.options = options
  }

  func whole(_ key: String) -> Int {
    guard let value = Int(options[key] ?? "") else { fail("\(name) has no number \(key)") }
    return value
  }

  func number(_ key: String) -> Float {
    guard let value = Float(options[key] ?? "") else { fail("\(name) has no number \(key)") }
    return value
  }

  /// As "same" says: TensorFlow's padding, or as much on every side.
  private func sides(_ kernel: Int, _ dilation: Int = 1) -> (before: Int, after: Int) {
    let padding: Network.Padding = options["same"] == "1" ? .same : .even
    return padding.sides(kernel: kernel, stride: whole("stride"), dilation: dilation)
  }

  func node(_ nodes: [Network.Node]) -> Network.Node {
    guard inputs.allSatisfy({ nodes.indices.contains($0) }), let first = inputs.first else {
      fail("\(name) has no inputs before it")
    }
    let channels = nodes[first].channels
    let operation: any Operator
    var outputs = channels
    switch self.operation {
    case "convolution":
      outputs = whole("outputs")
      let (kernel, dilation) = (whole("kernel"), whole("dilation"))
      operation = Convolution(
        inputs: channels, outputs: outputs, kernel: kernel, stride: whole("stride"),
        padding: sides(kernel, dilation).before, paddingAfter: sides(kernel, dilation).after,
        dilation: dilation, bias: whole("bias") != 0)
    case "depthwise":
      operation = DepthwiseConvolution(
        channels: channels, kernel: whole("kernel"), stride: whole("stride"),
        padding: sides(whole("kernel")))
    case "transposed":
      outputs = whole("outputs")
      operation = TransposedConvolution(inputs: channels, outputs: outputs)
    case "linear":
      outputs = whole("outputs")
      operation = Linear(inputs: channels, outputs: outputs)
    case "norm": operation = BatchNorm(channels: channels)
    case "relu":
      operation = ReLU(ceiling: options["ceiling"] == nil ? .infinity : number("ceiling"))
    case "leaky": operation = LeakyReLU(slope: number("slope"))
    case "tanh": operation = Tanh()
    case "bilinear": operation = Bilinear()
    case "mean": operation = GlobalMean()
    case "subsample": operation = Subsample()
    case "add": operation = Add()
    case "gray":
      outputs = 3
      operation = GrayAsRGB()
    default: fail("no operation \(self.operation)")
    }
    return Network.Node(name: name, operation: operation, inputs: inputs, channels: outputs)
  }
}

/// The nodes that a file describes.
func nodes(_ input: Input) -> [Network.Node] {
  var nodes = [
    Network.Node(name: "", operation: nil, inputs: [], channels: input.whole("channels"))
  ]
  for text in input.text("graph").split(separator: "\n") { nodes.append(Line(text).node(nodes)) }
  return nodes
}

/// A network of such nodes, and its tensors with the values of the file.
func network(
  _ input: Input, _ kernels: TrainingKernels, _ team: Team
) throws(ColorizeError) -> (network: TrainingNetwork, parameters: Parameters) {
  let parameters = Parameters()
  func network() throws(ColorizeError) -> TrainingNetwork {
    try TrainingNetwork(
      nodes(input), ends: input.wholes("ends"), parameters: parameters,
      count: input.whole("count"), height: input.whole("height"), width: input.whole("width"),
      kernels: kernels, team: team)
  }
  // The first one adds the tensors; what is frozen has to be known to the one that runs.
  _ = try network()
  try input.readValues(parameters)
  input.freeze(parameters)
  return (try network(), parameters)
}

func graph(
  _ input: Input, _ kernels: TrainingKernels, _ team: Team
) throws(ColorizeError) -> Output {
  let (network, parameters) = try network(input, kernels, team)
  let size = input.whole("height") * input.whole("width") * input.whole("channels")
  let values = try Memory<Float>(count: input.whole("count") * size)
  try input.read("input", into: values)
  network.forward(values.start)
  var output = Output()
  output.memoryBytes = network.memoryBytes
  let ends = input.wholes("ends")
  for node in ends {
    try output.add("node.\(node)", network[end: node].value)
    try seed(input, node, network[end: node].gradient)
  }
  network.backward()
  for node in ends { try output.add("gradient.node.\(node)", network[end: node].gradient) }
  try output.addGradients(parameters)
  return output
}

private func seed(
  _ input: Input, _ node: Int, _ gradient: BatchActivation
) throws(ColorizeError) {
  let channels = gradient.shape.channels
  let values = try Memory<Float>(count: gradient.rows * channels)
  try input.read("seed.\(node)", into: values)
  for row in 0..<gradient.rows {
    let target = gradient.start + row * gradient.stride
    target.update(repeating: 0, count: gradient.stride)
    target.update(from: values.start + row * channels, count: channels)
  }
}
