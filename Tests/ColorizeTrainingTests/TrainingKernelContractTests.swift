// Each kernel that only training has, as `kernel_contract.h` and `training_contract.h` have it: see KernelContractTests.

import CKernelContract
import ColorizeCore
import ColorizeTraining
import Glibc
import Testing

@Suite struct TrainingKernelContractTests {
  private static let filler: Float = 1e30

  @Test(arguments: InstructionSet.available) func gemmOuter(_ instructionSet: InstructionSet) {
    let kernels = TrainingKernels(instructionSet)
    let (tile, panel) = (kernels.core.gemmRows, kernels.core.gemmPanel)
    var numbers = Numbers(seed: 1)
    for depth in [1, 2, 3, 7, 8, 64, 255] {
      for rows in 1...tile {
        let (leftStride, rightStride) = (tile + rows % 3, panel + depth % 5)
        let left = GuardedMemory(numbers.values((depth - 1) * leftStride + tile))
        let right = GuardedMemory(numbers.values((depth - 1) * rightStride + panel))
        let before = numbers.values(rows * panel)
        let sums = GuardedMemory(before)
        let adds = rows % 2
        var arguments = colorize_gemm_outer(
          left: UnsafePointer(left.start), left_stride: leftStride,
          right: UnsafePointer(right.start), right_stride: rightStride, depth: depth,
          sums: sums.start, rows: rows, adds: adds)
        kernels.table.gemm_outer(&arguments)
        #expect(sums.isWhole)
        for index in 0..<sums.count {
          let (row, column) = index.quotientAndRemainder(dividingBy: panel)
          var expected = adds == 0 ? 0 : Double(before[index])
          for k in 0..<depth {
            expected +=
              Double(left.start[k * leftStride + row])
              * Double(right.start[k * rightStride + column])
          }
          #expect(difference(sums.start[index], expected) < 2e-5)
        }
      }
    }
  }

