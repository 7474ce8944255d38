// One picture of a run: read, colored and written, or skipped, with what there is to say of it. Several
// threads may do this at the same time.

import CImageFiles
import ColorizeCore
import Glibc

/// What became of a picture.
enum Outcome {
  /// It was colored; notes on what of it is not in the output.
  case done(notes: [String])
  /// It needed not be; why.
  case skipped(String)
  /// A copy of it is the output, since it has colors.
  case copied
  case failed(reason: String, isOutput: Bool)
  case stopped
}

/// What is known of a picture when it is done with.
struct Report {
  var outcome: Outcome
  /// SHA-256; empty: not known.
  var inputDigest = ""
  var outputDigest = ""
  var seconds = 0.0
}

/// What there is to say of the pages of a file; what holds for several is said once.
private struct PageNotes {
  private var found: [(note: String, pages: [Int])] = []
  private var count = 1

  mutating func add(_ notes: [String], _ page: Picture.Page) {
    count = page.count
    for note in notes {
      if let index = found.firstIndex(where: { $0.note == note }) {
        found[index].pages.append(page.number)
      } else {
        found.append((note, [page.number]))
      }
    }
  }

  /// As they are said of one page, after the pages that they hold for if these are not all.
  var notes: [String] {
    found.map { note, pages in
      guard pages.count < count else { return note }
      let most = 8
      let numbers = pages.prefix(most).map { "\($0)" }.joined(separator: ", ")
      let rest = pages.count > most ? ", ..." : ""
      return "page\(pages.count == 1 ? "" : "s") \(numbers)\(rest): \(note)"
    }
  }
}

/// What is the same for all pictures of a run. Does not change while it is used.
final class PictureRun: @unchecked Sendable {
  private let model: Model
  private let run: Run
  private let known: KnownColors
  private let palette: PalettePicture?
  let provenance: Provenance?
  private let threads: Int?
  private let memory: MemoryBudget
  private let folders = FolderMaker()

  init(
    _ model: Model, _ run: Run, _ known: KnownColors, _ palette: PalettePicture?,
    _ provenance: Provenance?, threads: Int?
  ) {
    (self.model, self.run, self.known, self.palette) = (model, run, known, palette)
    (self.provenance, self.threads) = (provenance, threads)
    memory = MemoryBudget(megabytes: run.files.megabytes)
  }

  /// - Parameter progress: the share that is done of the picture.
  func report(_ job: Job, _ progress: @escaping (Float) -> Void) -> Report {
    let start = Clock.seconds()
    var report = Report(outcome: .stopped)
    do throws(PictureError) {
      report.outcome = try color(job, progress, &report.inputDigest)
      if job.isFound, job.output.isTaken { try copySidecars(of: job) }
      if run.folders.log != nil, !job.output.isStandardStream {
        report.outputDigest = Digest.of(job.target) ?? ""
      }
    } catch {
      switch error {
      case .stopped: report.outcome = .stopped
      case .failed(let reason): report.outcome = .failed(reason: reason, isOutput: false)
      case .unwritten(let reason): report.outcome = .failed(reason: reason, isOutput: true)
      }
    }
    report.seconds = Clock.seconds() - start
    return report
  }

