// Which network a model file holds: its metadata says so, or the names of its tensors do.

/// A network by its name. A description has thousands of small objects, so it is made when it is needed,
/// and goes again.
package struct KnownNetwork: Sendable {
  package let architecture: String
  package let make: @Sendable () -> Network

  package init(_ architecture: String, _ make: @escaping @Sendable () -> Network) {
    self.architecture = architecture
    self.make = make
  }

  /// All that there are.
  package static let all = [
    KnownNetwork("compact") { .compact },
    KnownNetwork("lite") { .lite },
    KnownNetwork("lite1") { .lite1 },
    KnownNetwork("eccv16") { .eccv16 },
    KnownNetwork("siggraph17") { .siggraph17 },
    // These two only by their names: siggraph17 has all of their tensors.
    KnownNetwork("siggraph17-ab") { .siggraph17AB },
    KnownNetwork("ideepcolor") { .ideepcolor },
    KnownNetwork("deoldify-deep") { .deOldifyDeep },
    KnownNetwork("deoldify-wide") { .deOldifyWide },
    KnownNetwork("ddcolor-tiny") { .ddColorTiny },
    KnownNetwork("ddcolor-large") { .ddColorLarge },
  ]
}

extension Network {
  /// All that there are.
  package static var all: [Network] { KnownNetwork.all.map { $0.make() } }

  /// The network whose tensors a file holds. Throws if one of them is missing or has another shape.
  ///
  /// - Parameter known: the networks that there are.
  package static func of(
    _ file: TensorFile, among known: [KnownNetwork] = KnownNetwork.all
  ) throws(ColorizeError) -> Network {
    // Behind the others, which are preferred where a file has the tensors of both.
    let isOfAnySize = known.contains { $0.architecture == "ddcolor-tiny" }
    let ofAnySize = isOfAnySize ? ddColor(of: file) : nil
    let known =
      known
      + [ofAnySize].compactMap(\.self).map { one in
        KnownNetwork(one.architecture) { one }
      }
    let named = try named(file, known)
    let network = if let named { named } else { try likest(file, known) }
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
    _ file: TensorFile, _ known: [KnownNetwork]
  ) throws(ColorizeError) -> Network? {
    guard let architecture = file[metadata: "architecture"] else { return nil }
    // Not ==, which takes long for a long value: see HeaderParser.
    let network = known.first { $0.architecture.utf8.elementsEqual(architecture.utf8) }
    guard let network else {
      throw .unsupportedModel("its architecture is \(architecture); \(names(known)) are known")
    }
    return network.make()
  }

  /// The network of which a file holds most: what it lacks is then named as missing.
  private static func likest(
    _ file: TensorFile, _ known: [KnownNetwork]
  ) throws(ColorizeError) -> Network {
    var best: (network: Network, found: Int)?
    for one in known {
      let network = one.make()
      let found = network.parameters.reduce(0) { $0 + (file.shape($1.name) == $1.shape ? 1 : 0) }
      if found > best?.found ?? 0 { best = (network, found) }
    }
    guard let best else {
      throw .unsupportedModel(
        "its tensors are those of no network that is known: \(names(known))")
    }
    return best.network
  }

  private static func names(_ known: [KnownNetwork]) -> String {
    known.map(\.architecture).joined(separator: ", ")
  }
}
