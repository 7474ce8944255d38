// The part of Python's pickles that checkpoints of PyTorch are made of, protocols 2 to 5. Nothing is
// executed: the few callables that a state dict needs are known by name, and have a meaning here;
// any other is an error, before whatever would call it.
//
// A pickle that comes from anywhere must not be able to grow, to recurse or to leak. So its values
// are no Swift objects: they are nodes in memory of a fixed size, and refer to each other by index.
// Each opcode makes at most one node, and each link of a list takes a value from the stack, which an
// opcode has put there: there are no more of either than the pickle has bytes. A list that contains
// itself, or one of a million lists in each other, is a few numbers like any other.

/// A value of a pickle.
struct PickledValue: BitwiseCopyable {
  enum Kind: UInt8, BitwiseCopyable {
    case none
    /// `number` is 0 or 1.
    case boolean
    /// `number` is its value.
    case integer
    /// More than 64 bits: `number` bytes of the pickle, from `first` on.
    case long
    case float
    /// `number` bytes of the pickle, from `first` on.
    case string
    case bytes
    /// A chain of `number` links, from the link `first` to the link `last`.
    case tuple
    case list
    /// The same; keys and values take turns.
    case dictionary
    /// A dictionary made of the list `first`, whose items are pairs.
    case dictionaryOfPairs
    /// `number` is the raw value of a `PickledFunction`.
    case function
    /// `number` is the index of an `ElementType` in `allCases`.
    case storageType
    /// `number` is an index of `storages`.
    case storage
    /// What `_rebuild_tensor` makes of the tuple `first`.
    case tensor
    /// A range of numbers, of which nothing is kept: optimisers note them.
    case slice
  }

  let kind: Kind
  var first: UInt32 = 0
  var last: UInt32 = 0
  var number = 0

  var isDictionary: Bool { kind == .dictionary || kind == .dictionaryOfPairs }
}

/// What may be called.
enum PickledFunction: Int {
  case orderedDictionary
  case rebuildTensor
  case rebuildTensorV2
  case rebuildParameter
  case slice

  init?(module: String, name: String) {
    switch (module, name) {
    case ("collections", "OrderedDict"): self = .orderedDictionary
    case ("torch._utils", "_rebuild_tensor"): self = .rebuildTensor
    case ("torch._utils", "_rebuild_tensor_v2"): self = .rebuildTensorV2
    case ("torch._utils", "_rebuild_parameter"): self = .rebuildParameter
    case ("__builtin__", "slice"), ("builtins", "slice"): self = .slice
    default: return nil
    }
  }
}

/// A storage to which a pickle refers: the values of one or more tensors.
struct PickledStorage {
  /// Its name in the checkpoint.
  let key: [UInt8]
  let type: ElementType
  /// The number of values.
  let count: Int
  /// Whether a tensor has been made of it.
  var isUsed = false

  /// nil: more than there can be.
  var byteCount: Int? {
    let (bytes, overflow) = count.multipliedReportingOverflow(by: type.bytes)
    return overflow ? nil : bytes
  }
}

/// Reads pickles that follow one another.
struct Unpickler {
  /// More bytes of pickles are refused.
  static let maximumBytes = 1 << 20
  private static let maximumStorages = 1 << 14
  private static let maximumKeyBytes = 64

  fileprivate struct Link: BitwiseCopyable {
    let value: UInt32
    var next: UInt32
  }

  /// No link, and nothing in the memo.
  private static let nothing = UInt32.max

  private let bytes: Memory<UInt8>
  private let source: String
  private let values: Memory<PickledValue>
  private let links: Memory<Link>
  private let stack: Memory<UInt32>
  /// Heights of the stack.
  private let marks: Memory<UInt32>
  private let memo: Memory<UInt32>

  /// Where the next opcode is.
  private(set) var position = 0
  /// Where the opcode is that is being read.
  private var opcodeStart = 0
  private var valueCount = 0
  private var linkCount = 0
  private var stackCount = 0
  private var markCount = 0
  private var memoCount = 0

  private(set) var storages: [PickledStorage] = []
  private var storageIndices: [[UInt8]: Int] = [:]