  private func color(
    _ job: Job, _ progress: @escaping (Float) -> Void, _ digest: inout String
  ) throws(PictureError) -> Outcome {
    let existing = run.folders.existing ?? (job.isFound ? .skip : .replace)
    if existing == .skip, job.output.isTaken {
      if let reason = try reasonToSkip(job, &digest) { return .skipped(reason) }
    }
    let claim = MemoryClaim(memory)
    defer { claim.end() }
    var reading = reading(for: job, claim)
    reading.is_hashed = provenance != nil || run.folders.log != nil
    let choice = run.folders.colored ?? (job.isFound ? .skip : .recolor)
    var pages = PageNotes()
    var output: PictureOutput?
    // Of the input, if all of it has colors.
    var coloredFormat: image_file_format?
    // Hints and palette are read through pointers.
    defer { withExtendedLifetime((known, palette, claim)) {} }
    try Picture.forEachPage(job.input, reading) { (picture, page) throws(PictureError) in
      if page.number == 1 {
        digest = picture.inputDigest
        try check(picture, page)
        output = PictureOutput(job.target, job.format, inputDigest: digest)
      }
      guard let output else { return }
      let hasColors = choice == .recolor ? false : try picture.hasColors()
      if page.number == 1 { coloredFormat = picture.format }
      if !hasColors { coloredFormat = nil }
      // A page among others stays, for the document would not be whole without it.
      if hasColors, page.count == 1 { return }
      if !job.output.isStandardStream { try folders.make(job.target.folder) }
      if hasColors {
        pages.add(try picture.keep(in: output, run.files), page)
        return
      }
      var options = try options(for: picture)
      options.progress = { fraction in
        progress((Float(page.number - 1) + fraction) / Float(page.count))
        return Interrupt.wanted
      }
      pages.add(
        try picture.color(with: model, options, to: output, run.files, saying: provenance), page)
    }
    if let coloredFormat {
      guard choice == .copy else { return .skipped("has colors already") }
      return try copy(job, coloredFormat)
    }
    try output?.end(isSynced: run.files.sync)
    return .done(notes: pages.notes)
  }

  /// Throws where options do not go together with several pages.
  private func check(_ picture: borrowing Picture, _ page: Picture.Page) throws(PictureError) {
    if page.count > 1, known.isOfOnePicture {
      throw .failed("has \(page.count) pages, and hints are one's: choose it by --pages")
    }
    if case .all = run.files.pages, page.count < picture.pageCount {
      throw .failed(
        "has \(picture.pageCount) pages, of which only a TIFF holds all: choose a .tif output, or "
          + "one page by --pages")
    }
  }

  private func options(for picture: borrowing Picture) throws(PictureError) -> RunOptions {
    var options = RunOptions()
    run.color.set(&options)
    run.network.set(&options)
    options.threads = threads
    options.hints = try known.hints(picture.width, picture.height)
    if let hintReach = run.hintReach { options.hintReach = hintReach.pixels }
    options.palette = palette?.view
    return options
  }

  /// How a picture is read, with what it needs taken from the memory of all. The claim must outlive the
  /// reading.
  private func reading(for job: Job, _ claim: MemoryClaim) -> image_file_reading {
    var reading = run.files.reading(for: job.format)
    reading.claim = { bytes, claim in
      Unmanaged<MemoryClaim>.fromOpaque(claim.unsafelyUnwrapped).takeUnretainedValue().make(bytes)
    }
    reading.claim_context = Unmanaged.passUnretained(claim).toOpaque()
    return reading
  }

  /// `--colored copy`: the output is the input, byte for byte.
  private func copy(_ job: Job, _ format: image_file_format) throws(PictureError) -> Outcome {
    guard format == job.format, !job.output.isStandardStream,
      job.input.status?.isRegularFile == true
    else { return .skipped("has colors already, and cannot be copied into another format") }
    try folders.make(job.target.folder)
    do throws(ColorizeError) {
      try OutputFile.copy(job.input, to: job.target)
    } catch {
      throw .unwritten(error.message)
    }
    return .copied
  }

  /// Why the output that is there can stay; nil: it is not whole, or not what would be made.
  private func reasonToSkip(_ job: Job, _ digest: inout String) throws(PictureError) -> String? {
    let claim = MemoryClaim(memory)
    defer { claim.end() }
    var reading = reading(for: job, claim)
    reading.maximum_side = 0
    reading.salvages = false
    reading.page = 0
    reading.wants_all_pages = OutputFormat.kind(job.format).has_pages
    let said: Provenance?
    do throws(PictureError) {
      said = try Provenance.said(by: job.output, reading)
    } catch .stopped {
      throw .stopped
    } catch {
      return nil
    }
    guard let provenance else { return "is there and whole" }
    guard let said else {
      return "is there and whole; it does not say what it was made from"
    }
    guard let input = Digest.of(job.input) else {
      throw .failed("cannot be read: \(String(cString: strerror(errno)))")
    }
    if Interrupt.wanted { throw .stopped }
    digest = input
    return provenance.makes(said, of: input) ? "is there and whole" : nil
  }

