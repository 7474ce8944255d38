// Weights that a file holds in parts, as PyTorch's spectral_norm and weight_norm register them. They are put
// together in float64 when they are read.

/// The parts of a tensor.
enum NormalizedWeight {
  /// `original / (u . W v)`, W being `original` as a matrix of as many rows as it has outputs.
  case spectral(original: String, left: String, right: String)
  /// `direction * magnitude / |direction|`, an output at a time.
  case weight(magnitude: String, direction: String)

  /// The tensors that a file holds in parts alone.
  static func all(_ entries: [String: TensorFile.Entry]) -> [String: NormalizedWeight] {
    var all: [String: NormalizedWeight] = [:]
    for name in entries.keys {
      for (suffix, make) in [("_orig", spectral), ("_g", weight)] where name.hasSuffix(suffix) {
        let whole = String(name.dropLast(suffix.count))
        guard entries[whole] == nil, let parts = make(whole),
          parts.names.allSatisfy({ entries[$0] != nil })
        else { continue }
        all[whole] = parts
      }
    }
    return all
  }

  private static func spectral(_ whole: String) -> NormalizedWeight? {
    .spectral(original: "\(whole)_orig", left: "\(whole)_u", right: "\(whole)_v")
  }

  private static func weight(_ whole: String) -> NormalizedWeight? {
    .weight(magnitude: "\(whole)_g", direction: "\(whole)_v")
  }

  private var names: [String] {
    switch self {
    case .spectral(let original, let left, let right): [original, left, right]
    case .weight(let magnitude, let direction): [magnitude, direction]
    }
  }

  /// The part that has the shape of the whole.
  var main: String {
    switch self {
    case .spectral(let original, _, _): original
    case .weight(_, let direction): direction
    }
  }

  /// The whole.
  ///
  /// - Parameter shape: of it, which has an output at least.
  func values(_ file: TensorFile, shape: [Int]) throws(ColorizeError) -> Memory<Float> {
    let rows = shape[0]
    let values = try file.floats(main, shape: shape)
    let columns = values.count / rows
    switch self {
    case .spectral(let original, let left, let right):
      let u = try file.floats(left, shape: [rows])
      let v = try file.floats(right, shape: [columns])
      var norm = 0.0
      for row in 0..<rows {
        var product = 0.0
        for column in 0..<columns {
          product += Double(values.start[row * columns + column]) * Double(v.start[column])
        }
        norm += Double(u.start[row]) * product
      }
      guard norm != 0 else { throw .invalidModel("the spectral norm of \(original) is 0") }
      for index in 0..<values.count {
        values.start[index] = Float(Double(values.start[index]) / norm)
      }
    case .weight(let magnitude, let direction):
      let g = try file.floats(magnitude, shape: [rows] + shape.dropFirst().map { _ in 1 })
      for row in 0..<rows {
        let start = values.start + row * columns
        let square = (0..<columns).reduce(0.0) { $0 + Double(start[$1]) * Double(start[$1]) }
        guard square > 0 else { throw .invalidModel("output \(row) of \(direction) is 0") }
        let factor = Double(g.start[row]) / square.squareRoot()
        for column in 0..<columns { start[column] = Float(Double(start[column]) * factor) }
      }
    }
    return values
  }
}
