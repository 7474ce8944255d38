// Depthwise convolution: each channel has a kernel of its own.

import CKernelContract

/// A square convolution of each channel by itself, with zero padding: PyTorch's `Conv2d` with as many groups as channels.
package struct DepthwiseConvolution: Operator {
  package var channels: Int
  package var kernel: Int
  package var stride: Int
  /// Above and to the left.
  package var padding: Int
  /// Below and to the right.
  package var paddingAfter: Int
  package var bias: Bool

  /// - Parameter padding: nil: what keeps the size (divided by the stride), as much on every side.
  package init(
    channels: Int, kernel: Int, stride: Int, padding: (before: Int, after: Int)? = nil,
    bias: Bool = false
  ) {
    self.channels = channels
    self.kernel = kernel
    self.stride = stride
    self.padding = padding?.before ?? kernel / 2
    paddingAfter = padding?.after ?? kernel / 2
    self.bias = bias
  }

  package var taps: Int { kernel * kernel }

  package var parameters: [Parameter] {
    let weight = Parameter("weight", [channels, 1, kernel, kernel])
    return bias ? [weight, Parameter("bias", [channels])] : [weight]
  }

  package func outputShape(_ inputs: [Shape]) -> Shape {
    func side(_ input: Int) -> Int { (input + padding + paddingAfter - kernel) / stride + 1 }
    return Shape(
      channels: channels, height: side(inputs[0].height), width: side(inputs[0].width))
  }

  package func reference(_ inputs: [ReferenceTensor], parameters: [[Double]]) -> ReferenceTensor {
    let input = inputs[0]
    var output = ReferenceTensor(outputShape([input.shape]))
    for c in 0..<channels {
      for y in 0..<output.shape.height {
        for x in 0..<output.shape.width {
          if bias { output[c, y, x] = parameters[1][c] }
          for ky in 0..<kernel {
            for kx in 0..<kernel {
              let sourceY = y * stride - padding + ky
              let sourceX = x * stride - padding + kx
              guard (0..<input.shape.height).contains(sourceY) else { continue }
              guard (0..<input.shape.width).contains(sourceX) else { continue }
              output[c, y, x] +=
                parameters[0][(c * kernel + ky) * kernel + kx] * input[c, sourceY, sourceX]
            }
          }
        }
      }
    }
    return output
  }

  package var absorbs: Absorption { [.batchNorm, .rectifier] }

  package func planned(_ end: StepEnd, _ planning: Planning)
    throws(ColorizeError) -> any PlannedOperator
  {
    let weight = try planning.tensor("weight", shape: parameters[0].shape)
    let ownBias = bias ? try planning.tensor("bias", shape: [channels]) : nil
    let fold = try planning.affine(end.batchNorm, channels: channels, bias: ownBias)
    return try PlannedDepthwiseConvolution(
      self, weight: weight.start, scale: fold.scale.start, bias: fold.shift.start,
      slope: end.rectifier.slope, ceiling: end.rectifier.ceiling, kernels: planning.kernels)
  }
}

/// The taps of one row of a depthwise convolution, or of its adjoint, that are inside of the picture's height, as its kernel
/// takes them.
package struct DepthwiseTaps {
  /// The most taps of a kernel that there is a network for.
  package static let maximum = 49

  private let rows: UnsafeMutablePointer<UnsafePointer<Float>?>
  private let columns: UnsafeMutablePointer<Int>
  private let weights: UnsafeMutablePointer<UnsafePointer<Float>?>
  private let gradients: UnsafeMutablePointer<UnsafeMutablePointer<Float>?>
  private var count = 0

  /// Memory for one row at a time, for as long as `body` takes.
  package static func with(_ body: (inout DepthwiseTaps) -> Void) {
    withUnsafeTemporaryAllocation(of: UnsafePointer<Float>?.self, capacity: 2 * maximum) {
      pointers in
      withUnsafeTemporaryAllocation(of: Int.self, capacity: maximum) { columns in
        withUnsafeTemporaryAllocation(of: UnsafeMutablePointer<Float>?.self, capacity: maximum) {
          gradients in
          // None of the three is empty.
          let start = pointers.baseAddress.unsafelyUnwrapped
          var taps = DepthwiseTaps(
            rows: start, columns: columns.baseAddress.unsafelyUnwrapped, weights: start + maximum,
            gradients: gradients.baseAddress.unsafelyUnwrapped)
          body(&taps)
        }
      }
    }
  }

  private init(
    rows: UnsafeMutablePointer<UnsafePointer<Float>?>, columns: UnsafeMutablePointer<Int>,
    weights: UnsafeMutablePointer<UnsafePointer<Float>?>,
    gradients: UnsafeMutablePointer<UnsafeMutablePointer<Float>?>
  ) {
    self.rows = rows
    self.columns = columns
    self.weights = weights
    self.gradients = gradients
  }

  package mutating func removeAll() { count = 0 }

  /// - Parameters:
  ///   - row: of the input, from its column 0 on.
  ///   - column: of the input, for position 0.
  package mutating func append(
    row: UnsafePointer<Float>, column: Int, weight: UnsafePointer<Float>,
    gradient: UnsafeMutablePointer<Float>? = nil
  ) {
    rows[count] = row
    columns[count] = column
    weights[count] = weight
    gradients[count] = gradient
    count += 1
  }

  /// What the kernel is called with, without the output and its end.
  package func arguments(_ input: Activation, step: Int) -> colorize_depthwise {
    var arguments = colorize_depthwise()
    arguments.tap_row = UnsafePointer(rows)
    arguments.tap_column = UnsafePointer(columns)
    arguments.tap_weight = UnsafePointer(weights)
    arguments.tap_gradient = UnsafePointer(gradients)
    arguments.taps = count
    arguments.input_step = step
    arguments.input_stride = input.stride
    arguments.input_width = input.shape.width
    arguments.slope = 1
    arguments.ceiling = .infinity
    return arguments
  }
}

