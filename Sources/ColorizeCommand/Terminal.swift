// What is said while working: messages, and on a terminal the progress. All on standard error.

import Glibc

enum Terminal {
  /// Says one line, after the command's name.
  static func say(_ text: String) { write("libcolorize: \(harmless(text))\n") }

  /// Says why a file failed, or something else about it.
  static func say(_ file: FileName, _ text: String) { say("\(file.shown): \(text)") }

  /// The text, which may quote arguments and anybody's files, without what would move a terminal's
  /// cursor or turn the order of its characters.
  ///
  /// - Parameter kept: characters that stay.
  static func harmless(
    _ text: String, replacing: Unicode.Scalar = " ", but kept: Unicode.Scalar? = nil
  ) -> String {
    var shown = String.UnicodeScalarView()
    for scalar in String(decoding: Arguments.bytes(of: text), as: UTF8.self).unicodeScalars {
      shown.append(scalar == kept || isHarmless(scalar) ? scalar : replacing)
    }
    return String(shown)
  }

  private static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator: false
    default: !scalar.properties.isBidiControl
    }
  }

  static func write(_ text: String) {
    var text = text
    // That nobody reads it is no reason to stop.
    text.withUTF8 { _ = Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}

/// The last line of a terminal, which is written over again and again.
struct StatusLine {
  let isShown: Bool

  private static let clear = "\r\u{1B}[K"

  /// Nothing is ever shown where there is no terminal to show it.
  init(isQuiet: Bool) {
    let kind = getenv("TERM").map { String(cString: $0) }
    isShown = !isQuiet && isatty(STDERR_FILENO) != 0 && kind != nil && kind != "dumb"
  }

  /// Shows the text's beginning, as far as there is room: a line that wraps could not be cleared.
  func show(_ text: String) {
    if isShown { Terminal.write(Self.clear + text.prefix(Self.columns - 1)) }
  }

  /// Takes the line away, so that something else can be said.
  func end() {
    if isShown { Terminal.write(Self.clear) }
  }

  static var columns: Int {
    var size = winsize()
    let known = ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
    return known ? Int(size.ws_col) : 80
  }
}

/// One line that shows how far the work is: `2/7 photo.jpg [######              ]  31 %`.
final class ProgressLine {
  private let line: StatusLine
  private var title = ""
  private var percent = -1

  private static let barWidth = 20
  /// A narrower terminal has no room for a bar.
  private static let barColumns = 40

  init(isQuiet: Bool) { line = StatusLine(isQuiet: isQuiet) }

  func begin(_ file: FileName, number: Int, of count: Int) {
    title = count == 1 ? file.shown : "\(number)/\(count) \(file.shown)"
    percent = -1
    update(0)
  }

  func update(_ fraction: Float) {
    let now = Int(fraction * 100)
    guard line.isShown, now != percent else { return }
    percent = now
    let figure = String(repeating: " ", count: now < 10 ? 2 : now < 100 ? 1 : 0) + "\(now) %"
    let columns = StatusLine.columns
    var text = " \(figure)"
    if columns >= Self.barColumns {
      let filled = Self.barWidth * now / 100
      let rest = Self.barWidth - filled
      let bar = String(repeating: "#", count: filled) + String(repeating: " ", count: rest)
      text = " [\(bar)]" + text
    }
    let room = columns - 1 - text.count
    let shortTitle = title.count <= room ? title : "..." + title.suffix(max(room - 3, 0))
    line.show(shortTitle + text)
  }

  /// Takes the line away, so that something else can be said.
  func end() { line.end() }

  /// Says on a terminal what has been made.
  func report(_ input: FileName, _ output: FileName) {
    if line.isShown { Terminal.write("\(input.shown) -> \(output.shown)\n") }
  }
}
