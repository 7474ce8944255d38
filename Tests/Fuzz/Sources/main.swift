// The fuzzers of libcolorize (https://llvm.org/docs/LibFuzzer.html): each gives an entry whatever
// libFuzzer makes up. One program, whose LIBCOLORIZE_FUZZ says which; Tests/Fuzz/run builds it, with
// sanitizers, and starts it.

import Glibc

/// What libFuzzer calls: 0, or -1 where an input is not to become part of the corpus.
typealias Fuzzer = (UnsafeRawBufferPointer) -> CInt

let fuzzers: [String: Fuzzer] = [
  "safetensors": { fuzzModelFile($0, "safetensors") },
  "zip": { fuzzModelFile($0, "zip") },
  "legacy": { fuzzModelFile($0, "legacy") },
  "png": { fuzzImageFile($0, [0x89, 0x50]) },
  "jpeg": { fuzzImageFile($0, [0xFF, 0xD8]) },
  "tiff": { fuzzImageFile($0, nil) },
  "webp": { fuzzImageFile($0, [0x52, 0x49]) },
  "bmp": { fuzzImageFile($0, [0x42, 0x4D]) },
  "pnm": { fuzzImageFile($0, [0x50]) },
  "tar": fuzzTar,
  "checkpoint": fuzzCheckpoint,
  "calls": fuzzCalls,
]

let name = getenv("LIBCOLORIZE_FUZZ").map { String(cString: $0) } ?? ""
guard fuzzers[name] != nil else {
  fatalError("LIBCOLORIZE_FUZZ is to be one of \(fuzzers.keys.sorted())")
}

@_silgen_name("LLVMFuzzerRunDriver")
func runDriver(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

var argumentCount = CommandLine.argc
var arguments = CommandLine.unsafeArgv
exit(
  runDriver(&argumentCount, &arguments) { bytes, count in
    // A C function captures nothing, so it looks the fuzzer up again.
    fuzzers[name].unsafelyUnwrapped(UnsafeRawBufferPointer(start: bytes, count: count))
  })