  // ---- Sidecars --------------------------------------------------------------------------------

  /// XMP beside a picture, as photo.xmp or photo.jpg.xmp, goes with it, like-named. One that is there
  /// stays, unless outputs are replaced.
  private func copySidecars(of job: Job) throws(PictureError) {
    let old = [job.input.stemPath, job.input.bytes]
    let new = [job.output.stemPath, job.output.bytes]
    for (old, new) in zip(old, new) {
      for ext in [".xmp", ".XMP"] {
        let from = FileName(bytes: old + Array(ext.utf8))
        let to = FileName(bytes: new + Array(ext.utf8))
        guard from.status?.isRegularFile == true, from.status?.identity != to.status?.identity,
          run.folders.existing == .replace || !to.isTaken
        else { continue }
        do throws(ColorizeError) {
          try OutputFile.copy(from, to: to)
        } catch {
          throw .unwritten("its sidecar \(to.shown): \(error.message)")
        }
      }
    }
  }
}

extension FileName {
  /// Without the extension: "a/b" of "a/b.png".
  fileprivate var stemPath: [UInt8] {
    Array(bytes.dropLast(lastPart.count)) + stem
  }
}

/// Makes the folders of outputs, each once.
private final class FolderMaker: @unchecked Sendable {
  private let lock = Lock()
  private var made: Set<FileName> = []

  func make(_ folder: FileName) throws(PictureError) {
    lock.take()
    defer { lock.give() }
    guard !made.contains(folder) || folder.status == nil else { return }
    guard folder.makeFolders() == nil else {
      throw .unwritten("cannot be written: \(String(cString: strerror(errno)))")
    }
    made.insert(folder)
  }
}

/// A mutex, which may be waited for with a condition.
final class Lock: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  func take() { pthread_mutex_lock(mutex) }
  func give() { pthread_mutex_unlock(mutex) }
  func wait() { pthread_cond_wait(condition, mutex) }
  func wakeAll() { pthread_cond_broadcast(condition) }

  /// Waits for so long at most.
  func wait(seconds: Double) {
    var end = timespec()
    clock_gettime(CLOCK_REALTIME, &end)
    let nanoseconds = end.tv_nsec + Int(seconds * 1e9)
    end.tv_sec += nanoseconds / 1_000_000_000
    end.tv_nsec = nanoseconds % 1_000_000_000
    pthread_cond_timedwait(condition, mutex, &end)
  }
}

/// The memory for pixels that all pictures that are worked on may have together.
final class MemoryBudget: @unchecked Sendable {
  private let lock = Lock()
  private let most: UInt64
  private var taken: UInt64 = 0

  init(megabytes: Int) { most = UInt64(megabytes) << 20 }

  /// Waits until there is room. Whoever has nothing yet is waited for by nobody, so this ends.
  func take(_ bytes: UInt64) {
    lock.take()
    defer { lock.give() }
    while taken > 0, taken + min(bytes, most) > most, !Interrupt.wanted { lock.wait(seconds: 0.1) }
    taken += bytes
  }

  /// Without waiting: what has some already must come to its end.
  func take(more bytes: UInt64) {
    lock.take()
    taken += bytes
    lock.give()
  }

  func give(_ bytes: UInt64) {
    lock.take()
    taken -= bytes
    lock.wakeAll()
    lock.give()
  }
}

/// What one picture has of it.
final class MemoryClaim {
  private let budget: MemoryBudget
  private var bytes: UInt64 = 0

  init(_ budget: MemoryBudget) { self.budget = budget }

  func make(_ wanted: UInt64) {
    guard wanted > bytes else { return }
    if bytes == 0 { budget.take(wanted) } else { budget.take(more: wanted - bytes) }
    bytes = wanted
  }

  func end() {
    if bytes > 0 { budget.give(bytes) }
  }
}
