// What an operator plans its step with: its weights, and what the step is to do besides.

/// What negative and large values become: `x < 0 ? slope * x : x`, and the ceiling where that is above it.
package struct Rectifier: Equatable, Sendable {
  /// 1: none; 0: ReLU; between: leaky ReLU.
  package var slope: Float
  /// 6: ReLU6; infinity: none.
  package var ceiling: Float

  package init(slope: Float, ceiling: Float = .infinity) {
    self.slope = slope
    self.ceiling = ceiling
  }

  package static let none = Rectifier(slope: 1)
  package static let relu = Rectifier(slope: 0)
}

/// Operators that a step can do on its values before it stores them.
package enum Pointwise: Sendable {
  case batchNorm
  case layerScale
  case addition
  case rectifier(Rectifier)
  case gelu
}

/// What a step can do of the operators behind it, in this order.
package struct Absorption: OptionSet, Sendable {
  package let rawValue: Int

  package init(rawValue: Int) { self.rawValue = rawValue }

  /// A batch norm directly behind it.
  package static let batchNorm = Absorption(rawValue: 1)
  /// Another value of the same shape.
  package static let addition = Absorption(rawValue: 2)
  /// ReLU; no other rectifier.
  package static let relu = Absorption(rawValue: 4)
  /// Any rectifier.
  package static let rectifier: Absorption = [relu, Absorption(rawValue: 8)]
  /// A batch norm behind that.
  package static let batchNormAtEnd = Absorption(rawValue: 16)
  /// A factor for each channel, behind a batch norm.
  package static let layerScale = Absorption(rawValue: 32)
  /// The Gaussian error linear unit, instead of a rectifier.
  package static let gelu = Absorption(rawValue: 64)

  /// Another value of the same shape, behind all of these but GELU.
  package static let additionAtEnd = Absorption(rawValue: 128)

  /// Whatever a product's epilogue does.
  package static let epilogue: Absorption = [.addition, .rectifier, .batchNormAtEnd]
}

/// What a step has absorbed.
package struct StepEnd: Equatable, Sendable {
  /// The name of a batch norm directly behind the operator.
  package var batchNorm: String?
  /// The name of what has a factor for each channel behind that.
  package var layerScale: String?
  /// Whether the step has one input more, the last, which is added.
  package var hasAddition = false
  package var rectifier = Rectifier.none
  package var hasGELU = false
  /// The name of a batch norm behind the rectifier.
  package var batchNormAtEnd: String?
  /// Whether the addition comes last, and not before the rectifier.
  package var addsLast = false

  package init() {}
}

/// A node's weights, and what is needed to pack them.
package struct Planning {
  /// The node's.
  package let name: String
  package let weights: TensorFile
  package let kernels: KernelSet
  package let team: Team

  package init(name: String, weights: TensorFile, kernels: KernelSet, team: Team) {
    self.name = name
    self.weights = weights
    self.kernels = kernels
    self.team = team
  }

  /// One of the node's tensors.
  func tensor(_ part: String, shape: [Int]) throws(ColorizeError) -> Memory<Float> {
    try weights.floats(Parameter.fullName(name, part), shape: shape)
  }

  /// The batch norm of a name as a factor and a summand for each channel, after a bias; nil: 1 and 0.
  ///
  /// - Parameters:
  ///   - bias: of the node: `[channels]`.
  ///   - layerScale: the name of what multiplies the result; nil: nothing.
  func affine(
    _ norm: String?, channels: Int, bias: Memory<Float>? = nil, layerScale: String? = nil
  )
    throws(ColorizeError) -> ChannelAffine
  {
    let affine =
      if let norm { try ChannelAffine(norm, channels: channels, weights) } else {
        try ChannelAffine(identityOf: channels)
      }
    if let bias {
      for c in 0..<channels { affine.shift.start[c] += affine.scale.start[c] * bias.start[c] }
    }
    if let layerScale { try affine.scale(by: layerScale, weights) }
    return affine
  }

  /// - Parameter bias: `[channels]`.
  func epilogue(bias: Memory<Float>, _ end: StepEnd) throws(ColorizeError) -> Epilogue {
    let affine: ChannelAffine? =
      if let norm = end.batchNormAtEnd {
        try ChannelAffine(norm, channels: bias.count, weights)
      } else { nil }
    return try Epilogue(
      channels: bias.count, bias: bias.start, hasResidual: end.hasAddition,
      addsLast: end.addsLast, slope: end.rectifier.slope, ceiling: end.rectifier.ceiling,
      hasGELU: end.hasGELU,
      affine: affine.map { (UnsafePointer($0.scale.start), UnsafePointer($0.shift.start)) },
      kernels: kernels)
  }
}

/// `x * scale + shift`, a channel at a time.
struct ChannelAffine: Sendable {
  let scale: Memory<Float>
  let shift: Memory<Float>

  init(identityOf channels: Int) throws(ColorizeError) {
    scale = try Memory(count: channels)
    shift = try Memory(count: channels)
    scale.fill(1)
    shift.fill(0)
  }

  /// Both times the factors of the layer scale of a name.
  func scale(by name: String, _ weights: TensorFile) throws(ColorizeError) {
    let factors = try weights.floats(Parameter.fullName(name, "gamma"), shape: [scale.count])
    for c in 0..<scale.count {
      scale.start[c] *= factors.start[c]
      shift.start[c] *= factors.start[c]
    }
  }

  /// The batch norm of a name.
  init(_ name: String, channels: Int, _ weights: TensorFile) throws(ColorizeError) {
    try self.init(identityOf: channels)
    var parameters: [Memory<Float>] = []
    for parameter in BatchNorm(channels: channels).parameters {
      parameters.append(
        try weights.floats("\(name).\(parameter.name)", shape: parameter.shape))
    }
    let variance = parameters[3]
    for c in 0..<channels where !(variance.start[c] >= 0) {
      throw .invalidModel(
        "\(name).running_var[\(c)] is \(variance.start[c]); a variance is at least 0")
    }
    BatchNorm.affine(
      channels: channels, parameters: parameters.map { UnsafePointer($0.start) },
      scale: scale.start, shift: shift.start)
  }
}
