// What a film is, as ffprobe describes it, and how ffmpeg is told to read it.

import ArgumentParser
import CProcess
import Glibc

/// A film that is read.
struct VideoFile {
  /// One of its streams that are not pictures.
  struct OtherStream {
    let index: Int
    let kind: String
    let codec: String
  }

  let name: FileName
  /// The number of the stream of pictures.
  private let stream: Int
  private let answers: [String: String]
  let others: [OtherStream]

  init(_ name: FileName) throws(Failure) {
    self.name = name
    answers = try Self.ask(name)
    var pictures: Int?
    var others: [OtherStream] = []
    var index = 0
    while let kind = answers["streams.stream.\(index).codec_type"] {
      let codec = answers["streams.stream.\(index).codec_name"] ?? "unknown"
      if kind == "video" {
        // A cover is a picture, too.
        let isCover = answers["streams.stream.\(index).disposition.attached_pic"] == "1"
        if !isCover, pictures == nil { pictures = index }
      } else {
        others.append(OtherStream(index: index, kind: kind, codec: codec))
      }
      index += 1
    }
    guard let pictures else { throw Failure("\(name.shown): there is no film in it") }
    stream = pictures
    self.others = others
    if let transfer = self["color_transfer"], ["smpte2084", "arib-std-b67"].contains(transfer) {
      throw Failure("\(name.shown): is HDR (\(transfer)); convert it to SDR first")
    }
  }

  /// What ffprobe says of the stream of pictures; nil where that is nothing.
  private subscript(key: String) -> String? {
    let value = answers["streams.stream.\(stream).\(key)"]
    return value == "unknown" || value == "N/A" ? nil : value
  }

