// From any file that a model can be read from to a model file of this library: safetensors, with what
// a model file says of itself, and with test vectors of the weights that it holds.

import Glibc

/// A model file to be written.
package struct ModelConversion {
  package struct Options {
    /// Whether large weights are rounded to float16.
    package var halfPrecision = false
    /// Whether they are rounded to whole numbers of 8 bits, with a scale for each output.
    package var eightBits = false
    /// Instead of what the file says.
    package var licence: String?
    package var plainSoftmaxTemperature: Float?
    package var maskConvention: MaskConvention?

    package init() {}
  }

  /// Sides of the test vectors: a multiple of what any network asks for.
  private static let vectorSide = 32
  /// Smaller tensors, and biases and the like, save little and stay as they are.
  private static let minimumCount = 4096

  private let file: TensorFile
  private let network: Network
  private let vectors: [String: Memory<Float>]
  /// By name: how the large weights are rounded.
  private let rounding: [String: Rounding]
  private let layout: TensorFileLayout

  /// What the model is that the file holds.
  package let information: ModelInformation
  /// What the rounding of weights to 8 bits does to the test vectors' ab; nil: they are not rounded so.
  package let eightBitError: ColorError?
  /// The size of the file that will be written.
  package var byteCount: Int { layout.byteCount }

  /// Reads a file, and computes the test vectors. This takes seconds.
  ///
  /// - Parameters:
  ///   - name: the file's, as the metadata will give it.
  ///   - isCancelled: asked now and then.
  package init(
    path: UnsafePointer<CChar>, name: String, options: Options, isCancelled: () -> Bool
  ) throws(ColorizeError) {
    // Opened as a model, it is known to be sound in every respect.
    let model = try Model.open(
      path: path,
      options: ModelOptions(
        plainSoftmaxTemperature: options.plainSoftmaxTemperature,
        maskConvention: options.maskConvention))
    network = model.network
    information = model.information
    guard options.maskConvention == nil || network.takesHints else {
      throw .invalidArgument(
        "the network \(network.architecture) takes no hints, so it has no mask convention")
    }
    file = try TensorFile(ByteSource(path: path))

    var metadata = Dictionary(file.metadata.map { ($0.key, $0.value) }) { first, _ in first }
    metadata["architecture"] = network.architecture
    if network.distribution != nil {
      metadata["temperature_of_plain_softmax"] = "\(information.plainSoftmaxTemperature)"
    }
    metadata["default_network_size"] = "\(information.defaultNetworkSize)"
    // Of a file that has been converted before, the first one.
    metadata["converted_from"] = metadata["converted_from"] ?? name
    if network.takesHints { metadata["mask_convention"] = information.maskConvention.rawValue }
    if let licence = options.licence { metadata["licence"] = licence }

    var tensors: [TensorFileLayout.Tensor] = []
    var rounding: [String: Rounding] = [:]
    for parameter in network.parameters {
      let (name, shape) = (parameter.name, parameter.shape)
      let kind = Self.rounding(of: parameter, from: file.format(name), options)
      rounding[name] = kind
      switch kind {
      case .eightBits(let dimension):
        tensors.append(TensorFileLayout.Tensor(name: name, shape: shape, format: .int8))
        tensors.append(
          TensorFileLayout.Tensor(
            name: EightBitWeights.scaleName(name),
            shape: EightBitWeights.scaleShape(shape, dimension: dimension), format: .float32))
      case .half:
        tensors.append(TensorFileLayout.Tensor(name: name, shape: shape, format: .float16))
      case nil: tensors.append(TensorFileLayout.Tensor(name: name, shape: shape, format: .float32))
      }
    }
    self.rounding = rounding

    var vectors: [String: Memory<Float>] = [:]
    var error = ColorError()
    let reference = FloatingReference(model: model, file: file, rounding: rounding)
    for index in 0..<(network.takesHints ? 2 : 1) {
      let input = Self.input(
        network, withHints: index == 1, maskOffset: information.maskConvention.offset)
      let ab = try reference.ab(input, isCancelled: isCancelled)
      if options.eightBits { error.add(try model.ab(input), ab) }
      for (kind, tensor) in [("input", input), ("ab", ab)] {
        let shape = tensor.shape
        let values = try Memory<Float>(count: shape.count)
        for (index, value) in tensor.values.enumerated() { values.start[index] = Float(value) }
        vectors["vector.\(index).\(kind)"] = values
        tensors.append(
          TensorFileLayout.Tensor(
            name: "vector.\(index).\(kind)", shape: [shape.channels, shape.height, shape.width],
            format: .float32))
      }
    }
    self.vectors = vectors
    eightBitError = options.eightBits ? error : nil
    layout = try TensorFileLayout(tensors, metadata: metadata)
  }

  /// How a tensor is rounded; nil: not at all.
  private static func rounding(
    of parameter: Parameter, from format: String?, _ options: Options
  ) -> Rounding? {
    let isLarge = parameter.shape.count >= 2 && parameter.shape.reduce(1, *) >= minimumCount
    // Nothing is gained by making numbers wider.
    if format == TensorFileLayout.Format.int8.rawValue || options.eightBits && isLarge {
      return .eightBits(dimension: parameter.outputDimension)
    }
    let isHalf = format == TensorFileLayout.Format.float16.rawValue
    return isHalf || options.halfPrecision && isLarge ? .half : nil
  }

  /// Writes the file.
  package func write(
    to target: TensorFileWriter.Target, isCancelled: () -> Bool
  ) throws(ColorizeError) {
    var writer = try TensorFileWriter(layout, to: target)
    let scaled = Dictionary(
      network.parameters.map { (EightBitWeights.scaleName($0.name), $0) }
    ) { first, _ in first }
    for tensor in layout.tensors {
      if isCancelled() { throw .cancelled }
      if let vector = vectors[tensor.name] {
        try writer.write(vector)
      } else if let parameter = scaled[tensor.name],
        case .eightBits(let dimension) = rounding[parameter.name]
      {
        let values = try file.floats(parameter.name, shape: parameter.shape)
        try writer.write(
          EightBitWeights(values, shape: parameter.shape, dimension: dimension).scales)
      } else {
        let values = try file.floats(tensor.name, shape: tensor.shape)
        if case .eightBits(let dimension) = rounding[tensor.name] {
          try writer.write(
            EightBitWeights(values, shape: tensor.shape, dimension: dimension).numbers)
        } else {
          try writer.write(values)
        }
      }
    }
  }

  /// An input as the network takes it: a disc and stripes on a gradient, and six hints.
  private static func input(
    _ network: Network, withHints: Bool, maskOffset: Float
  ) -> ReferenceTensor {
    let side = vectorSide
    let form = network.input
    var pixels = Array(repeating: Float(0), count: side * side * form.channels)
    pixels.withUnsafeMutableBufferPointer { pixels in
      // A side is more than 0.
      let start = pixels.baseAddress.unsafelyUnwrapped
      for y in 0..<side {
        for x in 0..<side {
          let isInDisc = (x - 12) * (x - 12) + (y - 11) * (y - 11) < 64
          let isInStripe = y > 20 && x % 8 < 4
          let lightness = 15 + y + x / 2 + (isInDisc ? 30 : 0) + (isInStripe ? 18 : 0)
          form.write(
            lightness: Float(lightness), maskOffset: maskOffset,
            to: start + (y * side + x) * form.channels)
        }
      }
      let hints: [(y: Int, x: Int, a: Float, b: Float)] = [
        (10, 12, 60, 40), (11, 12, 60, 40), (3, 27, -20, -45), (26, 2, -40, 50), (26, 6, 10, 0),
        (29, 29, 0, 70),
      ]
      for hint in withHints ? hints : [] {
        InputForm.add(
          a: hint.a, b: hint.b, mask: 1, to: start + (hint.y * side + hint.x) * form.channels)
      }
    }
    var input = ReferenceTensor(Shape(channels: form.channels, height: side, width: side))
    for (index, value) in pixels.enumerated() {
      let (pixel, channel) = index.quotientAndRemainder(dividingBy: form.channels)
      input[channel, pixel / side, pixel % side] = Double(value)
    }
    return input
  }
}

