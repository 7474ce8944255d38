// Raw frames with their times, from one program to another: ffmpeg's container NUT, of one stream of uncompressed video.
// https://ffmpeg.org/~michael/nut.txt
//
// A frame's pixels are replaced and its header and the stream's are passed on as they are, so that times, whatever their
// rate and however they vary, the shape of pixels and all that ffmpeg says of a stream arrive as they were. Any frame may
// begin a stream: with the headers, and a sync point of ours before each frame, which says what its time is told from.

import ColorizeCore
import Glibc

/// What is wrong with a stream.
struct StreamError: Error {
  let reason: String

  init(_ reason: String) { self.reason = reason }
}

/// Reads a stream and writes it again, frame by frame.
struct NUTStream {
  /// How a frame is written, by its first byte.
  private struct FrameCode {
    var flags = 0
    var stream = 0
    var sizeFactor = 1
    var sizeRest = 0
    var timeStep = 0
    var reserved = 0
    var beginning = 0
  }

  private enum Flag {
    static let codedTime = 8
    static let stream = 16
    static let size = 32
    static let checksum = 64
    static let reserved = 128
    static let beginning = 1024
    static let matchTime = 2048
    static let coded = 4096
    static let invalid = 8192
  }

  private static let identifier = Array("nut/multimedia container\0".utf8)
  private static let mainHeader: UInt64 = 0x4E4D_7A56_1F5F_04AD
  private static let streamHeader: UInt64 = 0x4E53_1140_5BF2_F9DB
  private static let syncPoint: UInt64 = 0x4E4B_E4AD_EECA_4569
  private static let information: UInt64 = 0x4E49_AB68_B596_BA78
  /// A packet that is no frame is shorter.
  private static let longestPacket = 1 << 20
  /// Frames up to this size may lack bytes that many begin with.
  private static let longestWithBeginning = 4096

  let input: Int32
  /// The packets before the first frame, but for what is about places in the stream.
  private(set) var header: [UInt8] = []
  /// What the last frame begins with, before its pixels.
  private(set) var frameHeader: [UInt8] = []
  /// Bytes of the packet or frame that is being read.
  private var pending: [UInt8] = []
  private var codes: [FrameCode] = []
  private var beginnings: [[UInt8]] = [[]]
  /// Seconds of a step, as a fraction.
  private var timeBase = (numerator: 1, denominator: 1)
  private var timeBits = 0
  private var lastTime = 0
  /// What the last frame's time is told from.
  private var timeBefore = 0

  /// Of a frame, in pixels; 0 before the first frame.
  private(set) var width = 0
  private(set) var height = 0
  private let bytesPerPixel: Int
  /// In seconds, of the last frame.
  private(set) var seconds = 0.0

  /// The bytes of a frame.
  var frameSize: Int { width * height * bytesPerPixel }

  init(reading input: Int32, bytesPerPixel: Int) {
    self.input = input
    self.bytesPerPixel = bytesPerPixel
  }

  // ---- Bytes

  private mutating func byte() throws(StreamError) -> UInt8? {
    var value: UInt8 = 0
    guard try Pipe.read(input, &value, 1) == 1 else { return nil }
    pending.append(value)
    return value
  }

  private mutating func bytes(_ count: Int) throws(StreamError) -> [UInt8] {
    var result = [UInt8](repeating: 0, count: count)
    guard try Pipe.read(input, &result, count) == count else { throw StreamError("ends early") }
    pending += result
    return result
  }

  private mutating func number() throws(StreamError) -> Int {
    var reader = Reader(bytes: [])
    while true {
      guard let next = try byte() else { throw StreamError("ends early") }
      reader.bytes.append(next)
      guard reader.bytes.count <= 9 else { throw StreamError("has a number of more than 63 bits") }
      if next < 128 { return try reader.number() }
    }
  }

  private struct Reader {
    var bytes: [UInt8]
    var place = 0

    mutating func number() throws(StreamError) -> Int {
      var value = 0
      for _ in 0..<9 {
        guard place < bytes.count else { break }
        let next = bytes[place]
        place += 1
        value = value << 7 | Int(next & 127)
        if next < 128 { return value }
      }
      throw StreamError("has a damaged header")
    }

    mutating func signed() throws(StreamError) -> Int {
      let value = try number() + 1
      return value & 1 == 1 ? -(value >> 1) : value >> 1
    }

