// Where each picture goes: decided, and checked, for all of them before any work is done.

import ArgumentParser
import CImageFiles
import Glibc

/// A picture to be colored.
struct Job {
  let input: FileName
  /// As the user knows it.
  let output: FileName
  /// The file that is written: `output`, or what it links to.
  let target: FileName
  let format: image_file_format
}

/// The formats of picture files: CImageFiles' table.
enum OutputFormat {
  private static var kinds: [image_file_kind] {
    var kinds: [image_file_kind] = []
    while let kind = image_file_kind_at(kinds.count) { kinds.append(kind.pointee) }
    return kinds
  }

  /// Those that outputs may have.
  static var writtenKinds: [image_file_kind] { kinds.filter(\.is_written) }

  /// The formats that are written, by what file names end in.
  static let extensions = formats(of: writtenKinds)

  /// All of them, by what file names end in.
  private static let readExtensions = formats(of: kinds)

  private static func formats(of kinds: [image_file_kind]) -> [String: image_file_format] {
    kinds.reduce(into: [:]) { all, kind in
      for suffix in suffixes(of: kind) { all[suffix] = kind.format }
    }
  }

  /// What names of files of a format end in; the usual one first.
  static func suffixes(of kind: image_file_kind) -> [String] {
    String(cString: kind.suffixes).split(separator: " ").map(String.init)
  }

  /// Whether a file is a picture by its name.
  static func isPicture(_ file: FileName) -> Bool { readExtensions[file.fileExtension] != nil }

  /// The row of a format.
  static func kind(_ format: image_file_format) -> image_file_kind {
    // Every format has its row.
    kinds.first { $0.format == format }.unsafelyUnwrapped
  }

  /// What the name of an input's output ends in, if nobody says anything else; nil: in what the
  /// input's does. Where the name says nothing, the content does.
  static func newExtension(for input: FileName) -> String? {
    let named = readExtensions[input.fileExtension]
    if let named, kind(named).is_written { return nil }
    let found = named.map(kind) ?? input.kindOfContent
    guard let found else { return nil }
    return suffixes(of: found.is_written ? found : kind(found.written_as)).first
  }
}

extension FileName {
  /// What a regular file begins as.
  fileprivate var kindOfContent: image_file_kind? {
    guard status?.isRegularFile == true else { return nil }
    return withCString { image_file_kind_of($0)?.pointee }
  }
}

/// Where the pictures go.
struct Outputs {
  private(set) var jobs: [Job] = []
  /// What a pattern like `*` has caught besides, and why it is not colored.
  private(set) var passedOver: [(input: FileName, reason: String)] = []
  /// A folder that is to be made first.
  private var missingFolder: FileName?

  private static let standardStream = FileName(bytes: [UInt8(ascii: "-")])

  /// Of several inputs, those that are no pictures by their names are passed over; a single one, and
  /// where nothing else is left, is refused.
  ///
  /// - Parameters:
  ///   - output: what the user named, a file or a folder; nil: beside each input.
  ///   - others: files that are read besides, and are not to be written over either.
  init(_ inputs: [FileName], output: FileName?, besides others: [FileName]) throws(Refusal) {
    let folder = try Self.folder(output, for: inputs)
    if let folder, folder.status == nil { missingFolder = folder }
    if folder == nil, let output, output.folder.status?.isFolder != true {
      throw Refusal("\(output.shown) cannot be written: there is no folder \(output.folder.shown)")
    }
    for input in inputs {
      do throws(Refusal) {
        jobs.append(try Self.job(input, output, in: folder))
      } catch {
        // A name that nothing has is no pattern's.
        guard inputs.count > 1, input.isTaken else { throw error }
        passedOver.append((input, error.reason))
      }
    }
    if folder == nil { passOverFormerOutputs() }
    if jobs.isEmpty, let first = passedOver.first { throw Refusal(first.reason) }
    try refuseCollisions(besides: others)
  }

  /// The second time that `*.jpg` is colored, photo.jpg and photo-colorized.jpg are both among the
  /// inputs. Neither is colored: an input is never written over, and the other is colored already.
  private mutating func passOverFormerOutputs() {
    var inputs: [FileStatus.Identity: Int] = [:]
    for (index, job) in jobs.enumerated() {
      if let status = job.input.status { inputs[status.identity] = index }
    }
    var reasons: [Int: String] = [:]
    for (index, job) in jobs.enumerated() {
      guard let status = job.output.status, let former = inputs[status.identity], former != index
      else { continue }
      reasons[index] =
        "the output \(job.output.shown) would overwrite the input \(jobs[former].input.shown)"
      reasons[former] = reasons[former] ?? "it is what \(job.input.shown) is colored to"
    }
    passedOver += reasons.sorted { $0.key < $1.key }.map { (jobs[$0.key].input, $0.value) }
    jobs = jobs.enumerated().filter { reasons[$0.offset] == nil }.map(\.element)
  }

