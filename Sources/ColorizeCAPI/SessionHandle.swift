// colorize_session_*: pictures that are colored again and again.

import CColorize
import ColorizeCore

/// What a colorize_session points to.
private final class SessionHandle: Sendable {
  let session: Session

  init(_ session: Session) { self.session = session }

  /// The handle behind a pointer that the caller has from colorize_session_open.
  static func borrow(_ pointer: OpaquePointer?) throws(ColorizeError) -> Session {
    Unmanaged<SessionHandle>.fromOpaque(UnsafeRawPointer(try required(pointer, "session")))
      .takeUnretainedValue().session
  }
}

@c @implementation
public func colorize_session_open(
  _ model: OpaquePointer!, _ input: UnsafePointer<colorize_image>!,
  _ options: UnsafePointer<colorize_options>!, _ session: UnsafeMutablePointer<OpaquePointer?>!,
  _ error: UnsafeMutablePointer<colorize_error>!
) -> colorize_status {
  session?.pointee = nil
  return report(to: error) { host throws(ColorizeError) in
    let target = try required(session, "session")
    let model = try ModelHandle.borrow(model).model
    let input = try view(try required(input, "in"), "in")
    try withOptions(options, for: .session, host) { options throws(ColorizeError) in
      let handle = SessionHandle(try Session(model: model, copying: input, options: options))
      target.pointee = OpaquePointer(Unmanaged.passRetained(handle).toOpaque())
    }
  }
}

@c @implementation
public func colorize_session_close(_ session: OpaquePointer!) {
  guard let session else { return }
  withoutCancellation { Unmanaged<SessionHandle>.fromOpaque(UnsafeRawPointer(session)).release() }
}

@c @implementation
public func colorize_session_run(
  _ session: OpaquePointer!, _ output: UnsafePointer<colorize_image>!,
  _ options: UnsafePointer<colorize_options>!, _ error: UnsafeMutablePointer<colorize_error>!
) -> colorize_status {
  report(to: error) { host throws(ColorizeError) in
    let session = try SessionHandle.borrow(session)
    let output = try view(try required(output, "out"), "out")
    try withOptions(options, for: .picture(session.picture.size), host) {
      options throws(ColorizeError) in
      try Colorizer.run(session, output: output, options: options)
    }
  }
}

@c @implementation
public func colorize_session_suggest(
  _ session: OpaquePointer!, _ points: UnsafePointer<Float>!, _ count: Int, _ colors: UInt32,
  _ options: UnsafePointer<colorize_options>!,
  _ suggestions: UnsafeMutablePointer<colorize_suggestion>!,
  _ error: UnsafeMutablePointer<colorize_error>!
) -> colorize_status {
  report(to: error) { host throws(ColorizeError) in
    let session = try SessionHandle.borrow(session)
    let points = try required(points, "points")
    let suggestions = try required(suggestions, "suggestions")
    guard (1...65536).contains(count) else {
      throw .invalidArgument("count is \(UInt(bitPattern: count)); it must be 1 to 65536")
    }
    guard (1...32).contains(colors) else {
      throw .invalidArgument("colors is \(colors); it must be 1 to 32")
    }
    let places = try Memory<SIMD2<Float>>(count: count)
    for index in 0..<count {
      places.start[index] = SIMD2(points[2 * index], points[2 * index + 1])
    }
    let colors = Int(colors)
    try withOptions(options, for: .picture(session.picture.size), host) {
      options throws(ColorizeError) in
      try session.suggest(
        at: UnsafeBufferPointer(start: places.start, count: count), colors: colors,
        options: options
      ) { point, found in
        for index in 0..<colors {
          suggestions[point * colors + index] =
            index < found.count ? colorize_suggestion(found[index]) : colorize_suggestion()
        }
      }
    }
  }
}

@c @implementation
public func colorize_session_confidence(
  _ session: OpaquePointer!, _ options: UnsafePointer<colorize_options>!,
  _ confidence: UnsafeMutablePointer<Float>!, _ rowBytes: Int,
  _ error: UnsafeMutablePointer<colorize_error>!
) -> colorize_status {
  report(to: error) { host throws(ColorizeError) in
    let session = try SessionHandle.borrow(session)
    let confidence = try required(confidence, "confidence")
    let size = session.picture.size
    guard rowBytes >= 4 * size.width, rowBytes % 4 == 0, rowBytes <= Int.max / size.height else {
      throw .invalidArgument(
        "row_bytes is \(UInt(bitPattern: rowBytes)); it must be a multiple of 4, at least "
          + "\(4 * size.width)")
    }
    try withOptions(options, for: .picture(size), host) { options throws(ColorizeError) in
      try session.confidence(options: options, into: confidence, stride: rowBytes / 4)
    }
  }
}

extension colorize_suggestion {
  fileprivate init(_ suggestion: Suggestion) {
    let rgb = suggestion.rgb
    self.init(
      probability: suggestion.probability, a: Float(suggestion.color.a),
      b: Float(suggestion.color.b), rgb: (Float(rgb.x), Float(rgb.y), Float(rgb.z)))
  }
}
