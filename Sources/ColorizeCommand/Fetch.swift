// `libcolorize fetch`: downloads published weights, whole and right or not at all.

import ArgumentParser
import CDownload
import Glibc

struct Fetch: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fetch",
    abstract: "Downloads published weights.",
    usage: "libcolorize fetch [--quiet] NAME...",
    discussion: """
      Keeps them in $XDG_CACHE_HOME/libcolorize or ~/.cache/libcolorize, as the Python package \
      does, and prints their paths. A file is kept only if its SHA-256 is the published one. What \
      an interrupted download has left is gone on with. LIBCOLORIZE_WEIGHTS may name a mirror's URL.
      """)

  @Argument(help: ArgumentHelp("As 'libcolorize models' lists them.", valueName: "NAME"))
  var names: [FileName]

  @Flag(help: "Print errors only: no progress.")
  var quiet = false

  func run() throws {
    do throws(Failure) {
      let known = try KnownModel.all()
      var models: [KnownModel] = []
      for name in names {
        guard let model = known.first(where: { Array($0.name.utf8) == name.bytes }) else {
          throw Failure(Models.unknown(name, known))
        }
        models.append(model)
      }
      let place = try WeightsPlace.ofEnvironment()
      Interrupt.listen()
      for model in models { print(try file(of: model, place).shown) }
    } catch {
      throw error.report()
    }
  }

  private func file(of model: KnownModel, _ place: WeightsPlace) throws(Failure) -> FileName {
    let file = place.file(of: model)
    switch place {
    case .local(let named):
      // Who names a place wants that one or an error.
      guard file.size != nil else {
        throw Failure(
          "\(named.shown), which \(WeightsPlace.variable) names, does not hold \(model.file); "
            + "it is downloaded from \(model.url) where the variable is not set")
      }
      guard try Published.isFile(file, model) else {
        throw Failure("\(file.shown): its SHA-256 is not \(model.sha256)")
      }
    case .downloads(let folder, let mirror):
      if file.size != nil, try Published.isFile(file, model) { break }
      try FetchedFile(model, file, folder, mirror: mirror, isQuiet: quiet).make()
    }
    return file
  }
}

/// What a published file is known by.
private enum Published {
  /// Whether a file is the published one.
  static func isFile(_ file: FileName, _ model: KnownModel) throws(Failure) -> Bool {
    let descriptor = file.withCString { open($0, O_RDONLY | O_CLOEXEC) }
    guard descriptor >= 0 else { throw Failure(file, "cannot be read") }
    defer { close(descriptor) }
    return try isFile(descriptor, file, model)
  }

  static func isFile(
    _ descriptor: Int32, _ file: FileName, _ model: KnownModel
  ) throws(Failure) -> Bool {
    var digest = [UInt8](repeating: 0, count: Int(DOWNLOAD_SHA256_SIZE))
    var message = [CChar](repeating: 0, count: Int(DOWNLOAD_MESSAGE_SIZE))
    guard download_sha256(descriptor, &digest, &message) else {
      throw Failure("\(file.shown): \(message.text)")
    }
    let digits = Array("0123456789abcdef")
    return digest.map { "\(digits[Int($0 >> 4)])\(digits[Int($0 & 15)])" }.joined()
      == model.sha256
  }
}

/// A download into a folder.
private struct FetchedFile {
  let model: KnownModel
  let target: FileName
  let folder: FileName
  let url: String
  let progress: ProgressLine
  let isQuiet: Bool

  /// How often the server is asked for the file or the rest of it.
  private static let attempts = 20
  /// So many bytes an attempt has to bring to deserve another.
  private static let least: Int64 = 64 << 10
  /// Seconds that another process may take to download the same file.
  private static let lockSeconds = 30 * 60

  init(
    _ model: KnownModel, _ target: FileName, _ folder: FileName, mirror: String?, isQuiet: Bool
  ) {
    self.model = model
    self.target = target
    self.folder = folder
    url = mirror.map { $0.hasSuffix("/") ? $0 + model.file : "\($0)/\(model.file)" } ?? model.url
    progress = ProgressLine(isQuiet: isQuiet)
    self.isQuiet = isQuiet
  }

  /// Makes `target`, or throws.
  func make() throws(Failure) {
    if let missing = folder.makeFolders() { throw Failure(missing, "cannot be made") }
    let lock = try open("lock", O_WRONLY)
    defer { close(lock) }
    try waitFor(lock)
    // Another process may have downloaded it while this one was waiting.
    if target.size != nil, try Published.isFile(target, model) { return }
    let part = try open("part", O_RDWR | O_APPEND)
    defer { close(part) }
    do throws(Failure) {
      // Before anything comes, so that nothing comes in vain.
      _ = try Published.isFile(part, named("part"), model)
      try receive(into: part)
    } catch {
      if size(of: part) == 0 { remove() }
      throw error
    }
    guard fsync(part) == 0 else { throw Failure(named("part"), "cannot be written") }
    guard named("part").moved(to: target) else { throw Failure(target, "cannot be written") }
  }

