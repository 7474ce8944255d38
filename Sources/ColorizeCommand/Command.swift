// The command `libcolorize`: its subcommands.

import ArgumentParser
import CColorize
import CProcess
import Glibc

@main
struct Colorize: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "libcolorize",
    abstract: "Colours black-and-white photographs.",
    version: version,
    subcommands: [
      Run.self, Suggest.self, Info.self, Doctor.self, Profile.self, Convert.self, Evaluate.self,
      GamutCommand.self, Train.self,
    ],
    defaultSubcommand: Run.self)

  /// The header's, which is the library's.
  private static let version =
    "\(COLORIZE_VERSION_MAJOR).\(COLORIZE_VERSION_MINOR).\(COLORIZE_VERSION_PATCH)"

  /// The names by which the first argument may choose what to do.
  static var names: [String] {
    configuration.subcommands.compactMap { $0.configuration.commandName } + ["help"]
  }

  static func main() {
    let arguments = Arguments.all
    do {
      // Whatever names no subcommand, also `--help` and nothing at all, is about colouring.
      let isNamed = arguments.first.map { names.contains($0) } ?? false
      var command = try parseAsRoot(isNamed ? arguments : ["run"] + arguments)
      try command.run()
      Glibc.exit(finished(0))
    } catch {
      let code = exitCode(for: error).rawValue
      // It quotes what was given, lines and all.
      let text = Terminal.harmless(fullMessage(for: error), but: "\n")
      if code == 0 { print(text) } else if !text.isEmpty { Terminal.write(text + "\n") }
      Glibc.exit(finished(code))
    }
  }

  /// The exit status, once all that was printed has been written.
  private static func finished(_ code: Int32) -> Int32 {
    guard !process_flush_output() else { return code }
    let reason = errno == 0 ? "" : ": \(String(cString: strerror(errno)))"
    Terminal.say("standard output cannot be written\(reason)")
    return code == 0 ? ExitCode.failure.rawValue : code
  }
}

/// What the user asked for cannot be done, whatever the files hold. Nothing has been done yet.
struct Refusal: Error {
  let reason: String

  init(_ reason: String) { self.reason = reason }

  /// Says it, as one line; the exit status is that of wrong arguments.
  func report() -> ExitCode {
    Terminal.say(reason)
    return .validationFailure
  }
}

/// What was begun cannot be finished.
struct Failure: Error {
  let reason: String

  init(_ reason: String) { self.reason = reason }

  /// About a file, for the reason that the system gives.
  init(_ file: FileName, _ what: String) {
    reason = "\(file.shown): \(what): \(String(cString: strerror(errno)))"
  }

  /// Says it, as one line.
  func report() -> ExitCode {
    Terminal.say(reason)
    return .failure
  }
}
