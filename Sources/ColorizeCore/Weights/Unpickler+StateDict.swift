// From a pickle to the tensors of a state dict.
//
// Most damage shows here. A key, an offset or a size that has changed makes tensors overlap, leaves
// a part of a storage that belongs to none, or a storage to which nothing refers; each is an error.

extension Unpickler {
  private static let maximumDimensions = 8
  /// What trainers save a state dict under, with others beside it.
  private static let innerKeys = ["state_dict", "model", "params"]

  /// A tensor as a part of a storage, counted in values.
  private struct Part {
    let storage: Int
    let start: Int
    let count: Int
    let name: String
  }

  /// The tensors of a state dict, by name.
  ///
  /// - Parameters:
  ///   - pickle: the state dict, or a dictionary that has it under one of `innerKeys`.
  ///   - starts: where each of `storages` is in the file, as many bytes as it has.
  func tensors(
    of pickle: PickledValue, storagesAt starts: [Int]
  ) throws(ColorizeError) -> [String: TensorFile.Entry] {
    try checkStorages()
    var entries: [String: TensorFile.Entry] = [:]
    var parts: [Part] = []
    try forEachItem(try stateDict(pickle)) { (key, value) throws(ColorizeError) in
      // A count of epochs may be among the tensors, but nothing in which a tensor could be.
      guard key.kind == .string, value.kind != .tuple, value.kind != .list else {
        throw .invalidModel("its state dict holds something other than named tensors")
      }
      guard value.kind == .tensor else { return }
      let name = try TensorFile.name(text(key))
      guard entries.count < TensorFile.maximumTensors else {
        throw .invalidModel("there are more than \(TensorFile.maximumTensors) tensors")
      }
      let view = try view(value, name)
      let type = storages[view.storage].type
      let start = starts[view.storage] + view.start * type.bytes
      let entry = TensorFile.Entry(
        format: type.rawValue, shape: view.shape, strides: view.strides, start: start,
        end: start + view.count * type.bytes)
      guard entries.updateValue(entry, forKey: name) == nil else {
        throw .invalidModel("tensor \(name) occurs twice")
      }
      parts.append(
        Part(storage: view.storage, start: view.start, count: view.count, name: name))
    }
    guard !entries.isEmpty else { throw .invalidModel("there are no tensors in its state dict") }
    try checkCover(&parts)
    return entries
  }

  private func checkStorages() throws(ColorizeError) {
    if let unused = storages.first(where: { !$0.isUsed }) {
      throw .invalidModel("no tensor has the values of the storage \(printable(unused.key))")
    }
    // Where the type of one storage is taken for that of another, sizes show it, save here.
    if storages.contains(where: { $0.type == .float16 }),
      storages.contains(where: { $0.type == .bfloat16 })
    {
      throw .unsupportedModel("its tensors are float16 and bfloat16 mixed")
    }
  }

  private func stateDict(_ pickle: PickledValue) throws(ColorizeError) -> PickledValue {
    guard pickle.isDictionary else {
      throw .unsupportedModel("its pickle holds a \(pickle.kind), not a state dict")
    }
    var inner: PickledValue?
    try forEachItem(pickle) { (key, value) throws(ColorizeError) in
      guard Self.innerKeys.contains(where: { isText(key, $0) }), try holdsTensors(value) else {
        return
      }
      guard inner == nil else {
        throw .unsupportedModel(
          "it holds more than one state dict, under \(Self.innerKeys.joined(separator: ", "))")
      }
      inner = value
    }
    return inner ?? pickle
  }

  private func holdsTensors(_ value: PickledValue) throws(ColorizeError) -> Bool {
    guard value.isDictionary else { return false }
    var holdsOne = false
    try forEachItem(value) { (_, value) throws(ColorizeError) in
      holdsOne = holdsOne || value.kind == .tensor
    }
    return holdsOne
  }