  /// - Parameter source: what the bytes are, for messages.
  init(_ bytes: Memory<UInt8>, source: String) throws(ColorizeError) {
    self.bytes = bytes
    self.source = source
    values = try Memory(count: bytes.count)
    links = try Memory(count: bytes.count)
    stack = try Memory(count: bytes.count)
    marks = try Memory(count: bytes.count)
    memo = try Memory(count: bytes.count)
    let storages = min(bytes.count, Self.maximumStorages)
    // The key and its array's head, three times while a list of them grows, and in a dictionary.
    try Reserve.check(more: storages * (Self.maximumKeyBytes + 256))
  }

  // MARK: - Values

  subscript(value: UInt32) -> PickledValue { values.start[Int(value)] }

  /// The items of a tuple or list; keys and values in turn of a dictionary.
  struct Items: Sequence, IteratorProtocol {
    fileprivate let links: Memory<Link>
    fileprivate var link: UInt32
    fileprivate var count: Int

    mutating func next() -> UInt32? {
      guard count > 0 else { return nil }
      count -= 1
      let current = links.start[Int(link)]
      link = current.next
      return current.value
    }
  }

  func items(_ value: PickledValue) -> Items {
    Items(links: links, link: value.first, count: value.number)
  }

  /// Calls `body` with each key and value of a dictionary.
  func forEachItem(
    _ dictionary: PickledValue,
    _ body: (_ key: PickledValue, _ value: PickledValue) throws(ColorizeError) -> Void
  ) throws(ColorizeError) {
    if dictionary.kind == .dictionary {
      var items = items(dictionary)
      while let key = items.next(), let value = items.next() { try body(self[key], self[value]) }
    } else {
      for item in items(self[dictionary.first]) {
        let pair = self[item]
        var items = items(pair)
        guard pair.kind == .list || pair.kind == .tuple, pair.number == 2, let key = items.next(),
          let value = items.next()
        else { throw failure("a dictionary is made of something else than pairs") }
        try body(self[key], self[value])
      }
    }
  }

  /// The bytes of a string.
  func text(_ value: PickledValue) -> UnsafeBufferPointer<UInt8> {
    let start = Int(value.first)
    return UnsafeBufferPointer(rebasing: bytes.buffer[start..<(start + value.number)])
  }

  /// The index in `storages`.
  func index(ofStorage key: UnsafeBufferPointer<UInt8>) -> Int? { storageIndices[Array(key)] }

  func isText(_ value: PickledValue, _ expected: String) -> Bool {
    value.kind == .string && text(value).elementsEqual(expected.utf8)
  }

  // MARK: - Opcodes

  /// Reads the next pickle.
  mutating func next() throws(ColorizeError) -> PickledValue {
    (stackCount, markCount, memoCount) = (0, 0, 0)
    opcodeStart = position
    guard try byte() == 0x80, case let protocolNumber = try byte(), 2...5 ~= protocolNumber else {
      throw failure("there is no pickle of a protocol from 2 to 5")
    }
    while true {
      opcodeStart = position
      let opcode = try byte()
      if opcode == UInt8(ascii: ".") { break }
      try execute(opcode)
    }
    let value = try pop()
    guard stackCount == 0, markCount == 0 else { throw failure("the pickle ends too early") }
    return self[value]
  }

