// A network with its weights, ready to run.

import Glibc

/// How to open a model.
package struct ModelOptions: Sendable {
  /// Instead of what the file says. See `ModelInformation.plainSoftmaxTemperature`.
  package var plainSoftmaxTemperature: Float?
  /// Instead of what the file says.
  package var maskConvention: MaskConvention?
  /// nil: the best that the processor has.
  package var instructionSet: InstructionSet?
  /// nil: see `OpenBLAS.choose`.
  package var gemm: GEMM?
  package var precision: Precision

  /// What `plainSoftmaxTemperature` may be.
  package static let plainSoftmaxTemperatures: ClosedRange<Float> = 0.01...100

  package init(
    plainSoftmaxTemperature: Float? = nil, maskConvention: MaskConvention? = nil,
    instructionSet: InstructionSet? = nil, gemm: GEMM? = nil, precision: Precision = .float32
  ) {
    self.plainSoftmaxTemperature = plainSoftmaxTemperature
    self.maskConvention = maskConvention
    self.instructionSet = instructionSet
    self.gemm = gemm
    self.precision = precision
  }
}

/// What a model is.
package struct ModelInformation: Sendable {
  package let architecture: String
  /// The licence of the weights, as the file states it; empty if it does not.
  package let licence: String
  package let parameters: Int
  /// The side at which the network sees a picture unless told otherwise.
  package let defaultNetworkSize: Int
  /// Sides of the network's input are multiples of this.
  package let networkSizeMultiple: Int
  /// Outputs are as large as if the input's sides were rounded up to multiples of this.
  package let networkSizeRounding: Int
  /// ab has 1/outputStride of these sides.
  package let outputStride: Int
  /// The distribution over the bins has 1/distributionStride of them; 0: there is none.
  package let distributionStride: Int
  /// The number of ab bins; 0: there is no distribution.
  package let bins: Int
  package let takesHints: Bool
  /// Without meaning for a network that takes no hints.
  package let maskConvention: MaskConvention
  /// The temperature T at which softmax(logits) stands: softmax(logits * T / t) is that at t.
  package let plainSoftmaxTemperature: Float
  package let instructionSet: InstructionSet
  /// What multiplies matrices; nil: the kernels of the instruction set.
  package let blas: OpenBLAS?
  /// All of the file's metadata, sorted by key.
  package let metadata: [(key: String, value: String)]

  package var gemm: GEMM { blas == nil ? .own : .openblas }
}