  /// What `_rebuild_tensor` is called with: storage, first value, shape, strides.
  private func view(
    _ tensor: PickledValue, _ name: String
  ) throws(ColorizeError) -> (
    storage: Int, start: Int, count: Int, shape: [Int], strides: [Int]?
  ) {
    var arguments = items(self[tensor.first])
    guard let storage = arguments.next(), let start = arguments.next(),
      let shape = arguments.next(), let strides = arguments.next()
    else { throw .invalidModel("tensor \(name) lacks its storage, place, shape or strides") }
    let index = self[storage].number
    let available = storages[index].count
    let sizes = try numbers(self[shape], "shape", name)
    let steps = try numbers(self[strides], "strides", name)
    guard sizes.count == steps.count else {
      throw .invalidModel("tensor \(name) has the shape \(sizes) and the strides \(steps)")
    }
    var count = 1
    for size in sizes where size != 0 {
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      count = overflow ? .max : product
    }
    if sizes.contains(0) { count = 0 }
    let first = self[start]
    guard first.kind == .integer, 0...available ~= first.number, count <= available - first.number
    else {
      throw .invalidModel(
        "tensor \(name) \(sizes) is not within the \(available) values of its storage "
          + "\(printable(storages[index].key))")
    }
    let order = try Self.isRowMajor(sizes, steps, count: count, name) ? nil : steps
    return (index, first.number, count, sizes, order)
  }

  /// A tuple of numbers from 0 up.
  private func numbers(
    _ tuple: PickledValue, _ what: String, _ name: String
  ) throws(ColorizeError) -> [Int] {
    guard tuple.kind == .tuple, tuple.number <= Self.maximumDimensions else {
      throw .invalidModel("tensor \(name) has no valid \(what)")
    }
    var numbers: [Int] = []
    for item in items(tuple) {
      guard self[item].kind == .integer, self[item].number >= 0 else {
        throw .invalidModel("tensor \(name) has no valid \(what)")
      }
      numbers.append(self[item].number)
    }
    return numbers
  }

  /// Whether the values of a tensor follow one another as its shape says. Throws if they do not
  /// follow one another in the order of some permutation of its dimensions.
  private static func isRowMajor(
    _ shape: [Int], _ strides: [Int], count: Int, _ name: String
  ) throws(ColorizeError) -> Bool {
    guard count > 1 else { return true }
    // The stride of a dimension of one means nothing.
    let dimensions = shape.indices.filter { shape[$0] > 1 }
    let inner = dimensions.sorted { strides[$0] < strides[$1] }
    var expected = 1
    for dimension in inner {
      guard strides[dimension] == expected else {
        throw .unsupportedModel(
          "tensor \(name) \(shape) has the strides \(strides): its values do not follow one "
            + "another")
      }
      // At the end this is `count`.
      expected *= shape[dimension]
    }
    return inner == dimensions.reversed()
  }

  /// Throws unless each value of the storages that have parts belongs to exactly one part.
  private func checkCover(_ parts: inout [Part]) throws(ColorizeError) {
    parts.sort { ($0.storage, $0.start, $0.count) < ($1.storage, $1.start, $1.count) }
    for (index, part) in parts.enumerated() {
      let before = index > 0 && parts[index - 1].storage == part.storage ? parts[index - 1] : nil
      let end = before.map { $0.start + $0.count } ?? 0
      guard part.start == end else {
        let key = printable(storages[part.storage].key)
        if let before, part.start < end {
          throw .unsupportedModel(
            "tensors \(before.name) and \(part.name) share values of the storage \(key)")
        }
        throw .invalidModel(
          "values \(end) to \(part.start) of the storage \(key) belong to no tensor")
      }
      let isLast = index + 1 == parts.count || parts[index + 1].storage != part.storage
      let available = storages[part.storage].count
      guard !isLast || part.start + part.count == available else {
        throw .invalidModel(
          "values \(part.start + part.count) to \(available) of the storage "
            + "\(printable(storages[part.storage].key)) belong to no tensor")
      }
    }
  }
}
