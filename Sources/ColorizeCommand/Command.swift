// The command `libcolorize`: its subcommands.

import ArgumentParser
import CProcess
import Glibc

@main
struct Colorize: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "libcolorize",
    abstract: "Colors black-and-white photographs.",
    version: Provenance.version,
    subcommands: [
      Run.self, Reproduce.self, Suggest.self, Models.self, Fetch.self, Formats.self, Info.self,
      Doctor.self, Profile.self, Convert.self, Evaluate.self, GamutCommand.self, Train.self,
      Video.self,
    ],
    defaultSubcommand: Run.self)

  /// The names by which the first argument may choose what to do.
  static var names: [String] {
    configuration.subcommands.compactMap { $0.configuration.commandName } + ["help"]
  }

  static func main() {
    let arguments = Arguments.all
    // Whatever names no subcommand, also `--help` and nothing at all, is about coloring.
    let named = arguments.first.flatMap { names.contains($0) ? $0 : nil }
    do {
      var command = try parseAsRoot(named == nil ? ["run"] + arguments : arguments)
      try command.run()
      Glibc.exit(finished(0))
    } catch let refusal as Refusal {
      refuse(refusal.reason, of: named)
    } catch {
      let code = exitCode(for: error)
      let isSaid = error is ExitCode || code != .validationFailure
      if !isSaid { refuse(message(for: error), of: named) }
      // Help, the version, or an exit status whose reason has been said.
      let text = fullMessage(for: error)
      if !text.isEmpty { print(Terminal.harmless(text, but: "\n")) }
      Glibc.exit(finished(code.rawValue))
    }
  }

  /// The exit status, once all that was printed has been written.
  private static func finished(_ code: Int32) -> Int32 {
    guard !process_flush_output() else { return code }
    let reason = errno == 0 ? "" : ": \(String(cString: strerror(errno)))"
    Terminal.say("standard output cannot be written\(reason)")
    return code == 0 ? ExitCode.failure.rawValue : code
  }

  /// Ends the command because of its arguments: one line says why, another one where its help is.
  private static func refuse(_ reason: String, of command: String?) -> Never {
    let lines = reason.split(separator: "\n").map { $0.drop { $0 == " " } }.joined(separator: " ")
    Terminal.say(lines.hasSuffix(".") ? String(lines.dropLast()) : lines)
    Terminal.write("see libcolorize \(command.map { "\($0) " } ?? "")--help\n")
    Glibc.exit(ExitCode.validationFailure.rawValue)
  }
}

/// What the user asked for cannot be done, whatever the files hold. Nothing has been done yet. The
/// exit status is that of wrong arguments.
struct Refusal: Error {
  let reason: String

  init(_ reason: String) { self.reason = reason }
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
