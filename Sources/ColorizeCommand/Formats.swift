// `libcolorize formats`: which picture files there are.

import ArgumentParser
import CImageFiles

struct Formats: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "formats",
    abstract: "Lists the formats of pictures.",
    usage: "libcolorize formats",
    discussion: """
      With each: whether it is read only, or written, too, and what the names of its files end in. Some \
      need a library that is loaded when a file first does.
      """)

  func run() {
    print(Table.padded("format", to: 12) + Table.padded("", to: 10) + "names")
    for kind in OutputFormat.kinds {
      print(
        Table.padded(String(cString: kind.name), to: 12)
          + Table.padded(kind.is_written ? "written" : "read", to: 10)
          + OutputFormat.suffixes(of: kind).map { ".\($0)" }.joined(separator: " "))
    }
  }
}
