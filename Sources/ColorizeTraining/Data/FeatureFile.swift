// Extra targets: what a pretrained network says of each picture, computed once and stored. A
// network that is to give them too learns more of a picture than its colors tell.

import ColorizeCore

/// A safetensors file with a row for each picture of a set, in the set's order: "map", F16
/// `[pictures, height, width, mapChannels]`, over the whole picture, and "pooled", F16
/// `[pictures, pooledChannels]`. Either may be missing. Rows are read when they are needed.
package final class FeatureFile: @unchecked Sendable {
  private let file: TensorFile
  fileprivate let mapHeight: Int
  fileprivate let mapWidth: Int
  /// 0: there is none.
  package let mapChannels: Int
  package let pooledChannels: Int

  package init(path: [UInt8], set: PictureSet) throws(ColorizeError) {
    let source = try path.withPath { (path) throws(ColorizeError) in try ByteSource(path: path) }
    file = try TensorFile(source)
    let map = file.shape(FeatureName.map.rawValue)
    let pooled = file.shape(FeatureName.pooled.rawValue)
    guard map != nil || pooled != nil else {
      throw .invalidModel("there are no features: neither a tensor map nor a tensor pooled")
    }
    guard map?.count ?? 4 == 4, !(map?.contains(0) ?? false) else {
      throw .invalidModel(
        "tensor map has the shape \(map ?? []), not [pictures, height, width, channels]")
    }
    guard pooled?.count ?? 2 == 2, !(pooled?.contains(0) ?? false) else {
      throw .invalidModel("tensor pooled has the shape \(pooled ?? []), not [pictures, channels]")
    }
    (mapHeight, mapWidth, mapChannels) = map.map { ($0[1], $0[2], $0[3]) } ?? (0, 0, 0)
    pooledChannels = pooled?[1] ?? 0
    for (name, shape) in [(FeatureName.map, map), (.pooled, pooled)] {
      guard let shape else { continue }
      guard shape[0] == set.count else {
        throw .invalidArgument(
          "tensor \(name.rawValue) has features of \(shape[0]) pictures, the set has \(set.count)")
      }
      try file.checkHalves(name.rawValue)
    }
  }

  /// - Parameter values: room for a row, out.
  fileprivate func read(
    _ name: FeatureName, row: Int, count: Int, into values: UnsafeMutablePointer<Float>
  ) throws(ColorizeError) {
    try file.readHalves(name.rawValue, from: row * count, count: count, into: values)
  }
}

private enum FeatureName: String {
  case map, pooled
}

/// Reads features; for one thread.
final class FeatureReader {
  private let file: FeatureFile
  private let map: Memory<Float>
  private let pooled: Memory<Float>

  init(_ file: FeatureFile) throws(ColorizeError) {
    self.file = file
    map = try Memory(count: file.mapHeight * file.mapWidth * file.mapChannels)
    pooled = try Memory(count: file.pooledChannels)
  }

  /// Writes the features of a sample: those of the map where the middles of the sample's cells lie
  /// in the picture, bilinearly. The map's cells have their values in their middles; nearer to the
  /// edge than these it is constant.
  ///
  /// - Parameters:
  ///   - index: of the picture in the set.
  ///   - width: of the picture, in the crop's pixels.
  ///   - height: likewise.
  func write(
    _ index: Int, _ crop: Crop, width: Int, height: Int, to batch: Batch, _ position: Int
  ) throws(ColorizeError) {
    if pooled.count > 0 {
      try file.read(.pooled, row: index, count: pooled.count, into: pooled.start)
      (batch.pooled.start + position * pooled.count).update(from: pooled.start, count: pooled.count)
    }
    guard map.count > 0 else { return }
    try file.read(.map, row: index, count: map.count, into: map.start)
    let channels = file.mapChannels
    let side = batch.shape.side / batch.shape.mapStride
    for y in 0..<side {
      let down = Double(crop.top) + (Double(y) + 0.5) / Double(side) * Double(crop.height)
      let row = Self.place(down / Double(height), in: file.mapHeight)
      for x in 0..<side {
        let share = (Double(x) + 0.5) / Double(side)
        let across = Double(crop.left) + (crop.isFlipped ? 1 - share : share) * Double(crop.width)
        let column = Self.place(across / Double(width), in: file.mapWidth)
        let target = batch.map.start + ((position * side + y) * side + x) * channels
        let top = map.start + row.first * file.mapWidth * channels
        let bottom = map.start + row.second * file.mapWidth * channels
        let (left, right) = (column.first * channels, column.second * channels)
        for channel in 0..<channels {
          let above = top[left + channel] * (1 - column.share) + top[right + channel] * column.share
          let below =
            bottom[left + channel] * (1 - column.share) + bottom[right + channel] * column.share
          target[channel] = above * (1 - row.share) + below * row.share
        }
      }
    }
  }

  /// The cells beside a place, 0 to 1, and the share of the second.
  private static func place(_ place: Double, in cells: Int) -> (
    first: Int, second: Int, share: Float
  ) {
    let place = min(max(place * Double(cells) - 0.5, 0), Double(cells - 1))
    let first = Int(place)
    return (first, min(first + 1, cells - 1), Float(place - Double(first)))
  }
}
