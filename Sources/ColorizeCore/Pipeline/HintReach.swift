// How far it is from each place to the nearest hint, within things: the length of the shortest path over
// cells, on which lightness, texture and the network's own colors change.

import Glibc

/// Distances of cells to hints, by Dijkstra's algorithm.
struct HintReach {
  /// What of a difference of L, of a or b, and of the deviation of L within a cell counts 1.
  private static let lightness: Float = 3
  private static let color: Float = 3
  private static let texture: Float = 4
  /// What a path across the longer side counts where nothing changes.
  private static let side: Float = 16
  /// Cells between two questions whether to stop.
  private static let cellsAtOnce = 4096

  /// `[height, width]`; infinite where it is more than was asked for.
  let distance: Memory<Float>
  /// The nearest hinted cell; -1 where the distance is infinite.
  let source: Memory<Int32>

  /// - Parameters:
  ///   - plain: ab without hints, `[2, height, width]`.
  ///   - limit: larger distances are not looked for.
  init(
    _ cells: HintCells, plain: UnsafePointer<Float>, limit: Float, _ team: Team
  ) throws(ColorizeError) {
    let (width, height) = (cells.width, cells.height)
    let count = width * height
    let (distance, source) = (try Memory<Float>(count: count), try Memory<Int32>(count: count))
    distance.fill(.infinity)
    source.fill(-1)
    var queue = try Queue(distance)
    for cell in 0..<count where cells.isHinted.start[cell] {
      distance.start[cell] = 0
      source.start[cell] = Int32(cell)
      queue.put(cell)
    }
    let step = Self.side / Float(max(width, height))
    func length(_ cell: Int, _ other: Int) -> Float {
      let light = (cells.lightness.start[cell] - cells.lightness.start[other]) / Self.lightness
      let a = (plain[cell] - plain[other]) / Self.color
      let b = (plain[count + cell] - plain[count + other]) / Self.color
      let texture = (cells.texture.start[cell] - cells.texture.start[other]) / Self.texture
      return (light * light + a * a + b * b + texture * texture).squareRoot()
    }
    var taken = 0
    while let cell = queue.take() {
      let (y, x) = cell.quotientAndRemainder(dividingBy: width)
      for row in max(y - 1, 0)...min(y + 1, height - 1) {
        for column in max(x - 1, 0)...min(x + 1, width - 1) {
          let other = row * width + column
          guard other != cell else { continue }
          let across = row == y || column == x ? step : step * Float(2).squareRoot()
          let there = distance.start[cell] + across + length(cell, other)
          guard there <= limit, there < distance.start[other] else { continue }
          distance.start[other] = there
          source.start[other] = source.start[cell]
          queue.put(other)
        }
      }
      taken += 1
      if taken % Self.cellsAtOnce == 0 { try team.pause() }
    }
    self.distance = distance
    self.source = source
  }

  /// Cells by their distance, the nearest first: a binary heap. Of equal ones the first.
  private struct Queue {
    private let distance: Memory<Float>
    private let heap: Memory<Int32>
    /// By cell: where it is in the heap; -1 where it is not.
    private let place: Memory<Int32>
    private var count = 0

    init(_ distance: Memory<Float>) throws(ColorizeError) {
      self.distance = distance
      heap = try Memory(count: distance.count)
      place = try Memory(count: distance.count)
      place.fill(-1)
    }

    private func isNearer(_ cell: Int32, _ other: Int32) -> Bool {
      let (here, there) = (distance.start[Int(cell)], distance.start[Int(other)])
      return here < there || (here == there && cell < other)
    }

    private func set(_ index: Int, _ cell: Int32) {
      heap.start[index] = cell
      place.start[Int(cell)] = Int32(index)
    }

    /// Takes in a cell, or one whose distance has become smaller.
    mutating func put(_ cell: Int) {
      var index = Int(place.start[cell])
      if index < 0 {
        index = count
        count += 1
      }
      let cell = Int32(cell)
      while index > 0 {
        let parent = (index - 1) / 2
        guard isNearer(cell, heap.start[parent]) else { break }
        set(index, heap.start[parent])
        index = parent
      }
      set(index, cell)
    }

    mutating func take() -> Int? {
      guard count > 0 else { return nil }
      let first = heap.start[0]
      place.start[Int(first)] = -1
      count -= 1
      guard count > 0 else { return Int(first) }
      let last = heap.start[count]
      var index = 0
      while true {
        var child = 2 * index + 1
        guard child < count else { break }
        if child + 1 < count, isNearer(heap.start[child + 1], heap.start[child]) { child += 1 }
        guard isNearer(heap.start[child], last) else { break }
        set(index, heap.start[child])
        index = child
      }
      set(index, last)
      return Int(first)
    }
  }
}
