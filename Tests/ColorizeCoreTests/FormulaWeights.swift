// Weights for networks that nobody has to store: each number is a hash of its tensor's
// name and its index. Tests/Reference/published.py has the same formula and says how its constants
// were chosen; a name, a shape or an order that differs between the two gives other weights, and
// other colors.

import ColorizeCore

/// The weights of one network.
struct FormulaWeights {
  private let network: Network
  /// The names of its batch norms.
  private let norms: Set<String>
  private let names: Set<String>

  init(_ network: Network) {
    self.network = network
    names = Set(network.parameters.map(\.name))
    norms = Set(
      network.parameters.map(\.name).filter { $0.hasSuffix(".running_mean") }.map {
        String($0.dropLast(".running_mean".count))
      })
  }

  /// A safetensors file of all tensors as float32. Its metadata name the network where that is asked for, or where
  /// another one has all of its tensors, and they would not tell.
  func file(architecture: String? = nil) throws -> Memory<UInt8> {
    func tensors(_ network: Network) -> Set<String> {
      Set(network.parameters.map { "\($0.name) \($0.shape)" })
    }
    let isAmbiguous = Network.all.contains { tensors(network).isStrictSubset(of: tensors($0)) }
    let named = architecture ?? (isAmbiguous ? network.architecture : nil)
    var entries = named.map { ["\"__metadata__\":{\"architecture\":\"\($0)\"}"] } ?? []
    var offset = 0
    for parameter in network.parameters {
      let end = offset + parameter.shape.reduce(4, *)
      let shape = parameter.shape.map(String.init).joined(separator: ",")
      entries.append(
        "\"\(parameter.name)\":{\"dtype\":\"F32\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var header = Array("{\(entries.joined(separator: ","))}".utf8)
    while header.count % 8 != 0 { header.append(UInt8(ascii: " ")) }
    let file = try Memory<UInt8>(count: 8 + header.count + offset)
    for index in 0..<8 {
      file.start[index] = UInt8(truncatingIfNeeded: header.count >> (8 * index))
    }
    (file.start + 8).update(from: header, count: header.count)
    let values = UnsafeMutableRawPointer(file.start + 8 + header.count)
      .bindMemory(to: Float.self, capacity: offset / 4)
    var start = values
    for parameter in network.parameters {
      write(parameter, to: start)
      start += parameter.shape.reduce(1, *)
    }
    return file
  }

  private func write(_ parameter: Parameter, to target: UnsafeMutablePointer<Float>) {
    let shape = parameter.shape
    let count = shape.reduce(1, *)
    let (module, kind) = Self.split(parameter.name)
    if network.architecture == "eccv16", module == "model_out" {
      for (index, centre) in Gamut.centres.enumerated() {
        target[index] = centre.x / 110
        target[count / 2 + index] = centre.y / 110
      }
      return
    }
    let noise = Noise("\(network.architecture) \(parameter.name)")
    let isTransposed = shape.count == 4 && shape[2] == 4
    if norms.contains(module) {
      let isBehind = [1, 2].map { distance in
        Self.module(module, -distance).map { names.contains("\($0).weight") } ?? false
      }
      let isAttenuated = isBehind.contains(true)
      // Directly behind a convolution, or after the ReLU.
      let isDirect =
        isBehind[0]
        || Self.beside(module, "bn", "conv").map { names.contains("\($0).weight") } ?? false
      let (mean, variance): (Float, Float) = isDirect ? (0, 1) : (0.56, 0.68)
      for channel in 0..<count {
        let value = noise[channel]
        let less = isAttenuated ? attenuation(module, channel) : 1
        target[channel] =
          switch kind {
          case "weight": 1 + 0.25 * value
          case "bias": 0.25 * value
          case "running_mean": (mean + 0.25 * value) * less
          default: (variance + variance / 2 * value) * less * less
          }
      }
      return
    }
    if kind == "std" || kind == "weight" && shape.count == 1 {
      // A deviation, and of a layer norm.
      let (mean, range): (Float, Float) = kind == "std" ? (0.25, 0.125) : (1, 0.25)
      for index in 0..<count { target[index] = mean + range * noise[index] }
      return
    }
    var factor: Float = 0.25
    if kind == "weight" || kind == "in_proj_weight" {
      let fanIn = isTransposed ? shape[0] * 4 : shape.dropFirst().reduce(1, *)
      // What is added in a residual block is little.
      let usual = Self.beside(module, "conv", "bn").map(norms.contains) == true ? 0.5 : 1
      let gain = Self.gains["\(network.architecture) \(parameter.name)"] ?? usual
      factor = Float(gain * (6 / Double(fanIn)).squareRoot())
    }
    for index in 0..<count { target[index] = noise[index] * factor }

    let places = [1, 2].compactMap { Self.module(module, $0) }
    guard let norm = places.first(where: norms.contains) else { return }
    let each = count / shape[0]
    for output in 0..<shape[0] {
      let less = attenuation(norm, output)
      for index in (output * each)..<((output + 1) * each) { target[index] *= less }
    }
  }

  private static let gains = [
    "eccv16 model1.0.weight": 4.0,
    "eccv16 model8.6.weight": 1.25,
    "compact logits.weight": 0.25,
    "siggraph17 model1.0.weight": 2.5,
    "siggraph17 model_class.0.weight": 4,
    "siggraph17 model_out.0.weight": 0.125,
    "deoldify-deep layers.5.conv2.3.query.weight": 0.25,
    "deoldify-deep layers.11.0.weight": 0.25,
    "deoldify-wide layers.5.conv.3.query.weight": 0.25,
    "deoldify-wide layers.11.0.weight": 0.25,
    "ddcolor-tiny refine_net.0.0.weight": 2,
    "ddcolor-large refine_net.0.0.weight": 4,
  ].merging(largeGains) { first, _ in first }

  /// Queries that differ, and layers that add little to them: else all of ddcolor-large's become the same, and ab is a
  /// small difference of large numbers.
  private static let largeGains: [String: Double] = {
    let decoder = "ddcolor-large decoder.color_decoder"
    var gains = ["\(decoder).query_feat.weight": 8.0, "\(decoder).query_embed.weight": 8]
    for layer in 0..<9 {
      for part in [
        "cross_attention_layers.\(layer).multihead_attn.out_proj",
        "self_attention_layers.\(layer).self_attn.out_proj", "ffn_layers.\(layer).linear2",
      ] { gains["\(decoder).transformer_\(part).weight"] = 0.125 }
    }
    return gains
  }()

  /// What is before the last period, and what is behind it.
  private static func split(_ name: String) -> (first: String, last: String) {
    guard let period = name.lastIndex(of: ".") else { return ("", name) }
    return (String(name[..<period]), String(name[name.index(after: period)...]))
  }

  /// The module so many places further on in its sequence.
  private static func module(_ name: String, _ distance: Int) -> String? {
    let (sequence, place) = split(name)
    return Int(place).map { "\(sequence).\($0 + distance)" }
  }

  /// The module called `other` instead of `kind`, with the same number: ResNet's bn1 and conv1.
  private static func beside(_ name: String, _ kind: String, _ other: String) -> String? {
    let (sequence, place) = split(name)
    return place.hasPrefix(kind) ? "\(sequence).\(other)\(place.dropFirst(kind.count))" : nil
  }

  /// 1, 1/4, 1/16 or 1/64.
  private func attenuation(_ norm: String, _ channel: Int) -> Float {
    let noise = Noise("\(network.architecture) \(norm) attenuation")
    return 1 / Float(1 << (2 * Int(noise.hash(channel) >> 30)))
  }
}

/// Numbers from -1 to 1 that belong to a name.
private struct Noise {
  private let seed: UInt32

  /// FNV-1a.
  init(_ name: String) {
    seed = name.utf8.reduce(0x811C_9DC5) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
  }

  /// MurmurHash3's finaliser.
  @inline(__always)
  func hash(_ index: Int) -> UInt32 {
    var x = UInt32(truncatingIfNeeded: index) &* 0x9E37_79B9 &+ seed
    x ^= x >> 16
    x &*= 0x85EB_CA6B
    x ^= x >> 13
    x &*= 0xC2B2_AE35
    x ^= x >> 16
    return x
  }

  @inline(__always)
  subscript(index: Int) -> Float { Float(hash(index) >> 8) * 0x1p-23 - 1 }
}
