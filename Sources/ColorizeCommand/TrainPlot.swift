// A plot of a run's metrics, drawn by gnuplot where it is installed.

import CImageFiles
import ColorizeTraining
import Glibc

/// Draws metrics.png from the metrics.csv of a folder, and from its validation.csv if it has one.
struct TrainPlot {
  let folder: FileName
  /// The columns of the losses.
  let losses: [String]
  let isValidated: Bool

  enum Result: Equatable {
    case drawn
    case notInstalled
    /// The exit status.
    case failed(Int32)
  }

  private var picture: FileName { file("metrics.png") }

  private func file(_ part: String) -> FileName {
    FileName(bytes: Array(part.utf8)).inFolder(folder)
  }

  /// Files are given to the child as open ones: their names would have to be quoted in the script.
  private static let dataDescriptor: Int32 = 3
  private static let validationDescriptor: Int32 = 4

  /// Losses above, the learning rate and the gradients' norm below, and under these how far validation's
  /// pictures are from the truth.
  private var script: String {
    let data = "'/dev/fd/\(Self.dataDescriptor)'"
    let validation = "'/dev/fd/\(Self.validationDescriptor)'"
    return [
      "set terminal pngcairo size 1200,\(isValidated ? 1350 : 900)",
      "set datafile separator ','",
      "set key autotitle columnhead",
      "set grid",
      "set multiplot layout \(isValidated ? 3 : 2),1",
      "set xlabel 'step'",
      "set ylabel 'loss'",
      "plot for [name in '\(losses.joined(separator: " "))'] \(data) "
        + "using 'step':name with lines title name noenhanced",
      "set ylabel 'learning rate'",
      "set y2label 'norm of the gradients'",
      "set ytics nomirror",
      "set y2tics",
      "plot \(data) using 'step':'learning_rate' with lines title 'learning rate', "
        + "\(data) using 'step':'gradient_norm' axes x1y2 with lines title 'norm of the gradients'",
    ].joined(separator: "; ")
      + (isValidated
        ? [
          "", "set ylabel 'PSNR of validation (dB)'", "set y2label 'CIEDE2000 of validation'",
          "plot \(validation) using 'step':'psnr' with linespoints title 'PSNR', "
            + "\(validation) using 'step':'ciede2000' axes x1y2 with linespoints title 'CIEDE2000'",
        ].joined(separator: "; ") : "")
  }

  /// Takes part of a second.
  func draw() -> Result {
    guard let output = try? OutputFile.open(picture) else { return .failed(-1) }
    guard let process = spawn(output_file_descriptor(output)) else {
      output_file_discard(output)
      return .notInstalled
    }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    guard status == 0 else {
      output_file_discard(output)
      return .failed(status >> 8 & 0xFF)
    }
    return output_file_commit(output, nil, false) ? .drawn : .failed(-1)
  }

  /// Starts gnuplot, mute. nil if that cannot be done.
  ///
  /// - Parameter output: where it writes the picture.
  private func spawn(_ output: Int32) -> pid_t? {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for descriptor in [STDIN_FILENO, STDERR_FILENO] {
      posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
    }
    // First, since the others may take its number.
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
    let tables =
      [("metrics.csv", Self.dataDescriptor)]
      + (isValidated ? [("validation.csv", Self.validationDescriptor)] : [])
    for (part, descriptor) in tables {
      _ = file(part).withCString {
        posix_spawn_file_actions_addopen(&actions, descriptor, $0, O_RDONLY, 0)
      }
    }

    // Ctrl-C is for this process, which waits for the child; signals that it ignores the child need not.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var defaults = sigset_t()
    sigemptyset(&defaults)
    for signal in [SIGPIPE, SIGXFSZ] { sigaddset(&defaults, signal) }
    posix_spawnattr_setsigdefault(&attributes, &defaults)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))

    var arguments: [UnsafeMutablePointer<CChar>?] = []
    for argument in ["gnuplot", "-e", script] { arguments.append(strdup(argument)) }
    defer { for argument in arguments { free(argument) } }
    arguments.append(nil)
    var process = pid_t()
    let result = posix_spawnp(&process, "gnuplot", &actions, &attributes, arguments, environ)
    return result == 0 ? process : nil
  }
}
