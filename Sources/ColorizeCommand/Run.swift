// `libcolorize run`, or just `libcolorize`: colors pictures.

import ArgumentParser
import CImageFiles
import ColorizeCore
import Glibc

struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Colors black-and-white photographs.",
    usage: """
      libcolorize [OPTION]... PICTURE...
      libcolorize COMMAND [ARGUMENT]...
      """,
    discussion: """
      photo.jpg becomes photo-colorized.jpg beside it, or what -o names. Writes PNG, TIFF, WebP and \
      JPEG (quality 95), and reads HEIC, AVIF and others besides, up to 1048576 pixels a side and 2048 MB \
      when decoded. 16 bits stay 16 in PNG and TIFF, and metadata is kept. An existing output is \
      replaced, an input never.

      Commands: suggest, models, fetch, info, doctor, profile, convert, evaluate, gamut, train, \
      video. 'libcolorize help' says what they do, 'libcolorize COMMAND --help' how. \
      --help-hidden adds the options that are rarely needed.
      """)

  @Argument(
    help: ArgumentHelp("Picture files; - is standard input.", valueName: "PICTURE"))
  var inputs: [FileName]

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "The output file, or a folder; - is standard output.", valueName: "OUT"))
  var output: FileName?

  @Option(
    help: ArgumentHelp(
      "A file, or a name of 'models'. (default: built in)", valueName: "MODEL"))
  var model: FileName?

  @Flag(help: "Print errors only: no progress, no notes.")
  var quiet = false

  @OptionGroup(title: "Colors") var color: ColorOptions
  @OptionGroup(title: "Hints") var known: HintOptions

  @Option(
    help: ArgumentHelp(
      "How far hints reach: 'thing', pixels, or 'picture'. (default: thing)",
      valueName: "R", visibility: .rare),
    transform: ReachArgument.init)
  var hintReach: ReachArgument?

  @OptionGroup var network: NetworkOptions
  @OptionGroup var files: FileOptions

  @Option(
    help: ArgumentHelp(
      "Threads, 1 to 256. (default: one per processor)", valueName: "N", visibility: .rare))
  var threads: Int?

  func validate() throws {
    try Bounds.check("--threads", threads, 1...RunOptions.maximumThreads)
  }

  func run() throws {
    let outputs = try Outputs(
      inputs, output: output, besides: [model, known.hints, color.paletteFrom].compactMap { $0 })
    if !quiet {
      for (input, reason) in outputs.passedOver {
        Terminal.say(input, "passed over: \(reason)")
      }
    }
    let model = try ModelChoice(file: model).open()
    try network.check(for: model)
    Interrupt.listen()
    let known = try KnownColors(known, for: model)
    let palette = try color.paletteFrom.map { try PalettePicture($0) }
    try outputs.makeFolder()

    let progress = ProgressLine(isQuiet: quiet)
    var failures = 0
    for (index, job) in outputs.jobs.enumerated() {
      progress.begin(job.input, number: index + 1, of: outputs.jobs.count)
      do throws(PictureError) {
        let notes = try color(job, model, known, palette, progress)
        progress.end()
        progress.report(job.input, job.output)
        if !quiet { for note in notes { Terminal.say(job.input, note) } }
      } catch .stopped {
        progress.end()
        Interrupt.end()
      } catch .failed(let reason) {
        progress.end()
        Terminal.say(job.input, reason)
        failures += 1
      } catch .unwritten(let reason) {
        progress.end()
        Terminal.say(job.output, reason)
        failures += 1
      }
    }
    if failures > 0 { throw ExitCode.failure }
  }

  /// - Returns: what there is to say of the picture.
  private func color(
    _ job: Job, _ model: Model, _ known: KnownColors, _ palette: PalettePicture?,
    _ progress: ProgressLine
  ) throws(PictureError) -> [String] {
    let picture = try Picture(job.input, files.reading(for: job.format))
    var options = RunOptions()
    color.set(&options)
    network.set(&options)
    options.threads = threads
    options.hints = try known.hints(picture.width, picture.height)
    if let hintReach { options.hintReach = hintReach.pixels }
    options.palette = palette?.view
    options.progress = { fraction in
      progress.update(fraction)
      return Interrupt.wanted
    }
    // Hints and palette are read through pointers.
    defer { withExtendedLifetime((known, palette)) {} }
    return try picture.color(with: model, options, to: job, files)
  }
}
