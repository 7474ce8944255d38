// The command `libcolorize`: its subcommands.

import ArgumentParser
import CColorize
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

  static func main() {
    let arguments = Array(CommandLine.arguments.dropFirst())
    // Whatever names no subcommand, also `--help` and nothing at all, is about colouring.
    let names = configuration.subcommands.map { $0.configuration.commandName } + ["help"]
    let isNamed = arguments.first.map { names.contains($0) } ?? false
    main(isNamed ? arguments : ["run"] + arguments)
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
