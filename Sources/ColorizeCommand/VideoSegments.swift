// A film in the making: segments that are whole, in a folder beside it, and a journal of them. What a run leaves that was
// stopped, or killed, the next one goes on with.

import Glibc

/// The folder `NAME.parts` of the film NAME.
final class VideoSegments {
  /// A segment that is whole.
  struct Segment {
    let frames: Int
    /// The time of its first frame, in seconds.
    let seconds: Double
    /// Where the state behind its last frame comes from: the frame, of all, that began the shot, and the number of hints
    /// that had been given before that one.
    let shot: Shot
  }

  struct Shot {
    var frame = 0
    var hints = 0
  }

  /// Frames of a segment: as many as lie between two of x264's and x265's key frames, so that nothing is lost by it.
  static let frames = 250

  let folder: FileName
  private let ending: String
  private let job: String
  /// The folder, locked; -1: left.
  private var lock: Int32
  private(set) var done: [Segment] = []
  /// Whether the folder stays.
  private(set) var isKept = true

  /// - Parameters:
  ///   - film: the one that is made.
  ///   - job: what it is made of and how, in a line.
  ///   - goesOn: with what an earlier run has left.
  init(of film: FileName, job: String, goesOn: Bool) throws {
    folder = FileName(bytes: film.bytes + Array(".parts".utf8))
    ending = film.fileExtension
    self.job = job
    let made = folder.withCString { mkdir($0, 0o777) == 0 ? 0 : errno }
    lock = folder.withCString { open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    guard made == 0 || made == EEXIST, lock >= 0 else {
      let reason = made != 0 ? made : errno
      throw Failure("\(folder.shown): \(String(cString: strerror(reason)))").report()
    }
    // A file system without locks has nobody wait.
    guard flock(lock, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK else {
      throw Failure("\(film.shown) is being written by another process").report()
    }
    if goesOn { done = try journal() }
    // What is not in the journal is not whole.
    removeFiles(after: done.count)
  }

  deinit { end() }

  /// Leaves what another run may go on with, and nothing if there is nothing to go on with.
  func end() {
    guard lock >= 0 else { return }
    removeFiles(after: isKept ? done.count : 0)
    if !isKept || done.isEmpty { folder.withCString { _ = rmdir($0) } }
    close(lock)
    lock = -1
  }

  /// Of all segments that are whole.
  var frames: Int { done.reduce(0) { $0 + $1.frames } }

  /// The file of the segment behind those that are whole.
  var next: FileName { file(done.count) }

  /// The file of the whole film, before it has its name.
  var film: FileName { named("film.\(ending)") }

  private func named(_ name: String) -> FileName {
    FileName(bytes: folder.bytes + Array("/\(name)".utf8))
  }

  private static func name(_ index: Int) -> String { "\(index).segment" }

  private func file(_ index: Int) -> FileName { named(Self.name(index)) }

  // ---- The journal

  /// The next segment is whole.
  func add(_ segment: Segment) throws(Failure) {
    try write(done + [segment])
    done.append(segment)
  }

  private func write(_ segments: [Segment]) throws(Failure) {
    var text = job + "\n"
    for segment in segments {
      text +=
        "\(segment.frames)\t\(segment.seconds)\t\(segment.shot.frame)\t\(segment.shot.hints)\n"
    }
    try write(text, "journal.new")
    guard named("journal.new").moved(to: named("journal")) else {
      throw Failure(named("journal"), "cannot be written")
    }
  }

  private func write(_ text: String, _ name: String) throws(Failure) {
    let file = named(name)
    let descriptor = file.withCString { open($0, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666) }
    guard descriptor >= 0 else { throw Failure(file, "cannot be written") }
    defer { close(descriptor) }
    var text = text
    let isWritten = text.withUTF8 { bytes in
      (try? Pipe.write(descriptor, bytes.baseAddress.unsafelyUnwrapped, bytes.count)) ?? false
    }
    guard isWritten else { throw Failure(file, "cannot be written") }
  }

  /// What an earlier run has left; nothing if there was none.
  private func journal() throws -> [Segment] {
    guard let lines = named("journal").lines else { return [] }
    guard lines.first == job else {
      throw Refusal(
        "--resume: \(folder.shown) was begun with other options or files; give the same ones, or "
          + "leave --resume out")
    }
    var segments: [Segment] = []
    var frames = 0
    for line in lines.dropFirst() {
      let fields = line.split(separator: "\t")
      guard fields.count == 4, let count = Int(fields[0]), let seconds = Double(fields[1]),
        let shot = Int(fields[2]), let hints = Int(fields[3]), (1...1_000_000).contains(count),
        seconds.isFinite, (0..<(frames + count)).contains(shot), hints >= 0
      else {
        throw Refusal("--resume: \(named("journal").shown) is damaged; leave --resume out")
      }
      guard self.file(segments.count).status?.isRegularFile == true else { break }
      frames += count
      segments.append(
        Segment(frames: count, seconds: seconds, shot: Shot(frame: shot, hints: hints)))
    }
    return segments
  }

  // ---- The whole

  /// Writes the list of segments, for ffmpeg's demuxer `concat`.
  ///
  /// - Parameter last: where the segment begins that comes behind those that are whole, if there is one.
  /// - Returns: its name.
  func list(last: Double?) throws(Failure) -> FileName {
    let starts = done.map(\.seconds) + (last.map { [$0] } ?? [])
    var text = "ffconcat version 1.0\n"
    func micros(_ index: Int) -> Double { ((starts[index] - starts[0]) * 1e6).rounded() }
    for index in starts.indices {
      text += "file \(Self.name(index))\n"
      if index + 1 < starts.count {
        text += "duration \(Table.formatted("%.6f", (micros(index + 1) - micros(index)) / 1e6))\n"
      }
    }
    try write(text, "list")
    return named("list")
  }

  /// The film has its name: nothing of this is needed any more.
  func finish() { isKept = false }

  private func removeFiles(after count: Int) {
    var index = count
    while unlink(file(index)) { index += 1 }
    for name in ["journal.new", "list", "film.\(ending)"] { remove(name) }
    if count == 0 { remove("journal") }
  }

  private func remove(_ name: String) { _ = unlink(named(name)) }

  private func unlink(_ file: FileName) -> Bool { file.withCString { Glibc.unlink($0) == 0 } }
}
