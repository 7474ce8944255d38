// What the probe is told, and what it says.

import ColorizeCore
import ColorizeTraining
import Glibc

func fail(_ text: String) -> Never {
  let line = "training-probe: \(text)\n"
  line.withCString { _ = Glibc.write(STDERR_FILENO, $0, strlen($0)) }
  exit(1)
}

/// The file that says what to do. What is missing in it ends the program.
struct Input {
  let file: TensorFile

  init(_ file: TensorFile) { self.file = file }

  func text(_ key: String) -> String {
    guard let text = file[metadata: key] else { fail("the metadata have no \(key)") }
    return text
  }

  func number(_ key: String) -> Float {
    guard let value = Float(text(key)) else { fail("\(key) is no number") }
    return value
  }

  func whole(_ key: String) -> Int {
    guard let value = Int(text(key)) else { fail("\(key) is no whole number") }
    return value
  }

  /// Words between spaces.
  func words(_ key: String) -> [String] { text(key).split(separator: " ").map(String.init) }

  func wholes(_ key: String) -> [Int] {
    words(key).map { word in
      guard let value = Int(word) else { fail("\(key) has something that is no number") }
      return value
    }
  }

  /// Fills memory with a tensor of as many elements.
  func read(_ name: String, into memory: Memory<Float>) throws(ColorizeError) {
    guard let shape = file.shape(name) else { fail("there is no tensor \(name)") }
    let values = try file.floats(name, shape: shape)
    guard values.count == memory.count else { fail("\(name) has the shape \(shape)") }
    memory.start.update(from: values.start, count: values.count)
  }

  /// Sets the values of parameters, of which the file must hold each.
  func readValues(_ parameters: Parameters) throws(ColorizeError) {
    for tensor in parameters.tensors {
      let values = try file.floats(tensor.name, shape: tensor.shape)
      tensor.set(tensor.values, rowMajor: values.start)
    }
  }

  /// Of the tensors that "frozen" names by how they begin.
  func freeze(_ parameters: Parameters) {
    let frozen = words("frozen")
    for tensor in parameters.tensors {
      tensor.isFrozen = frozen.contains { tensor.name.hasPrefix($0) }
    }
  }

  var optimiser: OptimiserOptions {
    guard let kind = OptimiserOptions.Kind(rawValue: text("optimiser")) else {
      fail("no such optimiser")
    }
    var options = OptimiserOptions()
    options.kind = kind
    options.weightDecay = number("weight_decay")
    options.clip = number("clip")
    options.averageDecay = number("average_decay")
    return options
  }
}

/// The tensors that are written.
struct Output {
  private var tensors: [TrainingTensor] = []
  /// Bytes that the network in training took.
  var memoryBytes = 0

  mutating func add(_ name: String, _ shape: [Int], _ values: Memory<Float>) {
    tensors.append(TrainingTensor(name: name, shape: shape, values: values))
  }

  /// The gradients of what is learnt, and the running statistics.
  mutating func addGradients(_ parameters: Parameters) throws(ColorizeError) {
    for tensor in parameters.tensors {
      if let gradient = tensor.gradient {
        guard !tensor.isFrozen else { continue }
        add("gradient." + tensor.name, tensor.shape, try tensor.rowMajor(gradient))
      } else {
        add("statistic." + tensor.name, tensor.shape, try tensor.rowMajor(tensor.values))
      }
    }
  }

  mutating func addValues(_ parameters: Parameters) throws(ColorizeError) {
    for tensor in parameters.tensors {
      add("value." + tensor.name, tensor.shape, try tensor.rowMajor(tensor.values))
    }
  }

  /// Adds an activation as `[count, height, width, channels]`.
  mutating func add(_ name: String, _ activation: BatchActivation) throws(ColorizeError) {
    let shape = activation.shape
    let values = try Memory<Float>(count: activation.rows * shape.channels)
    for row in 0..<activation.rows {
      (values.start + row * shape.channels).update(
        from: activation.start + row * activation.stride, count: shape.channels)
    }
    add(name, [activation.count, shape.height, shape.width, shape.channels], values)
  }

  func write(to path: String) throws(ColorizeError) {
    let layout = try TensorFileLayout(
      tensors.map { .init(name: $0.name, shape: $0.shape, format: .float32) },
      metadata: ["memory_bytes": "\(memoryBytes)"])
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    guard descriptor >= 0 else { fail("cannot write \(path)") }
    defer { close(descriptor) }
    var writer = try TensorFileWriter(layout, to: .descriptor(descriptor))
    for tensor in layout.tensors {
      guard let own = tensors.first(where: { $0.name == tensor.name }) else { continue }
      try writer.write(own.values)
    }
  }
}
