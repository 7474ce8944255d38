// Each kernel of inference as `kernel_contract.h` has it: against the formula there in float64, with memory of exactly
// the size that it promises, at every alignment, for every tail, with rows that are further apart than they are long,
// on every instruction set of this processor.

import CKernelContract
import ColorizeCore
import Glibc
import Testing

@Suite struct KernelContractTests {
  /// What is between rows.
  private static let filler: Float = 1e30

  private func epilogue(_ x: Double, _ slope: Float, _ ceiling: Float) -> Double {
    min(x < 0 ? Double(slope) * x : x, Double(ceiling))
  }

  // ---- Products --------------------------------------------------------------------------------

  @Test(arguments: InstructionSet.available) func gemm(_ instructionSet: InstructionSet) {
    let table = KernelSet(instructionSet).table
    let (tile, panel) = (table.gemm_rows, table.gemm_panel)
    var numbers = Numbers(seed: 1)
    var worst = 0.0
    let block = Int(COLORIZE_GEMM_BLOCK)
    for depth in [1, 2, 3, 5, 7, 8, 9, 16, 63, 64, 65, 255, 256] {
      for rows in 1...tile {
        let stride = table.gemm_takes_any_stride != 0 && rows % 2 == 0 ? depth + rows : block
        let outputStride = panel + rows % 4
        let (hasResidual, hasScale) = (rows % 3 != 0, depth % 2 == 0)
        let slope: Float = [1, 0, 0.2][(rows + depth) % 3]
        let ceiling: Float = (rows + depth) % 2 == 0 ? 0.5 : .infinity
        var left = numbers.values((tile - 1) * stride + depth)
        for index in left.indices where index % stride >= depth { left[index] = .nan }
        let leftMemory = GuardedMemory(left)
        let isNarrow = (rows + depth) % 5 < 2
        var columns = numbers.values(depth * panel)
        if isNarrow {
          for index in columns.indices where index % panel >= panel / 2 { columns[index] = 0 }
        }
        let right = GuardedMemory(columns)
        let bias = GuardedMemory(numbers.values(panel))
        let residual = GuardedMemory(numbers.values((rows - 1) * outputStride + panel))
        let scale = GuardedMemory(numbers.values(panel))
        let shift = GuardedMemory(numbers.values(panel))
        let output = GuardedMemory(Self.filler, count: residual.count)
        var arguments = colorize_gemm_tile()
        arguments.left = UnsafePointer(leftMemory.start)
        arguments.left_stride = stride
        arguments.right = UnsafePointer(right.start)
        arguments.depth = depth
        arguments.bias = UnsafePointer(bias.start)
        arguments.residual = hasResidual ? UnsafePointer(residual.start) : nil
        arguments.residual_stride = outputStride
        arguments.output = output.start
        arguments.output_stride = outputStride
        arguments.rows = rows
        arguments.is_narrow = isNarrow ? 1 : 0
        arguments.scale = hasScale ? UnsafePointer(scale.start) : nil
        arguments.shift = hasScale ? UnsafePointer(shift.start) : nil
        arguments.slope = slope
        arguments.ceiling = ceiling
        table.gemm(&arguments)
        #expect(output.isWhole)
        for index in 0..<output.count {
          let (row, column) = index.quotientAndRemainder(dividingBy: outputStride)
          guard column < panel else {
            #expect(output.start[index] == Self.filler)
            continue
          }
          var sum = Double(bias.start[column])
          for k in 0..<depth {
            sum += Double(left[row * stride + k]) * Double(right.start[k * panel + column])
          }
          if hasResidual { sum += Double(residual.start[index]) }
          var expected = epilogue(sum, slope, ceiling)
          if hasScale {
            expected = expected * Double(scale.start[column]) + Double(shift.start[column])
          }
          worst = max(worst, difference(output.start[index], expected))
        }
      }
    }
    // float32 sums of 256 products of numbers up to 1.
    #expect(worst < 2e-5)
  }