/// An opened model. It does not change; any number of threads may use it.
package final class Model: Sendable {
  /// The largest side of a network's input.
  package static let maximumNetworkSize = 2048

  package let information: ModelInformation
  package let testVectors: [TestVector]
  package let bins: BinCentres
  let compiled: CompiledNetwork
  /// Multiply-adds for each pixel of the network's input, about.
  let costOfPixel: Float
  private let pool = WorkspacePool()

  package var network: Network { compiled.network }

  /// Reads a model file. The file may change once this has returned.
  package static func open(path: UnsafePointer<CChar>, options: ModelOptions = ModelOptions())
    throws(ColorizeError) -> Model
  {
    try Model(TensorFile(try ByteSource(path: path)), options)
  }

  /// Reads a model file in memory, which is needed until this has returned.
  ///
  /// - Parameter networks: of which it is one.
  package static func open(
    bytes: UnsafeRawBufferPointer, options: ModelOptions = ModelOptions(),
    networks: [KnownNetwork] = KnownNetwork.all
  ) throws(ColorizeError) -> Model {
    try Model(TensorFile(ByteSource(bytes)), options, networks)
  }

  private init(
    _ file: TensorFile, _ options: ModelOptions, _ networks: [KnownNetwork] = KnownNetwork.all
  ) throws(ColorizeError) {
    let network = try Network.of(file, among: networks)
    let available = InstructionSet.available
    let instructionSet = options.instructionSet ?? available[0]
    guard available.contains(instructionSet) else {
      throw .invalidArgument(
        "this processor does not have the instruction set \(instructionSet.rawValue); it has "
          + available.map(\.rawValue).joined(separator: ", "))
    }
    let blas = try OpenBLAS.choose(options.gemm)
    try options.precision.check(instructionSet, blas)
    let kernels = KernelSet(instructionSet, blas: blas, precision: options.precision)
    let plain: Float
    if let wanted = options.plainSoftmaxTemperature {
      guard ModelOptions.plainSoftmaxTemperatures.contains(wanted) else {
        throw .invalidArgument(
          "plain_softmax_temperature is \(wanted); it must be 0.01 to 100")
      }
      plain = wanted
    } else {
      plain = try Self.plainSoftmaxTemperature(file, network)
    }
    let statedConvention = try Self.maskConvention(file)
    let size = try Self.number(
      file, "default_network_size", 1...Float(Self.maximumNetworkSize),
      default: Float(network.releasedSize))
    let side = Int(size, within: 1...Self.maximumNetworkSize)
    guard size == Float(side), side % network.sizeMultiple == 0 else {
      throw .invalidModel(
        "its default_network_size is \(size), not a multiple of \(network.sizeMultiple)")
    }
    information = ModelInformation(
      architecture: network.architecture, licence: file[metadata: "licence"] ?? "",
      parameters: network.parameters.reduce(0) { $0 + $1.shape.reduce(1, *) },
      defaultNetworkSize: side, networkSizeMultiple: network.sizeMultiple,
      networkSizeRounding: network.sizeRounding, outputStride: network.abStride,
      distributionStride: network.distribution?.stride ?? 0,
      bins: network.distribution?.binCount ?? 0,
      takesHints: network.takesHints, maskConvention: options.maskConvention ?? statedConvention,
      plainSoftmaxTemperature: plain,
      instructionSet: instructionSet, blas: kernels.blas, metadata: file.metadata)
    testVectors = try TestVector.read(file, network)
    bins = try Self.bins(file, network)
    compiled = try CompiledNetwork(network, weights: file, kernels: kernels)
    // Every network takes this size.
    let small = 64
    costOfPixel = Plan(compiled, .ab, height: small, width: small).cost / Float(small * small)
  }

  private static func bins(_ file: TensorFile, _ network: Network) throws(ColorizeError)
    -> BinCentres
  {
    guard let distribution = network.distribution else { return try BinCentres([]) }
    switch distribution.bins {
    case .gamut: return try BinCentres(Gamut.centres)
    case .grid: return try BinCentres(Gamut.grid)
    case .tensor(let name):
      let centres = try file.floats(name, shape: [2, distribution.binCount, 1, 1])
      return try BinCentres(normalized: centres.start, count: distribution.binCount)
    }
  }

  /// What a file says, or else the network.
  package static func plainSoftmaxTemperature(_ file: TensorFile, _ network: Network)
    throws(ColorizeError) -> Float
  {
    try number(
      file, "temperature_of_plain_softmax", ModelOptions.plainSoftmaxTemperatures,
      default: network.distribution?.plainSoftmaxTemperature ?? 1)
  }

  private static func maskConvention(_ file: TensorFile) throws(ColorizeError) -> MaskConvention {
    guard let text = file[metadata: "mask_convention"] else { return .zeroOne }
    // Not ==, which takes long for a long value: see HeaderParser.
    guard
      let convention = MaskConvention.allCases.first(where: {
        $0.rawValue.utf8.elementsEqual(text.utf8)
      })
    else {
      let names = MaskConvention.allCases.map(\.rawValue).joined(separator: " or ")
      throw .invalidModel("its mask_convention is \(text); it must be \(names)")
    }
    return convention
  }

  private static func number(
    _ file: TensorFile, _ key: String, _ range: ClosedRange<Float>,
    default value: Float
  ) throws(ColorizeError) -> Float {
    guard let text = file[metadata: key] else { return value }
    guard let number = Float(text), range.contains(number) else {
      throw .invalidModel(
        "its \(key) is \(text); it must be \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// Throws where a temperature is given, and there is no distribution for it.
  func validate(temperature: Float?) throws(ColorizeError) {
    guard let temperature, network.distribution == nil else { return }
    throw .invalidArgument(
      "temperature is \(temperature); the network \(network.architecture) gives colors alone, and no "
        + "distribution that has one")
  }

  /// Runs `body` with the plan for a size and memory for the team to run it in.
  func withPlan(
    _ goal: Network.Goal, height: Int, width: Int, _ team: Team,
    _ body: (Plan, Workspace) throws(ColorizeError) -> Void
  ) throws(ColorizeError) {
    guard goal == .ab || network.distribution != nil else {
      throw .invalidArgument(
        "the network \(network.architecture) gives colors only, and no distribution")
    }
    let entry: WorkspacePool.Entry
    if let kept = pool.take(goal, height: height, width: width, workers: team.size) {
      entry = kept
    } else {
      entry = try WorkspacePool.Entry(
        Plan(compiled, goal, height: height, width: width), workers: team.size,
        pool.rehearsal)
      entry.workspace.arena.fetch(team)
      try team.throwIfInterrupted()
    }
    // Not given back after an error: it is rare, and simple.
    try body(entry.plan, entry.workspace)
    pool.give(entry)
  }

  /// Runs `body`, which uses the model in every way that there is before anybody else does: each step of the network
  /// is run once in each size.
  package func rehearse(_ body: () -> Void) { pool.rehearse(body) }

  /// Throws unless the network takes an input of this size.
  func validateNetworkSize(_ side: Int, _ name: String) throws(ColorizeError) {
    let multiple = information.networkSizeMultiple
    guard side >= multiple, side <= Self.maximumNetworkSize, side % multiple == 0 else {
      throw .invalidArgument(
        "\(name) is \(side); it must be a multiple of \(multiple), \(multiple) to "
          + "\(Self.maximumNetworkSize)")
    }
  }
}

/// Plans and workspaces that earlier runs have left for later ones of the same size. Fresh memory
/// costs more than a tenth of a small network's time.
private final class WorkspacePool: @unchecked Sendable {
  struct Entry {
    let plan: Plan
    let workspace: Workspace

    init(_ plan: Plan, workers: Int, _ rehearsal: Rehearsal?) throws(ColorizeError) {
      self.plan = plan
      workspace = try Workspace(plan, workers: workers, rehearsal: rehearsal)
    }

    var bytes: Int { workspace.bytes }
  }

  /// More than this is not kept.
  private static let maximumBytes = 96 << 20

  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private var entries: [Entry] = []
  /// Set before the model is shared.
  private(set) var rehearsal: Rehearsal?

  init() {
    mutex = .allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  /// Runs `body`, whose entries are of a rehearsal, and are not kept.
  func rehearse(_ body: () -> Void) {
    rehearsal = Rehearsal()
    body()
    rehearsal = nil
    entries = []
  }

  /// An entry for this size, if there is one. A mutex that is taken is not waited for: after a
  /// fork() its holder may be gone.
  func take(_ goal: Network.Goal, height: Int, width: Int, workers: Int) -> Entry? {
    guard pthread_mutex_trylock(mutex) == 0 else { return nil }
    defer { pthread_mutex_unlock(mutex) }
    let index = entries.firstIndex {
      $0.plan.goal == goal && $0.plan.inputShape.height == height
        && $0.plan.inputShape.width == width && $0.workspace.workers == workers
    }
    return index.map { entries.remove(at: $0) }
  }

  /// Keeps an entry, and drops the oldest ones as long as it is too much.
  func give(_ entry: Entry) {
    guard entry.bytes <= Self.maximumBytes, pthread_mutex_trylock(mutex) == 0 else { return }
    var dropped: [Entry] = []
    entries.append(entry)
    while entries.reduce(0, { $0 + $1.bytes }) > Self.maximumBytes {
      dropped.append(entries.removeFirst())
    }
    pthread_mutex_unlock(mutex)
  }
}
