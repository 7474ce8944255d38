// Convolution, and its planned form: a product of packed matrices with bias, addition and ReLU done
// on the sums while they are still in registers.

import CKernelContract
import Glibc

/// A square convolution with zero padding: PyTorch's `Conv2d`.
package struct Convolution: Operator {
  package var inputs: Int
  package var outputs: Int
  package var kernel: Int
  package var stride: Int
  package var padding: Int
  package var bias: Bool

  package init(inputs: Int, outputs: Int, kernel: Int, stride: Int, padding: Int, bias: Bool) {
    self.inputs = inputs
    self.outputs = outputs
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
    self.bias = bias
  }

  package var parameters: [Parameter] {
    let weight = Parameter("weight", [outputs, inputs, kernel, kernel])
    return bias ? [weight, Parameter("bias", [outputs])] : [weight]
  }

  package func outputShape(_ inputs: [Shape]) -> Shape {
    Shape(
      channels: outputs, height: (inputs[0].height + 2 * padding - kernel) / stride + 1,
      width: (inputs[0].width + 2 * padding - kernel) / stride + 1)
  }

  package func reference(_ inputs: [ReferenceTensor], parameters: [[Double]]) -> ReferenceTensor {
    let input = inputs[0]
    var output = ReferenceTensor(outputShape([input.shape]))
    for o in 0..<outputs {
      for y in 0..<output.shape.height {
        for x in 0..<output.shape.width {
          var sum = bias ? parameters[1][o] : 0
          for i in 0..<self.inputs {
            for ky in 0..<kernel {
              for kx in 0..<kernel {
                let sourceY = y * stride - padding + ky
                let sourceX = x * stride - padding + kx
                guard (0..<input.shape.height).contains(sourceY) else { continue }
                guard (0..<input.shape.width).contains(sourceX) else { continue }
                let weight = parameters[0][((o * self.inputs + i) * kernel + ky) * kernel + kx]
                sum += weight * input[i, sourceY, sourceX]
              }
            }
          }
          output[o, y, x] = sum
        }
      }
    }
    return output
  }
}

