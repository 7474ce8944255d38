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
  /// Found in a folder or a list: outputs that are there are skipped, and sidecars copied.
  let isFound: Bool
}

/// The formats of picture files: CImageFiles' table.
enum OutputFormat {
  static var kinds: [image_file_kind] {
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
  /// What folders hold besides: how many of each kind.
  private(set) var others: [String: Int] = [:]
  /// Folders that cannot be read, and inputs whose outputs cannot be.
  private(set) var failures: [(input: FileName, reason: String)] = []
  /// Whether there are folders or lists among the inputs.
  private(set) var isArchive = false
  /// A folder that is to be made first.
  private var missingFolder: FileName?

  private static let standardStream = FileName(bytes: [UInt8(ascii: "-")])
  private static let slash = UInt8(ascii: "/")

  /// A picture before its output is known.
  private struct Candidate {
    let input: FileName
    /// The folder of the output in the output folder, with a slash at its end, or nothing; nil: the
    /// output has the place that the user named.
    let path: [UInt8]?
  }

  /// Of several inputs, those that are no pictures by their names are passed over; a single one, and
  /// where nothing else is left, is refused.
  ///
  /// - Parameters:
  ///   - output: what the user named, a file or a folder; nil: beside each input.
  ///   - others: files that are read besides, and are not to be written over either.
  init(
    _ inputs: [FileName], output: FileName?, _ options: FolderOptions, besides others: [FileName]
  ) throws(Refusal) {
    var seen: Set<FileName> = []
    let listed = (try options.fromFile?.listedNames() ?? []).filter { seen.insert($0).inserted }
    isArchive = options.fromFile != nil || inputs.contains { $0.status?.isFolder == true }
    let folder = try folder(output, for: inputs)
    if let folder, folder.status == nil { missingFolder = folder }
    if folder == nil, let output, output.folder.status?.isFolder != true {
      throw Refusal("\(output.shown) cannot be written: there is no folder \(output.folder.shown)")
    }
    var candidates: [Candidate] = []
    for input in inputs where input.status?.isFolder == true {
      // What stands alone is what the output folder is to be like; of several each keeps its name.
      let isAlone = inputs.count == 1 && listed.isEmpty
      let name = isAlone ? [] : FileName(bytes: input.resolved?.bytes ?? input.bytes).lastPart
      candidates += try tree(
        input, below: name + (name.isEmpty ? [] : [Self.slash]), folder, options)
    }
    for input in listed { candidates += try self.listed(input, folder, options) }
    try add(candidates, folder, options)
    for input in inputs where input.status?.isFolder != true {
      do throws(Refusal) {
        jobs.append(
          try job(
            Candidate(input: input, path: nil), output, in: folder, options, keepsSuffix: false))
      } catch {
        // A name that nothing has is no pattern's.
        guard inputs.count > 1 || isArchive, input.isTaken else { throw error }
        passedOver.append((input, error.reason))
      }
    }
    if folder == nil { passOverFormerOutputs() }
    if jobs.isEmpty, let first = passedOver.first, !isArchive { throw Refusal(first.reason) }
    try separateSuffixes(output, folder, options)
    try refuseCollisions(besides: others)
  }

  /// The pictures of a folder.
  private mutating func tree(
    _ root: FileName, below path: [UInt8], _ folder: FileName?, _ options: FolderOptions
  ) throws(Refusal) -> [Candidate] {
    guard let folder else {
      throw Refusal("\(root.shown) is a folder: name one for the outputs by -o")
    }
    if let output = folder.status, output.identity == root.status?.identity {
      throw Refusal("\(folder.shown) is the folder of the inputs; name another one for the outputs")
    }
    let tree = FolderTree(root, options, leavingOut: folder)
    others.merge(tree.others) { $0 + $1 }
    failures += tree.failures
    return tree.pictures.map { entry in
      let inside = entry.path.lastIndex(of: Self.slash).map { entry.path[...$0] } ?? []
      return Candidate(input: entry.file, path: path + inside)
    }
  }

  /// A file of a list, or the pictures of a folder of one; they keep their paths.
  private mutating func listed(
    _ input: FileName, _ folder: FileName?, _ options: FolderOptions
  ) throws(Refusal) -> [Candidate] {
    let parts = input.bytes.split(separator: Self.slash).filter { $0 != [UInt8(ascii: ".")] }
    if parts.contains(Array("..".utf8)[...]) {
      throw Refusal(
        "\(input.shown) in the list has .. in it, which the output folder could not have")
    }
    func path(_ parts: ArraySlice<ArraySlice<UInt8>>) -> [UInt8] {
      parts.flatMap { Array($0) + [Self.slash] }
    }
    if input.status?.isFolder == true {
      return try tree(input, below: path(parts[...]), folder, options)
    }
    guard OutputFormat.isPicture(input) || !input.isTaken else {
      others[
        input.fileExtension.isEmpty ? "no extension" : ".\(input.fileExtension)", default: 0] += 1
      return []
    }
    return [Candidate(input: input, path: folder == nil ? nil : path(parts.dropLast()))]
  }

  /// Adds what was found, whose outputs are in the output folder or beside the inputs.
  private mutating func add(
    _ candidates: [Candidate], _ folder: FileName?, _ options: FolderOptions
  ) throws(Refusal) {
    for candidate in candidates {
      do throws(Refusal) {
        jobs.append(
          try job(candidate, nil, in: folder, options, keepsSuffix: false, isFound: true))
      } catch {
        failures.append((candidate.input, error.reason))
      }
    }
  }

  /// Of inputs that differ only in what follows the dot, each output keeps that: a.tif and a.png
  /// become a.tif.jpg and a.png.jpg, whatever the order.
  private mutating func separateSuffixes(
    _ output: FileName?, _ folder: FileName?, _ options: FolderOptions
  ) throws(Refusal) {
    guard folder != nil || output == nil else { return }
    let sharers = Dictionary(grouping: jobs.indices) { jobs[$0].output }
    for indices in sharers.values where indices.count > 1 {
      let names = Set(indices.map { jobs[$0].input.lastPart })
      for index in indices where names.count == indices.count {
        let old = jobs[index]
        let place = old.output.bytes.dropLast(old.output.lastPart.count)
        let name = name(of: old.input, options, keepsSuffix: true, isBeside: folder == nil)
        let output = FileName(bytes: Array(place) + name)
        jobs[index] = Job(
          input: old.input, output: output, target: try output.writtenFile(), format: old.format,
          isFound: old.isFound)
      }
    }
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
  private func folder(_ output: FileName?, for inputs: [FileName]) throws(Refusal) -> FileName? {
    guard let output, !output.isStandardStream else { return nil }
    let status = output.status
    if let status, status.isFolder { return output }
    guard inputs.count > 1 || isArchive || output.endsWithSlash else { return nil }
    if status != nil {
      throw Refusal(
        "\(output.shown) is a file; \(isArchive ? "the pictures" : "\(inputs.count) pictures") need a folder"
      )
    }
    if !output.endsWithSlash, OutputFormat.extensions[output.fileExtension] != nil, !isArchive {
      throw Refusal(
        "\(output.shown) would be one file for \(inputs.count) pictures; end it with a / if it is "
          + "to be a folder")
    }
    return output
  }

  /// The last part of an output's name.
  private func name(
    of input: FileName, _ options: FolderOptions, keepsSuffix: Bool, isBeside: Bool
  ) -> [UInt8] {
    let dot = [UInt8(ascii: ".")]
    let part = input.lastPart
    var ext = Array(part[input.stem.count...])
    if let kind = options.to?.kind {
      if OutputFormat.extensions[input.fileExtension] != kind.format {
        ext = dot + Array((OutputFormat.suffixes(of: kind).first ?? "").utf8)
      }
    } else if let other = OutputFormat.newExtension(for: input) {
      ext = dot + Array(other.utf8)
    }
    let stem = keepsSuffix ? part : input.stem
    if let template = options.name { return template.name(stem: stem, ext: ext) }
    return stem + (isBeside ? Array("-colorized".utf8) : []) + ext
  }

  private func job(
    _ candidate: Candidate, _ output: FileName?, in folder: FileName?, _ options: FolderOptions,
    keepsSuffix: Bool, isFound: Bool = false
  ) throws(Refusal) -> Job {
    let input = candidate.input
    if input.isStandardStream, folder != nil {
      throw Refusal("standard input has no name that it could keep in a folder: name a file by -o")
    }
    let named: FileName
    if let folder {
      let name = name(of: input, options, keepsSuffix: keepsSuffix, isBeside: false)
      named = folder.appending((candidate.path ?? []) + name)
    } else if let output {
      named = output
    } else if input.isStandardStream {
      named = Self.standardStream
    } else {
      let name = name(of: input, options, keepsSuffix: keepsSuffix, isBeside: true)
      named = FileName(bytes: Array(input.bytes.dropLast(input.lastPart.count)) + name)
    }
    let format =
      named.isStandardStream
      ? options.to?.kind?.format ?? IMAGE_FILE_PNG : OutputFormat.extensions[named.fileExtension]
    guard let format else {
      guard input.isTaken || input.isStandardStream else { throw Self.unknown(input) }
      throw Refusal("\(named.shown) cannot be written: the extension must be \(Self.choices)")
    }
    if output != nil, folder == nil, let kind = options.to?.kind, kind.format != format {
      throw Refusal(
        "--to is \(String(cString: kind.name).lowercased()), which \(named.shown) is not")
    }
    let target = named.isStandardStream ? named : try named.writtenFile()
    return Job(input: input, output: named, target: target, format: format, isFound: isFound)
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
