// Picture files, with their metadata, and archives of them.

import CImageFiles
import ColorizeTraining
import Glibc

/// The formats that are written, by their places in the table.
private let writtenKinds: [Int] = {
  var places: [Int] = []
  var index = 0
  while let kind = image_file_kind_at(index)?.pointee {
    if kind.is_written { places.append(index) }
    index += 1
  }
  return places
}()

/// A folder in memory, for files that are given by name.
private let folder: String = {
  var template = Array("/dev/shm/libcolorize-fuzz-XXXXXX".utf8CString)
  guard mkdtemp(&template) != nil else { fatalError("no folder in /dev/shm") }
  let name = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  atexit {
    for part in ["input", "output"] { unlink("\(folder)/\(part)") }
    rmdir(folder)
  }
  return name
}()

private let input: (name: String, descriptor: CInt) = {
  let name = "\(folder)/input"
  let descriptor = open(name, O_RDWR | O_CREAT, 0o600)
  guard descriptor >= 0 else { fatalError("no file in \(folder)") }
  return (name, descriptor)
}()

private func write(_ bytes: UnsafeRawBufferPointer) {
  guard ftruncate(input.descriptor, 0) == 0,
    pwrite(input.descriptor, bytes.baseAddress, bytes.count, 0) == bytes.count
  else { fatalError("no room in \(folder)") }
}

/// Reads a picture, and writes one of its size with its metadata in one of the formats. The last byte says how it is
/// read, and its two highest bits which format: all of them for every picture would take four times as long.
///
/// - Parameter start: of files that are of interest; nil: a TIFF's.
func fuzzImageFile(_ bytes: UnsafeRawBufferPointer, _ start: [UInt8]?) -> CInt {
  guard bytes.count > 2 else { return -1 }
  let isWanted =
    start.map { bytes.starts(with: $0) }
    ?? (bytes.starts(with: [0x49, 0x49]) || bytes.starts(with: [0x4D, 0x4D]))
  guard isWanted, let flags = bytes.last else { return -1 }
  var copy = Array(bytes.dropLast())
  // What is changed in a PNG's chunks is to be read, and not only their checksums be found wrong.
  if flags & 16 == 0, copy.starts(with: [0x89, 0x50]) { mendChecksums(&copy) }
  return copy.withUnsafeBytes { tryFile($0, flags) }
}

/// Gives every chunk of a PNG its checksum (PNG 3, annex D), as far as their lengths make sense.
private func mendChecksums(_ png: inout [UInt8]) {
  var position = 8
  while position + 12 <= png.count {
    let length = png[position..<(position + 4)].reduce(0) { $0 << 8 | Int($1) }
    guard length <= png.count - position - 12 else { return }
    var sum = UInt32.max
    for byte in png[(position + 4)..<(position + 8 + length)] {
      sum ^= UInt32(byte)
      for _ in 0..<8 { sum = sum & 1 != 0 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
    }
    for index in 0..<4 {
      png[position + 8 + length + index] = UInt8(truncatingIfNeeded: ~sum >> (24 - 8 * index))
    }
    position += 12 + length
  }
}

private func tryFile(_ file: UnsafeRawBufferPointer, _ flags: UInt8) -> CInt {
  var message = [CChar](repeating: 1, count: Int(IMAGE_FILE_MESSAGE_SIZE))

  if flags & 4 != 0 {
    var image = image_file()
    _ = image_file_read_memory(
      file.baseAddress, file.count, flags & 8 != 0 ? 4 : 0, &image, &message)
    image_file_free(&image)
    return 0
  }
  write(file)
  var reading = image_file_reading()
  reading.depth = flags & 1 == 0 ? IMAGE_FILE_ALL_BITS : IMAGE_FILE_8_BITS
  reading.salvages = flags & 2 != 0
  reading.applies_profile = flags & 32 == 0
  reading.maximum_bytes = 4 << 20
  reading.output_sample_bytes = 4
  var image = image_file()
  defer { image_file_free(&image) }
  let status = image_file_read(input.name, &reading, &image, &message)
  precondition(message.contains(0), "a message without an end")
  guard status == IMAGE_FILE_OK else {
    precondition(message[0] != 0, "an error without a word")
    return 0
  }
  // Every byte of it is there.
  var sum = 0
  for index in 0..<(image.row_bytes * Int(image.height)) { sum &+= Int(image.pixels[index]) }
  precondition(sum >= 0)
  guard Int(image.width) * Int(image.height) <= 4096 else { return 0 }
  let place = writtenKinds[Int(flags >> 6) % writtenKinds.count]
  guard let kind = image_file_kind_at(place)?.pointee else { return 0 }
  var other = image
  other.channels = kind.has_alpha && image.channels % 2 == 0 ? 4 : 3
  other.sample_bytes = min(image.sample_bytes, kind.sample_bytes)
  other.row_bytes = Int(image.width) * Int(other.channels * other.sample_bytes)
  other.pixels = calloc(Int(image.height), other.row_bytes).assumingMemoryBound(to: UInt8.self)
  defer { free(other.pixels) }
  _ = image_file_write("\(folder)/output", kind.format, &other, nil, &message)
  // What was written is read again, with its metadata.
  var again = image_file()
  reading.salvages = false
  let statusAgain = image_file_read("\(folder)/output", &reading, &again, &message)
  precondition(
    statusAgain == IMAGE_FILE_OK || message.starts(with: Array("has ".utf8CString.dropLast())),
    "what was written cannot be read: \(String(decoding: message.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))"
  )
  image_file_free(&again)
  return 0
}

/// Goes through an archive, whose headers' checksums are made right first, and reads some pictures.
func fuzzTar(_ bytes: UnsafeRawBufferPointer) -> CInt {
  let block = 512
  guard bytes.count >= block else { return -1 }
  var archive = Array(bytes)
  for start in stride(from: 0, through: archive.count - block, by: block) {
    let header = archive[start..<(start + block)]
    guard header[(start + 257)..<(start + 262)].elementsEqual("ustar".utf8) else { continue }
    archive.replaceSubrange((start + 148)..<(start + 156), with: repeatElement(0x20, count: 8))
    let sum = archive[start..<(start + block)].reduce(0) { $0 + Int($1) }
    let digits = String(sum, radix: 8)
    let field = String(repeating: "0", count: 6 - digits.count) + digits + "\0 "
    archive.replaceSubrange((start + 148)..<(start + 156), with: field.utf8)
  }
  archive.withUnsafeBytes { write($0) }
  guard let set = try? PictureSet([Array(input.name.utf8)]), let reader = try? PictureReader(set)
  else { return 0 }
  for index in 0..<min(set.count, 4) {
    _ = set.name(index)
    guard let picture = try? reader.read(index, shorterSide: 8) else { continue }
    precondition(picture.width > 0 && picture.height > 0)
  }
  return 0
}