/// A convolution with batch norm folded into its weights, as a product of matrices:
/// `[output pixels, kernel * kernel * inputs] x [kernel * kernel * inputs, outputs]`. Rows of the
/// left matrix are gathered a few tiles at a time, so it never exists as a whole.
package final class PlannedConvolution: PlannedOperator {
  private let convolution: Convolution
  private let relu: Bool
  private let hasResidual: Bool
  private let weights: PackedMatrix

  /// The columns of the left matrix.
  private var depth: Int { convolution.kernel * convolution.kernel * convolution.inputs }

  /// `weight`: `[outputs, inputs, kernel, kernel]`, `bias`: `[outputs]`. Output channel `o` is
  /// multiplied by `scale[o]`.
  package init(
    _ convolution: Convolution, weight: UnsafePointer<Float>, scale: UnsafePointer<Float>,
    bias: UnsafePointer<Float>, hasResidual: Bool, relu: Bool, kernels: KernelSet
  ) throws(ColorizeError) {
    self.convolution = convolution
    self.relu = relu
    self.hasResidual = hasResidual
    let taps = convolution.kernel * convolution.kernel
    weights = try PackedMatrix(
      depth: taps * convolution.inputs, columns: convolution.outputs, panel: kernels.gemmPanel,
      bias: bias)
    for o in 0..<convolution.outputs {
      let factor = scale[o]
      let column = weights.column(o)
      var source = weight + o * convolution.inputs * taps
      for i in 0..<convolution.inputs {
        for tap in 0..<taps {
          column[(tap &* convolution.inputs &+ i) &* weights.panel] = source[tap] * factor
        }
        source += taps
      }
    }
  }

  /// The bytes of packed tiles that a worker keeps: what leaves room for a panel of weights in a
  /// second-level cache of 1 MB.
  private static let packedBytes = 384 << 10

  /// How many tiles are packed at a time. Made from shapes alone, so that it does not matter how
  /// many threads share the work; at least 8 pieces where there are that many tiles.
  private func tilesAtOnce(_ tiles: Int, _ rows: Int) -> Int {
    max(1, min(Self.packedBytes / (tileCount(rows) * 4), tiles / 8))
  }

  /// Floats of one packed tile.
  private func tileCount(_ rows: Int) -> Int {
    depth.pieces(of: Int(COLORIZE_GEMM_BLOCK)) * Int(COLORIZE_GEMM_BLOCK) * rows
  }

  package func scratchCount(_ inputs: [Shape], _ output: Shape) -> Int {
    // The largest number of rows that a tile of any instruction set has is 16 or less.
    max(Self.packedBytes / 4, tileCount(16))
  }

  package func cost(_ inputs: [Shape], _ output: Shape) -> Int {
    output.height * output.width * depth * output.channels
  }

  package func run(_ inputs: [Activation], _ output: Activation, _ execution: Execution) {
    let rows = execution.kernels.gemmRows
    let tiles = output.pixels.pieces(of: rows)
    let atOnce = tilesAtOnce(tiles, rows)
    let tileCount = tileCount(rows)
    execution.team.run(tiles.pieces(of: atOnce)) { item, worker in
      let first = item * atOnce
      let count = min(atOnce, tiles - first)
      let packed = execution.scratch(of: worker)
      for tile in 0..<count {
        pack(
          inputs[0], output, firstPixel: (first + tile) * rows, rows: rows,
          into: packed + tile * tileCount)
      }
      for panel in 0..<weights.panels {
        for tile in 0..<count {
          let pixel = (first + tile) * rows
          let channel = panel * weights.panel
          var arguments = colorize_gemm_tile()
          arguments.left = UnsafePointer(packed + tile * tileCount)
          arguments.right = weights.start(ofPanel: panel)
          arguments.depth = depth
          arguments.bias = weights.bias(ofPanel: panel)
          if hasResidual {
            let residual = inputs[1]
            arguments.residual = UnsafePointer(residual.start + pixel * residual.stride + channel)
            arguments.residual_stride = residual.stride
          }
          arguments.output = output.start + pixel * output.stride + channel
          arguments.output_stride = output.stride
          arguments.rows = min(rows, output.pixels - pixel)
          arguments.relu = relu ? 1 : 0
          execution.kernels.gemm(&arguments)
        }
      }
    }
  }

  /// Gathers the rows of the left matrix that belong to `rows` output pixels, into
  /// `[blocks, rows, BLOCK]`. Rows past the last pixel stay as they are: their sums are not stored.
  private func pack(
    _ input: Activation, _ output: Activation, firstPixel: Int, rows: Int,
    into packed: UnsafeMutablePointer<Float>
  ) {
    let kernel = convolution.kernel
    let channels = convolution.inputs
    let last = min(firstPixel + rows, output.pixels)
    // Where pixels lie without a gap, all taps of a kernel's row are one run of floats.
    let isDense = input.stride == channels
    var y = firstPixel / output.shape.width
    var x = firstPixel - y * output.shape.width
    for pixel in firstPixel..<last {
      var target = RowWriter(packed, row: pixel - firstPixel, rows: rows)
      let firstX = x * convolution.stride - convolution.padding
      for ky in 0..<kernel {
        let sourceY = y * convolution.stride - convolution.padding + ky
        guard sourceY >= 0, sourceY < input.shape.height else {
          target.writeZeros(kernel * channels)
          continue
        }
        let line = input.start + sourceY * input.shape.width * input.stride
        if isDense, firstX >= 0, firstX + kernel <= input.shape.width {
          target.write(line + firstX * channels, kernel * channels)
          continue
        }
        for kx in 0..<kernel {
          let sourceX = firstX + kx
          if sourceX >= 0, sourceX < input.shape.width {
            target.write(line + sourceX * input.stride, channels)
          } else {
            target.writeZeros(channels)
          }
        }
      }
      x += 1
      if x == output.shape.width {
        x = 0
        y += 1
      }
    }
  }
}

/// Writes one row of a packed left matrix from its first column to its last.
private struct RowWriter {
  private var target: UnsafeMutablePointer<Float>
  private var room = Int(COLORIZE_GEMM_BLOCK)
  private let toNextBlock: Int

  init(_ packed: UnsafeMutablePointer<Float>, row: Int, rows: Int) {
    target = packed + row * Int(COLORIZE_GEMM_BLOCK)
    toNextBlock = (rows - 1) * Int(COLORIZE_GEMM_BLOCK)
  }

  mutating func write(_ source: UnsafePointer<Float>, _ count: Int) {
    var source = source
    var left = count
    while left > 0 {
      let now = min(left, room)
      memcpy(target, source, now &* 4)
      source += now
      left &-= now
      advance(now)
    }
  }

  mutating func writeZeros(_ count: Int) {
    var left = count
    while left > 0 {
      let now = min(left, room)
      memset(target, 0, now &* 4)
      left &-= now
      advance(now)
    }
  }

  private mutating func advance(_ count: Int) {
    target += count
    room &-= count
    if room == 0 {
      target += toNextBlock
      room = Int(COLORIZE_GEMM_BLOCK)
    }
  }
}
