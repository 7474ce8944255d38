// `libcolorize gamut`: which colors photographs have.

import ArgumentParser
import ColorizeCore
import ColorizeTraining
import Glibc

struct GamutCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gamut",
    abstract: "Counts the colors of photographs.",
    usage: "libcolorize gamut [OPTION]... PATH...",
    discussion: """
      Sorts the pixels of PNG and JPEG photographs into the 313 bins of the ab plane, by the nearest \
      center. Each picture counts the same, whatever its size; gray ones are left out. --csv writes \
      the shares of the bins, smoothed by a Gaussian of sigma 5, for the option --prior of evaluate \
      and train.

      A picture that cannot be read is reported and skipped; the exit status is then 1.
      """)

  @Argument(
    help: ArgumentHelp("Folders, with their subfolders, and tar archives.", valueName: "PATH"))
  var paths: [FileName]

  @Option(
    help: ArgumentHelp(
      "Write a, b and prior of each bin: .csv, or .tsv with tabs.", valueName: "FILE"))
  var csv: FileName?

  @Option(
    help: ArgumentHelp("Threads, 1 to 256. (default: one per processor)", valueName: "N"))
  var threads: Int?

  /// How many of the most frequent bins are shown.
  private static let shown = 10

  func validate() throws {
    try Bounds.check("--threads", threads, 1...RunOptions.maximumThreads)
  }

  func run() throws {
    let table = try csv.map { (file) throws(Refusal) in
      try TableFile(file, separators: ["csv": ",", "tsv": "\t"])
    }
    Interrupt.listen()
    let set: PictureSet
    let histogram: BinHistogram
    do throws(ColorizeError) {
      set = try PictureSet(paths.map(\.bytes))
      for damage in set.damage { Terminal.say(damage) }
      histogram = try counted(set)
    } catch .cancelled {
      Interrupt.end()
    } catch .cannotReadFile(let path, let reason) {
      Terminal.say("\(path): \(reason)")
      throw ExitCode.failure
    } catch {
      Terminal.say(error.message)
      throw ExitCode.failure
    }
    guard histogram.pictures > 0 else {
      Terminal.say(
        "there is no color photograph: of \(set.count) pictures \(histogram.gray) are gray, and "
          + "\(histogram.broken) cannot be read")
      throw ExitCode.failure
    }
    printSummary(histogram)
    if let table { try table.write(Self.rows(histogram.prior)) }
    if histogram.broken > 0 || !set.damage.isEmpty { throw ExitCode.failure }
  }

  private func counted(_ set: PictureSet) throws(ColorizeError) -> BinHistogram {
    let histogram = try BinHistogram(set, threads: threads)
    let progress = ProgressLine(isQuiet: false)
    progress.begin(paths[0], number: 1, of: 1)
    defer { progress.end() }
    try histogram.count { picture, reason in
      progress.end()
      Terminal.say("\(picture): \(reason)")
    } progress: { done in
      progress.update(Float(done) / Float(set.count))
      return Interrupt.wanted
    }
    return histogram
  }

  private func printSummary(_ histogram: BinHistogram) {
    let shares = histogram.shares
    let order = shares.indices.sorted { (shares[$0], $1) > (shares[$1], $0) }.prefix(Self.shown)
    let sum = order.reduce(0) { $0 + shares[$1] }
    print("photographs  \(histogram.pictures), and \(histogram.gray) gray ones that were left out")
    print("bins         \(shares.count { $0 > 0 }) of \(shares.count) occur")
    print("most common  \(Self.shown) bins have \(Table.oneDecimal(100 * sum))% of the pixels\n")
    let widths = [5, 6, 9]
    print(Table.row(["   a", "b", "pixels"], widths: widths))
    for bin in order where shares[bin] > 0 {
      let centre = Gamut.centres[bin]
      let a = Table.formatted("%4.0f", Double(centre.x))
      let share = Table.formatted("%.2f%%", 100 * shares[bin])
      print(Table.row([a, "\(Int(centre.y))", share], widths: widths))
    }
  }

  private static func rows(_ prior: [Double]) -> [[String]] {
    [["a", "b", "prior"]]
      + zip(Gamut.centres, prior).map { centre, share in
        ["\(Int(centre.x))", "\(Int(centre.y))", "\(share)"]
      }
  }
}
