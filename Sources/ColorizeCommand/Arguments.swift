// The arguments of the process, which are bytes, for a parser that takes strings.

import ArgumentParser
import CProcess
import Glibc

enum Arguments {
  /// Bytes of 0x80 and more become characters from here on, which nothing else is made of: so every
  /// argument, be it UTF-8 or not, comes out of the parser as it was, and none of its characters joins
  /// another one ("=" followed by an accent would be no "=").
  private static let firstScalar: UInt32 = 0x10FF00

  /// All but the program's name.
  static var all: [String] {
    (1..<max(Int(process_argument_count()), 1)).compactMap { index in
      process_arguments()?[index].map { argument in
        let bytes = UnsafeBufferPointer(start: argument, count: strlen(argument))
        return text(of: bytes.map(UInt8.init(bitPattern:)))
      }
    }
  }

  /// An argument of these bytes, as the parser takes it.
  static func text(of bytes: [UInt8]) -> String {
    var text = String.UnicodeScalarView()
    for byte in bytes {
      let scalar = UInt32(byte) < 0x80 ? UInt32(byte) : firstScalar + UInt32(byte)
      // ASCII, or of the range above, which holds nothing but scalars.
      text.append(Unicode.Scalar(scalar).unsafelyUnwrapped)
    }
    return String(text)
  }

  /// The bytes of an argument, or of a text that quotes one.
  static func bytes(of text: String) -> [UInt8] {
    text.unicodeScalars.flatMap { scalar in
      scalar.value >= firstScalar + 0x80 && scalar.value <= firstScalar + 0xFF
        ? [UInt8(scalar.value - firstScalar)] : Array(UTF8.encode(scalar).unsafelyUnwrapped)
    }
  }
}

/// What an option takes that is text, and not a name of something.
struct Words: ExpressibleByArgument {
  let text: String

  init?(argument: String) {
    guard let text = String(validating: Arguments.bytes(of: argument), as: UTF8.self) else {
      return nil
    }
    self.text = text
  }
}

extension ArgumentVisibility {
  /// Of options that few need: they are left out of `--help`, which is to fit a screen, but not of completions.
  static var rare: ArgumentVisibility {
    Arguments.all.contains("--generate-completion-script") ? .default : .hidden
  }
}