  private static func ask(_ name: FileName) throws(Failure) -> [String: String] {
    let pipe = try ChildPipe()
    let child = try VideoChild(
      "ffprobe",
      ["-v", "error", "-show_streams", "-show_format", "-of", "flat"].map { Array($0.utf8) }
        + [VideoChild.argument(name)], output: pipe.writing)
    pipe.closeWriting()
    var text: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 4096)
    while text.count < 1 << 24 {
      let count = (try? Pipe.read(pipe.reading, &block, block.count)) ?? 0
      if count == 0 { break }
      text += block[..<count]
    }
    guard child.wait() else {
      let prefix = "file:" + String(decoding: name.bytes, as: UTF8.self) + ": "
      let said = child.message ?? "ffprobe cannot read it"
      throw Failure(
        "\(name.shown): \(said.hasPrefix(prefix) ? String(said.dropFirst(prefix.count)) : said)")
    }
    var answers: [String: String] = [:]
    for line in text.split(separator: UInt8(ascii: "\n")) {
      let line = String(decoding: line, as: UTF8.self)
      guard let equal = line.firstIndex(of: "=") else { continue }
      var value = line[line.index(after: equal)...]
      if value.hasPrefix("\""), value.hasSuffix("\""), value.count >= 2 {
        value = value.dropFirst().dropLast()
      }
      answers[String(line[..<equal])] = String(
        value.replacing("\\\"", with: "\"").replacing("\\\\", with: "\\"))
    }
    return answers
  }

  // ---- What it is

  private var pixels: String { self["pix_fmt"] ?? "" }

  /// Whether a channel has more than 8 bits.
  var isDeep: Bool {
    ["9le", "9be", "10le", "10be", "12le", "12be", "14le", "14be", "16le", "16be"]
      .contains { pixels.hasSuffix($0) } || pixels.hasPrefix("p010") || pixels.hasPrefix("p016")
      || pixels.hasPrefix("rgb48") || pixels.hasPrefix("bgr48")
  }

  var hasAlpha: Bool {
    ["yuva", "rgba", "bgra", "argb", "abgr", "gbrap", "ya8", "ya16", "ayuv"].contains {
      pixels.hasPrefix($0)
    }
  }

  var isInterlaced: Bool { ["tt", "bb", "tb", "bt"].contains(self["field_order"] ?? "") }

  /// In seconds; nil: not known.
  var duration: Double? {
    (self["duration"] ?? answers["format.duration"]).flatMap { Double($0) }.flatMap {
      $0 > 0 && $0 < 1e9 ? $0 : nil
    }
  }

  /// In seconds, what its times begin with.
  var start: Double {
    let start = answers["format.start_time"].flatMap { Double($0) } ?? 0
    return abs(start) < 1e9 ? start : 0
  }

  /// The comment that it has.
  var comment: String? { answers["format.tags.comment"] ?? answers["format.tags.COMMENT"] }

  /// How luma and chroma were made of red, green and blue. What does not say is what players take it for.
  var matrix: String {
    if let known = self["color_space"], known != "gbr" { return known }
    return (self["height"].flatMap { Int($0) } ?? 0) >= 720 ? "bt709" : "smpte170m"
  }

  /// What the stream says of its colors, as arguments for the one that is written.
  var colorTags: [String] {
    var tags = ["-colorspace", matrix, "-color_range", isFullRange ? "pc" : "tv"]
    if let primaries = self["color_primaries"] { tags += ["-color_primaries", primaries] }
    if let transfer = self["color_transfer"] { tags += ["-color_trc", transfer] }
    return tags
  }

  var isFullRange: Bool { self["color_range"] == "pc" || pixels.hasPrefix("yuvj") }

  /// The layout of the pixels that are written, of those that H.264 has.
  func written(width: Int, height: Int) -> String {
    let isOdd = width % 2 != 0 || height % 2 != 0
    let chroma = isOdd || pixels.contains("444") ? "444" : pixels.contains("422") ? "422" : "420"
    return "yuv\(chroma)p\(isDeep ? "10le" : "")"
  }

  // ---- Reading

  /// Filters from its frames to red, green and blue.
  private func filters(_ pixels: String, from frame: Int, doubled: Bool) -> String {
    var scale = "scale=in_color_matrix=\(swscaleMatrix):out_range=pc:flags=accurate_rnd+bicubic"
    if isFullRange {
      scale += ":in_range=pc"
    } else if self["color_range"] == "tv" {
      scale += ":in_range=tv"
    }
    var filters = isInterlaced ? ["bwdif=mode=send_frame"] : []
    if frame > 0 { filters.append("select=gte(n\\,\(frame))") }
    filters += [scale, "format=\(pixels)"]
    if doubled {
      filters.append(
        "split[color][other];[other]format=\(isDeep ? "gray16le" : "gray"),format=\(pixels)[gray];"
          + "[gray][color]hstack")
    }
    return filters.joined(separator: ",")
  }

  /// The name that ffmpeg's scaler has for it.
  var swscaleMatrix: String {
    ["bt470bg": "bt601", "smpte170m": "bt601", "bt2020nc": "bt2020", "bt2020c": "bt2020"][matrix]
      ?? matrix
  }

  /// Of ffmpeg, to write the stream's frames as they are to be colored.
  ///
  /// - Parameters:
  ///   - part: of the film, if not all of it.
  ///   - frame: the first one that is wanted, of that part.
  ///   - doubled: whether a gray frame is to stand on its left.
  func reading(_ part: VideoPart?, from frame: Int, doubled: Bool) -> [[UInt8]] {
    let pixels = isDeep ? "rgb48le" : "rgb24"
    let before = ["-v", "error", "-nostdin", "-copyts"] + (part?.arguments ?? []) + ["-i"]
    let after = [
      "-map", "0:\(stream)", "-map_metadata", "-1", "-map_chapters", "-1", "-vf",
      filters(pixels, from: frame, doubled: doubled), "-fps_mode", "passthrough", "-enc_time_base",
      "-1", "-c:v",
      "rawvideo", "-f", "nut", "pipe:1",
    ]
    return before.map { Array($0.utf8) } + [VideoChild.argument(name)]
      + after.map { Array($0.utf8) }
  }
}

/// A part of a film, in seconds.
struct VideoPart {
  let start: Double
  let end: Double

  /// Of ffmpeg, before an input.
  var arguments: [String] {
    ["-ss", Table.formatted("%.6f", start), "-t", Table.formatted("%.6f", end - start)]
  }

  /// FROM,TO: seconds, or [HOURS:]MINUTES:SECONDS.
  init(_ text: String) throws {
    let ends = text.split(separator: ",", omittingEmptySubsequences: false).map {
      Self.seconds($0)
    }
    guard ends.count == 2, let start = ends[0], let end = ends[1], start < end else {
      throw ValidationError("it must be FROM,TO: seconds, or minutes:seconds, FROM before TO")
    }
    self.start = start
    self.end = end
  }

  /// nil: it is none.
  static func seconds(_ text: Substring) -> Double? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard (1...3).contains(parts.count) else { return nil }
    var sum = 0.0
    for part in parts {
      guard let value = Double(part), value >= 0, value < 1e7 else { return nil }
      sum = 60 * sum + value
    }
    return sum
  }
}
