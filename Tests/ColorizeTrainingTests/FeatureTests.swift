// Extra targets: that a sample gets its own picture's, from the place that it shows.

import CImageFiles
import ColorizeCore
import ColorizeTraining
import Testing

@Suite struct FeatureTests {
  let folder: TemporaryFolder
  static let shape = BatchShape(
    count: 2, side: 64, inputChannels: 1, distributionStride: 4, hasAB: true, mapChannels: 3,
    pooledChannels: 2)
  static let pictures = 3
  static let (height, width) = (6, 8)

  init() throws {
    folder = try TemporaryFolder()
    for number in 0..<Self.pictures {
      // Red is the place across, green the place down, blue the picture.
      let bytes = try pictureFile(width: 160, height: 120, in: folder) { x, y in
        (UInt8(x), UInt8(2 * y), UInt8(100 * number))
      }
      try folder.write("\(number)", bytes)
    }
  }

  /// A map whose channels are the place across, the place down, and the picture's number.
  private func writeFeatures(
    _ name: String, pictures: Int = Self.pictures, format: TensorFileLayout.Format = .float16,
    _ value: (_ picture: Int, _ y: Int, _ x: Int, _ channel: Int) -> Float = {
      picture, y, x, channel in
      [(Float(x) + 0.5) / 8, (Float(y) + 0.5) / 6, Float(picture)][channel]
    }
  ) throws -> [UInt8] {
    let shapes = ["map": [pictures, Self.height, Self.width, 3], "pooled": [pictures, 2]]
    let layout = try TensorFileLayout(
      shapes.map { TensorFileLayout.Tensor(name: $0, shape: $1, format: format) }, metadata: [:])
    let bytes = try Memory<UInt8>(count: layout.byteCount)
    var writer = try TensorFileWriter(layout, to: .memory(bytes))
    for tensor in layout.tensors {
      let values = try Memory<Float>(count: tensor.shape.reduce(1, *))
      for index in 0..<values.count {
        guard tensor.name == "map" else {
          values.start[index] = Float(index / 2) + (index % 2 == 0 ? 0 : 0.25)
          continue
        }
        let cell = index / 3
        values.start[index] = value(
          cell / 48, cell / Self.width % Self.height, cell % Self.width, index % 3)
      }
      try writer.write(values)
    }
    return Array(try folder.write(name, (0..<bytes.count).map { bytes.start[$0] }).utf8)
  }

  private func loader(
    _ part: PicturePart, _ file: FeatureFile, _ change: (inout SampleOptions) -> Void = { _ in }
  ) throws -> BatchLoader {
    var options = SampleOptions(centres: Gamut.centres)
    options.features = file
    change(&options)
    return try BatchLoader(
      part, shape: Self.shape, options: options, seed: 5, firstSample: 0, threads: 2)
  }

  /// In samples of any part of the picture, mirrored or not: the map tells the place that the
  /// colors do.
  @Test func followTheCropAndTheFlip() throws {
    let set = try PictureSet((0..<Self.pictures).map { Array("\(folder.path)/\($0)".utf8) })
    let file = try FeatureFile(path: try writeFeatures("features"), set: set)
    #expect(file.mapChannels == 3 && file.pooledChannels == 2)
    let loader = try loader(set.all, file)
    var flips = Set<Bool>()
    var pictures = Set<Float>()
    for _ in 0..<12 {
      let batch = try loader.next()
      for position in 0..<2 {
        let picture = batch.pooled.start[2 * position]
        pictures.insert(picture)
        #expect(batch.pooled.start[2 * position + 1] == picture + 0.25)
        let rgb = try pixels(batch, position)
        flips.insert(rgb[0] > rgb[3 * 63])
        for y in 0..<4 {
          for x in 0..<4 {
            let map = batch.map.start + ((position * 4 + y) * 4 + x) * 3
            #expect(map[2] == picture)
            // A cell's middle is between four pixels.
            var mean = SIMD3<Float>(0, 0, 0)
            for (down, across) in [(7, 7), (7, 8), (8, 7), (8, 8)] {
              let place = 3 * ((16 * y + down) * 64 + 16 * x + across)
              mean += SIMD3(rgb[place], rgb[place + 1], rgb[place + 2]) / 4
            }
            #expect(abs(mean.z - 100 * picture) < 3)
            // What the map tells, as the picture's colors: constant beyond the outermost cells'
            // middles, and pixels' values are those of their left and upper edges. A level of
            // rounding each.
            let across = min(max((mean.x + 0.5) / 160, 0.5 / 8), 7.5 / 8)
            let down = min(max((mean.y / 2 + 0.5) / 120, 0.5 / 6), 5.5 / 6)
            #expect(abs(map[0] - across) < 0.01)
            #expect(abs(map[1] - down) < 0.01)
          }
        }
      }
    }
    #expect(flips == [true, false])
    #expect(pictures == [0, 1, 2])
  }