extension DepthwiseConvolution {
  /// What the kernel is called with for row `y` of the output, whose taps these become; without bias or activation.
  ///
  /// - Parameters:
  ///   - output: or its gradient.
  ///   - weights: `[taps, channels]`.
  ///   - gradients: likewise.
  ///   - channels: with those that fill up the last vector.
  package func row(
    _ y: Int, _ taps: inout DepthwiseTaps, _ input: Activation, _ output: Activation,
    weights: UnsafePointer<Float>, gradients: UnsafeMutablePointer<Float>? = nil, channels: Int
  ) -> colorize_depthwise {
    taps.removeAll()
    for ky in 0..<kernel {
      let sourceY = y * stride - padding + ky
      guard sourceY >= 0, sourceY < input.shape.height else { continue }
      for kx in 0..<kernel {
        let tap = (ky * kernel + kx) * channels
        taps.append(
          row: input.start + sourceY * input.shape.width * input.stride, column: kx - padding,
          weight: weights + tap, gradient: gradients.map { $0 + tap })
      }
    }
    var arguments = taps.arguments(input, step: stride)
    arguments.output = output.start + y * output.shape.width * output.stride
    arguments.output_stride = output.stride
    arguments.count = output.shape.width
    arguments.channels = channels
    return arguments
  }
}

/// A depthwise convolution with bias and activation at its end.
package final class PlannedDepthwiseConvolution: PlannedOperator {
  private let convolution: DepthwiseConvolution
  private let slope: Float
  private let ceiling: Float
  /// `[taps, stride]`, then the bias, `[stride]`.
  private let values: Memory<Float>
  private let stride: Int

  /// - Parameters:
  ///   - weight: `[channels, 1, kernel, kernel]`.
  ///   - scale: what the weights of each channel are multiplied by.
  ///   - bias: `[channels]`.
  ///   - slope: what negative values are multiplied by.
  ///   - ceiling: what larger values become.
  package init(
    _ convolution: DepthwiseConvolution, weight: UnsafePointer<Float>,
    scale: UnsafePointer<Float>, bias: UnsafePointer<Float>, slope: Float,
    ceiling: Float = .infinity, kernels: KernelSet
  ) throws(ColorizeError) {
    self.convolution = convolution
    self.slope = slope
    self.ceiling = ceiling
    stride = convolution.channels.roundedUp(to: max(16, kernels.gemmPanel))
    values = try Memory(count: (convolution.taps + 1) * stride)
    values.fill(0)
    for tap in 0..<convolution.taps {
      for c in 0..<convolution.channels {
        values.start[tap * stride + c] = weight[c * convolution.taps + tap] * scale[c]
      }
    }
    (values.start + convolution.taps * stride).update(from: bias, count: convolution.channels)
  }

  package func work(_ inputs: [Shape], _ output: Shape) -> Work {
    let count = output.count * convolution.taps
    return Work(algorithm: "depthwise", direct: count, done: count)
  }

  package func run(_ inputs: [Activation], _ output: Activation, _ execution: Execution) {
    let input = inputs[0]
    execution.team.run(output.shape.height) { y, _ in
      DepthwiseTaps.with { taps in
        var arguments = convolution.row(
          y, &taps, input, output, weights: values.start, channels: stride)
        arguments.bias = UnsafePointer(values.start + convolution.taps * stride)
        arguments.slope = slope
        arguments.ceiling = ceiling
        execution.kernels.table.depthwise(&arguments)
      }
    }
  }
}
