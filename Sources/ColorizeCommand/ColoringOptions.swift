// What whoever colors something can choose: the model, the threads, and how much is said.

import ArgumentParser
import ColorizeCore

struct ColoringOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A file, or a name of 'models'. (default: built in)", valueName: "MODEL"))
  var model: FileName?

  @Flag(help: "Print errors only: no progress, no notes.")
  var quiet = false

  @Option(
    help: ArgumentHelp(
      "Threads, 1 to 256. (default: one per processor)", valueName: "N", visibility: .rare))
  var threads: Int?

  func validate() throws {
    try Bounds.check("--threads", threads, 1...RunOptions.maximumThreads)
  }
}
