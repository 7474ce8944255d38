// Batch norm in training, with what follows it.

import CKernelContract
import ColorizeCore

extension BatchNorm: TrainableOperator {
  var layerAbsorbs: Absorption { [.addition, .relu] }

  func layer(_ planning: LayerPlanning) throws(ColorizeError) -> any Layer {
    try NormLayer(
      planning.connections, planning.relu,
      NormLayer.Tensors(
        weight: planning.tensor("weight"), bias: planning.tensor("bias"),
        mean: planning.tensor("running_mean"), variance: planning.tensor("running_var")),
      isFrozen: !planning.isLearnt)
  }
}

/// Batch norm with the statistics of the batch (Ioffe and Szegedy 2015); then another activation added, and a ReLU, where
/// there are such. A frozen one takes the running statistics, as in inference, and leaves them as they are.
final class NormLayer: Layer {
  private let connections: Connections
  /// nil: none.
  private let relu: ReLU?
  private let norm: Tensors
  private let isFrozen: Bool
  /// By channel: mean, 1 / deviation, and four rows of factors and summands; then float64 sums.
  private let coefficients: Memory<Float>
  private let sums: Memory<Double>
  private let channels: Int

  /// The four tensors of a batch norm.
  struct Tensors {
    let weight: TrainingParameter
    let bias: TrainingParameter
    let mean: TrainingParameter
    let variance: TrainingParameter
  }

  /// How much a batch counts in the running statistics: PyTorch's default.
  private static let momentum = 0.1
  private static let samples = 64

  /// - Parameter connections: the input, and what is added if anything is.
  init(_ connections: Connections, _ relu: ReLU?, _ norm: Tensors, isFrozen: Bool)
    throws(ColorizeError)
  {
    self.connections = connections
    self.relu = relu
    self.norm = norm
    self.isFrozen = isFrozen
    channels = connections.output.stride
    coefficients = try Memory(count: 6 * channels)
    coefficients.fill(0)
    sums = try Memory(count: 2 * channels)
  }

  private func row(_ number: Int) -> UnsafeMutablePointer<Float> {
    coefficients.start + number * channels
  }
  private var mean: UnsafeMutablePointer<Float> { row(0) }
  private var inverse: UnsafeMutablePointer<Float> { row(1) }

  var sharedCount: Int { LayerExecution.sharedCount(connections.output) }

  func forward(_ execution: LayerExecution) {
    let input = connections.inputs[0]
    if isFrozen {
      for c in 0..<norm.mean.elements {
        mean[c] = norm.mean.values.start[c]
        inverse[c] = Float(
          1 / (Double(norm.variance.values.start[c]) + BatchNorm.epsilon).squareRoot())
      }
    } else {
      setStatistics(execution)
    }
    let (scale, shift) = (row(2), row(3))
    for c in 0..<norm.mean.elements {
      scale[c] = norm.weight.values.start[c] * inverse[c]
      shift[c] = norm.bias.values.start[c] - mean[c] * scale[c]
    }
    var operation = colorize_channel_affine()
    operation.a = UnsafePointer(input.start)
    operation.a_scale = UnsafePointer(scale)
    operation.shift = UnsafePointer(shift)
    operation.more = connections.inputs.count > 1 ? UnsafePointer(connections.inputs[1].start) : nil
    operation.target = connections.output.start
    operation.channels = channels
    operation.stride = channels
    operation.setActivation(relu)
    execution.affine(operation, rows: input.rows)
  }

  private func setStatistics(_ execution: LayerExecution) {
    let input = connections.inputs[0]
    // Sums of distances from what is near the batch's mean: a channel may hardly vary, and its variance would be
    // lost in squares of something larger.
    var operation = colorize_channel_sums()
    operation.b = UnsafePointer(input.start)
    let centre = row(4)
    setSampleMean(centre)
    operation.centre = UnsafePointer(centre)
    operation.channels = channels
    operation.stride = channels
    execution.sums(operation, rows: input.rows, sums.start, sums.start + channels)
    let count = Double(input.rows)
    for c in 0..<norm.mean.elements {
      let distance = sums.start[c] / count
      let variance = max(sums.start[channels + c] / count - distance * distance, 0)
      let own = Double(centre[c]) + distance
      mean[c] = Float(own)
      inverse[c] = Float(1 / (variance + BatchNorm.epsilon).squareRoot())
      let unbiased = count > 1 ? variance * count / (count - 1) : variance
      Self.move(&norm.mean.values.start[c], to: own)
      Self.move(&norm.variance.values.start[c], to: unbiased)
    }
  }

  /// The mean of some rows, evenly spread.
  private func setSampleMean(_ target: UnsafeMutablePointer<Float>) {
    let input = connections.inputs[0]
    let count = min(Self.samples, input.rows)
    target.update(repeating: 0, count: channels)
    for sample in 0..<count {
      let row = input.start + sample * input.rows / count * input.stride
      for c in 0..<channels { target[c] += row[c] }
    }
    for c in 0..<channels { target[c] /= Float(count) }
  }

  private static func move(_ value: inout Float, to target: Double) {
    value = Float(Double(value) * (1 - momentum) + target * momentum)
  }

  func backward(_ execution: LayerExecution) {
    let input = connections.inputs[0]
    let gradient = connections.outputGradient
    var operation = colorize_channel_sums()
    operation.a = gradient.start
    operation.b = UnsafePointer(input.start)
    operation.setMask(relu, connections.output.start)
    operation.centre = UnsafePointer(mean)
    operation.channels = channels
    operation.stride = channels
    execution.sums(operation, rows: input.rows, sums.start, sums.start + channels)
    let count = Double(input.rows)
    let (own, inputFactor, shift) = (row(2), row(4), row(5))
    for c in 0..<norm.mean.elements {
      let deviation = Double(inverse[c])
      let sum = sums.start[c]
      let product = sums.start[channels + c] * deviation
      if !isFrozen {
        norm.bias.gradient?.start[c] = Float(sum)
        norm.weight.gradient?.start[c] = Float(product)
      }
      // d = weight / deviation * (g - mean of g - normalised x * mean of (g * normalised x))
      let factor = Double(norm.weight.values.start[c]) * deviation
      own[c] = Float(factor)
      let slope = isFrozen ? 0 : -factor * product / count * deviation
      inputFactor[c] = Float(slope)
      shift[c] = isFrozen ? 0 : Float(-factor * sum / count - slope * Double(mean[c]))
    }
    // In the order of the inputs: both may be the same one.
    if let target = connections.inputGradients[0] {
      connections.write(gradient, to: target, execution) {
        $0.a_scale = UnsafePointer(own)
        $0.b = UnsafePointer(input.start)
        $0.b_scale = UnsafePointer(inputFactor)
        $0.shift = UnsafePointer(shift)
      }
    }
    if connections.inputs.count > 1, let more = connections.inputGradients[1] {
      connections.write(gradient, to: more, execution)
    }
  }
}
