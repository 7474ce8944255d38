// The pictures that a network learns from: an index over folders, tars and files, made once.

import ColorizeCore
import Glibc

/// Where the PNG and JPEG pictures of some folders, tars and files are. Nothing is decoded before
/// it is asked for, and nothing but the index is kept. May be read from several threads.
package final class PictureSet: @unchecked Sendable {
  private enum Container {
    /// Files below this folder, ending in a slash, or with an empty name before their paths.
    case folder([UInt8])
    case tar(ByteSource, name: [UInt8])
  }

  private struct Entry {
    let container: Int32
    let nameLength: Int32
    let nameStart: Int
    /// In the container: 0 for a file.
    let offset: Int
    let length: Int
  }

  /// A file that says it is a longer one is broken.
  private static let maximumFileBytes = 1 << 28

  private var containers: [Container] = []
  private var entries: GrowingMemory<Entry>
  private var names: GrowingMemory<UInt8>
  /// Files and members that are neither pictures nor archives, and files in folders that cannot be
  /// opened.
  package private(set) var ignored = 0
  /// A sentence for each archive that is damaged; the members before the damage are in the set.
  package private(set) var damage: [String] = []

  /// - Parameter paths: of folders, which are gone through with all that is in them, tars and
  ///   pictures. The set has their order; what is in a folder is sorted by its path, what is in a
  ///   tar is not.
  package init(_ paths: [[UInt8]]) throws(ColorizeError) {
    entries = try GrowingMemory()
    names = try GrowingMemory()
    for path in paths {
      if Self.isFolder(path) {
        let folder = path.last == 0x2F ? path : path + [0x2F]
        let listing = try FolderListing(folder)
        containers.append(.folder(folder))
        let container = Int32(containers.count - 1)
        for index in 0..<listing.count {
          ignored += try isAdded(Array(listing[index]), folder: folder, container) ? 0 : 1
        }
      } else {
        containers.append(.folder([]))
        guard try add(path, folder: [], Int32(containers.count - 1)) else {
          throw .invalidArgument("\(Self.shown(path)) is neither a picture nor a tar nor a folder")
        }
      }
    }
    guard count > 0 else {
      let shown = paths.map(Self.shown).joined(separator: ", ")
      throw .invalidArgument(
        (["there is no PNG or JPEG picture in \(shown)"] + damage).joined(separator: "; "))
    }
  }

  package var count: Int { entries.count }

  /// "archive.tar/member", or the path of a file relative to its folder.
  package func name(_ index: Int) -> String {
    let entry = entries[index]
    let name = UnsafeBufferPointer(
      start: names.memory.start + entry.nameStart, count: Int(entry.nameLength))
    guard case .tar(_, let archive) = containers[Int(entry.container)] else {
      return String(decoding: name, as: UTF8.self)
    }
    return String(decoding: archive + [0x2F] + name, as: UTF8.self)
  }

  /// The bytes of a picture's file.
  ///
  /// - Parameter buffer: where they are put; it is replaced by a larger one when it is too small.
  /// - Returns: how many there are.
  func read(_ index: Int, into buffer: inout Memory<UInt8>) throws(ColorizeError) -> Int {
    let entry = entries[index]
    switch containers[Int(entry.container)] {
    case .tar(let source, _): return try read(source, entry.offset, entry.length, &buffer)
    case .folder(let folder):
      let name = UnsafeBufferPointer(
        start: names.memory.start + entry.nameStart, count: Int(entry.nameLength))
      let source = try (folder + name).withPath { (path) throws(ColorizeError) in
        try ByteSource(path: path)
      }
      return try read(source, 0, source.count, &buffer)
    }
  }

  private func read(
    _ source: ByteSource, _ offset: Int, _ length: Int, _ buffer: inout Memory<UInt8>
  ) throws(ColorizeError) -> Int {
    guard length <= Self.maximumFileBytes else {
      throw .invalidArgument("has \(length) bytes; the limit is \(Self.maximumFileBytes)")
    }
    if buffer.count < length { buffer = try Memory(count: length.roundedUp(to: 1 << 16)) }
    try source.read(offset, length, into: buffer.start)
    return length
  }

  private static func shown(_ path: [UInt8]) -> String { String(decoding: path, as: UTF8.self) }

  private static func isFolder(_ path: [UInt8]) -> Bool {
    var status = stat()
    return path.withPath({ stat($0, &status) }) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Adds what is in a folder; false if it cannot be opened, or is neither a picture nor a tar.
  private func isAdded(_ name: [UInt8], folder: [UInt8], _ container: Int32) throws(ColorizeError)
    -> Bool
  {
    do throws(ColorizeError) {
      return try add(name, folder: folder, container)
    } catch .cannotReadFile {
      return false
    }
  }

  /// Adds a picture, or those of a tar; false if it is neither.
  private func add(_ name: [UInt8], folder: [UInt8], _ container: Int32) throws(ColorizeError)
    -> Bool
  {
    let source = try (folder + name).withPath { (path) throws(ColorizeError) in
      try ByteSource(path: path)
    }
    let first = try Memory<UInt8>(count: TarReader.beginningBytes)
    let length = min(first.count, source.count)
    try source.read(0, length, into: first.start)
    if Self.isPicture(UnsafeBufferPointer(start: first.start, count: length)) {
      try add(name, container, offset: 0, length: source.count)
      return true
    }
    guard try TarReader.isArchive(source) else { return false }
    containers.append(.tar(source, name: name))
    let archive = Int32(containers.count - 1)
    var reader = try TarReader(source)
    while let member = try reader.next() {
      let isPicture = member.beginning.withUnsafeBufferPointer(Self.isPicture)
      guard isPicture else {
        ignored += 1
        continue
      }
      try add(member.name, archive, offset: member.offset, length: member.length)
    }
    if let reason = reader.damage { damage.append("\(Self.shown(name)) is \(reason)") }
    return true
  }

  private func add(_ name: [UInt8], _ container: Int32, offset: Int, length: Int)
    throws(ColorizeError)
  {
    let entry = Entry(
      container: container, nameLength: Int32(name.count), nameStart: names.count, offset: offset,
      length: length)
    try name.withUnsafeBufferPointer { (buffer) throws(ColorizeError) in try names.append(buffer) }
    try entries.append(entry)
  }

  private static func isPicture(_ beginning: UnsafeBufferPointer<UInt8>) -> Bool {
    beginning.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
      || beginning.starts(with: [0xFF, 0xD8, 0xFF])
  }
}