  /// Sums, those of a variance, and the gradient through a rectifier.
  @Test(arguments: InstructionSet.available) func channelSums(_ instructionSet: InstructionSet) {
    let kernels = TrainingKernels(instructionSet)
    var numbers = Numbers(seed: 2)
    for (rows, channels) in [(1, 16), (2, 32), (7, 48), (33, 16), (256, 80)] {
      for form in 0..<5 {
        let stride = channels + 16 * (form % 2)
        let size = (rows - 1) * stride + channels
        let (hasA, hasB, hasMask) = (form != 1, form != 2, form >= 3)
        let gradients = numbers.values(size)
        let a = GuardedMemory(gradients)
        let b = GuardedMemory(numbers.values(size))
        let mask = GuardedMemory(numbers.values(size))
        let centre = GuardedMemory(numbers.values(channels))
        let (sumsBefore, productsBefore) = (numbers.values(channels), numbers.values(channels))
        let sums = GuardedMemory(sumsBefore)
        let products = GuardedMemory(productsBefore)
        let ceiling: Float = form == 4 ? 0.5 : .infinity
        var arguments = colorize_channel_sums()
        arguments.a = hasA ? a.start : nil
        arguments.b = hasB ? UnsafePointer(b.start) : nil
        arguments.mask = hasMask ? UnsafePointer(mask.start) : nil
        arguments.centre = hasB ? UnsafePointer(centre.start) : nil
        arguments.sums = sums.start
        arguments.products = products.start
        arguments.rows = rows
        arguments.channels = channels
        arguments.stride = stride
        arguments.ceiling = ceiling
        kernels.table.channel_sums(&arguments)
        #expect(a.isWhole && sums.isWhole && products.isWhole)
        for c in 0..<channels {
          var (sum, product) = (Double(sumsBefore[c]), Double(productsBefore[c]))
          for row in 0..<rows {
            let index = row * stride + c
            let apart = Double(b.start[index]) - Double(centre.start[c])
            var g = hasA ? Double(gradients[index]) : apart
            if hasMask, mask.start[index] <= 0 || mask.start[index] >= ceiling { g = 0 }
            if hasMask { #expect(Double(a.start[index]) == g) }
            sum += g
            product += g * apart
          }
          // float32 sums of up to 400, of 256 terms: half a unit in the last place is 1.5e-5.
          #expect(difference(sums.start[c], sum) < 5e-4)
          #expect(difference(products.start[c], hasB ? product : Double(productsBefore[c])) < 5e-4)
        }
        for index in 0..<size where !hasMask || index % stride >= channels {
          #expect(a.start[index] == gradients[index])
        }
      }
    }
  }

  @Test(arguments: InstructionSet.available) func channelAffine(_ instructionSet: InstructionSet) {
    let kernels = TrainingKernels(instructionSet)
    var numbers = Numbers(seed: 3)
    for (rows, channels) in [(1, 16), (3, 48), (20, 32)] {
      for form in 0..<16 {
        let stride = channels + 16 * (form % 2)
        let size = (rows - 1) * stride + channels
        let arrays = (0..<3).map { _ in GuardedMemory(numbers.values(size)) }
        let factors = (0..<3).map { _ in GuardedMemory(numbers.values(channels)) }
        let before = numbers.values(size)
        let target = GuardedMemory(before)
        let (hasB, hasScale, hasShift, hasMore) =
          (form & 1 != 0, form & 2 != 0, form & 4 != 0, form & 8 != 0)
        let adds = form % 3 == 0 ? 1 : 0
        let slope: Float = form % 4 == 1 ? 0 : 1
        let ceiling: Float = form % 5 == 0 ? 0.5 : .infinity
        var arguments = colorize_channel_affine()
        arguments.a = UnsafePointer(arrays[0].start)
        arguments.a_scale = hasScale ? UnsafePointer(factors[0].start) : nil
        arguments.b = hasB ? UnsafePointer(arrays[1].start) : nil
        arguments.b_scale = hasB ? UnsafePointer(factors[1].start) : nil
        arguments.shift = hasShift ? UnsafePointer(factors[2].start) : nil
        arguments.more = hasMore ? UnsafePointer(arrays[2].start) : nil
        arguments.target = target.start
        arguments.rows = rows
        arguments.channels = channels
        arguments.stride = stride
        arguments.adds = adds
        arguments.slope = slope
        arguments.ceiling = ceiling
        kernels.table.channel_affine(&arguments)
        #expect(target.isWhole)
        for index in 0..<size {
          let c = index % stride
          guard c < channels else {
            #expect(target.start[index] == before[index])
            continue
          }
          var x = Double(arrays[0].start[index]) * (hasScale ? Double(factors[0].start[c]) : 1)
          if hasB { x += Double(arrays[1].start[index]) * Double(factors[1].start[c]) }
          if hasShift { x += Double(factors[2].start[c]) }
          if hasMore { x += Double(arrays[2].start[index]) }
          let bent = min(x < 0 ? Double(slope) * x : x, Double(ceiling))
          #expect(
            difference(target.start[index], (adds == 0 ? 0 : Double(before[index])) + bent) < 1e-6)
        }
      }
    }
  }

  @Test(arguments: InstructionSet.available)
  func depthwiseGradient(_ instructionSet: InstructionSet) {
    let kernels = TrainingKernels(instructionSet)
    var numbers = Numbers(seed: 4)
    for (kernel, step) in [(3, 1), (3, 2), (5, 1), (5, 2)] {
      for (width, channels) in [(1, 16), (2, 48), (7, 32), (8, 16), (23, 80)] {
        let count = (width + step - 1) / step
        let (inputStride, outputStride) = (channels + 16, channels + 32)
        let rows = (0..<kernel).map { _ in
          GuardedMemory(numbers.values((width - 1) * inputStride + channels))
        }
        let taps = kernel * kernel
        let before = (0..<taps).map { _ in numbers.values(channels) }
        let gradients = before.map { GuardedMemory($0) }
        let tapRows = GuardedMemory(
          (0..<taps).map { UnsafePointer(rows[$0 / kernel].start) as UnsafePointer<Float>? })
        let tapColumns = GuardedMemory((0..<taps).map { $0 % kernel - kernel / 2 })
        let weights = (0..<taps).map { _ in GuardedMemory(numbers.values(channels)) }
        let tapWeights = GuardedMemory(
          weights.map { UnsafePointer($0.start) as UnsafePointer<Float>? })
        let tapGradients = GuardedMemory(gradients.map { $0.start as UnsafeMutablePointer<Float>? })
        let output = GuardedMemory(numbers.values((count - 1) * outputStride + channels))
        let outputBefore = output.values
        var arguments = colorize_depthwise()
        arguments.tap_row = UnsafePointer(tapRows.start)
        arguments.tap_column = UnsafePointer(tapColumns.start)
        arguments.tap_weight = UnsafePointer(tapWeights.start)
        arguments.tap_gradient = UnsafePointer(tapGradients.start)
        arguments.output = output.start
        arguments.taps = taps
        arguments.channels = channels
        arguments.count = count
        arguments.input_step = step
        arguments.input_stride = inputStride
        arguments.input_width = width
        arguments.output_stride = outputStride
        kernels.table.depthwise_gradient(&arguments)
        #expect(output.values == outputBefore)
        for tap in 0..<taps {
          #expect(gradients[tap].isWhole)
          for c in 0..<channels {
            var expected = Double(before[tap][c])
            for x in 0..<count {
              let column = x * step + tapColumns.start[tap]
              guard (0..<width).contains(column) else { continue }
              expected +=
                Double(rows[tap / kernel].start[column * inputStride + c])
                * Double(output.start[x * outputStride + c])
            }
            #expect(difference(gradients[tap].start[c], expected) < 1e-5)
          }
        }
      }
    }
  }

