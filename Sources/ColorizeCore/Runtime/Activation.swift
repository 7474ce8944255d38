// Where activations lie, and what a step computes them with.

/// The size of one picture's activations, without a batch.
package struct Shape: Hashable, Sendable {
  package var channels: Int
  package var height: Int
  package var width: Int

  package init(channels: Int, height: Int, width: Int) {
    self.channels = channels
    self.height = height
    self.width = width
  }

  package var count: Int { channels * height * width }
}

/// Activations of one picture in a plan's arena, channels last: the value of channel `c` at (x, y)
/// is at `start[(y * width + x) * stride + c]`. `stride` may be larger than `channels`; what lies
/// between has no meaning, but is there to be read and written in whole vectors.
package struct Activation {
  package let start: UnsafeMutablePointer<Float>
  package let shape: Shape
  package let stride: Int

  package var pixels: Int { shape.width * shape.height }

  package init(start: UnsafeMutablePointer<Float>, shape: Shape, stride: Int) {
    self.start = start
    self.shape = shape
    self.stride = stride
  }
}

/// What a planned operator runs with.
package struct Execution {
  package let kernels: KernelSet
  package let team: Team
  /// `scratchCount` floats for each worker.
  package let scratch: UnsafeMutablePointer<Float>
  package let scratchCount: Int
  /// Floats for all of them together.
  package let shared: UnsafeMutablePointer<Float>

  package init(
    kernels: KernelSet, team: Team, scratch: UnsafeMutablePointer<Float>, scratchCount: Int,
    shared: UnsafeMutablePointer<Float>
  ) {
    self.kernels = kernels
    self.team = team
    self.scratch = scratch
    self.scratchCount = scratchCount
    self.shared = shared
  }

  package func scratch(of worker: Int) -> UnsafeMutablePointer<Float> {
    scratch + worker * scratchCount
  }
}
