// OpenBLAS: the matrix product of another library, for processors that we have no tuned kernels for,
// and for comparison.
//
// It is not linked: it starts threads when it is loaded, and its settings belong to the whole process,
// of which the host may use it too. It is loaded when the first model asks for it, and stays.

import CPlatform
import Glibc

/// What multiplies matrices.
package enum GEMM: String, NamedChoice, Sendable {
  /// The kernels of an instruction set.
  case own
  case openblas

  package static let variable = "COLORIZE_GEMM"
}

/// OpenBLAS as it is loaded in this process, set to one thread: those of a `Team` share out the work.
package final class OpenBLAS: Sendable {
  /// Its version and how it was built, in its own words.
  package let configuration: String
  /// The processor whose kernels it has chosen, by its own name for it.
  package let core: String

  private typealias Multiply =
    @convention(c) (
      _ order: Int32, _ transposeLeft: Int32, _ transposeRight: Int32, _ rows: Int32,
      _ columns: Int32, _ depth: Int32, _ alpha: Float, UnsafePointer<Float>?, _ leftStride: Int32,
      UnsafePointer<Float>?, _ rightStride: Int32, _ beta: Float, UnsafeMutablePointer<Float>?,
      _ outputStride: Int32
    ) -> Void
  private let multiply: Multiply
  private let setThreads: @convention(c) (Int32) -> Void
  /// Whether the host had loaded it before.
  private let isHosts: Bool

  /// Its 32-bit interface; other files of it have other names.
  private static let fileName = "libopenblas.so.0"

  /// Looked for once: whoever has a model that uses it takes no lock of the dynamic linker's, which a
  /// child of fork() could find taken.
  private static let loaded = Result<OpenBLAS, ColorizeError> { () throws(ColorizeError) in
    try OpenBLAS()
  }

  private init() throws(ColorizeError) {
    if let already = dlopen(Self.fileName, RTLD_NOW | RTLD_NOLOAD) {
      dlclose(already)
      isHosts = true
    } else {
      isHosts = false
    }
    guard let library = platform_load_on_one_processor(Self.fileName) else {
      throw Self.unusable(dlerror().map { String(cString: $0) } ?? Self.fileName)
    }
    func symbol(_ name: String) throws(ColorizeError) -> UnsafeMutableRawPointer {
      guard let symbol = dlsym(library, name) else {
        throw Self.unusable("\(Self.fileName) has no \(name)")
      }
      return symbol
    }
    func text(_ name: String) throws(ColorizeError) -> String {
      typealias Text = @convention(c) () -> UnsafePointer<CChar>?
      let text = unsafeBitCast(try symbol(name), to: Text.self)()
      return text.map { String(cString: $0) } ?? ""
    }
    multiply = unsafeBitCast(try symbol("cblas_sgemm"), to: Multiply.self)
    setThreads = unsafeBitCast(
      try symbol("openblas_set_num_threads"), to: (@convention(c) (Int32) -> Void).self)
    configuration = try text("openblas_get_config")
    core = try text("openblas_get_corename")
    Gate.shared.closeDuringForks()
  }

  private static func unusable(_ reason: String) -> ColorizeError {
    .invalidArgument("\(GEMM.variable) asks for OpenBLAS, which cannot be used: \(reason)")
  }

  /// What a model multiplies with: nil for the kernels of its instruction set.
  ///
  /// - Parameters:
  ///   - request: nil: our own kernels where they are faster. Otherwise OpenBLAS, if it is there and
  ///     not the host's, which keeps its settings.
  ///   - ownAreFaster: than OpenBLAS, on this processor.
  package static func choose(
    _ request: GEMM?, ownAreFaster: Bool = ownAreFaster
  ) throws(ColorizeError) -> OpenBLAS? {
    switch request {
    case .own: return nil
    case .openblas:
      let library = try load()
      try library.prepare()
      return library
    case nil:
      guard !ownAreFaster, let library = try? load(), !library.isHosts,
        (try? library.prepare()) != nil
      else { return nil }
      return library
    }
  }

  /// Sets it to one thread, and has it map the memory of a product while that is to be had: it would ask for it
  /// again and again where it is not.
  private func prepare() throws(ColorizeError) {
    setThreads(1)
    let side = Self.sideThatTakesMemory
    let matrix = try Memory<Float>(count: 3 * side * side)
    matrix.fill(0)
    let start = matrix.start
    try Gate.shared.makeRoom {
      product(
        start, leftStride: side, start + side * side, rows: side, columns: side, depth: side,
        into: start + 2 * side * side, outputStride: side, adding: false)
    }
  }

  /// OpenBLAS has kernels for small products, up to 100 x 100 x 100, that take none.
  private static let sideThatTakesMemory = 160

  /// On x86-64 those of the baseline are, too, thanks to Winograd's algorithm: OpenBLAS took 1.5 times
  /// as long with its kernels for Sandybridge, and 2.5 times and more with those without AVX. For other
  /// processors there are no tuned kernels.
  package static var ownAreFaster: Bool {
    #if arch(x86_64)
      true
    #else
      false
    #endif
  }

  private static func load() throws(ColorizeError) -> OpenBLAS {
    try Gate.shared.prepare()
    return try loaded.get()
  }

  /// The core to name in OPENBLAS_CORETYPE where it runs kernels without AVX on a processor that has
  /// much more: it falls back to them (to Prescott, as a rule) on a processor that it does not know.
  package var betterCore: String? {
    guard Self.coresWithoutAVX.contains(core) else { return nil }
    switch InstructionSet.best {
    case .avx512: return "SkylakeX"
    case .avx2: return "Haswell"
    case .baseline: return nil
    }
  }

  private static let coresWithoutAVX: Set = [
    "Athlon", "Atom", "Banias", "Barcelona", "Bobcat", "Coppermine", "Core2", "Dunnington",
    "Generic", "Katmai", "Nano", "Nehalem", "Northwood", "Opteron", "Opteron_SSE3", "Penryn",
    "Prescott",
  ]

  /// `output = left x right`, or added to it.
  ///
  /// - Parameters:
  ///   - left: `[rows, depth]`, a row every `leftStride` floats.
  ///   - right: `[depth, columns]`, dense.
  ///   - output: `[rows, columns]`, a row every `outputStride` floats.
  func multiply(
    _ left: UnsafePointer<Float>, leftStride: Int, _ right: UnsafePointer<Float>, rows: Int,
    columns: Int, depth: Int, into output: UnsafeMutablePointer<Float>, outputStride: Int,
    adding: Bool
  ) {
    Gate.shared.enter()
    product(
      left, leftStride: leftStride, right, rows: rows, columns: columns, depth: depth, into: output,
      outputStride: outputStride, adding: adding)
    Gate.shared.leave()
  }

  /// The same for who has passed the gate.
  private func product(
    _ left: UnsafePointer<Float>, leftStride: Int, _ right: UnsafePointer<Float>, rows: Int,
    columns: Int, depth: Int, into output: UnsafeMutablePointer<Float>, outputStride: Int,
    adding: Bool
  ) {
    let (rowMajor, plain): (Int32, Int32) = (101, 111)
    multiply(
      rowMajor, plain, plain, Int32(rows), Int32(columns), Int32(depth), 1, left,
      Int32(leftStride), right, Int32(columns), adding ? 1 : 0, output, Int32(outputStride))
  }
}

