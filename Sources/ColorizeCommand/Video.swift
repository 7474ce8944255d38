// `libcolorize video`: colors films, which the program ffmpeg reads and writes.

import ArgumentParser
import CProcess
import ColorizeCore
import Glibc

enum VideoCodec: String, CaseIterable, ExpressibleByArgument {
  case h264, h265, ffv1

  /// What ffmpeg calls it.
  var encoder: String {
    switch self {
    case .h264: "libx264"
    case .h265: "libx265"
    case .ffv1: "ffv1"
    }
  }
}

struct Video: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "video",
    abstract: "Colors black-and-white films.",
    usage: "libcolorize video [OPTION]... FILM [-o OUT]",
    discussion: """
      film.mp4 becomes film-colorized.mp4, or what -o names: .mp4, .m4v, .mov or .mkv. Colors stay \
      with what they are on from frame to frame; at a cut they begin anew. Sound, subtitles, \
      chapters and times are kept. The program ffmpeg reads and writes films. Ctrl-C leaves a film \
      of what was done. --help-hidden adds the options that are rarely needed.
      """)

  @Argument(help: ArgumentHelp("Any film that ffmpeg reads.", valueName: "FILM"))
  var film: FileName

  @Option(name: .shortAndLong, help: ArgumentHelp("The film to write.", valueName: "OUT"))
  var output: FileName?

  @Option(
    help: ArgumentHelp(
      "A color is the mean of so many frames: 1 to 100. (default: 16)", valueName: "N"))
  var steadiness: Float?

  @Option(
    help: ArgumentHelp("Run the network on one of N frames: faster.", valueName: "N"))
  var keyframeInterval = 1

  @Flag(help: ArgumentHelp("Never begin anew at a cut.", visibility: .rare))
  var keepOverCuts = false

  @Option(
    help: ArgumentHelp(
      "Lines of SECONDS,X,Y,#RRGGBB[,RADIUS]: known colors.", valueName: "FILE"))
  var hints: FileName?

  @Option(
    help: ArgumentHelp("Only a part: seconds or minutes:seconds.", valueName: "FROM,TO"),
    transform: VideoPart.init)
  var preview: VideoPart?

  @Flag(help: "Write gray and color side by side.")
  var sideBySide = false

  @Option(help: ArgumentHelp("h264, h265, or ffv1 (lossless, .mkv).", valueName: "NAME"))
  var codec = VideoCodec.h264

  @Option(
    help: ArgumentHelp("0 (best, largest) to 51. (default: 18)", valueName: "N"))
  var crf: Int?

  @Flag(help: "Go on where a run with these options was stopped.")
  var resume = false

  @Flag(help: ArgumentHelp("Leave subtitles out.", visibility: .rare))
  var noSubtitles = false

  @OptionGroup var coloring: ColoringOptions
  @OptionGroup(title: "Colors") var color: ColorOptions
  @OptionGroup var network: NetworkOptions

  func validate() throws {
    try Bounds.check("--steadiness", steadiness, SequenceOptions.steadinesses)
    try Bounds.check("--keyframe-interval", keyframeInterval, SequenceOptions.keyframeIntervals)
    try Bounds.check("--crf", crf, 0...51)
    if crf != nil, codec == .ffv1 { throw ValidationError("--crf: ffv1 is lossless and has none") }
    if color.preset != .standard {
      throw ValidationError("--preset is reference; films are colored with the default one")
    }
  }

  func run() throws {
    let output = try VideoOutput(output, for: film, codec)
    let model = try ModelChoice(file: coloring.model, precision: network.precision).open()
    try network.check(for: model)
    let known = try hints.map { try TimedHints($0, for: model) }
    let palette = try color.paletteFrom.map { try PalettePicture($0) }
    let file = try opened()
    let segments = try VideoSegments(of: output.name, job: Self.job, goesOn: resume)
    Interrupt.listen()
    let progress = VideoProgress(isQuiet: coloring.quiet)
    do throws(Failure) {
      var options = RunOptions()
      color.set(&options)
      network.set(&options)
      options.threads = coloring.threads
      options.palette = palette?.view
      let frames = try color(file, to: output, segments, model, options, known, progress)
      withExtendedLifetime(palette) {}
      progress.end()
      if Interrupt.wanted {
        segments.end()
        if frames > 0 {
          let more = segments.done.isEmpty ? "" : "; --resume goes on"
          Terminal.say(output.name, "stopped; it has the first \(frames) frames\(more)")
        }
        Interrupt.end()
      }
      if !coloring.quiet, let note = known?.unused(after: frames) { Terminal.say(note) }
    } catch {
      progress.end()
      let status = error.report()
      if segments.isKept, !segments.done.isEmpty {
        Terminal.say(output.name, "\(segments.frames) frames of it are done; --resume goes on")
      }
      throw status
    }
  }

  private func opened() throws -> VideoFile {
    do throws(Failure) { return try VideoFile(film) } catch { throw error.report() }
  }

  /// What is done, in a line: the arguments, and what the files were that they name.
  private static var job: String {
    var words = [Provenance.creator]
    for argument in Arguments.all where argument != "--resume" {
      words.append(Terminal.harmless(argument, replacing: "?"))
      if let status = FileName(argument: argument)?.status, status.isRegularFile {
        words.append("(\(status.size) bytes of \(status.changed))")
      }
    }
    return words.joined(separator: " ")
  }

  /// - Returns: how many frames there are.
  private func color(
    _ file: VideoFile, to output: VideoOutput, _ segments: VideoSegments, _ model: Model,
    _ options: RunOptions, _ known: TimedHints?, _ progress: VideoProgress
  ) throws(Failure) -> Int {
    // A shot that was begun is colored again up to where it was left: that gives the same state, and the same colors.
    var shot = segments.done.last?.shot ?? VideoSegments.Shot()
    var frame = shot.frame
    let given = segments.frames
    known?.leaveOut(shot.hints)
    let decoded = try ChildPipe()
    let decoder = try VideoChild(
      "ffmpeg", file.reading(preview, from: frame, doubled: sideBySide), output: decoded.writing)
    decoded.closeWriting()
    var stream = NUTStream(reading: decoded.reading, bytesPerPixel: file.isDeep ? 6 : 3)
    var film: (colorer: FrameColorer, writer: SegmentWriter)?
    let duration = preview.map { min($0.end, file.duration ?? $0.end) - $0.start } ?? file.duration
    do {
      while !Interrupt.wanted, let beginning = try stream.nextFrame() {
        if film == nil {
          let notes = try output.refuseOrNote(file, withoutSubtitles: noSubtitles)
          if !coloring.quiet { for note in notes { Terminal.say(self.film, note) } }
          let colorer = try FrameColorer(
            model, stream, settings, options, isDeep: file.isDeep, isDoubled: sideBySide)
          let writer = SegmentWriter(
            output, segments, stream.header, output.writing(file, stream, crf: crf ?? 18))
          film = (colorer, writer)
        }
        guard let (colorer, writer) = film else { break }
        let hints = known?.count ?? 0
        guard
          let report = try colorer.color(
            &stream, beginning, known?.hints(until: stream.seconds - file.start))
        else { break }
        if report.beginsShot { shot = VideoSegments.Shot(frame: frame, hints: hints) }
        if frame >= given {
          try writer.write(stream, colorer.bytes + beginning.count, without: beginning.count, shot)
        }
        frame += 1
        progress.update(
          frames: frame, seconds: stream.seconds - file.start - (preview?.start ?? 0), of: duration)
      }
    } catch let error as StreamError {
      // Half a frame at the end is the end, if ffmpeg says why.
      if film == nil || decoder.message == nil {
        throw Failure("\(self.film.shown): what ffmpeg makes of it \(error.reason)")
      }
    } catch let error as ColorizeError {
      throw Failure("\(self.film.shown): \(error.message)")
    } catch let error as Failure {
      throw error
    } catch { throw Failure("\(error)") }
    decoded.closeReading()
    let isWhole = Interrupt.wanted || decoder.wait()
    let last = try film?.writer.end(shot, isWhole: !Interrupt.wanted)
    guard let start = segments.done.first?.seconds ?? last else {
      if Interrupt.wanted { return 0 }
      throw Failure(
        "\(self.film.shown): \(isWhole ? "it has no frames" : decoder.failure.reason)")
    }
    let joining = try VideoChild(
      "ffmpeg",
      output.joining(
        file, try segments.list(last: last), start: start, preview, withoutSubtitles: noSubtitles,
        architecture: model.information.architecture, to: segments.film))
    guard joining.wait() else { throw joining.failure }
    try output.take(segments.film)
    if Interrupt.wanted { return max(frame, given) }
    segments.finish()
    if !isWhole {
      throw Failure(
        "\(self.film.shown): it is damaged (\(decoder.failure.reason)); \(frame) frames were colored"
      )
    }
    if !coloring.quiet, let message = decoder.message {
      Terminal.say(self.film, "ffmpeg says: \(message)")
    }
    return frame
  }

  private var settings: SequenceOptions {
    var settings = SequenceOptions()
    if let steadiness { settings.steadiness = steadiness }
    settings.keyframeInterval = keyframeInterval
    settings.findsCuts = !keepOverCuts
    return settings
  }
}

