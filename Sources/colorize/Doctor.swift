// `colorize doctor`: replays the test vectors that a model file carries, on this processor.

import ArgumentParser
import CPlatform
import ColorizeCore

struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Checks a model on this processor.",
    discussion: """
      A model file carries small inputs and the colours that its author saw for them. They are \
      replayed with each instruction set that this processor has. The exit status is 1 if a \
      difference is over the bound, or if the file carries none.
      """)

  @Argument(
    help: ArgumentHelp("A model file. (default: the built-in model)", valueName: "MODEL"))
  var model: FileName?

  func run() throws {
    let choice = ModelChoice(file: model)
    // What a run would take, be it asked for or the best.
    let chosen = try choice.open().information.instructionSet
    print("model       \(choice.shown)\nprocessors  \(platform_processors())\n")
    print(
      Self.row(
        "instruction set", "chosen", "vectors", "max error", "mean error", "ms at 256x256"))

    var complaints: [String] = []
    for instructionSet in InstructionSet.allCases {
      guard InstructionSet.available.contains(instructionSet) else {
        print(Table.padded(instructionSet.rawValue, to: 17) + "not on this processor")
        continue
      }
      let result = try Self.test(choice, instructionSet)
      print(
        Self.row(
          instructionSet.rawValue, instructionSet == chosen ? "yes" : "no", "\(result.vectors)",
          Table.scientific(result.maximumError), Table.scientific(result.meanError),
          Table.oneDecimal(result.millisecondsPerForward)))
      if result.vectors > 0, !result.passes {
        complaints.append(
          "with \(instructionSet.rawValue) its colours are off by more than the bound")
      } else if result.vectors == 0, complaints.isEmpty {
        complaints.append("has no test vectors, so nothing was checked")
      }
    }
    print(
      Self.row(
        "bound", "", "", Table.scientific(SelfTest.maximumErrorBound),
        Table.scientific(SelfTest.meanErrorBound), ""))
    let reason =
      try ModelChoice.requestedInstructionSet() == nil
      ? "the best that this processor has" : "COLORIZE_ISA asks for it"
    print("\n\(chosen.rawValue) is chosen: \(reason). Errors are differences of ab (CIE Lab).")

    guard complaints.isEmpty else {
      for complaint in complaints { Terminal.say("\(choice.shown): \(complaint)") }
      throw ExitCode.failure
    }
  }

  private static func test(
    _ choice: ModelChoice, _ instructionSet: InstructionSet
  ) throws(ExitCode) -> SelfTest {
    let model = try choice.open(for: instructionSet)
    do {
      return try SelfTest.run(model: model)
    } catch {
      Terminal.say("\(choice.shown): \(error.message)")
      throw .failure
    }
  }

  private static func row(_ cells: String...) -> String {
    Table.row(cells, widths: [17, 8, 9, 11, 12, 15])
  }
}
