// Adam and AdamW, and the averages of weights.

import CKernelContract
import ColorizeCore
import Glibc

/// How weights follow gradients.
package struct OptimiserOptions: Sendable, Equatable {
  package enum Kind: String, CaseIterable, Sendable {
    /// Kingma and Ba 2015; weight decay is part of the gradient.
    case adam
    /// Loshchilov and Hutter 2019; weight decay is apart from it.
    case adamw
  }

  package var kind = Kind.adamw
  package var beta1 = 0.9
  package var beta2 = 0.999
  package var epsilon: Float = 1e-8
  /// Of tensors with two dimensions or more: not of biases and batch norms.
  package var weightDecay: Float = 0.01
  /// What the averages keep of themselves in a step, in the long run; 0: no averages.
  package var averageDecay: Float = 0
  /// The largest norm of all gradients together; 0: any.
  package var clip: Float = 0

  package init() {}
}

/// PyTorch's `Adam` and `AdamW`, over all tensors that are learnt and not frozen.
package final class Optimiser {
  /// What belongs to a tensor.
  package struct Slot {
    package let parameter: TrainingParameter
    /// Running means of the gradient and of its square; none for a running statistic.
    package let moments: (first: Memory<Float>, second: Memory<Float>)?
    /// nil: there are no averages.
    package let average: Memory<Float>?
  }

  package let options: OptimiserOptions
  package let slots: [Slot]
  /// Steps that have been done.
  package var step = 0
  private let kernels: TrainingKernels
  private let team: Team

  private static let floatsAtOnce = 1 << 16

  package init(
    _ parameters: Parameters, _ options: OptimiserOptions, kernels: TrainingKernels, team: Team
  ) throws(ColorizeError) {
    self.options = options
    self.kernels = kernels
    self.team = team
    var slots: [Slot] = []
    for parameter in parameters.tensors {
      let count = parameter.values.count
      var moments: (first: Memory<Float>, second: Memory<Float>)?
      if parameter.gradient != nil {
        moments = (try Memory(count: count), try Memory(count: count))
        moments?.first.fill(0)
        moments?.second.fill(0)
      }
      let average: Memory<Float>? = options.averageDecay > 0 ? try Memory(count: count) : nil
      average?.start.update(from: parameter.values.start, count: count)
      slots.append(Slot(parameter: parameter, moments: moments, average: average))
    }
    self.slots = slots
  }

  /// Begins the averages again with the values that the parameters have now.
  package func resetAverages() {
    for slot in slots {
      slot.average?.start.update(
        from: slot.parameter.values.start, count: slot.parameter.values.count)
    }
  }

  /// The norm of all gradients together.
  package var gradientNorm: Double {
    var sum = 0.0
    for slot in slots where !slot.parameter.isFrozen {
      guard let gradient = slot.parameter.gradient else { continue }
      for first in stride(from: 0, to: gradient.count, by: 256) {
        var part: Float = 0
        for index in first..<min(first + 256, gradient.count) {
          part += gradient.start[index] * gradient.start[index]
        }
        sum += Double(part)
      }
    }
    return sum.squareRoot()
  }

  /// One step.
  ///
  /// - Returns: the norm of the gradients before they are clipped.
  package func step(learningRate: Float) -> Double {
    step += 1
    let norm = gradientNorm
    let clip = Double(options.clip)
    var base = colorize_adam()
    base.gradient_scale = clip > 0 && norm > clip ? Float(clip / norm) : 1
    base.first_rate = Float(1 - options.beta1)
    base.second_rate = Float(1 - options.beta2)
    base.rate = Float(Double(learningRate) / (1 - pow(options.beta1, Double(step))))
    base.second_scale = Float(1 / (1 - pow(options.beta2, Double(step))).squareRoot())
    base.epsilon = options.epsilon
    base.average_rate = averageRate
    for slot in slots where !slot.parameter.isFrozen {
      guard let gradient = slot.parameter.gradient, let moments = slot.moments else {
        moveAverage(slot)
        continue
      }
      let decay = slot.parameter.shape.count > 1 ? options.weightDecay : 0
      let values = slot.parameter.values
      let learningRate = learningRate * slot.parameter.rateFactor
      let common = base
      team.run(values.count.pieces(of: Self.floatsAtOnce)) { piece, _ in
        let first = piece * Self.floatsAtOnce
        var part = common
        part.rate *= slot.parameter.rateFactor
        part.decay = options.kind == .adam ? decay : 0
        part.shrink = options.kind == .adamw ? 1 - learningRate * decay : 1
        part.value = values.start + first
        part.gradient = UnsafePointer(gradient.start + first)
        part.first = moments.first.start + first
        part.second = moments.second.start + first
        part.average = slot.average.map { $0.start + first }
        part.count = min(Self.floatsAtOnce, values.count - first)
        kernels.table.adam(&part)
      }
    }
    return norm
  }

  /// In the first steps averages are shorter: the weights that a run begins with are not worth keeping.
  private var averageRate: Float {
    1 - min(options.averageDecay, Float(1 + step) / Float(10 + step))
  }

  /// A running statistic is averaged like a weight.
  private func moveAverage(_ slot: Slot) {
    guard let average = slot.average else { return }
    let values = slot.parameter.values
    for index in 0..<values.count {
      average.start[index] += (values.start[index] - average.start[index]) * averageRate
    }
  }
}
