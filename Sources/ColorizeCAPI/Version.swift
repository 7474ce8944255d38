// colorize_version and colorize_status_name.

import CColorize

@c @implementation
public func colorize_version() -> UInt32 {
  UInt32(
    COLORIZE_VERSION_MAJOR * 1_000_000 + COLORIZE_VERSION_MINOR * 1000 + COLORIZE_VERSION_PATCH)
}

@c @implementation
public func colorize_status_name(_ status: colorize_status) -> UnsafePointer<CChar>! {
  let name: StaticString =
    switch Int(status) {
    case Int(COLORIZE_OK): "COLORIZE_OK"
    case Int(COLORIZE_INVALID_ARGUMENT): "COLORIZE_INVALID_ARGUMENT"
    case Int(COLORIZE_OUT_OF_MEMORY): "COLORIZE_OUT_OF_MEMORY"
    case Int(COLORIZE_CANNOT_READ_FILE): "COLORIZE_CANNOT_READ_FILE"
    case Int(COLORIZE_INVALID_MODEL): "COLORIZE_INVALID_MODEL"
    case Int(COLORIZE_UNSUPPORTED_MODEL): "COLORIZE_UNSUPPORTED_MODEL"
    case Int(COLORIZE_CANCELLED): "COLORIZE_CANCELLED"
    default: "COLORIZE_UNKNOWN_STATUS"
    }
  return UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
}
