// The pictures of a folder and of those in it.

import Glibc

/// What a folder holds, found by names alone: no file is opened.
struct FolderTree {
  /// A picture, and the path to it from the folder, its name included.
  struct Entry {
    let file: FileName
    let path: [UInt8]
  }

  private(set) var pictures: [Entry] = []
  /// What is passed over: how many of each kind.
  private(set) var others: [String: Int] = [:]
  /// Folders that cannot be read, and why.
  private(set) var failures: [(FileName, String)] = []

  /// What systems and programs put into folders of pictures.
  private static let systemNames: Set<String> = ["thumbs.db", "desktop.ini", "ehthumbs.db"]

  /// Links to files are followed, links to folders are not: they may lead back.
  ///
  /// - Parameter output: the folder of the outputs, which is not read.
  init(_ root: FileName, _ options: FolderOptions, leavingOut output: FileName?) {
    read(root, path: [], options, output?.status?.identity)
  }

  private mutating func read(
    _ folder: FileName, path: [UInt8], _ options: FolderOptions,
    _ output: FileStatus.Identity?
  ) {
    guard let names = folder.entries() else {
      failures.append((folder, "cannot be read: \(String(cString: strerror(errno)))"))
      return
    }
    for name in names {
      let file = FileName(bytes: name).inFolder(folder)
      let inside = path + (path.isEmpty ? [] : [UInt8(ascii: "/")]) + name
      if name.first == UInt8(ascii: ".") {
        count("hidden")
      } else if options.excludes(inside) {
        count("excluded")
      } else if file.isFolder {
        if let output, file.status?.identity == output { continue }
        read(file, path: inside, options, output)
      } else if file.status?.isFolder == true {
        count("links to folders")
      } else if !OutputFormat.isPicture(file) {
        let text = String(decoding: name, as: UTF8.self).lowercased()
        let ext = file.fileExtension
        count(
          Self.systemNames.contains(text)
            ? "of the system" : ext.isEmpty ? "no extension" : ".\(ext)")
      } else if !options.includes(inside) {
        count("not included")
      } else if let status = file.status, !status.isRegularFile {
        count("no regular files")
      } else {
        pictures.append(Entry(file: file, path: inside))
      }
    }
  }

  private mutating func count(_ kind: String) { others[Terminal.harmless(kind), default: 0] += 1 }
}

extension FileName {
  /// The names in a folder, in the order of their bytes; nil: errno says why it cannot be read.
  func entries() -> [[UInt8]]? {
    guard let folder = withCString(opendir) else { return nil }
    defer { closedir(folder) }
    var found: [[UInt8]] = []
    errno = 0
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      if name != [UInt8(ascii: ".")], name != Array("..".utf8) { found.append(name) }
    }
    guard errno == 0 else { return nil }
    return found.sorted { $0.lexicographicallyPrecedes($1) }
  }

  /// Whether this is a folder, and no link to one.
  var isFolder: Bool {
    var answer = stat()
    return withCString { lstat($0, &answer) } == 0 && answer.st_mode & S_IFMT == S_IFDIR
  }

  /// The file at a path in this folder.
  func appending(_ path: [UInt8]) -> FileName {
    FileName(bytes: bytes + (endsWithSlash ? [] : [UInt8(ascii: "/")]) + path)
  }

  /// Makes this folder and those above it, as far as they are not there.
  ///
  /// - Returns: the one that cannot be made, for the reason in errno; nil: all of them are there.
  func makeFolders() -> FileName? {
    if status?.isFolder == true { return nil }
    if folder != self, let missing = folder.makeFolders() { return missing }
    if withCString({ mkdir($0, 0o777) }) == 0 { return nil }
    let reason = errno
    // Another process may have been faster; or a file is in the way.
    if status?.isFolder == true { return nil }
    errno = reason == EEXIST ? ENOTDIR : reason
    return self
  }
}
