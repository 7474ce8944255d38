// The right matrix of a product, cut into panels in the order in which a kernel reads it.

/// `[depth, columns]` as `[panels, depth, panel]`. Columns past the last one are zero. For OpenBLAS,
/// which packs matrices itself, it is a single panel: the plain matrix. In bfloat16 it is `[panels, depth / 2, panel, 2]`,
/// with a row of zeros where the depth is odd.
package final class PackedMatrix: Sendable {
  package let depth: Int
  private let columns: Int
  package let panel: Int
  package let panels: Int
  /// What multiplies by it, if not a kernel.
  let blas: OpenBLAS?
  /// Whether it is in bfloat16.
  let isBrain: Bool
  private let values: Memory<Float>

  package var byteCount: Int { 4 * values.count }

  /// Column `c` is multiplied by `scale[c]`, if there is one.
  ///
  /// - Parameters:
  ///   - isBrain: whether to round to bfloat16, for kernels that have it.
  ///   - row: where the value of row `k` and column 0 is; that of column `c` is `c * columnStride` floats further on.
  package init(
    depth: Int, columns: Int, columnStride: Int, scale: UnsafePointer<Float>? = nil,
    isBrain: Bool = false, kernels: KernelSet, team: Team, row: (_ k: Int) -> UnsafePointer<Float>
  ) throws(ColorizeError) {
    self.depth = depth
    self.columns = columns
    self.isBrain = isBrain
    blas = kernels.blas
    panel = kernels.blas == nil ? kernels.gemmPanel : columns
    panels = columns.pieces(of: panel)
    // Two rows of bfloat16 take as much as one of floats.
    values = try Memory(count: panels * (isBrain ? depth.pieces(of: 2) : depth) * panel)
    let (panel, values) = (panel, values)
    if isBrain {
      values.fill(0)
      let pairs = depth.pieces(of: 2)
      team.run(panels) { number, _ in
        let first = number * panel
        let width = min(panel, columns - first)
        let target = UnsafeMutableRawPointer(values.start + first * pairs)
        for k in 0..<depth {
          let source = row(k) + first * columnStride
          for c in 0..<width {
            let value = source[c &* columnStride] * (scale?[first &+ c] ?? 1)
            let place = (k / 2 &* panel &+ c) &* 2 &+ k % 2
            target.storeBytes(of: value.brainPrecision, toByteOffset: 2 &* place, as: UInt16.self)
          }
        }
      }
      return
    }
    team.run(panels) { number, _ in
      let first = number * panel
      let width = min(panel, columns - first)
      var target = values.start + first * depth
      for k in 0..<depth {
        let source = row(k) + first * columnStride
        for c in 0..<width { target[c] = source[c &* columnStride] }
        if let scale {
          for c in 0..<width { target[c] *= scale[first &+ c] }
        }
        for c in width..<panel { target[c] = 0 }
        target += panel
      }
    }
  }

  /// A matrix that is packed already, and may change between one product and the next: that of a
  /// network in training.
  ///
  /// - Parameter values: `[panels, depth, panel]`; what may follow is not looked at.
  package init(packed values: Memory<Float>, depth: Int, columns: Int, kernels: KernelSet) {
    self.depth = depth
    self.columns = columns
    self.values = values
    blas = nil
    isBrain = false
    panel = kernels.gemmPanel
    panels = columns.pieces(of: panel)
    precondition(values.count >= panels * depth * panel, "the memory is that of another matrix")
  }

  /// Whether a panel has columns in its first vector alone. A panel is two vectors.
  func isNarrow(_ number: Int) -> Bool { columns - number * panel <= panel / 2 }

  /// Where row `k` of a panel starts; in bfloat16 an even one.
  func start(ofPanel panel: Int, row k: Int) -> UnsafePointer<Float> {
    if isBrain {
      return UnsafePointer(values.start + (panel * depth.pieces(of: 2) + k / 2) * self.panel)
    }
    return UnsafePointer(values.start + (panel * depth + k) * self.panel)
  }
}
