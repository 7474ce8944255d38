// Which 4x4 tiles a convolution's output is cut into, and what lies under each: the geometry of
// Winograd's F(4x4, 3x3) for every convolution that it is used for.

import CKernelContract

/// A convolution as 3x3 convolutions of stride 1 on grids of every `step`th pixel.
///
/// - 3x3 with dilation d: d x d grids of input and output, each on its own.
/// - 3x3 with stride 2: the input's four grids of every other pixel, each with the taps that fall on
///   it, summed up into one output.
/// - 4x4 transposed with stride 2: one input, and the output's four grids, each with its 2x2 taps.
struct WinogradShape {
  /// From a pixel of a grid to the next one.
  let inputStep: Int
  let outputStep: Int
  /// The side of the square of independent grids.
  let grids: Int
  /// The side of the square of the input's grids that are summed up.
  let inputPhases: Int
  /// The side of the square of the output's grids that are made of the same input.
  let outputPhases: Int

  static func dilated(_ dilation: Int) -> WinogradShape {
    WinogradShape(
      inputStep: dilation, outputStep: dilation, grids: dilation, inputPhases: 1, outputPhases: 1)
  }

  static let halving = WinogradShape(
    inputStep: 2, outputStep: 1, grids: 1, inputPhases: 2, outputPhases: 1)

  static let doubling = WinogradShape(
    inputStep: 1, outputStep: 2, grids: 1, inputPhases: 1, outputPhases: 2)

  /// A tile's place: its first output pixel and the input's pixel that it is made of, in grid pixels.
  struct Tile {
    /// The grid's first pixel.
    let gridY: Int
    let gridX: Int
    /// In the grid.
    let y: Int
    let x: Int
    /// Those of its 4x4 pixels that are in the picture.
    let rows: Int
    let columns: Int
  }

  /// A side of a grid.
  private func side(_ output: Int, _ grid: Int) -> Int { (output - grid).pieces(of: outputStep) }

  func tileCount(_ output: Shape) -> Int {
    var count = 0
    for grid in 0..<(grids * grids) {
      count +=
        side(output.height, grid / grids).pieces(of: Self.tile)
        * side(output.width, grid % grids).pieces(of: Self.tile)
    }
    return count
  }

  @inline(__always)
  func tile(_ number: Int, _ output: Shape) -> Tile {
    var number = number
    var grid = 0
    while true {
      let (gridY, gridX) = (grid / grids, grid % grids)
      let height = side(output.height, gridY)
      let width = side(output.width, gridX)
      let columns = width.pieces(of: Self.tile)
      let count = height.pieces(of: Self.tile) * columns
      if number < count {
        let (y, x) = (number / columns * Self.tile, number % columns * Self.tile)
        return Tile(
          gridY: gridY, gridX: gridX, y: y, x: x, rows: min(Self.tile, height - y),
          columns: min(Self.tile, width - x))
      }
      number -= count
      grid += 1
    }
  }

  /// Sets the 6x6 pixels that a tile is made of; `zeros` for those outside of the picture.
  ///
  /// - Parameter phase: of the input, row by row, the last row and column first.
  func setPixels(
    of tile: Tile, phase: Int, _ input: Activation, zeros: UnsafePointer<Float>,
    _ pixels: UnsafeMutablePointer<UnsafePointer<Float>?>
  ) {
    let last = inputPhases - 1
    let firstY = inputStep * (tile.y - 1) + tile.gridY + last - phase / inputPhases
    let firstX = inputStep * (tile.x - 1) + tile.gridX + last - phase % inputPhases
    for i in 0..<Self.points {
      let y = firstY + i * inputStep
      let isInside = y >= 0 && y < input.shape.height
      let line = UnsafePointer(input.start + (isInside ? y : 0) * input.shape.width * input.stride)
      for j in 0..<Self.points {
        let x = firstX + j * inputStep
        pixels[i * Self.points + j] =
          isInside && x >= 0 && x < input.shape.width ? line + x * input.stride : zeros
      }
    }
  }

  static let tile = Int(COLORIZE_WINOGRAD_TILE)
  static let points = Int(COLORIZE_WINOGRAD_POINTS)
  static let positions = Int(COLORIZE_WINOGRAD_POSITIONS)
}

/// The taps of a kernel on one pair of grids: of 3x3 places some may be empty, and then the transform
/// has rows or columns of zeros, which are left out.
struct WinogradKernel: Sendable {
  /// `[taps x inputs, outputs]`.
  let matrix: PackedMatrix
  /// Which of the matrix's taps is at each of the 3x3 places, row by row; nil: none.
  let taps: [Int?]
  /// The rows of positions that are not zero.
  let rows: Range<Int>
  /// The positions that are not zero, in the order in which their weights are made: four at a time, of
  /// two rows and two columns.
  let positions: [Position]

  /// A position and its place among the four of a pair of rows and a pair of columns.
  struct Position {
    /// Row by row.
    let number: Int
    let rowPair: Int
    let columnPair: Int
    let place: Int
  }

  /// - Parameter taps: the tap of a row and a column, of those that there are.
  init(
    _ matrix: PackedMatrix, rows: [Int?], columns: [Int?], tap: (_ row: Int, _ column: Int) -> Int
  ) {
    self.matrix = matrix
    var taps: [Int?] = []
    for row in rows {
      for column in columns {
        if let row, let column { taps.append(tap(row, column)) } else { taps.append(nil) }
      }
    }
    self.taps = taps
    self.rows = Self.active(rows)
    let activeColumns = Self.active(columns)
    let pairs = [[0, 5], [1, 2], [3, 4]]
    var positions: [Position] = []
    for (rowPair, rowsOfPair) in pairs.enumerated() {
      for (columnPair, columnsOfPair) in pairs.enumerated() {
        for place in 0..<4 {
          let row = rowsOfPair[place / 2]
          let column = columnsOfPair[place % 2]
          guard self.rows.contains(row), activeColumns.contains(column) else { continue }
          positions.append(
            Position(
              number: row * WinogradShape.points + column, rowPair: rowPair,
              columnPair: columnPair, place: place))
        }
      }
    }
    self.positions = positions
  }

  /// The first row of the transform is the first tap alone, the last one the last tap.
  private static func active(_ taps: [Int?]) -> Range<Int> {
    (taps[0] == nil ? 1 : 0)..<(taps[2] == nil ? WinogradShape.points - 1 : WinogradShape.points)
  }
}
