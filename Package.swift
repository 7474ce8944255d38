// swift-tools-version: 6.2
// 6.2 is what the manifest needs; the sources need the compiler of Swift 6.3 (`@c`, SE-0495).

import PackageDescription

// Kernels are compiled with optimisation in every configuration: without it they are a thousand
// times slower, and a debug build could not run a network. The instruction sets are named for
// clang, whose flags Swift takes over for code generation.
#if arch(x86_64)
  let kernelTargets: [Target] = [
    kernels("Baseline", []),
    kernels("AVX2", ["-Xcc", "-mavx2", "-Xcc", "-mfma"]),
    kernels(
      "AVX512",
      [
        "-Xcc", "-mavx512f", "-Xcc", "-mavx512vl", "-Xcc", "-mavx512dq", "-Xcc", "-mfma",
      ]),
    .target(
      name: "KernelsBF16", dependencies: ["CKernelContract"],
      path: "Sources/ColorizeCore/Kernels/BF16"),
  ]
#else
  let kernelTargets: [Target] = [kernels("Baseline", [])]
#endif

func kernels(_ name: String, _ flags: [String]) -> Target {
  .target(
    name: "Kernels\(name)", dependencies: ["CKernelContract"],
    path: "Sources/ColorizeCore/Kernels/\(name)",
    swiftSettings: [.unsafeFlags(["-O"] + flags)])
}

let package = Package(
  name: "libcolorize",
  products: [
    .library(name: "colorize", type: .dynamic, targets: ["ColorizeCAPI", "ColorizeLinkage"]),
    .executable(name: "libcolorize", targets: ["ColorizeCommand"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: kernelTargets + [
    // The contract: the C header as a module.
    .target(name: "CColorize", path: "include", publicHeadersPath: "."),
    // What a kernel is called with, as C structs.
    .target(name: "CKernelContract", path: "Sources/ColorizeCore/Kernels/Contract"),
    // What the processor can do, and what the C library offers only as macros.
    .target(name: "CPlatform"),
    .target(
      name: "ColorizeCore",
      dependencies: kernelTargets.map { .target(name: $0.name) } + [
        "CKernelContract", "CPlatform",
      ],
      exclude: ["Kernels"],
      // Runtime/Conversion.swift makes what would end the process deprecated.
      swiftSettings: [.treatWarning("DeprecatedDeclaration", as: .error)]),
    // Gradients, losses, optimisers, data; the library does not hold it, the command does.
    .target(
      name: "ColorizeTraining",
      dependencies: kernelTargets.map { .target(name: $0.name) } + [
        "ColorizeCore", "CKernelContract", "CImageFiles", "CPlatform",
      ]),
    // C23, for #embed.
    .target(name: "ColorizeDefaultModel", cSettings: [.unsafeFlags(["-std=c23"])]),
    .target(
      name: "ColorizeCAPI",
      dependencies: ["CColorize", "ColorizeCore", "ColorizeDefaultModel", "CPlatform"]),
    // The link settings of the library, in a target that only the product lists: on ColorizeCAPI
    // they would leak into the test bundle, whose link then fails.
    //   -static-stdlib   the library brings its Swift runtime along: its users have none, and
    //                    the dynamic runtime would install signal handlers in their process
    //   version script   exports the header's functions and nothing else
    //   -z nodelete      a Swift runtime cannot be unloaded; without this dlclose, dlopen crashes
    //   --gc-sections    drops what the static runtime brings and nothing here uses
    .target(
      name: "ColorizeLinkage",
      exclude: ["libcolorize.map"],
      linkerSettings: [
        .unsafeFlags([
          "-static-stdlib",
          "-Xlinker",
          "--version-script=\(Context.packageDirectory)/Sources/ColorizeLinkage/libcolorize.map",
          "-Xlinker", "-soname=libcolorize.so.0",
          "-Xlinker", "-z", "-Xlinker", "nodelete",
          "-Xlinker", "--gc-sections",
        ])
      ]),
    // libpng and libjpeg report errors with longjmp, which must not cross Swift frames; libtiff's
    // functions take any number of arguments. libtiff is loaded when it is needed.
    .target(
      name: "CImageFiles",
      linkerSettings: [
        .linkedLibrary("png16"), .linkedLibrary("jpeg"), .linkedLibrary("lcms2"),
        .linkedLibrary("expat"),
        // SHA-256 alone, of the static library.
        .linkedLibrary(":libcrypto.a"),
      ]),
    // The table of published weights, embedded; and downloading them, with libcurl and libcrypto, which are loaded when
    // they are needed.
    .target(name: "CKnownModels"),
    .target(name: "CDownload"),
    // argc, argv and stdout, which Swift has no way to.
    .target(name: "CProcess"),
    .executableTarget(
      name: "ColorizeCommand",
      dependencies: [
        "CProcess", "CColorize", "ColorizeCore", "ColorizeTraining", "ColorizeDefaultModel",
        "CDownload", "CImageFiles", "CKnownModels", "CPlatform",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      // ArgumentParser uses FoundationEssentials, whose static form does not say that it needs the
      // other two.
      linkerSettings: [
        .unsafeFlags(["-static-stdlib"]),
        .linkedLibrary("FoundationEssentials"), .linkedLibrary("_FoundationCShims"),
        .linkedLibrary("_FoundationCollections"),
      ]),
    .testTarget(
      name: "ColorizeCoreTests",
      dependencies: ["ColorizeCore", "ColorizeDefaultModel", "CKernelContract", "CPlatform"]),
    // What Tests/Reference/check_training.py compares with PyTorch.
    .executableTarget(
      name: "training-probe", dependencies: ["ColorizeCore", "ColorizeTraining"],
      path: "Tests/TrainingProbe"),
    .testTarget(
      name: "ColorizeTrainingTests",
      dependencies: ["ColorizeCore", "ColorizeTraining", "CKernelContract"]),
  ],
  swiftLanguageModes: [.v6]
)

// What `make fuzz` builds, with sanitizers (Tests/Fuzz/run): its `main` is given to libFuzzer.
if Context.environment["LIBCOLORIZE_FUZZ"] != nil {
  package.targets.append(
    .executableTarget(
      name: "fuzz",
      dependencies: [
        "CColorize", "ColorizeCAPI", "ColorizeCore", "ColorizeTraining", "CImageFiles",
      ],
      path: "Tests/Fuzz/Sources"))
}