  private mutating func execute(_ opcode: UInt8) throws(ColorizeError) {
    switch opcode {
    case UInt8(ascii: "N"): try push(PickledValue(kind: .none))
    case 0x88: try push(PickledValue(kind: .boolean, number: 1))
    case 0x89: try push(PickledValue(kind: .boolean, number: 0))
    case UInt8(ascii: "K"): try push(PickledValue(kind: .integer, number: Int(try byte())))
    case UInt8(ascii: "M"): try push(PickledValue(kind: .integer, number: Int(try uint16())))
    case UInt8(ascii: "J"):
      let number = Int32(bitPattern: try uint32())
      try push(PickledValue(kind: .integer, number: Int(number)))
    case 0x8A: try pushLong(count: Int(try byte()))
    case 0x8B: try pushLong(count: Int(try uint32()))
    case UInt8(ascii: "G"):
      _ = try take(8)
      try push(PickledValue(kind: .float))

    case UInt8(ascii: "X"), UInt8(ascii: "T"): try pushBytes(.string, count: Int(try uint32()))
    case 0x8C, UInt8(ascii: "U"): try pushBytes(.string, count: Int(try byte()))
    case 0x8D:
      let count = try take(8)
      try pushBytes(.string, count: Int(clamping: bytes.number(count, UInt64.self)))
    case UInt8(ascii: "B"): try pushBytes(.bytes, count: Int(try uint32()))
    case UInt8(ascii: "C"): try pushBytes(.bytes, count: Int(try byte()))

    case UInt8(ascii: "("):
      marks.start[markCount] = UInt32(stackCount)
      markCount += 1
    case UInt8(ascii: ")"): try push(PickledValue(kind: .tuple))
    case UInt8(ascii: "]"): try push(PickledValue(kind: .list))
    case UInt8(ascii: "}"): try push(PickledValue(kind: .dictionary))
    case UInt8(ascii: "t"): try pushTuple(count: try popMark())
    case 0x85...0x87: try pushTuple(count: Int(opcode) - 0x84)
    case UInt8(ascii: "a"): try append(count: 1, to: .list)
    case UInt8(ascii: "e"): try append(count: try popMark(), to: .list)
    case UInt8(ascii: "s"): try append(count: 2, to: .dictionary)
    case UInt8(ascii: "u"): try append(count: try popMark(), to: .dictionary)

    case UInt8(ascii: "q"): try memoize(Int(try byte()))
    case UInt8(ascii: "r"): try memoize(Int(try uint32()))
    case 0x94: try memoize(memoCount)
    case UInt8(ascii: "h"): try recall(Int(try byte()))
    case UInt8(ascii: "j"): try recall(Int(try uint32()))
    // A frame is a hint for reading ahead.
    case 0x95: _ = try take(8)

    case UInt8(ascii: "c"):
      let module = try line()
      try pushGlobal(module: module, name: try line())
    case 0x93:
      let name = self[try pop()]
      let module = self[try pop()]
      guard module.kind == .string, name.kind == .string else {
        throw failure("a global's name is not a string")
      }
      try pushGlobal(module: text(module), name: text(name))
    case UInt8(ascii: "Q"): try pushStorage(self[try pop()])
    case UInt8(ascii: "R"):
      let arguments = try pop()
      try call(self[try pop()], arguments)
    case UInt8(ascii: "b"):
      // The attributes of an OrderedDict: `_metadata`, which says nothing about the tensors.
      _ = try pop()
      guard self[try top()].isDictionary else {
        throw failure("something else than a dictionary is given attributes")
      }
    default:
      throw .unsupportedModel(
        "\(source) has the opcode 0x\(String(opcode, radix: 16)) at byte \(opcodeStart), "
          + "which a state dict has not")
    }
  }

  private mutating func pushLong(count: Int) throws(ColorizeError) {
    let start = try take(count)
    guard count <= 8 else {
      return try push(PickledValue(kind: .long, first: UInt32(start), number: count))
    }
    var number: UInt64 = 0
    for index in (0..<count).reversed() {
      number = number << 8 | UInt64(bytes.start[start + index])
    }
    // The upper bit is the sign.
    let unused = UInt64(64 - 8 * count)
    try push(
      PickledValue(kind: .integer, number: Int(bitPattern: UInt(number << unused)) >> unused))
  }

  private mutating func pushBytes(_ kind: PickledValue.Kind, count: Int) throws(ColorizeError) {
    let start = try take(count)
    try push(PickledValue(kind: kind, first: UInt32(start), number: count))
  }

  private mutating func pushTuple(count: Int) throws(ColorizeError) {
    var tuple = PickledValue(kind: .tuple)
    try link(count, to: &tuple)
    try push(tuple)
  }

