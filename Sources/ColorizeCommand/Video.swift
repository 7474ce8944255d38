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
    Interrupt.listen()
    let progress = VideoProgress(isQuiet: coloring.quiet)
    do throws(Failure) {
      let file = try VideoFile(film)
      var options = RunOptions()
      color.set(&options)
      network.set(&options)
      options.threads = coloring.threads
      options.palette = palette?.view
      let frames = try color(file, to: output, model, options, known, progress)
      withExtendedLifetime(palette) {}
      progress.end()
      if Interrupt.wanted {
        if frames > 0 { Terminal.say(output.name, "stopped; it has the first \(frames) frames") }
        Interrupt.end()
      }
      if !coloring.quiet, let note = known?.unused(after: frames) { Terminal.say(note) }
    } catch {
      progress.end()
      throw error.report()
    }
  }

  /// - Returns: how many frames there are.
  private func color(
    _ file: VideoFile, to output: VideoOutput, _ model: Model, _ options: RunOptions,
    _ known: TimedHints?, _ progress: VideoProgress
  ) throws(Failure) -> Int {
    let decoded = try ChildPipe()
    let decoder = try VideoChild(
      "ffmpeg", file.reading(preview, file.isDeep ? "rgb48le" : "rgb24"), output: decoded.writing)
    decoded.closeWriting()
    let encoded = try ChildPipe()
    var stream = NUTStream(reading: decoded.reading, bytesPerPixel: file.isDeep ? 6 : 3)
    var film: (encoder: VideoChild, frames: FrameColorer)?
    var count = 0
    let duration = preview.map { min($0.end, file.duration ?? $0.end) - $0.start } ?? file.duration
    func isWritten(_ bytes: UnsafeRawPointer, _ size: Int) throws(Failure) -> Bool {
      do throws(StreamError) {
        return try Pipe.write(encoded.writing, bytes, size)
      } catch {
        throw Failure("\(output.name.shown): \(error.reason)")
      }
    }
    do {
      while !Interrupt.wanted, let beginning = try stream.nextFrame() {
        if film == nil {
          let notes = try output.refuseOrNote(file, withoutSubtitles: noSubtitles)
          if !coloring.quiet { for note in notes { Terminal.say(self.film, note) } }
          let frames = try FrameColorer(model, stream, settings, options, isDeep: file.isDeep)
          let encoder = try VideoChild(
            "ffmpeg",
            output.writing(
              file, stream, preview, crf: crf ?? 18, sideBySide: sideBySide,
              withoutSubtitles: noSubtitles, architecture: model.information.architecture),
            input: encoded.reading)
          encoded.closeReading()
          film = (encoder, frames)
        }
        guard let (encoder, frames) = film else { break }
        guard
          try frames.color(
            &stream, beginning, known?.hints(until: stream.seconds - file.start))
        else { break }
        let header = stream.takePending()
        guard try isWritten(header, header.count),
          try isWritten(frames.bytes + beginning.count, stream.frameSize - beginning.count)
        else {
          _ = encoder.wait()
          throw encoder.failure
        }
        count += 1
        progress.update(
          frames: count, seconds: stream.seconds - file.start - (preview?.start ?? 0), of: duration)
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
    if Interrupt.wanted { film?.encoder.interrupt() }
    let isWhole = Interrupt.wanted || decoder.wait()
    guard let (encoder, _) = film else {
      if Interrupt.wanted { return 0 }
      throw Failure(
        "\(self.film.shown): \(isWhole ? "it has no frames" : decoder.failure.reason)")
    }
    if !Interrupt.wanted {
      let rest = stream.takePending()
      _ = try isWritten(rest, rest.count)
    }
    encoded.closeWriting()
    guard encoder.wait() || Interrupt.wanted else { throw encoder.failure }
    try output.finish()
    if !isWhole {
      throw Failure(
        "\(self.film.shown): it is damaged (\(decoder.failure.reason)); \(count) frames were colored"
      )
    }
    if !coloring.quiet, !Interrupt.wanted, let message = decoder.message {
      Terminal.say(self.film, "ffmpeg says: \(message)")
    }
    return count
  }

  private var settings: SequenceOptions {
    var settings = SequenceOptions()
    if let steadiness { settings.steadiness = steadiness }
    settings.keyframeInterval = keyframeInterval
    settings.findsCuts = !keepOverCuts
    return settings
  }
}

/// A pipe to or from a program.
private final class ChildPipe {
  private(set) var reading: Int32 = -1
  private(set) var writing: Int32 = -1

  init() throws(Failure) {
    var ends: [Int32] = [-1, -1]
    let problem = process_pipe(&ends, 1 << 20)
    guard problem == 0 else { throw Failure("no pipe: \(String(cString: strerror(problem)))") }
    (reading, writing) = (ends[0], ends[1])
  }

  func closeReading() {
    if reading >= 0 { close(reading) }
    reading = -1
  }

  func closeWriting() {
    if writing >= 0 { close(writing) }
    writing = -1
  }

  deinit {
    closeReading()
    closeWriting()
  }
}

/// Colors the frames of a stream.
private final class FrameColorer {
  private let sequence: FrameSequence
  private let pixels: Memory<UInt8>
  private let view: ImageView
  private var options: RunOptions

  var bytes: UnsafeMutablePointer<UInt8> { pixels.start }

  init(
    _ model: Model, _ stream: NUTStream, _ settings: SequenceOptions, _ options: RunOptions,
    isDeep: Bool
  ) throws(ColorizeError) {
    sequence = try FrameSequence(
      model: model, width: stream.width, height: stream.height, options: options,
      settings: settings)
    pixels = try Memory(count: stream.frameSize)
    view = try ImageView(
      pixels: pixels.start, rowBytes: stream.frameSize / stream.height, width: stream.width,
      height: stream.height, format: isDeep ? .rgb16 : .rgb8)
    self.options = options
    self.options.progress = { _ in Interrupt.wanted }
  }

  /// - Returns: false if it was interrupted, or the stream ends within the frame.
  func color(_ stream: inout NUTStream, _ beginning: [UInt8], _ hints: Memory<Hint>?) throws -> Bool
  {
    for (index, byte) in beginning.enumerated() { bytes[index] = byte }
    guard try stream.readPixels(into: bytes + beginning.count, beginning.count) else {
      return false
    }
    options.hints.squares = hints
    do throws(ColorizeError) {
      _ = try sequence.run(input: view, output: view, options: options)
    } catch .cancelled {
      return false
    }
    // What the stream does not hold is what its header says.
    for (index, byte) in beginning.enumerated() { bytes[index] = byte }
    return true
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

  init(isQuiet: Bool) { line = StatusLine(isQuiet: isQuiet) }

  func update(frames: Int, seconds: Double, of duration: Double?) {
    let now = Clock.seconds()
    guard line.isShown, now - last > 0.1 else { return }
    last = now
    let passed = now - start
    var text = "\(frames) frames, \(Table.oneDecimal(Double(frames) / max(passed, 1e-3))) a second"
    if let duration, seconds > 0 {
      text += ", \(TrainProgress.duration(passed * max(duration / seconds - 1, 0))) left"
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

  init(_ name: FileName, for model: Model) throws {
    self.name = name
    guard model.information.takesHints else {
      throw Refusal("--hints: the network \(model.information.architecture) takes none")
    }
    guard let file = name.withCString({ fopen($0, "re") }) else {
      throw Failure(name, "cannot be read").report()
    }
    defer { fclose(file) }
    var hints: [(Double, HintArgument)] = []
    var line: UnsafeMutablePointer<CChar>?
    var size = 0
    defer { free(line) }
    var number = 0
    while getline(&line, &size, file) >= 0, let line {
      number += 1
      let text = String(cString: line).trimmed
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