  // ---- Winograd: adjoints of what inference has ------------------------------------------------

  /// <output(m), y> = <m, gradient(y)> for the output's transform.
  @Test(arguments: InstructionSet.available)
  func winogradOutputGradient(_ instructionSet: InstructionSet) {
    let kernels = TrainingKernels(instructionSet)
    let panel = kernels.core.gemmPanel
    var numbers = Numbers(seed: 5)
    // Inference transforms a panel of channels, this one any multiple of 16: of both, 16 are compared.
    for channels in [16, 48] {
      let stride = max(panel, channels) + 3
      let sums = GuardedMemory(numbers.values(35 * stride + max(panel, channels)))
      let zeros = GuardedMemory(Float(0), count: panel)
      let output = GuardedMemory(Self.filler, count: 15 * panel + panel)
      let workspace = GuardedMemory(Self.filler, count: 36 * 16)
      var forward = colorize_winograd_output()
      forward.sums = UnsafePointer(sums.start)
      forward.position_stride = stride
      forward.bias = UnsafePointer(zeros.start)
      forward.output = output.start
      forward.row_stride = 4 * panel
      forward.pixel_stride = panel
      forward.workspace = workspace.start
      forward.rows = 4
      forward.columns = 4
      forward.slope = 1
      forward.ceiling = .infinity
      forward.next = UnsafePointer(output.start)
      kernels.core.table.winograd_output(&forward)

      let pixels = (0..<16).map { _ in GuardedMemory(numbers.values(channels)) }
      let places = GuardedMemory(pixels.map { UnsafePointer($0.start) as UnsafePointer<Float>? })
      let gradient = GuardedMemory(Self.filler, count: 35 * stride + channels)
      let small = GuardedMemory(Self.filler, count: 24 * 16)
      var backward = colorize_winograd_output_gradient(
        pixel: UnsafePointer(places.start), output: gradient.start, position_stride: stride,
        workspace: small.start, channels: channels)
      kernels.table.winograd_output_gradient(&backward)
      #expect(gradient.isWhole && small.isWhole)
      for index in 0..<gradient.count where index % stride >= channels {
        #expect(gradient.start[index] == Self.filler)
      }
      for c in 0..<min(channels, panel) {
        let first = (0..<16).reduce(0.0) {
          $0 + Double(output.start[$1 * panel + c]) * Double(pixels[$1].start[c])
        }
        let second = (0..<36).reduce(0.0) {
          $0 + Double(sums.start[$1 * stride + c]) * Double(gradient.start[$1 * stride + c])
        }
        #expect(abs(first - second) < 1e-3)
      }
    }
  }