  /// Takes `count` values from the stack, and appends them to the one below.
  private mutating func append(count: Int, to kind: PickledValue.Kind) throws(ColorizeError) {
    let items = count
    guard stackCount - stackFloor > items else { throw failure("the stack is empty") }
    let target = Int(stack.start[stackCount - items - 1])
    guard values.start[target].kind == kind, kind == .list || items % 2 == 0 else {
      throw failure("something is put into what is no \(kind)")
    }
    try link(items, to: &values.start[target])
  }

  /// Takes `count` values from the stack, and makes them the last of a chain.
  private mutating func link(_ count: Int, to value: inout PickledValue) throws(ColorizeError) {
    guard stackCount - stackFloor >= count, links.count - linkCount >= count else {
      throw failure("the stack is empty")
    }
    for index in (stackCount - count)..<stackCount {
      links.start[linkCount] = Link(value: stack.start[index], next: Self.nothing)
      if value.number == 0 {
        value.first = UInt32(linkCount)
      } else {
        links.start[Int(value.last)].next = UInt32(linkCount)
      }
      value.last = UInt32(linkCount)
      value.number += 1
      linkCount += 1
    }
    stackCount -= count
  }

  private mutating func memoize(_ index: Int) throws(ColorizeError) {
    // Indices are given from 0 or 1 up, so none is larger than the pickle is long.
    guard index < memo.count else { throw failure("the memo has no place \(index)") }
    while memoCount <= index {
      memo.start[memoCount] = Self.nothing
      memoCount += 1
    }
    guard memo.start[index] == Self.nothing else {
      throw failure("place \(index) of the memo is taken")
    }
    memo.start[index] = try top()
  }

  private mutating func recall(_ index: Int) throws(ColorizeError) {
    guard index < memoCount, memo.start[index] != Self.nothing, stackCount < stack.count else {
      throw failure("place \(index) of the memo is empty")
    }
    stack.start[stackCount] = memo.start[index]
    stackCount += 1
  }

  private mutating func pushGlobal(
    module: UnsafeBufferPointer<UInt8>, name: UnsafeBufferPointer<UInt8>
  ) throws(ColorizeError) {
    // Other bytes than printable ones are in no name that is known.
    let (moduleName, globalName) = (printable(module), printable(name))
    if let function = PickledFunction(module: moduleName, name: globalName) {
      return try push(PickledValue(kind: .function, number: function.rawValue))
    }
    if moduleName == "torch",
      let type = ElementType.allCases.firstIndex(where: { $0.storageName == globalName })
    {
      return try push(PickledValue(kind: .storageType, number: type))
    }
    throw .unsupportedModel(
      "\(source) refers to \(moduleName).\(globalName) at byte \(opcodeStart), which is not a part "
        + "of a state dict; save the module's state_dict() alone")
  }

  /// ("storage", type, key, device, number of values, and maybe None)
  private mutating func pushStorage(_ tuple: PickledValue) throws(ColorizeError) {
    var items = items(tuple)
    guard tuple.kind == .tuple, 5...6 ~= tuple.number, isText(self[items.next() ?? 0], "storage")
    else { throw failure("a persistent id is not that of a storage") }
    let type = self[items.next() ?? 0]
    let key = self[items.next() ?? 0]
    let device = self[items.next() ?? 0]
    let count = self[items.next() ?? 0]
    guard type.kind == .storageType, key.kind == .string, device.kind == .string,
      count.kind == .integer, count.number >= 0, 1...Self.maximumKeyBytes ~= key.number
    else { throw failure("the persistent id of a storage is not sound") }
    if let view = items.next(), self[view].kind != .none {
      throw .unsupportedModel(
        "\(source) has a view of a storage at byte \(opcodeStart), which only early versions of "
          + "PyTorch wrote")
    }
    let storage = PickledStorage(
      key: Array(text(key)), type: ElementType.allCases[type.number], count: count.number)
    let index = storageIndices[storage.key] ?? storages.count
    if index == storages.count {
      guard index < Self.maximumStorages else {
        throw failure("there are more than \(Self.maximumStorages) storages")
      }
      storages.append(storage)
      storageIndices[storage.key] = index
    }
    guard storages[index].type == storage.type, storages[index].count == storage.count else {
      throw failure("the storage \(printable(storage.key)) is described in two ways")
    }
    try push(PickledValue(kind: .storage, number: index))
  }