  /// Red, green and blue, 0 to 255, of a sample.
  private func pixels(_ batch: Batch, _ position: Int) throws -> [Float] {
    let count = 64 * 64
    let lab = try Memory<Float>(count: 3 * count)
    for pixel in 0..<count {
      lab.start[3 * pixel] = batch.input.start[position * count + pixel] * 100 + 50
      for channel in 0..<2 {
        lab.start[3 * pixel + 1 + channel] =
          batch.ab.start[2 * (position * count + pixel) + channel] * 110
      }
    }
    Lab.toRGB(lab.start, into: lab.start, count: count, clip: true, kernels: KernelSet(.best))
    return (0..<lab.count).map { lab.start[$0] * 255 }
  }

  /// The whole of a square picture and a grid of the map's size: the map itself.
  @Test func wholePictureHasTheMapItself() throws {
    try folder.write("square", try pictureFile(width: 64, height: 64, in: folder, colorful(0)))
    let set = try PictureSet([Array("\(folder.path)/square".utf8)])
    let layout = try TensorFileLayout(
      [TensorFileLayout.Tensor(name: "map", shape: [1, 4, 4, 3], format: .float16)], metadata: [:])
    let bytes = try Memory<UInt8>(count: layout.byteCount)
    var writer = try TensorFileWriter(layout, to: .memory(bytes))
    let values = try Memory<Float>(count: 48)
    for index in 0..<48 { values.start[index] = Float(index * 5 % 48) - 20 }
    try writer.write(values)
    let path = try folder.write("map", (0..<bytes.count).map { bytes.start[$0] })
    let file = try FeatureFile(path: Array(path.utf8), set: set)
    #expect(file.pooledChannels == 0)
    var options = SampleOptions(centres: Gamut.centres)
    options.features = file
    options.augmentation = .none
    var shape = Self.shape
    shape.pooledChannels = 0
    let loader = try BatchLoader(
      set.all, shape: shape, options: options, seed: 1, firstSample: 0, threads: 1)
    let batch = try loader.next()
    for index in 0..<96 { #expect(batch.map.start[index] == values.start[index % 48]) }
  }

  @Test func fileMustBelongToTheSet() throws {
    let set = try PictureSet((0..<Self.pictures).map { Array("\(folder.path)/\($0)".utf8) })
    func message(_ path: [UInt8]) -> String {
      do {
        let file = try FeatureFile(path: path, set: set)
        _ = try loader(set.all, file).next()
        return ""
      } catch { return (error as? ColorizeError)?.message ?? "" }
    }
    #expect(
      message(try writeFeatures("four", pictures: 4))
        == "tensor map has features of 4 pictures, the set has 3")
    #expect(
      message(try writeFeatures("wide", format: .float32))
        == "tensor map is F32; it must be F16, row-major")
    #expect(message(Array("\(folder.path)/0".utf8)).contains("it is a PNG picture"))
    // A number that is none is found when it is read, and its place is named.
    let sound = try writeFeatures("sound")
    #expect(message(sound) == "")
    var bytes = try folder.read("sound")
    let mapStart = bytes.count - 2 * (Self.pictures * 2 + Self.pictures * 48 * 3)
    for picture in 0..<Self.pictures {
      let place = mapStart + 2 * (picture * 48 * 3 + 5)
      (bytes[place], bytes[place + 1]) = (0, 0x7C)
    }
    let text = message(Array(try folder.write("infinite", bytes).utf8))
    #expect(text.hasPrefix("tensor map has the value inf at index "))
    #expect([5, 149, 293].contains { text.hasSuffix(" \($0)") })
    // A file that is cut.
    bytes.removeLast(2)
    #expect(
      message(Array(try folder.write("cut", bytes).utf8)).contains("tensor pooled is at bytes"))
  }
}
