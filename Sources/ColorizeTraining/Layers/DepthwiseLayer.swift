// A depthwise convolution in training.

import CKernelContract
import ColorizeCore

extension DepthwiseConvolution: TrainableOperator {
  func layout(of parameter: Parameter, _ kernels: TrainingKernels) -> TrainingParameter.Layout {
    .taps(taps, stride: BatchActivation.stride(channels: channels))
  }

  func layer(_ planning: LayerPlanning) throws(ColorizeError) -> any Layer {
    DepthwiseLayer(
      connections: planning.connections, convolution: self, weight: planning.tensor("weight"),
      isLearnt: planning.isLearnt)
  }
}

/// A depthwise convolution: its weights lie as `[taps, channels]`.
struct DepthwiseLayer: Layer {
  let connections: Connections
  let convolution: DepthwiseConvolution
  let weight: TrainingParameter
  /// Whether its gradients are wanted.
  let isLearnt: Bool

  private var channels: Int { connections.output.stride }

  /// The gradients of each picture's weights.
  var sharedCount: Int { connections.output.count * convolution.taps * channels }

  func forward(_ execution: LayerExecution) {
    let input = connections.inputs[0]
    let output = connections.output
    let height = output.shape.height
    execution.team.run(output.count * height) { item, _ in
      let (picture, y) = item.quotientAndRemainder(dividingBy: height)
      let source = input.picture(picture)
      DepthwiseTaps.with { taps in
        var arguments = convolution.row(
          y, &taps, source, output.picture(picture), weights: weight.values.start,
          channels: channels)
        execution.kernels.core.table.depthwise(&arguments)
      }
    }
  }

  func backward(_ execution: LayerExecution) {
    if isLearnt { setWeightGradient(execution) }
    if let gradient = connections.inputGradients[0] {
      setInputGradient(gradient.activation, adds: gradient.adds, execution)
    }
  }

  /// Sums of each picture, and of these in their order: the same with any number of threads.
  private func setWeightGradient(_ execution: LayerExecution) {
    guard let gradient = weight.gradient else { preconditionFailure("weights are learnt") }
    let input = connections.inputs[0]
    let output = connections.outputGradient
    let count = convolution.taps * channels
    execution.team.run(output.count) { picture, _ in
      let source = input.picture(picture)
      let own = execution.shared + picture * count
      own.update(repeating: 0, count: count)
      DepthwiseTaps.with { taps in
        for y in 0..<output.shape.height {
          var arguments = convolution.row(
            y, &taps, source, output.picture(picture), weights: weight.values.start,
            gradients: own, channels: channels)
          execution.kernels.table.depthwise_gradient(&arguments)
        }
      }
    }
    execution.team.run(convolution.taps) { tap, _ in
      for c in 0..<convolution.channels {
        var sum = 0.0
        for picture in 0..<output.count {
          sum += Double(execution.shared[picture * count + tap * channels + c])
        }
        gradient.start[tap * channels + c] = Float(sum)
      }
    }
  }

  /// Input column `t * stride + phase` has been under tap k of output column `t + (phase + padding - k) / stride`: for each
  /// of the phases this is a depthwise convolution, of the output, with some of the taps.
  private func setInputGradient(_ target: BatchActivation, adds: Bool, _ execution: LayerExecution)
  {
    let output = connections.outputGradient
    let (kernel, stride, padding) = (convolution.kernel, convolution.stride, convolution.padding)
    execution.team.run(target.count * target.shape.height) { item, _ in
      let (picture, y) = item.quotientAndRemainder(dividingBy: target.shape.height)
      let source = output.picture(picture)
      DepthwiseTaps.with { taps in
        for phase in 0..<min(stride, target.shape.width) {
          taps.removeAll()
          for ky in 0..<kernel where (y + padding - ky) % stride == 0 {
            let row = (y + padding - ky) / stride
            guard y + padding - ky >= 0, row < output.shape.height else { continue }
            for kx in 0..<kernel where (phase + padding - kx) % stride == 0 {
              taps.append(
                row: source.start + row * output.shape.width * output.stride,
                column: (phase + padding - kx) / stride,
                weight: weight.values.start + (ky * kernel + kx) * channels)
            }
          }
          var arguments = taps.arguments(source, step: 1)
          let first = y * target.shape.width + phase
          arguments.output = target.picture(picture).start + first * target.stride
          arguments.output_stride = stride * target.stride
          arguments.count = (target.shape.width - phase).pieces(of: stride)
          arguments.channels = channels
          arguments.adds = adds ? 1 : 0
          execution.kernels.core.table.depthwise(&arguments)
        }
      }
    }
  }
}