/// What a product has to pass. OpenBLAS has a lock in each product that a child of fork() would find
/// taken for ever, and memory for each product that runs at the same time; where it gets none of that
/// it tries for ever.
private final class Gate: @unchecked Sendable {
  static let shared = Gate()

  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  /// Signalled when there may be room, or nobody inside.
  private let change: UnsafeMutablePointer<pthread_cond_t>
  private var inside = 0
  /// How many products OpenBLAS has memory for, which it keeps. Never 0 for those that enter.
  private var room = 0
  /// Threads that are about to fork.
  private var forking = 0

  /// OpenBLAS is built for 50 and more.
  private static let maximumRoom = 32
  /// What it maps for a product, 128 MB, of which it touches as much as it needs; with a margin.
  private static let bytesOfProduct = 144 << 20
  /// The library itself, some 40 MB, likewise.
  private static let bytesOfLibrary = 64 << 20

  private init() {
    mutex = .allocate(capacity: 1)
    change = .allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(change, nil)
  }

  /// Throws if there is no memory for the library and a single product.
  func prepare() throws(ColorizeError) {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    let bytes = Self.bytesOfLibrary + Self.bytesOfProduct
    guard room > 0 || areThere(bytes) else { throw .outOfMemory(bytes: bytes) }
  }

  /// Makes room for the first product, if there is none yet.
  ///
  /// - Parameter product: one that OpenBLAS needs memory for, which it then has.
  func makeRoom(_ product: () -> Void) throws(ColorizeError) {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    guard room == 0 else { return }
    guard areThere(Self.bytesOfProduct) else { throw .outOfMemory(bytes: Self.bytesOfProduct) }
    product()
    room = 1
  }

  func enter() {
    pthread_mutex_lock(mutex)
    // Room for all of them is asked for: which ones OpenBLAS has mapped already cannot be known, and
    // what seems to be there may be what one that has entered is about to take.
    while forking > 0 || (inside == room && !grow(ifThereAre: (room + 1) * Self.bytesOfProduct)) {
      pthread_cond_wait(change, mutex)
    }
    inside += 1
    pthread_mutex_unlock(mutex)
  }

  func leave() {
    pthread_mutex_lock(mutex)
    inside -= 1
    pthread_cond_broadcast(change)
    pthread_mutex_unlock(mutex)
  }

  /// Makes room for one more, if there is memory for it. The mutex is locked.
  private func grow(ifThereAre bytes: Int) -> Bool {
    guard room < Self.maximumRoom, areThere(bytes) else { return false }
    room += 1
    return true
  }

  private func areThere(_ bytes: Int) -> Bool {
    let raw = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard raw != MAP_FAILED else { return false }
    munmap(raw, bytes)
    return true
  }

  func closeDuringForks() {
    pthread_atfork({ Gate.shared.close() }, { Gate.shared.open() }, { Gate.shared.renew() })
  }

  /// Before a fork: waits until nobody is inside, and keeps the mutex.
  private func close() {
    pthread_mutex_lock(mutex)
    forking += 1
    while inside > 0 { pthread_cond_wait(change, mutex) }
  }

  /// After it, in the parent.
  private func open() {
    forking -= 1
    pthread_cond_broadcast(change)
    pthread_mutex_unlock(mutex)
  }

  /// After it, in the child, which no other thread has come along to.
  private func renew() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(change, nil)
    forking = 0
  }
}
