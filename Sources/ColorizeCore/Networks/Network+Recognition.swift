// Which network a model file holds: its metadata says so, or the names of its tensors do.

extension Network {
  /// All that there are.
  package static let all: [Network] = [
    .compact, .lite, .lite1, .eccv16, .siggraph17, .deOldifyDeep, .deOldifyWide, .ddColorTiny,
    .ddColorLarge,
  ]

  /// The network whose tensors a file holds. Throws if one of them is missing or has another shape.
  ///
  /// - Parameter networks: that there are.
  package static func of(
    _ file: TensorFile, among networks: [Network] = all
  ) throws(ColorizeError) -> Network {
    // Behind the others, which are preferred where a file has the tensors of both.
    let isOfAnySize = networks.contains { $0.architecture == ddColorTiny.architecture }
    let networks = networks + (isOfAnySize ? [ddColor(of: file)].compactMap(\.self) : [])
    let named = try named(file, networks)
    let network = if let named { named } else { try likest(file, networks) }
    for parameter in network.parameters {
      guard let shape = file.shape(parameter.name) else {
        throw .invalidModel(
          "tensor \(parameter.name) of the network \(network.architecture) is missing")
      }
      guard shape == parameter.shape else {
        throw .invalidModel(
          "tensor \(parameter.name) has the shape \(shape), not \(parameter.shape) as in the network "
            + network.architecture)
      }
    }
    return network
  }

  /// The network that the metadata names; nil if they name none.
  private static func named(
    _ file: TensorFile, _ networks: [Network]
  ) throws(ColorizeError) -> Network? {
    guard let architecture = file[metadata: "architecture"] else { return nil }
    // Not ==, which takes long for a long value: see HeaderParser.
    let network = networks.first { $0.architecture.utf8.elementsEqual(architecture.utf8) }
    guard let network else {
      throw .unsupportedModel("its architecture is \(architecture); \(names(networks)) are known")
    }
    return network
  }

  /// The network of which a file holds most: what it lacks is then named as missing.
  private static func likest(
    _ file: TensorFile, _ networks: [Network]
  ) throws(ColorizeError) -> Network {
    var best: (network: Network, found: Int)?
    for network in networks {
      let found = network.parameters.reduce(0) { $0 + (file.shape($1.name) == $1.shape ? 1 : 0) }
      if found > best?.found ?? 0 { best = (network, found) }
    }
    guard let best else {
      throw .unsupportedModel(
        "its tensors are those of no network that is known: \(names(networks))")
    }
    return best.network
  }

  private static func names(_ networks: [Network]) -> String {
    networks.map(\.architecture).joined(separator: ", ")
  }
}
