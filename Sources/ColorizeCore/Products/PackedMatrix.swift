// The right matrix of a product, cut into panels in the order in which a kernel reads it.

/// `[depth, columns]` as `[panels, depth, panel]`. Columns past the last one are zero. For OpenBLAS,
/// which packs matrices itself, it is a single panel: the plain matrix.
package final class PackedMatrix: Sendable {
  package let depth: Int
  private let columns: Int
  package let panel: Int
  package let panels: Int
  /// What multiplies by it, if not a kernel.
  let blas: OpenBLAS?
  private let values: Memory<Float>

  /// Column `c` is multiplied by `scale[c]`, if there is one.
  ///
  /// - Parameter row: where the value of row `k` and column 0 is; that of column `c` is
  ///   `c * columnStride` floats further on.
  package init(
    depth: Int, columns: Int, columnStride: Int, scale: UnsafePointer<Float>? = nil,
    kernels: KernelSet, team: Team, row: (_ k: Int) -> UnsafePointer<Float>
  ) throws(ColorizeError) {
    self.depth = depth
    self.columns = columns
    blas = kernels.blas
    panel = kernels.blas == nil ? kernels.gemmPanel : columns
    panels = columns.pieces(of: panel)
    values = try Memory(count: panels * depth * panel)
    let (panel, values) = (panel, values)
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
    panel = kernels.gemmPanel
    panels = columns.pieces(of: panel)
    precondition(values.count >= panels * depth * panel, "the memory is that of another matrix")
  }

  /// Whether a panel has columns in its first vector alone. A panel is two vectors.
  func isNarrow(_ number: Int) -> Bool { columns - number * panel <= panel / 2 }

  /// Where row `k` of a panel starts.
  func start(ofPanel panel: Int, row k: Int) -> UnsafePointer<Float> {
    UnsafePointer(values.start + (panel * depth + k) * self.panel)
  }
}
