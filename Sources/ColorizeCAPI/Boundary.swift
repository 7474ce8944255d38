// What every exported function does first and last: C structs in, statuses and messages out, the
// host's floating-point environment put aside and back.

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
  let status: colorize_status
  let message: String
  var saved = fenv_t()
  platform_enter_default_floating_point(&saved)
  defer { platform_leave_default_floating_point(&saved) }
  do throws(ColorizeError) {
    try Reserve.check()
    try body(HostFloatingPoint(saved))
    status = Int32(COLORIZE_OK)
    message = ""
  } catch let failure {
    status = failure.status
    message = failure.message
  }
  if let error { error.pointee.set(status, message) }
  return status
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
    case .cannotReadFile: Int32(COLORIZE_CANNOT_READ_FILE)
    case .invalidModel: Int32(COLORIZE_INVALID_MODEL)
    case .unsupportedModel: Int32(COLORIZE_UNSUPPORTED_MODEL)
    case .cancelled: Int32(COLORIZE_CANCELLED)
    }
  }
}

extension colorize_error {
  /// Cuts the message where it does not fit, between two characters.
  fileprivate mutating func set(_ status: colorize_status, _ text: String) {
    self.status = status
    withUnsafeMutableBytes(of: &message) { bytes in
      var count = 0
      for character in text.unicodeScalars {
        let units = UTF8.encode(character).unsafelyUnwrapped
        guard count + units.count < bytes.count else { break }
        for unit in units {
          bytes[count] = unit
          count += 1
        }
      }
      bytes[count] = 0
    }
  }
}

/// A pointer that must not be NULL.
func required<Pointer>(_ pointer: Pointer?, _ name: String) throws(ColorizeError) -> Pointer {
  guard let pointer else { throw .invalidArgument("\(name) is NULL") }
  return pointer
}

/// A caller's struct that begins with struct_size, as this version knows it: what a shorter one
/// lacks is zero.
///
/// - Parameter empty: the struct with every byte zero.
func versioned<Struct>(
  _ pointer: UnsafePointer<Struct>, _ name: String, empty: Struct
) throws(ColorizeError) -> Struct {
  let size = UnsafeRawPointer(pointer).load(as: Int.self)
  let known = MemoryLayout<Struct>.size
  // No struct will ever be that large; a size that was never set most often is.
  guard size >= MemoryLayout<Int>.size, size <= 4096 else {
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

/// The instruction set that the environment asks for.
func instructionSetOfEnvironment() throws(ColorizeError) -> InstructionSet? {
  guard let value = getenv("COLORIZE_ISA") else { return nil }
  return try InstructionSet.named(String(cString: value))
}