/// How a tensor's values are rounded.
private enum Rounding {
  case half
  /// With a scale for each place of a dimension.
  case eightBits(dimension: Int)
}

/// How far colors are from others.
package struct ColorError {
  private var count = 0.0
  private var sum = 0.0
  private var squares = 0.0
  private var differences = 0.0
  /// Of the absolute differences of a or b.
  package private(set) var largest = 0.0

  /// The root of the mean square of the differences, over the standard deviation of the right values.
  package var relative: Double {
    let variance = squares / count - (sum / count) * (sum / count)
    return (differences / count / variance).squareRoot()
  }

  fileprivate mutating func add(_ right: ReferenceTensor, _ values: ReferenceTensor) {
    for (right, value) in zip(right.values, values.values) {
      count += 1
      sum += right
      squares += right * right
      differences += (value - right) * (value - right)
      largest = max(largest, abs(value - right))
    }
  }
}

extension Model {
  /// ab of a network's input, by the network as it is.
  fileprivate func ab(_ input: ReferenceTensor) throws(ColorizeError) -> ReferenceTensor {
    let (height, width) = (input.shape.height, input.shape.width)
    let shape = network.abShape(height: height, width: width)
    let ab = try Memory<Float>(count: shape.count)
    let planes = try Memory<Float>(count: input.shape.count)
    for (index, value) in input.values.enumerated() { planes.start[index] = Float(value) }
    try Colorizer.predict(model: self, height: height, width: width, into: ab.start) { input in
      input.start.fromPlanes(planes.start, input.shape)
    }
    return ReferenceTensor(shape, (0..<ab.count).map { Double(ab.start[$0]) })
  }
}

