// What every exported function does first and last: C structs in, statuses and messages out, the
// host's floating-point environment and the cancellation of its thread put aside and back.

import CColorize
import CPlatform
import ColorizeCore
import Glibc

/// Runs the body of an exported function and reports how it ended. Meanwhile the thread has the
/// default floating-point environment: a host may flush denormals or round differently, and the
/// bytes of a picture must not show it.
func report(
  to error: UnsafeMutablePointer<colorize_error>?,
  _ body: (HostFloatingPoint) throws(ColorizeError) -> Void
) -> colorize_status {
  withoutCancellation {
    var saved = fenv_t()
    platform_enter_default_floating_point(&saved)
    defer { fesetenv(&saved) }
    do throws(ColorizeError) {
      try Reserve.check()
      try body(HostFloatingPoint(saved))
      error?.pointee.set(Int32(COLORIZE_OK)) { _ in }
      return Int32(COLORIZE_OK)
    } catch .outOfMemory(let bytes) {
      let status = Int32(COLORIZE_OUT_OF_MEMORY)
      error?.pointee.set(status) { $0.write(noMemoryFor: bytes) }
      return status
    } catch let failure {
      error?.pointee.set(failure.status) { $0.write(failure.message.utf8) }
      return failure.status
    }
  }
}

/// Runs `body` to its end, whoever cancels the thread: its stack would be unwound while a call's threads work
/// on what lies there.
func withoutCancellation<Result>(_ body: () -> Result) -> Result {
  let state = platform_disable_cancellation()
  defer { platform_restore_cancellation(state) }
  return body()
}

/// The floating-point environment in which the host called.
struct HostFloatingPoint {
  private let environment: fenv_t

  fileprivate init(_ environment: fenv_t) { self.environment = environment }

  /// Calls back into the host, in its own environment.
  func callback<Result>(_ body: () -> Result) -> Result {
    var own = fenv_t()
    fegetenv(&own)
    defer { fesetenv(&own) }
    var host = environment
    fesetenv(&host)
    return body()
  }
}

extension ColorizeError {
  var status: colorize_status {
    switch self {
    case .invalidArgument: Int32(COLORIZE_INVALID_ARGUMENT)
    case .outOfMemory: Int32(COLORIZE_OUT_OF_MEMORY)
    case .cannotReadFile, .cannotWriteFile: Int32(COLORIZE_CANNOT_READ_FILE)
    case .invalidModel: Int32(COLORIZE_INVALID_MODEL)
    case .unsupportedModel: Int32(COLORIZE_UNSUPPORTED_MODEL)
    case .cancelled: Int32(COLORIZE_CANCELLED)
    }
  }
}

extension colorize_error {
  /// Sets the status, and the message to what `body` writes.
  fileprivate mutating func set(_ status: colorize_status, _ body: (inout MessageWriter) -> Void) {
    self.status = status
    withUnsafeMutableBytes(of: &message) { bytes in
      var writer = MessageWriter(bytes)
      body(&writer)
      writer.end()
    }
  }
}

/// Writes the message of a colorize_error, and cuts it between two characters where it does not fit.
private struct MessageWriter {
  private let bytes: UnsafeMutableRawBufferPointer
  private var count = 0
  private var isCut = false

  /// Room for all but the final zero.
  private var room: Int { bytes.count - 1 }

  init(_ bytes: UnsafeMutableRawBufferPointer) { self.bytes = bytes }

  mutating func write(_ text: some Sequence<UInt8>) {
    for byte in text {
      guard count < room else {
        isCut = true
        return
      }
      bytes[count] = byte
      count += 1
    }
  }

  /// `ColorizeError.message` without a String: there may be no memory for one.
  mutating func write(noMemoryFor number: Int) {
    let parts: (StaticString, StaticString) = ("no memory for ", " bytes")
    parts.0.withUTF8Buffer { write($0) }
    var divisor = 1
    while number / divisor >= 10 { divisor *= 10 }
    while divisor > 0 {
      write(CollectionOfOne(UInt8(ascii: "0") + UInt8(number / divisor % 10)))
      divisor /= 10
    }
    parts.1.withUTF8Buffer { write($0) }
  }

  mutating func end() {
    if isCut {
      // Back to the first byte of the character that may be incomplete.
      while count > 0, bytes[count - 1] & 0xC0 == 0x80 { count -= 1 }
      if count > 0, bytes[count - 1] >= 0xC0 { count -= 1 }
    }
    bytes[count] = 0
  }
}

/// A pointer that must not be NULL.
func required<Pointer>(_ pointer: Pointer?, _ name: String) throws(ColorizeError) -> Pointer {
  guard let pointer else { throw .invalidArgument("\(name) is NULL") }
  return pointer
}

/// What a struct_size may be. No struct will ever be larger; a size that was never set most often is.
let structSizes = MemoryLayout<Int>.size...4096

/// A caller's struct that begins with struct_size, as this version knows it: what a shorter one
/// lacks is zero.
///
/// - Parameter empty: the struct with every byte zero.
func versioned<Struct>(
  _ pointer: UnsafePointer<Struct>, _ name: String, empty: Struct
) throws(ColorizeError) -> Struct {
  let size = UnsafeRawPointer(pointer).load(as: Int.self)
  let known = MemoryLayout<Struct>.size
  guard structSizes.contains(size) else {
    throw .invalidArgument(
      "\(name)->struct_size is \(UInt(bitPattern: size)); it must be sizeof the struct, here \(known)"
    )
  }
  let bytes = UnsafeRawBufferPointer(start: UnsafeRawPointer(pointer), count: size)
  for index in min(known, size)..<size where bytes[index] != 0 {
    throw .invalidArgument(
      "\(name) sets something that this version does not know, at byte \(index)")
  }
  var result = empty
  withUnsafeMutableBytes(of: &result) { target in
    target.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<min(known, size)]))
  }
  return result
}

/// What the environment asks for, if it does.
func requested<Choice: NamedChoice>(_: Choice.Type) throws(ColorizeError) -> Choice? {
  guard let value = getenv(Choice.variable) else { return nil }
  return try Choice.named(String(cString: value))
}