  private func receive(into part: Int32) throws(Failure) {
    if size(of: part) > model.largest { try empty(part) }
    var isFormer = size(of: part) > 0
    var message = [CChar](repeating: 0, count: Int(DOWNLOAD_MESSAGE_SIZE))
    progress.begin(FileName(bytes: Array(model.file.utf8)), number: 1, of: 1)
    defer { progress.end() }
    var attempt = 0
    var reason = ""
    while attempt < Self.attempts {
      attempt += 1
      let before = size(of: part)
      let status = download(
        url, part, before, model.largest,
        { context, received, total in
          if let context, total > 0 {
            Unmanaged<ProgressLine>.fromOpaque(context).takeUnretainedValue()
              .update(Float(Double(received) / Double(total)))
          }
          return Interrupt.wanted
        }, Unmanaged.passUnretained(progress).toOpaque(), &message)
      reason = message.text
      switch status {
      case DOWNLOAD_COMPLETE:
        if try Published.isFile(part, named("part"), model) { return }
        try empty(part)
        // A wrong beginning may be a former call's, so that is tried once without.
        guard isFormer else {
          throw Failure(
            "what \(url) gave is not \(model.file): its SHA-256 is not \(model.sha256). It was "
              + "removed")
        }
        isFormer = false
      case DOWNLOAD_NO_RANGES:
        try empty(part)
        isFormer = false
      case DOWNLOAD_TOO_LARGE:
        remove()
        throw Failure(
          "what \(url) gives is not \(model.file): it has more than \(model.largest) bytes. It was "
            + "removed")
      case DOWNLOAD_UNWRITTEN:
        // Nothing that would keep the disk full.
        remove()
        throw Failure("\(named("part").shown): cannot be written: \(reason)")
      case DOWNLOAD_STOPPED:
        progress.end()
        Interrupt.end()
      case DOWNLOAD_NO_LIBRARY:
        throw Failure("\(reason). \(advice)")
      default:
        guard size(of: part) - before >= Self.least else { throw broken(reason, attempt, part) }
      }
    }
    throw broken(reason, attempt, part)
  }

  private func broken(_ reason: String, _ attempt: Int, _ part: Int32) -> Failure {
    let times = attempt > 1 ? " at attempt \(attempt)" : ""
    let size = size(of: part)
    let kept = size > 0 ? " The next call goes on from byte \(size)." : ""
    return Failure("cannot download \(url): \(reason)\(times).\(kept) \(advice)")
  }

  private var advice: String {
    "To do it by hand, put \(model.file) from \(model.url) (SHA-256 \(model.sha256)) into "
      + "\(folder.shown), or let \(WeightsPlace.variable) name a folder or a mirror's URL that has it"
  }

  private func named(_ suffix: String) -> FileName {
    FileName(bytes: target.bytes + Array(".\(suffix)".utf8))
  }

  /// A link in a folder that others write to may lead to any file of this user's.
  private func open(_ suffix: String, _ flags: Int32) throws(Failure) -> Int32 {
    let descriptor = named(suffix).withCString {
      Glibc.open($0, flags | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o666)
    }
    guard descriptor >= 0 else { throw Failure(named(suffix), "cannot be written") }
    return descriptor
  }

  /// One process at a time; the lock ends with the process, whatever becomes of it.
  private func waitFor(_ lock: Int32) throws(Failure) {
    let waits = Self.lockSeconds * 10
    for wait in 0...waits {
      if download_lock(lock) { return }
      if Interrupt.wanted { Interrupt.end() }
      if wait == 0, !isQuiet {
        Terminal.say("waiting for another process that downloads \(model.file)")
      }
      usleep(100_000)
    }
    throw Failure(
      "another process has been downloading \(model.file) for \(Self.lockSeconds / 60) minutes; it "
        + "has locked \(named("lock").shown). End it, or try again later")
  }

  private func size(of descriptor: Int32) -> Int64 {
    var answer = stat()
    return fstat(descriptor, &answer) == 0 ? Int64(answer.st_size) : 0
  }

  private func empty(_ part: Int32) throws(Failure) {
    guard ftruncate(part, 0) == 0 else { throw Failure(named("part"), "cannot be written") }
  }

  private func remove() { _ = named("part").withCString { unlink($0) } }
}

extension [CChar] {
  /// Of C's.
  fileprivate var text: String {
    String(decoding: prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