/// A model in float64, by the operators' naive references.
private struct FloatingReference {
  let model: Model
  let file: TensorFile
  /// By name: how tensors are rounded.
  let rounding: [String: Rounding]

  /// ab at the default temperature.
  func ab(_ input: ReferenceTensor, isCancelled: () -> Bool) throws(ColorizeError)
    -> ReferenceTensor
  {
    let network = model.network
    let shapes = Dictionary(network.parameters.map { ($0.name, $0.shape) }) { first, _ in first }
    let output = try network.reference(.ab, input) { (name) throws(ColorizeError) in
      if isCancelled() { throw .cancelled }
      let values = try file.floats(name, shape: shapes[name] ?? [])
      switch rounding[name] {
      case nil: break
      case .half:
        for index in 0..<values.count {
          // One beyond float16 is an error when it is written.
          values.start[index] =
            values.start[index].halfPrecision.map(Float.init(halfPrecision:)) ?? 0
        }
      case .eightBits(let dimension):
        let shape = shapes[name] ?? []
        let rounded = try EightBitWeights(values, shape: shape, dimension: dimension)
        EightBitWeights.eachOutput(shape, dimension: dimension) { output, range in
          for index in range {
            values.start[index] = rounded.numbers.start[index] * rounded.scales.start[output]
          }
        }
      }
      return (0..<values.count).map { Double(values.start[$0]) }
    }
    switch network.colors {
    case .ab(_, let scale): return output.map { $0 * Double(scale) }
    case .rgb(_, let normalization):
      var ab = ReferenceTensor(
        Shape(channels: 2, height: output.shape.height, width: output.shape.width))
      for y in 0..<output.shape.height {
        for x in 0..<output.shape.width {
          func light(_ c: Int) -> Double {
            let level =
              output[c, y, x] * Double(normalization.deviation[c]) + Double(normalization.mean[c])
            return CIELab.light(encoded: min(max(level / 255, 0), 1))
          }
          let lab = CIELab.lab(light: SIMD3(light(0), light(1), light(2)))
          (ab[0, y, x], ab[1, y, x]) = (lab.y, lab.z)
        }
      }
      return ab
    case .annealedMean(let upsampling):
      let mean = annealedMean(output)
      let size = Shape(
        channels: 2, height: mean.shape.height * upsampling, width: mean.shape.width * upsampling)
      return Bilinear().reference([mean, ReferenceTensor(size)], parameters: [])
    }
  }

  private func annealedMean(_ logits: ReferenceTensor) -> ReferenceTensor {
    let scale =
      Double(model.information.plainSoftmaxTemperature) / Double(AnnealedMean.defaultTemperature)
    let shape = logits.shape
    var mean = ReferenceTensor(Shape(channels: 2, height: shape.height, width: shape.width))
    for y in 0..<shape.height {
      for x in 0..<shape.width {
        let values = (0..<shape.channels).map { logits[$0, y, x] * scale }
        let largest = values.max() ?? 0
        var sums = (weights: 0.0, a: 0.0, b: 0.0)
        for (bin, value) in values.enumerated() {
          let weight = exp(value - largest)
          sums.weights += weight
          sums.a += weight * Double(model.bins.a[bin])
          sums.b += weight * Double(model.bins.b[bin])
        }
        mean[0, y, x] = sums.a / sums.weights
        mean[1, y, x] = sums.b / sums.weights
      }
    }
    return mean
  }
}