    mutating func skip(_ count: Int) throws(StreamError) -> [UInt8] {
      guard count <= bytes.count - place else { throw StreamError("has a damaged header") }
      defer { place += count }
      return Array(bytes[place..<(place + count)])
    }
  }

  // ---- Packets

  /// Reads up to the pixels of the next frame.
  ///
  /// - Returns: the bytes that it begins with and that are not in the stream; nil: there are no more frames.
  mutating func nextFrame() throws(StreamError) -> [UInt8]? {
    if codes.isEmpty {
      // Nothing at all: there was no frame to write.
      guard try byte() != nil else { return nil }
      let rest = try bytes(Self.identifier.count - 1)
      guard [pending[0]] + rest == Self.identifier else { throw StreamError("is no NUT stream") }
      header = pending
    }
    pending = []
    while let first = try byte() {
      if first == UInt8(ascii: "N") {
        let isOfAll = try packet()
        if isOfAll, frameHeader.isEmpty { header += pending }
        pending = []
        continue
      }
      guard !codes.isEmpty else { throw StreamError("begins without a header") }
      timeBefore = lastTime
      let beginning = try frame(codes[Int(first)])
      frameHeader = pending
      return beginning
    }
    return nil
  }

  /// What a frame's header must come behind, so that its time is told from the right one.
  func syncPoint() -> [UInt8] {
    func bytes(_ value: UInt64, _ count: Int) -> [UInt8] {
      (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    }
    // The time, and how far the one before is back: nobody looks for it.
    let content = Self.number(max(timeBefore, 0)) + [0]
    let checksum = content.reduce(UInt32(0)) { sum, byte in
      (0..<8).reduce(sum ^ UInt32(byte) << 24) { value, _ in
        value & 0x8000_0000 != 0 ? value << 1 ^ 0x04C1_1DB7 : value << 1
      }
    }
    return bytes(Self.syncPoint, 8) + Self.number(content.count + 4) + content
      + bytes(UInt64(checksum), 4)
  }

  private static func number(_ value: Int) -> [UInt8] {
    var result = [UInt8(value & 127)]
    var rest = value >> 7
    while rest > 0 {
      result.insert(UInt8(rest & 127) | 128, at: 0)
      rest >>= 7
    }
    return result
  }

  /// - Returns: whether what it says is not about a place in the stream.
  private mutating func packet() throws(StreamError) -> Bool {
    let rest = try bytes(7)
    let code = rest.reduce(UInt64(UInt8(ascii: "N"))) { $0 << 8 | UInt64($1) }
    let length = try number()
    guard length <= Self.longestPacket else { throw StreamError("has a header of \(length) bytes") }
    if length > 4096 { _ = try bytes(4) }
    var reader = Reader(bytes: try bytes(length))
    switch code {
    case Self.mainHeader: try readMainHeader(&reader)
    case Self.streamHeader: try readStreamHeader(&reader)
    case Self.information: break
    case Self.syncPoint:
      // Of one time base, the number is the time.
      lastTime = try reader.number()
      return false
    default: return false
    }
    return true
  }

  private mutating func readMainHeader(_ reader: inout Reader) throws(StreamError) {
    let version = try reader.number()
    if version > 3 { _ = try reader.number() }
    let streams = try reader.number()
    _ = try reader.number()
    let timeBases = try reader.number()
    guard streams == 1, timeBases == 1 else {
      throw StreamError("has \(streams) streams and \(timeBases) time bases; it must have one")
    }
    timeBase = (try reader.number(), try reader.number())
    guard timeBase.numerator > 0, timeBase.denominator > 0 else {
      throw StreamError("has a time base of 0")
    }
    codes = []
    var code = FrameCode()
    while codes.count < 256 {
      code.flags = try reader.number()
      let fields = try reader.number()
      if fields > 0 { code.timeStep = try reader.signed() }
      if fields > 1 { code.sizeFactor = try reader.number() }
      if fields > 2 { code.stream = try reader.number() }
      let rest = fields > 3 ? try reader.number() : 0
      code.reserved = fields > 4 ? try reader.number() : 0
      let count = fields > 5 ? try reader.number() : code.sizeFactor - rest
      if fields > 6 { _ = try reader.signed() }
      if fields > 7 { code.beginning = try reader.number() }
      for _ in 0..<max(min(fields, 64) - 8, 0) { _ = try reader.number() }
      guard (1...256).contains(count) else { throw StreamError("has a damaged table of frames") }
      for index in 0..<count {
        // What begins a packet begins no frame.
        if codes.count == Int(UInt8(ascii: "N")) { codes.append(FrameCode(flags: Flag.invalid)) }
        guard codes.count < 256 else { break }
        code.sizeRest = rest + index
        codes.append(code)
      }
    }
    beginnings = [[]]
    let count = try reader.number()
    guard count < 128 else { throw StreamError("has a damaged header") }
    for _ in 0..<count {
      let length = try reader.number()
      guard length < 256 else { throw StreamError("has a damaged header") }
      beginnings.append(try reader.skip(length))
    }
  }

  private mutating func readStreamHeader(_ reader: inout Reader) throws(StreamError) {
    // Number, class, four characters of the codec with their length, time base, bits of short times.
    _ = try reader.number()
    _ = try reader.number()
    _ = try reader.skip(try reader.number())
    _ = try reader.number()
    timeBits = try reader.number()
    guard timeBits < 62 else { throw StreamError("has a damaged header") }
    // The longest time between frames, the delay of decoding, flags, and what the codec needs to be told.
    for _ in 0..<3 { _ = try reader.number() }
    _ = try reader.skip(try reader.number())
    (width, height) = (try reader.number(), try reader.number())
    let sides = 1...ImageView.maximumSide
    guard sides.contains(width), sides.contains(height) else {
      throw StreamError("is of \(width)x\(height) pixels")
    }
  }

  private mutating func frame(_ code: FrameCode) throws(StreamError) -> [UInt8] {
    var flags = code.flags
    guard flags & Flag.invalid == 0 else { throw StreamError("has a damaged frame") }
    if flags & Flag.coded != 0 { flags ^= try number() }
    if flags & Flag.stream != 0 { _ = try number() }
    if flags & Flag.codedTime != 0 {
      let coded = try number()
      let range = 1 << timeBits
      if coded < range {
        // The time with these last bits that is nearest to the last one.
        let delta = lastTime - range / 2
        lastTime = ((coded - delta) & (range - 1)) + delta
      } else {
        lastTime = coded - range
      }
    } else {
      lastTime += code.timeStep
    }
    seconds = Double(lastTime) * Double(timeBase.numerator) / Double(timeBase.denominator)
    let (high, isTooLarge) = (flags & Flag.size != 0 ? try number() : 0)
      .multipliedReportingOverflow(by: code.sizeFactor)
    if flags & Flag.matchTime != 0 { _ = try number() }
    var beginning = flags & Flag.beginning != 0 ? try number() : code.beginning
    let reserved = flags & Flag.reserved != 0 ? try number() : code.reserved
    for _ in 0..<min(reserved, 256) { _ = try number() }
    if flags & Flag.checksum != 0 { _ = try bytes(4) }
    guard !isTooLarge, high < Int.max / 2, high + code.sizeRest == frameSize else {
      throw StreamError("has a frame of another size")
    }
    if frameSize > Self.longestWithBeginning { beginning = 0 }
    guard beginning < beginnings.count, beginnings[beginning].count <= frameSize else {
      throw StreamError("has a damaged frame")
    }
    return beginnings[beginning]
  }
}

/// Reading and writing all of something.
enum Pipe {
  /// - Returns: how many bytes there were.
  static func read(_ file: Int32, _ bytes: UnsafeMutableRawPointer, _ count: Int)
    throws(StreamError) -> Int
  {
    var done = 0
    while done < count {
      let got = Glibc.read(file, bytes + done, count - done)
      if got == 0 { break }
      if got < 0 {
        guard errno == EINTR else { throw StreamError(String(cString: strerror(errno))) }
        if Interrupt.wanted { break }
        continue
      }
      done += got
    }
    return done
  }

  /// - Returns: false if nobody reads any more.
  static func write(_ file: Int32, _ bytes: UnsafeRawPointer, _ count: Int) throws(StreamError)
    -> Bool
  {
    var done = 0
    while done < count {
      let put = Glibc.write(file, bytes + done, count - done)
      if put < 0 {
        if errno == EINTR { continue }
        if errno == EPIPE { return false }
        throw StreamError(String(cString: strerror(errno)))
      }
      done += put
    }
    return true
  }
}