  /// The product in bfloat16 of numbers that are exact in it, against the same formula; and rounding to it.
  @Test func brainGEMM() throws {
    guard let brain = Self.brainKernels else { return }
    let table = KernelSet(.avx512).table
    let (tile, panel, block) = (table.gemm_rows, table.gemm_panel, Int(COLORIZE_GEMM_BLOCK))
    var numbers = Numbers(seed: 3)
    func rounded(_ count: Int) -> [Float] {
      numbers.values(count).map { Float(bitPattern: $0.bitPattern & 0xFFFF_0000) }
    }
    /// Two of bfloat16 in the place of a float.
    func packed(_ values: [Float]) -> [Float] {
      stride(from: 0, to: values.count, by: 2).map {
        Float(bitPattern: values[$0].bitPattern >> 16 | values[$0 + 1].bitPattern)
      }
    }
    var worst = 0.0
    for depth in [2, 4, 30, 64, 256] {
      for rows in 1...tile {
        let left = rounded(tile * block)
        let right = rounded(depth * panel)
        let pairs = (0..<depth * panel).map { index in
          let (row, column) = (index / (2 * panel) * 2 + index % 2, index % (2 * panel) / 2)
          return right[row * panel + column]
        }
        let leftMemory = GuardedMemory(packed(left))
        let rightMemory = GuardedMemory(packed(pairs))
        let bias = GuardedMemory(numbers.values(panel))
        let residual = GuardedMemory(numbers.values(rows * panel))
        let scale = GuardedMemory(numbers.values(panel))
        let shift = GuardedMemory(numbers.values(panel))
        let output = GuardedMemory(Self.filler, count: rows * panel)
        let (hasResidual, hasScale) = (rows % 3 != 0, rows % 2 == 0)
        var arguments = colorize_gemm_tile()
        arguments.left = UnsafePointer(leftMemory.start)
        arguments.left_stride = block
        arguments.right = UnsafePointer(rightMemory.start)
        arguments.depth = depth
        arguments.bias = UnsafePointer(bias.start)
        arguments.residual = hasResidual ? UnsafePointer(residual.start) : nil
        arguments.residual_stride = panel
        arguments.output = output.start
        arguments.output_stride = panel
        arguments.rows = rows
        arguments.scale = hasScale ? UnsafePointer(scale.start) : nil
        arguments.shift = hasScale ? UnsafePointer(shift.start) : nil
        arguments.slope = [1, 0, 0.2][rows % 3]
        arguments.ceiling = rows % 2 == 0 ? 0.5 : .infinity
        brain.gemm(&arguments)
        #expect(output.isWhole)
        for index in 0..<output.count {
          let (row, column) = index.quotientAndRemainder(dividingBy: panel)
          var sum = Double(bias.start[column])
          for k in 0..<depth {
            sum += Double(left[row * block + k]) * Double(right[k * panel + column])
          }
          if hasResidual { sum += Double(residual.start[index]) }
          var expected = epilogue(sum, arguments.slope, arguments.ceiling)
          if hasScale {
            expected = expected * Double(scale.start[column]) + Double(shift.start[column])
          }
          worst = max(worst, difference(output.start[index], expected))
        }
      }
    }
    #expect(worst < 2e-5)

    // Halfway goes to the even one.
    let values: [Float] = [1, 1.00390625, 1.01171875, -3.14159274, 0, 1e30, 1e-30, -0.3333]
    let memory = GuardedMemory((0..<64).map { values[$0 % 8] })
    brain.round(memory.start, 64)
    for (index, expected) in [1, 1, 1.015625, -3.140625].enumerated() {
      let pair = memory.start[index / 2].bitPattern
      let bits = index % 2 == 0 ? pair << 16 : pair & 0xFFFF_0000
      #expect(Float(bitPattern: bits) == Float(expected))
    }
  }

  /// nil: this processor has none.
  private static var brainKernels: BrainKernels? {
    do throws(ColorizeError) {
      try Precision.bfloat16.check(.avx512, nil)
      return KernelSet(.avx512, precision: .bfloat16).brain
    } catch { return nil }
  }

  @Test(arguments: InstructionSet.available) func gemmSums(_ instructionSet: InstructionSet) {
    let table = KernelSet(instructionSet).table
    let (tile, panel) = (table.gemm_rows, table.gemm_panel)
    let most = Int(COLORIZE_GEMM_SUMS_DEPTH)
    var numbers = Numbers(seed: 2)
    var worst = 0.0
    for depth in [1, 2, 3, 15, 16, 17, 63, 64] {
      for (rows, matrixRows) in [
        (1, 1), (tile, tile), (tile + 1, tile), (2 * tile + 1, tile), (7, 3), (tile - 1, tile),
        (5, 1), (2 * tile, 2),
      ] {
        let matrices = (rows + matrixRows - 1) / matrixRows
        let matrixStride = tile * most + 5
        let left = numbers.values((matrices - 1) * matrixStride + tile * most)
        let leftMemory = GuardedMemory(left)
        let right = GuardedMemory(numbers.values(depth * panel))
        let before = numbers.values(rows * panel)
        let sums = GuardedMemory(before)
        let adds = rows % 2
        var arguments = colorize_gemm_sums()
        arguments.left = UnsafePointer(leftMemory.start)
        arguments.matrix_rows = matrixRows
        arguments.matrix_stride = matrixStride
        arguments.right = UnsafePointer(right.start)
        arguments.depth = depth
        arguments.sums = sums.start
        arguments.rows = rows
        arguments.adds = adds
        arguments.next = 0
        arguments.later = UnsafePointer(right.start)
        arguments.later_count = right.count
        table.gemm_sums(&arguments)
        #expect(sums.isWhole)
        for index in 0..<sums.count {
          let (row, column) = index.quotientAndRemainder(dividingBy: panel)
          let start = row / matrixRows * matrixStride + row % matrixRows * most
          var expected = adds == 0 ? 0 : Double(before[index])
          for k in 0..<depth {
            expected += Double(left[start + k]) * Double(right.start[k * panel + column])
          }
          worst = max(worst, difference(sums.start[index], expected))
        }
      }
    }
    #expect(worst < 1e-5)
  }

