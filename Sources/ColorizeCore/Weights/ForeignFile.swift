// What a file is that is given for a model and is none, told by its first bytes.

/// Files that people have where a model should be. All of them would be taken for safetensors, with a
/// header of some exabytes.
enum ForeignFile {
  /// How files begin, in lower case, and what they are.
  private static let beginnings: [([UInt8], String)] = [
    (Array("version https://git-lfs".utf8), "a Git LFS pointer, not the file itself: git lfs pull"),
    (Array("<!doctype html".utf8), page), (Array("<html".utf8), page),
    (Array("<?xml".utf8), "an XML document"),
    (Array("gguf".utf8), "a GGUF file, which holds a language model"),
    ([0x89] + Array("hdf\r\n".utf8), "an HDF5 file, as Keras writes it"),
    ([0x1F, 0x8B], "compressed with gzip: unpack it first"),
    ([0x89] + Array("png\r\n".utf8), "a PNG picture"), ([0xFF, 0xD8, 0xFF], "a JPEG picture"),
  ]
  private static let page = "an HTML page: it was downloaded from a link to a page, not to the file"

  /// nil: nothing that is known.
  static func name(_ source: ByteSource) throws(ColorizeError) -> String? {
    let start = try source.bytes(0, min(source.count, 256))
    // A page may begin with blanks, and with a mark that it is UTF-8.
    let bytes = start.buffer.drop { [0xEF, 0xBB, 0xBF, 0x20, 0x09, 0x0A, 0x0D].contains($0) }
      .map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
    return beginnings.first { bytes.starts(with: $0.0) }?.1
  }
}