/// Has ffmpeg write frames in segments.
private final class SegmentWriter {
  private let name: FileName
  private let segments: VideoSegments
  private let header: [UInt8]
  /// Of ffmpeg, but for the segment's file.
  private let arguments: [[UInt8]]
  private var encoder: (program: VideoChild, pipe: ChildPipe)?
  private var frames = 0
  /// The time of the segment's first frame.
  private var start = 0.0

  init(
    _ output: VideoOutput, _ segments: VideoSegments, _ header: [UInt8], _ arguments: [[UInt8]]
  ) {
    name = output.name
    self.segments = segments
    self.header = header
    self.arguments = arguments
  }

  /// Writes the stream's frame.
  ///
  /// - Parameters:
  ///   - pixels: without so many bytes that they begin with, which the stream's header says.
  ///   - shot: that it belongs to.
  func write(
    _ stream: NUTStream, _ pixels: UnsafePointer<UInt8>, without given: Int,
    _ shot: VideoSegments.Shot
  ) throws(Failure) {
    if encoder == nil {
      let pipe = try ChildPipe()
      let program = try VideoChild(
        "ffmpeg", arguments + [VideoChild.argument(segments.next)], input: pipe.reading)
      pipe.closeReading()
      encoder = (program, pipe)
      start = stream.seconds
      try send(header, header.count)
    }
    let beginning = stream.syncPoint() + stream.frameHeader
    try send(beginning, beginning.count)
    try send(pixels, stream.frameSize - given)
    frames += 1
    if frames == VideoSegments.frames { _ = try end(shot, isWhole: true) }
  }

