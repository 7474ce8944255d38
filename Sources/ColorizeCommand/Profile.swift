// `libcolorize profile`: where a network's time goes, for whoever makes it faster.

import ArgumentParser
import ColorizeCore

struct Profile: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "profile",
    abstract: "Times each step of a network.",
    usage: "libcolorize profile [OPTION]...",
    discussion: """
      Runs the network without a picture. Each step is listed with its algorithm, its shapes \
      (channels x height x width), its median time, and its multiply-adds in millions: those of a \
      direct computation, with the GFLOP/s they amount to, and those actually done, with their share \
      of the roofline. A step in brackets has no weights; the last one, decode, turns the network's \
      values into colors.
      """)

  @Option(
    help: ArgumentHelp(
      "Model file or PyTorch checkpoint. (default: built in)", valueName: "FILE"))
  var model: FileName?

  @Option(help: ArgumentHelp("Side, in pixels, of the network's square input.", valueName: "N"))
  var size = 256

  @Option(
    help: ArgumentHelp("Threads, 1 to 256. (default: one per processor)", valueName: "N"))
  var threads: Int?

  @Option(help: ArgumentHelp("Timed runs, after an untimed one.", valueName: "N"))
  var rounds = 10

  @Flag(help: "Print comma-separated values, with all digits.")
  var csv = false

  func validate() throws {
    try Bounds.check("--threads", threads, 1...RunOptions.maximumThreads)
    try Bounds.check("--rounds", rounds, 1...10_000)
  }

  func run() throws {
    let choice = ModelChoice(file: model)
    let opened = try choice.open()
    let profile: NetworkProfile
    do {
      profile = try NetworkProfile.run(model: opened, size: size, threads: threads, rounds: rounds)
    } catch .invalidArgument(let reason) {
      throw Refusal("--\(reason)")
    } catch {
      Terminal.say("\(choice.shown): \(error.message)")
      throw ExitCode.failure
    }
    if csv { printValues(profile) } else { printTable(profile, choice, opened) }
  }

  private func printTable(_ profile: NetworkProfile, _ choice: ModelChoice, _ model: Model) {
    print(
      """
      model            \(choice.shown)
      instruction set  \(model.information.instructionSet.rawValue)
      matrix products  \(model.information.matrixProducts)
      threads          \(profile.threads)
      roofline         \(Table.oneDecimal(profile.peak * 2e-9)) GFLOP/s for each thread

      """)
    print(
      Self.row(
        "step", "algorithm", "input", "output", "ms", "share", "direct", "GFLOP/s", "done",
        "roofline"))
    for step in profile.steps + [profile.whole] {
      print(
        Self.row(
          step.name.isEmpty ? "(\(step.work.algorithm))" : Terminal.harmless(step.name),
          step.work.algorithm, Self.text(step.input), Self.text(step.output),
          Table.formatted("%.3f", step.milliseconds),
          Self.percent(step.milliseconds / profile.whole.milliseconds),
          Table.oneDecimal(Double(step.work.direct) * 1e-6),
          Table.oneDecimal(step.directGigaflops),
          Table.oneDecimal(Double(step.work.done) * 1e-6),
          Self.percent(profile.rooflineShare(step))))
    }
  }

  private func printValues(_ profile: NetworkProfile) {
    print(
      "step,algorithm,input,output,milliseconds,direct_multiply_adds,direct_gflops,"
        + "done_multiply_adds,roofline_share,threads,peak_gflops")
    for step in profile.steps + [profile.whole] {
      let values = [
        step.name, step.work.algorithm, Self.text(step.input), Self.text(step.output),
        "\(step.milliseconds)", "\(step.work.direct)", "\(step.directGigaflops)",
        "\(step.work.done)", "\(profile.rooflineShare(step))", "\(profile.threads)",
        "\(profile.peak * 2e-9)",
      ]
      print(values.joined(separator: ","))
    }
  }

  private static func text(_ shape: Shape) -> String {
    "\(shape.channels)x\(shape.height)x\(shape.width)"
  }

  private static func percent(_ share: Double) -> String { Table.oneDecimal(100 * share) + "%" }

  private static func row(_ cells: String...) -> String {
    Table.row(cells, widths: [22, 10, 13, 13, 9, 7, 9, 9, 9, 9])
  }
}
