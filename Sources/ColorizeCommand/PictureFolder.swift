// The pictures of a folder.

import Glibc

extension FileName {
  /// The PNG, JPEG and TIFF files of a folder by their extensions, in the order of their names' bytes.
  /// Hidden files and what lies in folders inside are not among them.
  func pictures() throws(Refusal) -> [FileName] {
    guard let folder = withCString(opendir) else {
      throw Refusal("\(shown) cannot be read: \(String(cString: strerror(errno)))")
    }
    defer { closedir(folder) }
    var found: [FileName] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      let file = FileName(bytes: name).inFolder(self)
      guard name.first != UInt8(ascii: "."), OutputFormat.extensions[file.fileExtension] != nil,
        file.status?.isFolder != true
      else { continue }
      found.append(file)
    }
    return found.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
  }
}
