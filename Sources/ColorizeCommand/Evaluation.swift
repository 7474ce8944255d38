// The work of `libcolorize evaluate`: every picture is colored in every way, compared, and summed up.

import ArgumentParser
import CImageFiles
import ColorizeCore
import ColorizeTraining
import Glibc

/// An evaluation of a model at several network sizes, and of other results.
final class Evaluation {
  /// A row of the table.
  struct Row {
    let name: String
    fileprivate let kind: Kind
    fileprivate(set) var sums = FigureSums()
  }

  fileprivate enum Kind {
    case groundTruth
    case gray
    case network(side: Int)
    case results(OtherResults)
  }

  private(set) var rows: [Row]
  private let model: ModelColoring
  private let hints: Int
  private let weights: RebalancingWeights
  private let team: Team
  private let written: WrittenPictures?

  /// - Parameter sizes: of the network's input; one of them if pictures are to be written.
  init(
    model: Model, temperature: Float?, saturation: Float, hints: Int, sizes: [Int],
    results: [OtherResults], weights: RebalancingWeights, threads: Int?, written: WrittenPictures?
  ) {
    var options = RunOptions()
    options.temperature = temperature
    options.threads = threads
    options.progress = { _ in Interrupt.wanted }
    self.model = ModelColoring(model: model, options: options, saturation: saturation)
    self.hints = hints
    self.weights = weights
    self.written = written
    team = Team(threads: threads)
    rows =
      [Row(name: "ground truth", kind: .groundTruth), Row(name: "gray", kind: .gray)]
      + sizes.map { Row(name: "network at \($0)", kind: .network(side: $0)) }
      + results.map { Row(name: $0.folder.shown, kind: .results($0)) }
  }

  /// - Returns: how many pictures and results were left out; each has been reported.
  func run(_ pictures: [FileName]) -> Int {
    let progress = ProgressLine(isQuiet: false)
    var failures = 0
    for (index, picture) in pictures.enumerated() {
      progress.begin(picture, number: index + 1, of: pictures.count)
      do throws(PictureError) {
        let faults = try evaluate(picture, number: index)
        progress.end()
        for (file, reason) in faults { Terminal.say(file, reason) }
        failures += faults.count
      } catch {
        progress.end()
        let isOutput = if case .unwritten = error { true } else { false }
        _ = error.report(isOutput ? written?.target(of: picture) ?? picture : picture)
        failures += 1
      }
    }
    return failures
  }

  /// - Returns: what was wrong with other results.
  private func evaluate(
    _ name: FileName, number: Int
  ) throws(PictureError) -> [(FileName, String)] {
    let picture = try Picture(name, IMAGE_FILE_8_BITS)
    return try picture.withView { (truth) throws(PictureError) in
      let known =
        hints == 0
        ? nil
        : GroundTruthHints(
          count: hints, width: truth.width, height: truth.height, picture: number)
      let comparison = try PictureError.wrapping { () throws(ColorizeError) in
        try Comparison(truth: truth, weights: weights, known: known?.patches ?? [], team: team)
      }
      var faults: [(FileName, String)] = []
      var sums: [PictureSums?] = []
      for row in rows {
        if Interrupt.wanted { throw .stopped }
        switch row.kind {
        case .groundTruth: sums.append(try compare(.picture(truth), comparison))
        case .gray: sums.append(try compare(.gray, comparison))
        case .network(let side):
          let colors = try PictureError.wrapping { () throws(ColorizeError) in
            try model.colors(of: truth, side: side, hints: known, team)
          }
          sums.append(try compare(.ab(colors), comparison))
          if let written { try paint(colors, over: truth, picture, to: written.target(of: name)) }
        case .results(let results):
          do throws(PictureError) {
            sums.append(try compare(results.picture(of: name), comparison))
          } catch .failed(let reason) {
            faults.append((name.inFolder(results.folder), reason))
            sums.append(nil)
          }
        }
      }
      // Only now: a picture that is left out is left out of every row.
      for (index, sums) in sums.enumerated() {
        if let sums { rows[index].sums.add(sums) }
      }
      return faults
    }
  }

  private func compare(
    _ coloring: Coloring, _ comparison: Comparison
  ) throws(PictureError) -> PictureSums {
    try PictureError.wrapping { () throws(ColorizeError) in try comparison.sums(of: coloring) }
  }

  private func compare(
    _ picture: consuming Picture, _ comparison: Comparison
  ) throws(PictureError) -> PictureSums {
    try picture.withView { (view) throws(PictureError) in
      try compare(.picture(view), comparison)
    }
  }

  private func paint(
    _ colors: PredictedColors, over truth: ImageView, _ picture: borrowing Picture,
    to target: FileName
  ) throws(PictureError) {
    let pixels = try PictureError.wrapping { () throws(ColorizeError) in
      let pixels = try Memory<UInt8>(count: 3 * truth.width * truth.height)
      let output = try ImageView(
        pixels: pixels.start, rowBytes: 3 * truth.width, width: truth.width, height: truth.height,
        format: .rgb8)
      try model.paint(colors, over: truth, into: output, team)
      return pixels
    }
    try picture.write(pixels, as: IMAGE_FILE_PNG, to: target)
  }
}

/// Where colored pictures go: files of the photographs' names in a folder.
struct WrittenPictures {
  private let folder: FileName

  /// - Parameter others: folders that are read, which it must not be.
  init(_ folder: FileName, of pictures: [FileName], besides others: [FileName]) throws(Refusal) {
    self.folder = folder
    if let status = folder.status {
      guard status.isFolder else {
        throw Refusal("\(folder.shown) is a file; --write takes a folder")
      }
      if let other = others.first(where: { $0.status?.identity == status.identity }) {
        throw Refusal("--write: the folder \(other.shown) is one of those that are read")
      }
    }
    var stems: [[UInt8]: FileName] = [:]
    for picture in pictures {
      if let other = stems.updateValue(picture, forKey: picture.stem) {
        throw Refusal(
          "\(other.shown) and \(picture.shown) would both be written to "
            + target(of: picture).shown)
      }
    }
  }

  func target(of picture: FileName) -> FileName {
    FileName(bytes: picture.stem + Array(".png".utf8)).inFolder(folder)
  }

  /// Makes the folder if it is not there.
  func makeFolder() throws(ExitCode) {
    if folder.status != nil { return }
    guard folder.withCString({ mkdir($0, 0o777) }) == 0 else {
      Terminal.say(folder, "cannot be made: \(String(cString: strerror(errno)))")
      throw .failure
    }
  }
}

/// A folder of pictures that somebody else has made of the photographs.
struct OtherResults {
  let folder: FileName
  private let files: [[UInt8]: FileName]

  init(_ folder: FileName) throws(Refusal) {
    self.folder = folder
    files = Dictionary(try folder.pictures().map { ($0.stem, $0) }) { first, _ in first }
    if files.isEmpty { throw Refusal("\(folder.shown) has no PNG, JPEG or TIFF file") }
  }

  func picture(of photograph: FileName) throws(PictureError) -> Picture {
    guard let file = files[photograph.stem] else { throw .failed("there is no such picture") }
    return try Picture(file, IMAGE_FILE_8_BITS)
  }
}