  /// Of a whole row, and of one that is seen in parts: with weights so far apart that products with them would be
  /// subnormal numbers, which are to become 0.
  @Test(arguments: InstructionSet.available) func softmax(_ instructionSet: InstructionSet) {
    let table = KernelSet(instructionSet).table
    let block = Int(COLORIZE_GEMM_BLOCK)
    let stride = 2 * block
    var numbers = Numbers(seed: 5)
    var worst = 0.0
    for count in [1, 3, 15, 16, 17, 63, 64, 65, 130] {
      let row = numbers.values(count).map { 100 * $0 }
      let largest = Double(row.max() ?? 0)
      let weights = row.map { exp(Double($0) - largest) }
      let sum = weights.reduce(0, +)
      for boundary in [nil, 1, count / 2] where (boundary ?? 1) > 0 && boundary != count {
        var parts = colorize_softmax_parts()
        var found: [Float] = []
        let bounds = boundary.map { [0..<$0, $0..<count] } ?? [0..<count]
        for bounds in bounds {
          let blocks = (bounds.count + block - 1) / block
          let memory = GuardedMemory(Self.filler, count: (blocks - 1) * stride + block)
          func place(_ index: Int) -> Int { index / block * stride + index % block }
          for index in 0..<bounds.count {
            memory.start[place(index)] = row[bounds.lowerBound + index]
          }
          withUnsafeMutablePointer(to: &parts) { parts in
            var arguments = colorize_softmax()
            arguments.values = memory.start
            arguments.count = bounds.count
            arguments.block_stride = stride
            arguments.sum = 1
            arguments.parts = boundary == nil ? nil : parts
            table.softmax(&arguments)
          }
          #expect(memory.isWhole)
          if boundary != nil { found = found.map { $0 * parts.scale } }
          let own = (0..<bounds.count).map { memory.start[place($0)] }
          #expect(own.allSatisfy { $0 == 0 || $0 > 1e-30 })
          found += own
        }
        let whole = boundary == nil ? 1 : Double(parts.sum)
        if boundary != nil { #expect(Double(parts.maximum) == largest) }
        for (value, weight) in zip(found, weights) {
          worst = max(worst, difference(value, weight / sum * whole))
        }
      }
    }
    #expect(worst < 1e-6)
  }

  // ---- Pixels of activations -------------------------------------------------------------------

  @Test(arguments: InstructionSet.available) func annealedMean(_ instructionSet: InstructionSet) {
    let table = KernelSet(instructionSet).table
    var numbers = Numbers(seed: 3)
    for count in Array(1...50) + [313, 529] {
      let room = count.roundedUp(to: 16)
      // What is behind the last logit is whatever was there; centres have zeros.
      let logits = GuardedMemory(
        numbers.values(count).map { $0 * 20 - 3 } + Array(repeating: .nan, count: room - count))
      let zeros = Array(repeating: Float(0), count: room - count)
      let a = GuardedMemory(numbers.values(count).map { $0 * 110 } + zeros)
      let b = GuardedMemory(numbers.values(count).map { $0 * 110 } + zeros)
      let weights = GuardedMemory(Self.filler, count: room)
      let sums = GuardedMemory(Self.filler, count: 3)
      let scale: Float = count % 2 == 0 ? 1 / 0.38 : 0.5
      var arguments = colorize_annealed_mean()
      arguments.logits = UnsafePointer(logits.start)
      arguments.a = UnsafePointer(a.start)
      arguments.b = UnsafePointer(b.start)
      arguments.weights = weights.start
      arguments.sums = sums.start
      arguments.count = count
      arguments.scale = scale
      table.annealed_mean(&arguments)
      #expect(weights.isWhole && sums.isWhole)
      let most = (0..<count).reduce(-Float.infinity) { max($0, logits.start[$1]) }
      var expected = (0.0, 0.0, 0.0)
      for index in 0..<count {
        let weight = exp(Double(scale) * (Double(logits.start[index]) - Double(most)))
        #expect(difference(weights.start[index], weight) < 1e-5 * weight + 1e-30)
        expected.0 += weight
        expected.1 += weight * Double(a.start[index])
        expected.2 += weight * Double(b.start[index])
      }
      #expect(difference(sums.start[0], expected.0) < 1e-5 * expected.0)
      #expect(difference(sums.start[1], expected.1) < 1e-3 * expected.0)
      #expect(difference(sums.start[2], expected.2) < 1e-3 * expected.0)
    }
  }

  @Test(arguments: InstructionSet.available) func blend(_ instructionSet: InstructionSet) {
    let table = KernelSet(instructionSet).table
    var numbers = Numbers(seed: 4)
    for count in [16, 32, 48, 80, 160] {
      for (hasResidual, relu) in [(false, 0), (false, 1), (true, 0), (true, 1)] {
        let corners = (0..<4).map { _ in GuardedMemory(numbers.values(count)) }
        let weights = numbers.values(4)
        let residual = GuardedMemory(numbers.values(count))
        let output = GuardedMemory(Self.filler, count: count)
        var arguments = colorize_blend()
        arguments.corner = (
          UnsafePointer(corners[0].start), UnsafePointer(corners[1].start),
          UnsafePointer(corners[2].start), UnsafePointer(corners[3].start)
        )
        arguments.weight = (weights[0], weights[1], weights[2], weights[3])
        arguments.residual = hasResidual ? UnsafePointer(residual.start) : nil
        arguments.output = output.start
        arguments.count = count
        arguments.relu = relu
        table.blend(&arguments)
        #expect(output.isWhole)
        for c in 0..<count {
          var expected = hasResidual ? Double(residual.start[c]) : 0
          for corner in 0..<4 {
            expected += Double(weights[corner]) * Double(corners[corner].start[c])
          }
          if relu != 0 { expected = max(expected, 0) }
          #expect(difference(output.start[c], expected) < 1e-6)
        }
      }
    }
  }

  @Test(arguments: InstructionSet.available) func depthwise(_ instructionSet: InstructionSet) {
    let table = KernelSet(instructionSet).table
    var numbers = Numbers(seed: 5)
    for (kernel, step) in [(3, 1), (3, 2), (5, 1), (5, 2)] {
      for (width, channels) in [(1, 16), (2, 48), (7, 32), (8, 16), (23, 80)] {
        for adds in 0...1 {
          let count = (width + step - 1) / step
          let (inputStride, outputStride) = (channels + 16 * adds, channels + 16)
          let rows = (0..<kernel).map { _ in
            GuardedMemory(numbers.values((width - 1) * inputStride + channels))
          }
          let taps = kernel * kernel
          let weights = (0..<taps).map { _ in GuardedMemory(numbers.values(channels)) }
          let tapRows = GuardedMemory(
            (0..<taps).map { UnsafePointer(rows[$0 / kernel].start) as UnsafePointer<Float>? })
          let tapColumns = GuardedMemory((0..<taps).map { $0 % kernel - kernel / 2 })
          let tapWeights = GuardedMemory(
            (0..<taps).map { UnsafePointer(weights[$0].start) as UnsafePointer<Float>? })
          let bias = GuardedMemory(numbers.values(channels))
          let before = numbers.values((count - 1) * outputStride + channels)
          let output = GuardedMemory(before)
          let slope: Float = width % 2 == 0 ? 0.2 : 1
          let ceiling: Float = width % 3 == 0 ? .infinity : 0.5
          var arguments = colorize_depthwise()
          arguments.tap_row = UnsafePointer(tapRows.start)
          arguments.tap_column = UnsafePointer(tapColumns.start)
          arguments.tap_weight = UnsafePointer(tapWeights.start)
          arguments.bias = width == 7 ? nil : UnsafePointer(bias.start)
          arguments.output = output.start
          arguments.taps = taps
          arguments.channels = channels
          arguments.count = count
          arguments.input_step = step
          arguments.input_stride = inputStride
          arguments.input_width = width
          arguments.output_stride = outputStride
          arguments.adds = adds
          arguments.slope = slope
          arguments.ceiling = ceiling
          table.depthwise(&arguments)
          #expect(output.isWhole)
          for index in 0..<output.count {
            let (x, c) = index.quotientAndRemainder(dividingBy: outputStride)
            guard c < channels else {
              #expect(output.start[index] == before[index])
              continue
            }
            var sum = width == 7 ? 0 : Double(bias.start[c])
            for tap in 0..<taps {
              let column = x * step + tapColumns.start[tap]
              guard (0..<width).contains(column) else { continue }
              sum +=
                Double(rows[tap / kernel].start[column * inputStride + c])
                * Double(weights[tap].start[c])
            }
            let expected = (adds == 0 ? 0 : Double(before[index])) + epilogue(sum, slope, ceiling)
            #expect(difference(output.start[index], expected) < 1e-5)
          }
        }
      }
    }
  }

  // ---- Winograd --------------------------------------------------------------------------------

  /// The points are the kernels' business: what the three transforms must give together is the convolution.
  @Test(arguments: InstructionSet.available) func winograd(_ instructionSet: InstructionSet) {
    let table = KernelSet(instructionSet).table
    let panel = table.gemm_panel
    var numbers = Numbers(seed: 6)
    for (channels, rows, columns) in [(16, 4, 4), (32, 1, 1), (64, 3, 2), (48, 2, 4), (16, 4, 1)] {
      let firstChannel = channels == 48 ? 16 : 0
      let pixels = (0..<36).map { _ in GuardedMemory(numbers.values(firstChannel + channels)) }
      let transformed = input(table, pixels, firstChannel, channels)
      let taps = (0..<9).map { _ in GuardedMemory(numbers.values(channels * panel)) }
      let weights = self.weights(table, taps, channels, panel)
      // Every sum of a position, over the channels.
      let stride = panel + 7
      var sums = Array(repeating: Self.filler, count: 35 * stride + panel)
      for position in 0..<36 {
        for c in 0..<panel {
          var sum = 0.0
          for k in 0..<channels {
            sum += Double(transformed[position][k]) * Double(weights[position][k * panel + c])
          }
          sums[position * stride + c] = Float(sum)
        }
      }
      let sumsMemory = GuardedMemory(sums)
      let bias = GuardedMemory(numbers.values(panel))
      let scale = GuardedMemory(numbers.values(panel))
      let shift = GuardedMemory(numbers.values(panel))
      let pixelStride = panel + 3
      let rowStride = 4 * pixelStride + 5
      let size = (rows - 1) * rowStride + (columns - 1) * pixelStride + panel
      let residual = GuardedMemory(numbers.values(size))
      let addend = GuardedMemory(numbers.values(size))
      let output = GuardedMemory(Self.filler, count: size)
      let workspace = GuardedMemory(Self.filler, count: 36 * 16)
      let (hasResidual, hasScale, hasAddend) = (rows != 3, columns != 4, rows + columns == 5)
      var arguments = colorize_winograd_output()
      arguments.sums = UnsafePointer(sumsMemory.start)
      arguments.position_stride = stride
      arguments.bias = UnsafePointer(bias.start)
      arguments.residual = hasResidual ? UnsafePointer(residual.start) : nil
      arguments.addend = hasAddend ? UnsafePointer(addend.start) : nil
      arguments.output = output.start
      arguments.row_stride = rowStride
      arguments.pixel_stride = pixelStride
      arguments.workspace = workspace.start
      arguments.rows = rows
      arguments.columns = columns
      arguments.scale = hasScale ? UnsafePointer(scale.start) : nil
      arguments.shift = hasScale ? UnsafePointer(shift.start) : nil
      arguments.slope = 0.2
      arguments.ceiling = rows == 4 ? 3 : .infinity
      arguments.next = UnsafePointer(output.start)
      table.winograd_output(&arguments)
      #expect(output.isWhole && workspace.isWhole)
      var written = Set<Int>()
      for y in 0..<rows {
        for x in 0..<columns {
          for c in 0..<panel {
            var sum = Double(bias.start[c])
            for tap in 0..<9 {
              let pixel = pixels[(y + tap / 3) * 6 + x + tap % 3]
              for k in 0..<channels {
                sum +=
                  Double(pixel.start[firstChannel + k]) * Double(taps[tap].start[k * panel + c])
              }
            }
            let index = y * rowStride + x * pixelStride + c
            written.insert(index)
            if hasResidual { sum += Double(residual.start[index]) }
            var expected = epilogue(sum, 0.2, arguments.ceiling)
            if hasScale { expected = expected * Double(scale.start[c]) + Double(shift.start[c]) }
            if hasAddend { expected += Double(addend.start[index]) }
            // As in ConvolutionTests: of sums with a deviation of up to 8.
            #expect(difference(output.start[index], expected) < 5e-4)
          }
        }
      }
      for index in 0..<size where !written.contains(index) {
        #expect(output.start[index] == Self.filler)
      }
    }
  }

  /// `[36][channels]`, made in two calls for parts of the rows.
  private func input(
    _ table: colorize_kernels, _ pixels: [GuardedMemory<Float>], _ firstChannel: Int,
    _ channels: Int
  ) -> [[Float]] {
    let stride = channels + 5
    let output = GuardedMemory(Self.filler, count: 35 * stride + channels)
    let places = GuardedMemory(pixels.map { UnsafePointer($0.start) as UnsafePointer<Float>? })
    let workspace = GuardedMemory(Self.filler, count: 36 * 16)
    var arguments = colorize_winograd_input()
    arguments.pixel = UnsafePointer(places.start)
    arguments.output = output.start
    arguments.position_stride = stride
    arguments.workspace = workspace.start
    arguments.first_channel = firstChannel
    arguments.channels = channels
    arguments.next = 0
    for (first, end) in [(0, 2), (2, 6)] {
      arguments.first_row = first
      arguments.end_row = end
      table.winograd_input(&arguments)
      if end == 2 {
        for index in (12 * stride)..<output.count { #expect(output.start[index] == Self.filler) }
      }
    }
    #expect(output.isWhole && workspace.isWhole)
    for index in 0..<output.count where index % stride >= channels {
      #expect(output.start[index] == Self.filler)
    }
    return (0..<36).map { position in
      (0..<channels).map { output.start[position * stride + $0] }
    }
  }

  /// `[36][channels * panel]`, from the nine calls for two rows and two columns each.
  private func weights(
    _ table: colorize_kernels, _ taps: [GuardedMemory<Float>], _ channels: Int, _ panel: Int
  ) -> [[Float]] {
    let pairs = [[0, 5], [1, 2], [3, 4]]
    var weights = Array(repeating: [Float](), count: 36)
    let count = channels * panel
    for rows in 0..<3 {
      for columns in 0..<3 {
        let stride = count + 9
        let output = GuardedMemory(Self.filler, count: 3 * stride + count)
        var arguments = colorize_winograd_weights()
        arguments.tap = (
          UnsafePointer(taps[0].start), UnsafePointer(taps[1].start), UnsafePointer(taps[2].start),
          UnsafePointer(taps[3].start), UnsafePointer(taps[4].start), UnsafePointer(taps[5].start),
          UnsafePointer(taps[6].start), UnsafePointer(taps[7].start), UnsafePointer(taps[8].start)
        )
        arguments.output = output.start
        arguments.position_stride = stride
        arguments.count = channels
        arguments.rows = rows
        arguments.columns = columns
        table.winograd_weights(&arguments)
        #expect(output.isWhole)
        for index in 0..<output.count where index % stride >= count {
          #expect(output.start[index] == Self.filler)
        }
        for place in 0..<4 {
          let position = pairs[rows][place / 2] * 6 + pairs[columns][place % 2]
          weights[position] = (0..<count).map { output.start[place * stride + $0] }
        }
      }
    }
    return weights
  }

  // ---- Pixels of pictures ----------------------------------------------------------------------

  /// Any number of pixels, in place and beside, there and back.
  @Test(arguments: InstructionSet.available) func conversion(_ instructionSet: InstructionSet) {
    let table = KernelSet(instructionSet).table
    var numbers = Numbers(seed: 7)
    for count in 0...50 {
      let source = numbers.values(3 * count).map { ($0 + 1) / 2 }
      let lab = GuardedMemory(source)
      let rgb = GuardedMemory(Self.filler, count: 3 * count)
      var arguments = colorize_convert(
        source: UnsafePointer(lab.start), target: lab.start, count: count, clip: 0)
      table.convert_to_lab(&arguments)
      arguments.target = rgb.start
      table.convert_to_rgb(&arguments)
      #expect(lab.isWhole && rgb.isWhole)
      for pixel in 0..<count {
        let color = LabColor(
          rgb: SIMD3(
            Double(source[3 * pixel]), Double(source[3 * pixel + 1]), Double(source[3 * pixel + 2]))
        )
        let expected = [color.lightness, color.a, color.b]
        for channel in 0..<3 {
          #expect(difference(lab.start[3 * pixel + channel], expected[channel]) < 1e-3)
          let value = Double(source[3 * pixel + channel])
          #expect(difference(rgb.start[3 * pixel + channel], value) < 1e-4)
        }
      }
      for index in 0..<lab.count { lab.start[index] = numbers.value() * 200 }
      arguments.clip = 1
      table.convert_to_rgb(&arguments)
      for index in 0..<rgb.count { #expect((0...1).contains(rgb.start[index])) }
    }
  }

  @Test(arguments: InstructionSet.available, [1, 3, 4])
  func lightness(_ instructionSet: InstructionSet, _ bytes: Int) throws {
    let table = KernelSet(instructionSet).table
    var numbers = Numbers(seed: 8)
    let luminance = try LuminanceTable()
    for count in Array(1...40) + [1000] {
      let source = GuardedMemory((0..<(count * bytes)).map { _ in numbers.byte() })
      let lightness = GuardedMemory(Self.filler, count: count.roundedUp(to: 16))
      let values = GuardedMemory((0..<1024).map { luminance.start[$0] })
      var arguments = colorize_lightness(
        source: UnsafePointer(source.start), source_bytes: bytes,
        luminance: UnsafePointer(values.start), lightness: lightness.start, count: count)
      table.lightness(&arguments)
      #expect(lightness.isWhole)
      for pixel in 0..<count {
        let rgb = (0..<3).map { channel in
          Double(source.start[pixel * bytes + (bytes == 1 ? 0 : channel)]) / 255
        }
        let expected = LabColor(rgb: SIMD3(rgb[0], rgb[1], rgb[2])).lightness
        #expect(difference(lightness.start[pixel], expected) < 1e-3)
      }
    }
  }

  /// Whole numbers: bit for bit.
  @Test(arguments: InstructionSet.available, [PixelFormat.gray8, .rgb8, .bgra8, .grayAlpha8])
  func resampledRow(_ instructionSet: InstructionSet, _ format: PixelFormat) {
    let table = KernelSet(instructionSet).table
    var numbers = Numbers(seed: 9)
    let (bytes, channels) = (format.bytesPerPixel, format.colorChannels)
    for (source, target) in [(1, 1), (2, 5), (5, 2), (16, 16), (17, 31), (40, 3), (33, 64)] {
      let pixels = GuardedMemory((0..<(source * bytes)).map { _ in numbers.byte() })
      let stride = source.roundedUp(to: 16)
      let planeStride = source + 15
      var weights = Array(repeating: Int32(0), count: target * stride)
      let taps = (0..<target).map { x in
        let first = min(x * source / target, source - 1)
        return colorize_taps(first: Int32(first), count: Int32(min(1 + x % 7, source - first)))
      }
      for x in 0..<target {
        for k in 0..<Int(taps[x].count) {
          weights[x * stride + k] = Int32(truncatingIfNeeded: numbers.next()) >> 9
        }
      }
      let planes = GuardedMemory(UInt8(0), count: channels * planeStride)
      let output = GuardedMemory(Int32.min, count: target * channels)
      let tapMemory = GuardedMemory(taps)
      let weightMemory = GuardedMemory(weights)
      var arguments = colorize_resample_row()
      arguments.source = UnsafePointer(pixels.start)
      arguments.source_layout = colorize_pixel_layout(
        bytes: bytes, depth: 1, red: format == .bgra8 ? 2 : 0, green: channels == 1 ? 0 : 1,
        blue: channels == 1 ? 0 : format == .bgra8 ? 0 : 2,
        alpha: format.hasAlpha ? Int32(channels) : -1)
      arguments.source_count = source
      arguments.planes = planes.start
      arguments.plane_stride = planeStride
      arguments.taps = UnsafePointer(tapMemory.start)
      arguments.weights = UnsafePointer(weightMemory.start)
      arguments.weight_stride = stride
      arguments.output = output.start
      arguments.count = target
      table.resample_row(&arguments)
      #expect(planes.isWhole && output.isWhole)
      let order = format == .bgra8 ? [2, 1, 0] : [0, 1, 2]
      let bits = Int32(COLORIZE_RESAMPLE_FRACTION_BITS)
      for x in 0..<target {
        for channel in 0..<channels {
          var sum: Int32 = 1 << (bits - 1)
          for k in 0..<Int(taps[x].count) {
            let pixel = Int(taps[x].first) + k
            let place = channels == 1 ? 0 : order[channel]
            sum &+= Int32(pixels.start[pixel * bytes + place]) &* weights[x * stride + k]
          }
          #expect(output.start[x * channels + channel] == min(max(sum >> bits, 0), 255))
        }
      }
    }
  }

  /// Whole rows of one color of the network: each length, so that each tail is there, in all layouts.
  @Test(arguments: InstructionSet.available, [false, true])
  func renderedRow(_ instructionSet: InstructionSet, _ isGuided: Bool) throws {
    let table = KernelSet(instructionSet).table
    var numbers = Numbers(seed: 10)
    let luminance = try LuminanceTable()
    let values = GuardedMemory((0..<1024).map { luminance.start[$0] })
    for count in Array(1...37) + [511, 512, 513, 1027] {
      let columns = 1 + count % 5
      let source = GuardedMemory((0..<(3 * count)).map { _ in numbers.byte() })
      let target = GuardedMemory(UInt8(0), count: 4 * count)
      let rows = (0..<6).map { row in
        GuardedMemory(numbers.values(columns).map { row < 4 ? $0 * 60 : ($0 + 1) * 4 })
      }
      let axis = BilinearAxis(from: columns, to: count)
      var starts: [Int32] = []
      for x in 0..<count { while starts.count <= axis[x].first { starts.append(Int32(x)) } }
      while starts.count <= columns { starts.append(Int32(count)) }
      let startMemory = GuardedMemory(starts)
      let share = GuardedMemory((0..<count).map { axis[$0].share } + Array(repeating: 0, count: 15))
      let scratch = GuardedMemory(Float.nan, count: 4 * (Int(COLORIZE_RENDER_CHUNK) + 16))
      let rowShare: Float = 0.3
      var arguments = colorize_render_row()
      arguments.source = UnsafePointer(source.start)
      arguments.source_layout = colorize_pixel_layout(
        bytes: 3, depth: 1, red: 0, green: 1, blue: 2, alpha: -1)
      arguments.target = target.start
      arguments.target_layout = colorize_pixel_layout(
        bytes: 4, depth: 1, red: 2, green: 1, blue: 0, alpha: 3)
      arguments.count = count
      arguments.luminance = UnsafePointer(values.start)
      arguments.upper_a = UnsafePointer(rows[0].start)
      arguments.lower_a = UnsafePointer(rows[1].start)
      arguments.upper_b = UnsafePointer(rows[2].start)
      arguments.lower_b = UnsafePointer(rows[3].start)
      arguments.upper_guide = isGuided ? UnsafePointer(rows[4].start) : nil
      arguments.lower_guide = isGuided ? UnsafePointer(rows[5].start) : nil
      arguments.guide_scale = 1 / 12
      arguments.row_share = rowShare
      arguments.starts = UnsafePointer(startMemory.start)
      arguments.columns = columns
      arguments.share = UnsafePointer(share.start)
      arguments.scratch = scratch.start
      arguments.keeps_hue = 0
      table.render_row(&arguments)
      #expect(target.isWhole && scratch.isWhole)
      for x in 0..<count {
        var lab = LabColor(
          rgb: SIMD3(
            Double(source.start[3 * x]), Double(source.start[3 * x + 1]),
            Double(source.start[3 * x + 2])) / 255)
        let (first, second, right) = axis[x]
        var weights = [
          (1 - Double(rowShare)) * (1 - Double(right)), (1 - Double(rowShare)) * Double(right),
          Double(rowShare) * (1 - Double(right)), Double(rowShare) * Double(right),
        ]
        let places = [(0, first), (0, second), (1, first), (1, second)]
        if isGuided {
          for (index, (row, column)) in places.enumerated() {
            let apart = lab.lightness / 12 - Double(rows[4 + row].start[column])
            weights[index] /= 1 + apart * apart
          }
        }
        let all = weights.reduce(0, +)
        func mean(_ channel: Int) -> Double {
          zip(weights, places).reduce(0) {
            $0 + $1.0 * Double(rows[2 * channel + $1.1.0].start[$1.1.1])
          } / all
        }
        (lab.a, lab.b) = (mean(0), mean(1))
        let expected = lab.rgb * 255
        let made = SIMD3(
          Double(target.start[4 * x + 2]), Double(target.start[4 * x + 1]),
          Double(target.start[4 * x]))
        for channel in 0..<3 {
          #expect(
            abs(made[channel] - expected[channel]) <= RendererTests.guidedTolerance,
            "\(count) pixels, \(x)")
        }
        #expect(target.start[4 * x + 3] == 255)
      }
    }
  }
}

/// Infinite where the value is not a number.
private func difference(_ value: Float, _ expected: Double) -> Double {
  let difference = abs(Double(value) - expected)
  return difference.isNaN ? .infinity : difference
}
