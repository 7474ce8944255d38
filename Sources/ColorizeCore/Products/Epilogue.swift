// What follows a sum in the same step: bias, addition, activation, batch norm.

import CKernelContract

/// The end of a product, done on its sums while they are still in registers:
/// `activation(sum + bias + residual) * scale + shift`, a channel at a time, or, with the addition last,
/// `activation(sum + bias) * scale + shift + residual`.
package final class Epilogue: Sendable {
  /// Whether another activation of the same shape is added.
  package let hasResidual: Bool
  /// Whether that is added last of all.
  let addsLast: Bool
  /// What negative values are multiplied by: 1 for no activation, 0 for ReLU.
  package let slope: Float
  /// What larger values become: 6 for ReLU6.
  package let ceiling: Float
  /// Whether the Gaussian error linear unit follows, which is not done in registers, but on what has just been stored.
  package let hasGELU: Bool
  private let hasAffine: Bool
  /// Bias, scale and shift, each with room for whole panels; then a panel of zeros.
  private let values: Memory<Float>
  private let stride: Int

  /// - Parameters:
  ///   - bias: `[channels]`.
  ///   - affine: a batch norm after the activation, as factors and summands, each `[channels]`. It
  ///     cannot be folded into the next convolution, which pads with zeros after it.
  package init(
    channels: Int, bias: UnsafePointer<Float>, hasResidual: Bool = false, addsLast: Bool = false,
    slope: Float = 1, ceiling: Float = .infinity, hasGELU: Bool = false,
    affine: (scale: UnsafePointer<Float>, shift: UnsafePointer<Float>)? = nil, kernels: KernelSet
  ) throws(ColorizeError) {
    self.hasResidual = hasResidual
    self.addsLast = addsLast
    self.slope = slope
    self.ceiling = ceiling
    self.hasGELU = hasGELU
    hasAffine = affine != nil
    stride = channels.roundedUp(to: kernels.gemmPanel)
    values = try Memory(count: 3 * stride + kernels.gemmPanel)
    values.fill(0)
    values.start.update(from: bias, count: channels)
    if let affine {
      (values.start + stride).update(from: affine.scale, count: channels)
      (values.start + 2 * stride).update(from: affine.shift, count: channels)
    }
  }

  /// Other biases, `[channels]`: those of a network in training, between one product and the next.
  package func setBias(_ bias: UnsafePointer<Float>, channels: Int) {
    values.start.update(from: bias, count: channels)
  }

  /// Sets the end of a tile whose first column is `channel`.
  func apply(to tile: inout colorize_gemm_tile, channel: Int) {
    let start = UnsafePointer(values.start + channel)
    tile.bias = start
    tile.slope = slope
    tile.ceiling = ceiling
    tile.scale = hasAffine ? start + stride : nil
    tile.shift = hasAffine ? start + 2 * stride : nil
  }

  /// Sets the end of a transform whose first column is `channel`, but for what is added.
  package func apply(to tile: inout colorize_winograd_output, channel: Int) {
    let start = UnsafePointer(values.start + channel)
    tile.bias = start
    tile.slope = slope
    tile.ceiling = ceiling
    tile.scale = hasAffine ? start + stride : nil
    tile.shift = hasAffine ? start + 2 * stride : nil
  }

  /// Does the same to the sums of one position in memory, `count` channels from the first one on.
  func apply(
    to sums: UnsafeMutablePointer<Float>, count: Int, residual: UnsafePointer<Float>?
  ) {
    let bias = UnsafePointer(values.start)
    for c in 0..<count {
      let sum = sums[c] + bias[c] + (residual?[c] ?? 0)
      let value = min(sum < 0 ? slope * sum : sum, ceiling)
      sums[c] = hasAffine ? value * bias[c + stride] + bias[c + 2 * stride] : value
    }
  }

  /// Sets the end of a tile whose sums go on: none.
  func applyNothing(to tile: inout colorize_gemm_tile) {
    tile.bias = UnsafePointer(values.start + 3 * stride)
    tile.slope = 1
    tile.ceiling = .infinity
  }

  /// In place.
  ///
  /// - Parameter count: a multiple of 16.
  static func applyGELU(to values: UnsafeMutablePointer<Float>, count: Int, _ kernels: KernelSet) {
    var arguments = colorize_gelu()
    arguments.values = values
    arguments.count = count
    kernels.table.gelu(&arguments)
  }
}