  private func send(_ bytes: UnsafeRawPointer, _ count: Int) throws(Failure) {
    guard let (program, pipe) = encoder else { return }
    do throws(StreamError) {
      if try Pipe.write(pipe.writing, bytes, count) { return }
    } catch {
      throw Failure("\(name.shown): \(error.reason)")
    }
    _ = program.wait()
    throw program.failure
  }

  /// Ends the segment, if one was begun.
  ///
  /// - Parameter isWhole: whether a later run need not write it again.
  /// - Returns: the time of its first frame, if the film's list does not have it.
  func end(_ shot: VideoSegments.Shot, isWhole: Bool) throws(Failure) -> Double? {
    guard let (program, pipe) = encoder else { return nil }
    pipe.closeWriting()
    guard program.wait() else { throw program.failure }
    encoder = nil
    guard isWhole else { return start }
    try segments.add(VideoSegments.Segment(frames: frames, seconds: start, shot: shot))
    frames = 0
    return nil
  }
}

/// Colors the frames of a stream.
private final class FrameColorer {
  private let sequence: FrameSequence
  private let pixels: Memory<UInt8>
  /// What is colored: all of it, or its right half.
  private let view: ImageView
  private var options: RunOptions

  var bytes: UnsafeMutablePointer<UInt8> { pixels.start }

  init(
    _ model: Model, _ stream: NUTStream, _ settings: SequenceOptions, _ options: RunOptions,
    isDeep: Bool, isDoubled: Bool
  ) throws(ColorizeError) {
    let width = isDoubled ? stream.width / 2 : stream.width
    let rowBytes = stream.frameSize / stream.height
    sequence = try FrameSequence(
      model: model, width: width, height: stream.height, options: options, settings: settings)
    pixels = try Memory(count: stream.frameSize)
    view = try ImageView(
      pixels: pixels.start + (isDoubled ? rowBytes / 2 : 0), rowBytes: rowBytes, width: width,
      height: stream.height, format: isDeep ? .rgb16 : .rgb8)
    self.options = options
    self.options.progress = { _ in Interrupt.wanted }
  }

