// A fuzzer of what reads model files (https://llvm.org/docs/LibFuzzer.html): opens whatever it is
// given as a file, and reads every tensor. Tests/Fuzz/run builds it together with the sources under
// test, as one module.

import Glibc

/// Inputs of other containers are of no interest to this process, which LIBCOLORIZE_FUZZ_CONTAINER says.
private let wanted = getenv("LIBCOLORIZE_FUZZ_CONTAINER").map { String(cString: $0) }

@_cdecl("LLVMFuzzerTestOneInput")
public func test(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let source = ByteSource(UnsafeRawBufferPointer(start: bytes, count: count))
  let isZip = count >= 4 && memcmp(bytes, "PK\u{3}\u{4}", 4) == 0
  let isPickle = count >= 1 && bytes[0] == 0x80
  guard wanted == nil || wanted == (isZip ? "zip" : isPickle ? "legacy" : "safetensors") else {
    return -1
  }
  guard let file = try? TensorFile(source) else { return 0 }
  for name in file.names {
    guard let shape = file.shape(name) else { continue }
    // Tensors of safetensors may share bytes: what is read is bounded by the number of tensors.
    _ = try? file.floats(name, shape: shape)
    _ = try? file.bytes(name)
  }
  return 0
}
