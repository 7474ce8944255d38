// From the network's ab to the caller's pixels: bilinear upsampling, the input's own lightness, Lab
// to sRGB, a row at a time.

import CKernelContract

/// What to do with a color that is outside sRGB at the pixel's lightness.
package enum GamutMapping: String, CaseIterable, Sendable {
  /// Red, green and blue are each brought into 0 to 1: lightness and hue may change.
  case clip
  /// The largest chroma that sRGB has at this L and this hue of Lab, to a thousandth.
  case keepHue = "keep-hue"
}

/// The last stage of a run. Its memory grows with the width of the picture.
package struct Renderer {
  /// What the network gave, `[2, abHeight, abWidth]`; written before `run`.
  package let ab: Memory<Float>

  private let input: ImageView
  private let output: ImageView
  private let abHeight: Int
  private let abWidth: Int
  private let gamutMapping: GamutMapping
  /// Whether a pixel has the nearest value of ab and nothing of others.
  private let isNearest: Bool
  /// Lightness of ab, `[abHeight, abWidth]`, in units of `GuidedUpsampling.range`. nil: bilinear.
  private let guide: Memory<Float>?
  private let kernels: KernelSet
  /// For each column of ab, and for the end: the first column of the picture at it or right of it.
  private let starts: Memory<Int32>
  /// For each column of the picture: the share of ab's column to the right.
  private let share: Memory<Float>
  private let table: LuminanceTable
  private let scratch: Memory<Float>

  /// Pixels that are one piece of work: enough that threads need not meet often.
  private static let bandPixels = 1 << 14
  /// Bands between two reports of progress: some milliseconds.
  private static let bandsAtOnce = 64
  /// Of each worker.
  private static let scratchCount = 4 * (Int(COLORIZE_RENDER_CHUNK) + 16)

  package init(
    input: ImageView, output: ImageView, abHeight: Int, abWidth: Int, guide: Memory<Float>? = nil,
    isNearest: Bool = false, gamutMapping: GamutMapping, kernels: KernelSet, workers: Int
  ) throws(ColorizeError) {
    self.gamutMapping = gamutMapping
    self.isNearest = isNearest
    self.input = input
    self.output = output
    self.abHeight = abHeight
    self.abWidth = abWidth
    self.guide = guide
    self.kernels = kernels
    ab = try Memory(count: 2 * abHeight * abWidth)
    starts = try Memory(count: abWidth + 1)
    // The ends of rows, which fill up the last vector, are read too.
    share = try Memory(count: input.width + 16)
    share.fill(0)
    let columns = Self.axis(from: abWidth, to: input.width, isNearest: isNearest)
    var started = 0
    for x in 0..<input.width {
      let column = columns(x)
      share.start[x] = column.share
      while started <= column.first {
        starts.start[started] = Int32(x)
        started += 1
      }
    }
    while started <= abWidth {
      starts.start[started] = Int32(input.width)
      started += 1
    }
    table = try LuminanceTable()
    scratch = try Memory(count: workers * Self.scratchCount)
    scratch.fill(0)
  }

  /// Where the picture's rows or columns lie among ab's.
  private static func axis(
    from source: Int, to target: Int, isNearest: Bool
  ) -> @Sendable (Int) -> (first: Int, second: Int, share: Float) {
    if isNearest {
      let axis = NearestAxis(from: source, to: target)
      return { axis[$0] }
    }
    let axis = BilinearAxis(from: source, to: target)
    return { axis[$0] }
  }

  /// Writes the output.
  package func run(_ team: Team, progress: (Float) throws(ColorizeError) -> Void)
    throws(ColorizeError)
  {
    let axis = Self.axis(from: abHeight, to: input.height, isNearest: isNearest)
    let bandRows = max(Self.bandPixels / input.width, 1)
    try team.run(
      input.height.pieces(of: bandRows), atOnce: Self.bandsAtOnce, progress
    ) { band, worker in
      var row = colorize_render_row()
      row.source_layout = input.format.layout
      row.target_layout = output.format.layout
      row.keeps_hue = gamutMapping == .keepHue ? 1 : 0
      row.count = input.width
      row.luminance = table.start
      row.starts = UnsafePointer(starts.start)
      row.columns = abWidth
      row.share = UnsafePointer(share.start)
      row.scratch = scratch.start + worker * Self.scratchCount
      let a = UnsafePointer(ab.start)
      let b = a + abHeight * abWidth
      let first = band * bandRows
      for y in first..<min(first + bandRows, input.height) {
        let place = axis(y)
        row.source = UnsafePointer(input.row(y))
        row.target = output.row(y)
        row.upper_a = a + place.first * abWidth
        row.lower_a = a + place.second * abWidth
        row.upper_b = b + place.first * abWidth
        row.lower_b = b + place.second * abWidth
        row.row_share = place.share
        if let guide {
          row.upper_guide = UnsafePointer(guide.start) + place.first * abWidth
          row.lower_guide = UnsafePointer(guide.start) + place.second * abWidth
          row.guide_scale = 1 / GuidedUpsampling.range
        }
        kernels.table.render_row(&row)
      }
    }
  }
}
