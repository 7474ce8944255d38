// Checkpoints that torch.save has written. Since PyTorch 1.6 they are zip archives: a pickle, and an
// entry for each storage. Before, they were five pickles in a row and then the storages.

extension TensorFile {
  private static let notSaved = "a pickle, but not one that torch.save has written"
  /// What torch.save begins with: `MAGIC_NUMBER` of torch/serialization.py.
  private static let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
  private static let legacyVersion = 1001

  /// The tensors of a checkpoint in a zip archive.
  static func readZip(_ source: ByteSource) throws(ColorizeError) -> [String: Entry] {
    let archive = try ZipArchive(source)
    guard let pickle = archive["data.pkl"] else {
      throw .unsupportedModel("a zip archive, but not a PyTorch checkpoint: it has no data.pkl")
    }
    if let order = archive["byteorder"] {
      let bytes = try source.bytes(order.start, min(order.count, 8))
      guard order.count == 6, bytes.buffer.elementsEqual("little".utf8) else {
        throw .unsupportedModel("its byteorder is \(printable(bytes.buffer)), not little")
      }
    }
    guard pickle.count <= Unpickler.maximumBytes else {
      throw .invalidModel(
        "its data.pkl has \(pickle.count) bytes; the limit is \(Unpickler.maximumBytes)")
    }
    let bytes = try source.bytes(pickle.start, pickle.count)
    guard pickle.checksum == 0 || pickle.checksum == crc32(bytes.buffer) else {
      throw .invalidModel("its data.pkl is damaged: the checksum does not match")
    }
    var unpickler = try Unpickler(bytes, source: "its data.pkl")
    let root = try unpickler.next()
    guard unpickler.position == bytes.count else {
      throw .invalidModel("its data.pkl continues after its end, at byte \(unpickler.position)")
    }

    var starts: [Int] = []
    let folder = Array("data/".utf8)
    for storage in unpickler.storages {
      guard let entry = archive.entries[folder + storage.key] else {
        throw .invalidModel("the entry data/\(printable(storage.key)) is missing")
      }
      guard entry.count == storage.byteCount else {
        throw .invalidModel(
          "the entry data/\(printable(storage.key)) has \(entry.count) bytes for \(storage.count) "
            + "values of a \(storage.type.storageName)")
      }
      starts.append(entry.start)
    }
    let stored = archive.entries.keys.filter { $0.starts(with: folder) }
    guard stored.count == starts.count else {
      throw .invalidModel("it has \(stored.count) storages, of which \(starts.count) are used")
    }
    return try unpickler.tensors(of: root, storagesAt: starts)
  }

  /// The tensors of a checkpoint without an archive.
  static func readLegacy(_ source: ByteSource) throws(ColorizeError) -> [String: Entry] {
    let bytes = try source.bytes(0, min(source.count, Unpickler.maximumBytes))
    var unpickler = try Unpickler(bytes, source: "its pickle")
    let magic = try unpickler.next()
    guard magic.kind == .long, unpickler.text(magic).elementsEqual(Self.magic) else {
      throw .unsupportedModel(notSaved)
    }
    let version = try unpickler.next()
    guard version.kind == .integer, version.number == legacyVersion else {
      throw .unsupportedModel("its version is not \(legacyVersion)")
    }
    let system = try unpickler.next()
    guard system.isDictionary else { throw .invalidModel("it does not say its byte order") }
    var isLittleEndian = false
    try unpickler.forEachItem(system) { (key, value) throws(ColorizeError) in
      if unpickler.isText(key, "little_endian") {
        isLittleEndian = value.kind == .boolean && value.number == 1
      }
    }
    guard isLittleEndian else { throw .unsupportedModel("its numbers are not little-endian") }
    let root = try unpickler.next()
    let keys = try unpickler.next()
    let starts = try storages(keys, of: unpickler, source)
    return try unpickler.tensors(of: root, storagesAt: starts)
  }

  /// Where the storages are that follow the pickles, in the order of `keys`, each after the number
  /// of its values. They end the file.
  private static func storages(
    _ keys: PickledValue, of unpickler: Unpickler, _ source: ByteSource
  ) throws(ColorizeError) -> [Int] {
    let storages = unpickler.storages
    guard keys.kind == .list, keys.number == storages.count else {
      throw .invalidModel("it does not list the \(storages.count) storages of its tensors")
    }
    var starts = [Int](repeating: -1, count: storages.count)
    var position = unpickler.position
    for item in unpickler.items(keys) {
      let key = unpickler[item]
      guard key.kind == .string, let index = unpickler.index(ofStorage: unpickler.text(key)),
        starts[index] < 0
      else { throw .invalidModel("it lists a storage that no tensor has, or one twice") }
      let storage = storages[index]
      guard source.count - position >= 8 else {
        throw .invalidModel("it ends before the storage \(printable(storage.key))")
      }
      let head = try source.bytes(position, 8)
      let count = head.number(0, Int64.self)
      position += 8
      guard count == storage.count, let size = storage.byteCount, size <= source.count - position
      else {
        throw .invalidModel(
          "the storage \(printable(storage.key)) at byte \(position) has \(count) values and should "
            + "have \(storage.count), of \(storage.type.bytes) bytes each; the file has "
            + "\(source.count) bytes")
      }
      starts[index] = position
      position += size
    }
    guard position == source.count else {
      throw .invalidModel("\(source.count - position) bytes follow the last storage")
    }
    return starts
  }
}
