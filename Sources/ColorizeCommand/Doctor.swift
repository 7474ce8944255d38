// `libcolorize doctor`: replays the test vectors that a model file carries, on this processor.

import ArgumentParser
import CPlatform
import ColorizeCore

struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Checks a model on this processor.",
    usage: "libcolorize doctor [MODEL]",
    discussion: """
      A model file carries small inputs together with the colors that its author got for them. They \
      are run again with each instruction set of this processor, and with OpenBLAS if it would be \
      used. The exit status is 1 if a difference exceeds the bound, or if the file carries no such \
      inputs.
      """)

  @Argument(
    help: ArgumentHelp("A model file. (default: the built-in model)", valueName: "MODEL"))
  var model: FileName?

  func run() throws {
    let choice = ModelChoice(file: model)
    // What a run would take, be it asked for or the best.
    let information = try choice.open().information
    let chosen = information.instructionSet
    print("model            \(choice.shown)")
    print("processors       \(platform_processors())")
    print("matrix products  \(information.matrixProducts)\n")
    print(
      Self.row(
        "instruction set", "chosen", "vectors", "max error", "mean error", "ms at 256x256"))

    var complaints: [String] = []
    func test(_ instructionSet: InstructionSet, _ gemm: GEMM, name: String) throws {
      let result = try Self.test(choice, instructionSet, gemm)
      let isChosen = instructionSet == chosen && gemm == information.gemm
      print(
        Self.row(
          name, isChosen ? "yes" : "no", "\(result.vectors)",
          Table.scientific(result.maximumError), Table.scientific(result.meanError),
          Table.oneDecimal(result.millisecondsPerForward)))
      if result.vectors > 0, !result.passes {
        complaints.append("with \(name) its colors are off by more than the bound")
      } else if result.vectors == 0, complaints.isEmpty {
        complaints.append("has no test vectors, so nothing was checked")
      }
    }
    for instructionSet in InstructionSet.allCases {
      guard InstructionSet.available.contains(instructionSet) else {
        print(Table.padded(instructionSet.rawValue, to: 17) + "not on this processor")
        continue
      }
      try test(instructionSet, .own, name: instructionSet.rawValue)
    }
    if information.blas != nil { try test(chosen, .openblas, name: GEMM.openblas.rawValue) }
    print(
      Self.row(
        "bound", "", "", Table.scientific(SelfTest.maximumErrorBound),
        Table.scientific(SelfTest.meanErrorBound), ""))
    let reason =
      try ModelChoice.requested(InstructionSet.self) == nil
      ? "the best one of this processor" : "COLORIZE_ISA asks for it"
    print("\n\(chosen.rawValue) is chosen: \(reason). Errors are differences of ab (CIE Lab).")
    if let blas = information.blas { try explain(blas, chosen) }

    guard complaints.isEmpty else {
      for complaint in complaints { Terminal.say("\(choice.shown): \(complaint)") }
      throw ExitCode.failure
    }
  }

  /// Why OpenBLAS multiplies matrices, and what is wrong with that.
  private func explain(_ blas: OpenBLAS, _ instructionSet: InstructionSet) throws {
    let reason =
      try ModelChoice.requested(GEMM.self) == nil
      ? "there are no kernels for this processor" : "\(GEMM.variable) asks for it"
    print(
      "OpenBLAS multiplies matrices: \(reason). Everything else is done with "
        + "\(instructionSet.rawValue).")
    if let better = blas.betterCore {
      print(
        """
        Warning: OpenBLAS uses its kernels for \(blas.core), which are several times slower than \
        necessary, because it does not recognize this processor or OPENBLAS_CORETYPE says so. Set \
        OPENBLAS_CORETYPE=\(better) before the process starts.
        """)
    }
  }

  private static func test(
    _ choice: ModelChoice, _ instructionSet: InstructionSet, _ gemm: GEMM
  ) throws(ExitCode) -> SelfTest {
    let model = try choice.open(for: instructionSet, gemm)
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
