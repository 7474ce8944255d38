// The right matrix of a product, cut into panels in the order in which a kernel reads it.

/// `[depth, columns]` as `[panels, depth, panel]`, with a bias for each column. Columns past the
/// last one are zero.
package final class PackedMatrix: Sendable {
  package let depth: Int
  package let panel: Int
  package let panels: Int
  private let values: Memory<Float>
  private let biases: Memory<Float>

  /// Copies `bias` (`[columns]`); the columns are the caller's to write.
  package init(depth: Int, columns: Int, panel: Int, bias: UnsafePointer<Float>)
    throws(ColorizeError)
  {
    self.depth = depth
    self.panel = panel
    panels = columns.pieces(of: panel)
    values = try Memory(count: panels * depth * panel)
    biases = try Memory(count: panels * panel)
    biases.fill(0)
    biases.start.update(from: bias, count: columns)
    if columns % panel != 0 {
      (values.start + (panels - 1) * depth * panel).update(repeating: 0, count: depth * panel)
    }
  }

  /// The first value of a column; the value of row `k` is `k * panel` floats further on.
  package func column(_ column: Int) -> UnsafeMutablePointer<Float> {
    values.start + (column / panel) * depth * panel + column % panel
  }

  package func start(ofPanel panel: Int) -> UnsafePointer<Float> {
    UnsafePointer(values.start + panel * depth * self.panel)
  }

  package func bias(ofPanel panel: Int) -> UnsafePointer<Float> {
    UnsafePointer(biases.start + panel * self.panel)
  }
}