  /// The same for the weights' transform, whose positions come in pairs.
  @Test(arguments: InstructionSet.available)
  func winogradWeightsGradient(_ instructionSet: InstructionSet) {
    let kernels = TrainingKernels(instructionSet)
    let panel = kernels.core.gemmPanel
    var numbers = Numbers(seed: 6)
    for rows in [16, 32] {
      let count = rows * panel
      let taps = (0..<9).map { _ in GuardedMemory(numbers.values(count)) }
      let stride = count + 5
      let transformed = GuardedMemory(Self.filler, count: 35 * stride + count)
      for pair in 0..<9 {
        var forward = colorize_winograd_weights()
        forward.tap = (
          UnsafePointer(taps[0].start), UnsafePointer(taps[1].start), UnsafePointer(taps[2].start),
          UnsafePointer(taps[3].start), UnsafePointer(taps[4].start), UnsafePointer(taps[5].start),
          UnsafePointer(taps[6].start), UnsafePointer(taps[7].start), UnsafePointer(taps[8].start)
        )
        forward.output = transformed.start + 4 * pair * stride
        forward.position_stride = stride
        forward.count = rows
        (forward.rows, forward.columns) = (pair / 3, pair % 3)
        kernels.core.table.winograd_weights(&forward)
      }
      let gradients = GuardedMemory(numbers.values(35 * stride + count))
      let found = (0..<9).map { _ in GuardedMemory(Self.filler, count: count) }
      var backward = colorize_winograd_weights_gradient()
      backward.transformed = UnsafePointer(gradients.start)
      backward.position_stride = stride
      backward.tap = (
        found[0].start, found[1].start, found[2].start, found[3].start, found[4].start,
        found[5].start, found[6].start, found[7].start, found[8].start
      )
      backward.count = count
      kernels.table.winograd_weights_gradient(&backward)
      for memory in found { #expect(memory.isWhole) }
      for index in 0..<count {
        let first = (0..<36).reduce(0.0) {
          $0 + Double(transformed.start[$1 * stride + index])
            * Double(gradients.start[$1 * stride + index])
        }
        let second = (0..<9).reduce(0.0) {
          $0 + Double(taps[$1].start[index]) * Double(found[$1].start[index])
        }
        #expect(abs(first - second) < 1e-4)
      }
    }
  }

  // ---- Adam ------------------------------------------------------------------------------------

  @Test(arguments: InstructionSet.available, [false, true])
  func adam(_ instructionSet: InstructionSet, _ hasAverage: Bool) {
    let kernels = TrainingKernels(instructionSet)
    var numbers = Numbers(seed: 7)
    for count in [16, 32, 48, 400] {
      let gradient = GuardedMemory(numbers.values(count))
      let before = (0..<4).map { number in
        numbers.values(count).map { number == 2 ? abs($0) : $0 }
      }
      // Value, first and second moment, average.
      let after = before.map { GuardedMemory($0) }
      var arguments = colorize_adam()
      arguments.value = after[0].start
      arguments.gradient = UnsafePointer(gradient.start)
      arguments.first = after[1].start
      arguments.second = after[2].start
      arguments.average = hasAverage ? after[3].start : nil
      arguments.count = count
      arguments.gradient_scale = 0.5
      arguments.decay = 0.01
      arguments.shrink = 0.999
      arguments.first_rate = 0.1
      arguments.second_rate = 0.001
      arguments.rate = 0.003
      arguments.second_scale = 2
      arguments.epsilon = 1e-8
      arguments.average_rate = 0.25
      kernels.table.adam(&arguments)
      for memory in after { #expect(memory.isWhole) }
      for index in 0..<count {
        let old = before.map { Double($0[index]) }
        let g = Double(gradient.start[index]) * 0.5 + Double(Float(0.01)) * old[0]
        let first = old[1] + (g - old[1]) * Double(Float(0.1))
        let second = old[2] + (g * g - old[2]) * Double(Float(0.001))
        let value =
          old[0] * Double(Float(0.999))
          - Double(Float(0.003)) * first / (second.squareRoot() * 2 + Double(Float(1e-8)))
        let average = hasAverage ? old[3] + (value - old[3]) * 0.25 : old[3]
        for (memory, expected) in zip(after, [value, first, second, average]) {
          #expect(difference(memory.start[index], expected) < 1e-6 * max(1, abs(expected)))
        }
      }
    }
  }
}

/// Infinite where the value is not a number.
private func difference(_ value: Float, _ expected: Double) -> Double {
  let difference = abs(Double(value) - expected)
  return difference.isNaN ? .infinity : difference
}
