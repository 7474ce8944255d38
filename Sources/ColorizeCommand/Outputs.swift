// Where each picture goes: decided, and checked, for all of them before any work is done.

import ArgumentParser
import CImageFiles
import Glibc

/// A picture to be coloured.
struct Job {
  let input: FileName
  /// As the user knows it.
  let output: FileName
  /// The file that is written: `output`, or what it links to.
  let target: FileName
  let format: image_file_format
}

/// The formats of output files: CImageFiles' table.
enum OutputFormat {
  private static var kinds: [image_file_kind] {
    var kinds: [image_file_kind] = []
    while let kind = image_file_kind_at(kinds.count) { kinds.append(kind.pointee) }
    return kinds
  }

  static let extensions: [String: image_file_format] = kinds.reduce(into: [:]) { all, kind in
    for suffix in [kind.suffixes.0, kind.suffixes.1] {
      if let suffix { all[String(cString: suffix)] = kind.format }
    }
  }

  /// The row of a format.
  static func kind(_ format: image_file_format) -> image_file_kind {
    // Every format has its row.
    kinds.first { $0.format == format }.unsafelyUnwrapped
  }
}

/// Where the pictures go.
struct Outputs {
  private(set) var jobs: [Job] = []
  /// A folder that is to be made first.
  private var missingFolder: FileName?

  /// - Parameter output: what the user named, a file or a folder; nil: beside each input.
  init(_ inputs: [FileName], output: FileName?) throws(Refusal) {
    let folder = try Self.folder(output, for: inputs)
    if let folder, folder.status == nil { missingFolder = folder }
    if folder == nil, let output, output.folder.status?.isFolder != true {
      throw Refusal("\(output.shown) cannot be written: there is no folder \(output.folder.shown)")
    }
    for input in inputs {
      if input.status?.isFolder == true {
        throw Refusal("\(input.shown) is a folder: name the pictures in it")
      }
      let name =
        if let folder { input.inFolder(folder) } else {
          output ?? input.inserting(beforeExtension: "-colorized")
        }
      jobs.append(try Self.job(input, name))
    }
    try refuseCollisions()
  }

  /// Makes the output folder if it is not there.
  func makeFolder() throws(ExitCode) {
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
    guard let output else { return nil }
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

  private static func job(_ input: FileName, _ output: FileName) throws(Refusal) -> Job {
    guard let format = OutputFormat.extensions[output.fileExtension] else {
      throw Refusal(
        "\(output.shown) cannot be written: the extension is to be .png, .jpg, .jpeg, .tif or "
          + ".tiff")
    }
    return Job(input: input, output: output, target: try output.writtenFile(), format: format)
  }

  private func refuseCollisions() throws(Refusal) {
    var inputs: [FileStatus.Identity: FileName] = [:]
    for job in jobs {
      if let status = job.input.status { inputs[status.identity] = job.input }
    }
    var outputs: [FileName: FileName] = [:]
    for job in jobs {
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
