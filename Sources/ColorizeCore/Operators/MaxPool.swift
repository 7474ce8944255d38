// The largest value under a window.

/// PyTorch's `MaxPool2d`, with a square window; what lies outside is not looked at.
package struct MaxPool: Operator {
  package var kernel: Int
  package var stride: Int
  /// On every side, at most half of the kernel.
  package var padding: Int

  package init(kernel: Int, stride: Int, padding: Int) {
    precondition(2 * padding <= kernel)
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
  }

  package func outputShape(_ inputs: [Shape]) -> Shape {
    func side(_ input: Int) -> Int { (input + 2 * padding - kernel) / stride + 1 }
    return Shape(
      channels: inputs[0].channels, height: side(inputs[0].height), width: side(inputs[0].width))
  }

  package func reference(_ inputs: [ReferenceTensor], parameters: [[Double]]) -> ReferenceTensor {
    let input = inputs[0]
    var output = ReferenceTensor(outputShape([input.shape]))
    for c in 0..<output.shape.channels {
      for y in 0..<output.shape.height {
        for x in 0..<output.shape.width {
          var largest = -Double.infinity
          for sourceY in window(y, input.shape.height) {
            for sourceX in window(x, input.shape.width) {
              largest = max(largest, input[c, sourceY, sourceX])
            }
          }
          output[c, y, x] = largest
        }
      }
    }
    return output
  }

  /// What is under the window of a row or column of the output, of so many.
  func window(_ place: Int, _ side: Int) -> Range<Int> {
    let start = place * stride - padding
    return max(start, 0)..<min(start + kernel, side)
  }

  package func planned(_ end: StepEnd, _ planning: Planning)
    throws(ColorizeError) -> any PlannedOperator
  {
    PlannedMaxPool(self)
  }
}

/// The same, a row at a time.
package struct PlannedMaxPool: PlannedOperator {
  let pool: MaxPool

  package init(_ pool: MaxPool) { self.pool = pool }

  package func work(_ inputs: [Shape], _ output: Shape) -> Work {
    let count = output.count * pool.kernel * pool.kernel
    return Work(algorithm: "max", direct: count, done: count)
  }

  package func run(_ inputs: [Activation], _ output: Activation, _ execution: Execution) {
    let input = inputs[0]
    let channels = output.shape.channels
    execution.team.run(output.shape.height) { y, _ in
      let rows = pool.window(y, input.shape.height)
      for x in 0..<output.shape.width {
        let columns = pool.window(x, input.shape.width)
        let target = output.start + (y * output.shape.width + x) * output.stride
        target.update(repeating: -.infinity, count: channels)
        for sourceY in rows {
          for sourceX in columns {
            let source = input.start + (sourceY * input.shape.width + sourceX) * input.stride
            for c in 0..<channels { target[c] = max(target[c], source[c]) }
          }
        }
      }
    }
  }
}