  /// - Returns: nil if it was interrupted, or the stream ends within the frame.
  func color(_ stream: inout NUTStream, _ beginning: [UInt8], _ hints: Memory<Hint>?) throws
    -> FrameReport?
  {
    for (index, byte) in beginning.enumerated() { bytes[index] = byte }
    guard try stream.readPixels(into: bytes + beginning.count, beginning.count) else {
      return nil
    }
    options.hints.squares = hints
    do throws(ColorizeError) {
      return try sequence.run(input: view, output: view, options: options)
    } catch .cancelled {
      return nil
    }
  }
}

extension NUTStream {
  /// - Returns: false if the stream ends before.
  fileprivate mutating func readPixels(into bytes: UnsafeMutablePointer<UInt8>, _ given: Int)
    throws(StreamError) -> Bool
  {
    let count = frameSize - given
    return try Pipe.read(input, bytes, count) == count
  }
}

/// `123 frames, 31.2 a second, 2 min left`.
private final class VideoProgress {
  private let line: StatusLine
  private let start = Clock.seconds()
  private var last = 0.0
  /// Of the first frame of this run.
  private var first: (frames: Int, seconds: Double)?

  init(isQuiet: Bool) { line = StatusLine(isQuiet: isQuiet) }

  func update(frames: Int, seconds: Double, of duration: Double?) {
    let now = Clock.seconds()
    let first = first ?? (frames - 1, seconds)
    self.first = first
    guard line.isShown, now - last > 0.1 else { return }
    last = now
    let passed = max(now - start, 1e-3)
    var text =
      "\(frames) frames, \(Table.oneDecimal(Double(frames - first.frames) / passed)) a second"
    if let duration, seconds > first.seconds {
      let left = passed * max(duration - seconds, 0) / (seconds - first.seconds)
      text += ", \(TrainProgress.duration(left)) left"
    }
    line.show(text)
  }

  func end() { line.end() }
}

/// Known colors, each at its time.
private final class TimedHints {
  private let name: FileName
  private let hints: [(seconds: Double, hint: HintArgument)]
  private var next = 0

  /// How many were given.
  var count: Int { next }

  /// Those that were given before.
  func leaveOut(_ count: Int) { next = min(count, hints.count) }

  init(_ name: FileName, for model: Model) throws {
    self.name = name
    guard model.information.takesHints else {
      throw Refusal("--hints: the network \(model.information.architecture) takes none")
    }
    guard let lines = name.lines else { throw Failure(name, "cannot be read").report() }
    var hints: [(Double, HintArgument)] = []
    for (index, line) in lines.enumerated() {
      let number = index + 1
      let text = line.trimmed
      if text.isEmpty || text.hasPrefix("#") { continue }
      let parts = text.split(separator: ",", maxSplits: 1)
      guard parts.count == 2, let seconds = VideoPart.seconds(parts[0].trimmed[...]),
        let hint = try? HintArgument(parts[1].trimmed)
      else {
        throw Failure("\(name.shown): line \(number) must be SECONDS,X,Y,#RRGGBB[,RADIUS]").report()
      }
      hints.append((seconds, hint))
    }
    self.hints = hints.sorted { $0.0 < $1.0 }
  }

  /// Those whose time has come, in the first frame of that time or later.
  func hints(until seconds: Double) throws -> Memory<Hint>? {
    let first = next
    while next < hints.count, hints[next].seconds <= seconds { next += 1 }
    guard next > first else { return nil }
    let result = try Memory<Hint>(count: next - first)
    for index in first..<next {
      let hint = hints[index].hint
      let color = LabColor(rgb: hint.rgb)
      result.start[index - first] = Hint(
        x: hint.place.x, y: hint.place.y, radius: hint.radius,
        ab: SIMD2(Float(color.a), Float(color.b)))
    }
    return result
  }

  /// What there is to say of hints whose time has not come.
  func unused(after frames: Int) -> String? {
    next == hints.count
      ? nil
      : "\(name.shown): the film of \(frames) frames ends before \(hints.count - next) of the hints"
  }
}

extension StringProtocol {
  fileprivate var trimmed: String {
    String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
  }
}