  /// Makes the output folder if it is not there, and takes away what former processes have left.
  func makeFolder() throws(ExitCode) {
    for folder in Set(jobs.map(\.target.folder)) { OutputFile.clean(folder) }
    guard let missingFolder else { return }
    guard missingFolder.withCString({ mkdir($0, 0o777) }) == 0 else {
      Terminal.say(missingFolder, "cannot be made: \(String(cString: strerror(errno)))")
      throw .failure
    }
  }

  /// The output folder; nil if the user named none.
  private static func folder(_ output: FileName?, for inputs: [FileName]) throws(Refusal)
    -> FileName?
  {
    guard let output, !output.isStandardStream else { return nil }
    let status = output.status
    if let status, status.isFolder { return output }
    guard inputs.count > 1 || output.endsWithSlash else { return nil }
    if status != nil {
      throw Refusal("\(output.shown) is a file; \(inputs.count) pictures need a folder")
    }
    if !output.endsWithSlash, OutputFormat.extensions[output.fileExtension] != nil {
      throw Refusal(
        "\(output.shown) would be one file for \(inputs.count) pictures; end it with a / if it is "
          + "to be a folder")
    }
    return output
  }

  private static func job(
    _ input: FileName, _ output: FileName?, in folder: FileName?
  ) throws(Refusal) -> Job {
    if input.status?.isFolder == true {
      throw Refusal("\(input.shown) is a folder: name the pictures in it")
    }
    if input.isStandardStream, folder != nil {
      throw Refusal("standard input has no name that it could keep in a folder: name a file by -o")
    }
    let named = OutputFormat.newExtension(for: input).map(input.withExtension) ?? input
    let output =
      folder.map(named.inFolder)
      ?? output
      ?? (input.isStandardStream ? standardStream : named.inserting(beforeExtension: "-colorized"))
    if output.isStandardStream {
      return Job(input: input, output: output, target: output, format: IMAGE_FILE_PNG)
    }
    guard let format = OutputFormat.extensions[output.fileExtension] else {
      guard input.isTaken || input.isStandardStream else { throw Self.unknown(input) }
      throw Refusal("\(output.shown) cannot be written: the extension must be \(Self.choices)")
    }
    return Job(input: input, output: output, target: try output.writtenFile(), format: format)
  }

  /// ".png, .jpg, .tif or .webp"
  private static var choices: String {
    let names = OutputFormat.writtenKinds.compactMap { OutputFormat.suffixes(of: $0).first }
    return names.dropLast().map { ".\($0)" }.joined(separator: ", ") + " or .\(names.last ?? "")"
  }

  /// There is no such file, and its name is no picture's.
  private static func unknown(_ input: FileName) -> Refusal {
    let word = String(decoding: input.bytes, as: UTF8.self)
    let near = Colorize.names.min { distance($0, word) < distance($1, word) }
    guard let near, distance(near, word) <= 2 else {
      return Refusal("\(input.shown): no such file")
    }
    return Refusal("\(input.shown): no such file; did you mean the command '\(near)'?")
  }

  /// How many characters are to be put in, taken away or changed (Levenshtein).
  private static func distance(_ first: String, _ second: String) -> Int {
    let second = Array(second.utf8.prefix(64))
    var row = Array(0...second.count)
    for (index, character) in first.utf8.enumerated() {
      var diagonal = row[0]
      row[0] = index + 1
      for column in second.indices {
        let changed = diagonal + (second[column] == character ? 0 : 1)
        diagonal = row[column + 1]
        row[column + 1] = min(changed, min(row[column], row[column + 1]) + 1)
      }
    }
    return row[second.count]
  }

  private func refuseCollisions(besides others: [FileName]) throws(Refusal) {
    var inputs: [FileStatus.Identity: FileName] = [:]
    for file in jobs.map(\.input) + others {
      if let status = file.status { inputs[status.identity] = file }
    }
    var outputs: [FileName: FileName] = [:]
    for job in jobs where !job.output.isStandardStream || jobs.count > 1 {
      if let status = job.output.status, let input = inputs[status.identity] {
        throw Refusal(
          "the output \(job.output.shown) would overwrite the input \(input.shown)")
      }
      if let other = outputs.updateValue(job.input, forKey: job.target) {
        throw Refusal(
          "\(other.shown) and \(job.input.shown) would both be written to \(job.output.shown)")
      }
    }
  }
}
