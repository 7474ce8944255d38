// The programs that read and write films: ffmpeg and ffprobe, each in a process group of its own.

import CProcess
import Glibc

/// A program that runs beside this one.
final class VideoChild {
  private let name: String
  private let process: pid_t
  /// What it says.
  private let errors: Int32
  private var status: Int32?

  /// - Parameters:
  ///   - arguments: after the program's name, as bytes.
  ///   - input, output: what it reads and writes; -1: nothing.
  init(
    _ name: String, _ arguments: [[UInt8]], input: Int32 = -1, output: Int32 = -1
  ) throws(Failure) {
    self.name = name
    errors = process_scratch_file()
    guard errors >= 0 else {
      throw Failure("no temporary file: \(String(cString: strerror(errno)))")
    }
    let nothing = open("/dev/null", O_RDWR | O_CLOEXEC)
    defer { close(nothing) }
    var pointers = ([Array(name.utf8)] + arguments).map { bytes -> UnsafeMutablePointer<CChar>? in
      let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count + 1)
      for (index, byte) in bytes.enumerated() { copy[index] = CChar(bitPattern: byte) }
      copy[bytes.count] = 0
      return copy
    }
    pointers.append(nil)
    defer { for pointer in pointers { pointer?.deallocate() } }
    var process = pid_t()
    let problem = process_start(
      pointers, input < 0 ? nothing : input, output < 0 ? nothing : output, errors, &process)
    guard problem == 0 else {
      close(errors)
      let reason = String(cString: strerror(problem))
      throw Failure(
        problem == ENOENT
          ? "\(name) is not installed: films are read and written with it" : "\(name): \(reason)")
    }
    self.process = process
  }

  deinit {
    if status == nil {
      kill(process, SIGKILL)
      _ = wait()
    }
    close(errors)
  }

  /// - Returns: whether it has ended well.
  func wait() -> Bool {
    if let status { return status == 0 }
    var raw: Int32 = 0
    while waitpid(process, &raw, 0) < 0, errno == EINTR {}
    status = raw
    return raw == 0
  }

  /// What it has said, a line; nil: nothing. Of many lines the last, which says what came of it.
  var message: String? {
    let size = lseek(errors, 0, SEEK_END)
    let length = min(Int(size), 4096)
    guard length > 0 else { return nil }
    var bytes = [UInt8](repeating: 0, count: length)
    guard pread(errors, &bytes, length, size - off_t(length)) == length else { return nil }
    return bytes.split(separator: UInt8(ascii: "\n")).last.map {
      String(decoding: $0, as: UTF8.self)
    }
  }

  /// Why it has failed.
  var failure: Failure { Failure("\(name): \(message ?? "it has ended without saying why")") }

  /// A name that these programs take for a file's, whatever is in it.
  static func argument(_ file: FileName) -> [UInt8] { Array("file:".utf8) + file.bytes }
}

/// A pipe to or from a program.
final class ChildPipe {
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
