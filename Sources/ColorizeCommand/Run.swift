// `libcolorize run`, or just `libcolorize`: colors pictures.

import ArgumentParser
import CImageFiles
import CPlatform
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
      when decoded. 16 bits stay 16 in PNG and TIFF, and metadata is kept. Folders need -o, and \
      become like trees.

      Commands: reproduce, suggest, models, fetch, formats, info, doctor, profile, convert, evaluate, \
      gamut, train, video. 'libcolorize help' says what they do, 'libcolorize COMMAND --help' how. \
      --help-hidden adds rare options.
      """)

  @Argument(
    help: ArgumentHelp("Files or folders; - is standard input.", valueName: "PICTURE"))
  var inputs: [FileName] = []

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "The output file, or a folder; - is standard output.", valueName: "OUT"))
  var output: FileName?

  @OptionGroup var coloring: ColoringOptions
  @OptionGroup(title: "Colors") var color: ColorOptions
  @OptionGroup(title: "Hints") var known: HintOptions

  @Option(
    help: ArgumentHelp(
      "How far hints reach: 'thing', pixels, or 'picture'. (default: thing)",
      valueName: "R", visibility: .rare),
    transform: ReachArgument.init)
  var hintReach: ReachArgument?

  @OptionGroup var network: NetworkOptions
  @OptionGroup var folders: FolderOptions
  @OptionGroup var files: FileOptions

  @Flag(
    help: ArgumentHelp("Do not say in outputs how they were made.", visibility: .rare))
  var noProvenance = false

  func validate() throws {
    guard !inputs.isEmpty || folders.fromFile != nil else {
      throw ValidationError("Missing expected argument '<PICTURE> ...'")
    }
    if files.ignoreBorder != .none, !known.hint.isEmpty || known.hints != nil {
      throw ValidationError("--ignore-border and hints do not go together")
    }
    if files.ignoreBorder != .none, color.preset == .reference {
      throw ValidationError("--ignore-border and --preset reference do not go together")
    }
  }

  func run() throws {
    let read = [coloring.model, known.hints, color.paletteFrom, folders.fromFile, folders.log]
    let outputs = try Outputs(inputs, output: output, folders, besides: read.compactMap { $0 })
    if folders.existing == .fail, let job = outputs.jobs.first(where: \.output.isTaken) {
      throw Refusal("\(job.output.shown) is there already")
    }
    if folders.dryRun {
      try list(outputs)
      return
    }
    if !coloring.quiet {
      for (input, reason) in outputs.passedOver {
        Terminal.say(input, "passed over: \(reason)")
      }
    }
    let choice = ModelChoice(file: coloring.model, precision: network.precision)
    let model = try choice.open()
    try network.check(for: model)
    Interrupt.listen()
    let known = try KnownColors(self.known, for: model)
    let palette = try color.paletteFrom.map { try PalettePicture($0) }
    let provenance: Provenance?
    let log: RunLog?
    do throws(Failure) {
      provenance = noProvenance ? nil : try self.provenance(choice, model)
      log = try folders.log.map { (file) throws(Failure) in try RunLog(file, provenance) }
    } catch {
      throw error.report()
    }
    try outputs.makeFolder()

    let processors = Int(platform_processors())
    let jobs = folders.jobs(for: outputs, processors: processors)
    let pictures = PictureRun(
      model, self, known, palette, provenance,
      threads: coloring.threads ?? (jobs > 1 ? max(processors / jobs, 1) : nil))
    var summary = Summary(others: outputs.others)
    for (input, reason) in outputs.failures {
      Terminal.say(input, reason)
      summary.count(.failed(reason: reason, isOutput: false))
    }
    do throws(Failure) {
      try log?.writeBeginning(pictures: outputs.jobs.count)
      try color(outputs, pictures, jobs, log, &summary)
      if !Interrupt.wanted { try log?.writeEnd(summary) }
    } catch {
      throw error.report()
    }
    if outputs.isArchive, !coloring.quiet { for line in summary.lines { Terminal.say(line) } }
    if Interrupt.wanted { Interrupt.end() }
    if summary.failures > 0 { throw ExitCode.failure }
  }

  private func provenance(_ choice: ModelChoice, _ model: Model) throws(Failure) -> Provenance {
    try Provenance(
      choice, model,
      options: color.spelled + network.spelled + files.spelled
        + Spelling.option("--hint-reach", hintReach?.spelled),
      hints: known.hint.map(\.text), hintsFile: known.hints, palette: color.paletteFrom)
  }

  /// `--dry-run`: what would be made of what, and what there is besides.
  private func list(_ outputs: Outputs) throws {
    for job in outputs.jobs {
      let isThere = !job.output.isStandardStream && job.output.isTaken
      print("\(job.input.shown) -> \(job.output.shown)\(isThere ? " (is there)" : "")")
    }
    for (input, reason) in outputs.passedOver { print("\(input.shown): passed over: \(reason)") }
    for (input, reason) in outputs.failures { print("\(input.shown): \(reason)") }
    for (kind, count) in outputs.others.sorted(by: { $0.key < $1.key }) {
      print("passed over: \(count) \(kind)")
    }
    if !outputs.failures.isEmpty { throw ExitCode.failure }
  }

  /// Colors all pictures and says of each what there is to say, in their order.
  private func color(
    _ outputs: Outputs, _ pictures: PictureRun, _ jobs: Int, _ log: RunLog?,
    _ summary: inout Summary
  ) throws(Failure) {
    let bar = ProgressLine(isQuiet: coloring.quiet)
    let isCounted = outputs.isArchive || jobs > 1
    let counts = CountLine(total: outputs.jobs.count, isQuiet: coloring.quiet)
    let threads = jobs > 1 ? PictureThreads(pictures, outputs.jobs, count: jobs) : nil
    defer { threads?.join() }
    for (index, job) in outputs.jobs.enumerated() {
      let report: Report
      if Interrupt.wanted {
        // What was done already is reported all the same.
        threads?.join()
        guard let rest = threads?.finished(index) else { continue }
        report = rest
      } else if let threads, !threads.isEmpty {
        report = threads.report(index) { counts.update($0, job.input) }
      } else if isCounted {
        report = pictures.report(job) { _ in counts.update(index, job.input) }
      } else {
        bar.begin(job.input, number: index + 1, of: outputs.jobs.count)
        report = pictures.report(job, bar.update)
      }
      if isCounted { counts.end() } else { bar.end() }
      say(report, of: job, isCounted ? nil : bar)
      summary.count(report.outcome)
      do throws(Failure) {
        try log?.write(job, report)
      } catch {
        // Whoever wants a record wants no work without one.
        Interrupt.giveUp()
        throw error
      }
    }
  }

  /// - Parameter bar: if what was made is to be said.
  private func say(_ report: Report, of job: Job, _ bar: ProgressLine?) {
    switch report.outcome {
    case .done(let notes):
      bar?.report(job.input, job.output)
      if !coloring.quiet { for note in notes { Terminal.say(job.input, note) } }
    case .copied: bar?.report(job.input, job.output)
    case .skipped(let reason):
      if !coloring.quiet, !job.isFound { Terminal.say(job.input, "skipped: \(reason)") }
    case .failed(let reason, let isOutput): Terminal.say(isOutput ? job.output : job.input, reason)
    case .stopped: break
    }
  }
}