  private mutating func call(
    _ callable: PickledValue, _ arguments: UInt32
  ) throws(ColorizeError) {
    let tuple = self[arguments]
    var items = items(tuple)
    guard callable.kind == .function, let function = PickledFunction(rawValue: callable.number),
      tuple.kind == .tuple
    else { throw failure("something is called that is not a function") }
    let first = items.next()
    switch (function, first.map { self[$0].kind }) {
    case (.orderedDictionary, nil): try push(PickledValue(kind: .dictionary))
    case (.orderedDictionary, .list) where tuple.number == 1:
      try push(PickledValue(kind: .dictionaryOfPairs, first: first ?? 0))
    case (.rebuildTensor, .storage) where tuple.number == 4,
      (.rebuildTensorV2, .storage) where 6...7 ~= tuple.number:
      storages[self[first ?? 0].number].isUsed = true
      try push(PickledValue(kind: .tensor, first: arguments))
    case (.rebuildParameter, .tensor) where tuple.number == 3:
      stack.start[stackCount] = first ?? 0
      stackCount += 1
    case (.slice, _?)
    where tuple.number == 3 && self.items(tuple).allSatisfy { isNumber(self[$0]) }:
      try push(PickledValue(kind: .slice))
    default: throw failure("\(function) is called with other arguments than a state dict has")
    }
  }

  /// What a slice may begin and end with.
  private func isNumber(_ value: PickledValue) -> Bool {
    [.none, .integer, .float].contains(value.kind)
  }

  // MARK: - Stack and bytes

  /// The height of the stack at the last mark: what is below is not to be touched.
  private var stackFloor: Int { markCount > 0 ? Int(marks.start[markCount - 1]) : 0 }

  private mutating func push(_ value: PickledValue) throws(ColorizeError) {
    // As the first lines of this file say, this is never the case.
    guard valueCount < values.count, stackCount < stack.count else {
      throw failure("there are more values than bytes")
    }
    values.start[valueCount] = value
    stack.start[stackCount] = UInt32(valueCount)
    valueCount += 1
    stackCount += 1
  }

  private func top() throws(ColorizeError) -> UInt32 {
    guard stackCount > stackFloor else { throw failure("the stack is empty") }
    return stack.start[stackCount - 1]
  }

  private mutating func pop() throws(ColorizeError) -> UInt32 {
    let value = try top()
    stackCount -= 1
    return value
  }

  /// Takes the last mark away.
  ///
  /// - Returns: how many values are above it.
  private mutating func popMark() throws(ColorizeError) -> Int {
    guard markCount > 0 else { throw failure("there is no mark") }
    markCount -= 1
    return stackCount - Int(marks.start[markCount])
  }

  private mutating func byte() throws(ColorizeError) -> UInt8 { bytes.start[try take(1)] }
  private mutating func uint16() throws(ColorizeError) -> UInt16 {
    bytes.number(try take(2), UInt16.self)
  }
  private mutating func uint32() throws(ColorizeError) -> UInt32 {
    bytes.number(try take(4), UInt32.self)
  }

  /// The bytes up to the end of the line.
  private mutating func line() throws(ColorizeError) -> UnsafeBufferPointer<UInt8> {
    let start = position
    while try byte() != UInt8(ascii: "\n") {}
    return UnsafeBufferPointer(rebasing: bytes.buffer[start..<(position - 1)])
  }

  /// Goes on by `count` bytes.
  ///
  /// - Returns: where they begin.
  private mutating func take(_ count: Int) throws(ColorizeError) -> Int {
    guard count <= bytes.count - position else {
      throw failure(
        bytes.count == Self.maximumBytes
          ? "it has more than \(Self.maximumBytes) bytes" : "it ends within an opcode")
    }
    position += count
    return position - count
  }

  private func failure(_ what: String) -> ColorizeError {
    .invalidModel("\(source) is damaged: \(what) (at byte \(opcodeStart))")
  }
}
