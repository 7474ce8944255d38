// How ffmpeg is told to write a film.

import ColorizeCore
import Glibc

/// A film that is written.
struct VideoOutput {
  let name: FileName
  private let codec: VideoCodec
  private let isMatroska: Bool

  private static let extensions = ["mp4", "m4v", "mov", "mkv"]
  /// Of sound, what an MP4 file may hold.
  private static let sounds = ["aac", "mp3", "ac3", "eac3", "alac", "opus", "flac", "mp2"]
  /// Of subtitles, those that are text.
  private static let texts = ["subrip", "ass", "ssa", "webvtt", "mov_text", "text"]

  init(_ wanted: FileName?, for film: FileName, _ codec: VideoCodec) throws {
    let name = wanted ?? film.inserting(beforeExtension: "-colorized")
    let ending = name.fileExtension
    guard Self.extensions.contains(ending) else {
      throw Refusal(
        "\(name.shown): films are written as .mp4, .m4v, .mov or .mkv; name one with -o")
    }
    guard codec != .ffv1 || ending == "mkv" else {
      throw Refusal("\(name.shown): ffv1 is written as .mkv")
    }
    self.name = try name.writtenFile()
    if let own = self.name.status, own.identity == film.status?.identity {
      throw Refusal("\(name.shown) is the input, which is not overwritten")
    }
    self.codec = codec
    isMatroska = ending == "mkv"
  }

  /// Of its segments. NUT keeps every time as it is, but not the tags of ffv1, which has none itself.
  private var segmentFormat: String { codec == .ffv1 ? "matroska" : "nut" }

  /// Throws where the container cannot hold what the film has.
  ///
  /// - Returns: what is changed on the way.
  func refuseOrNote(_ film: VideoFile, withoutSubtitles: Bool) throws(Failure) -> [String] {
    var notes: [String] = []
    if film.isInterlaced { notes.append("is interlaced: it is deinterlaced (bwdif)") }
    if film.hasAlpha { notes.append("its alpha is left out") }
    if isMatroska { return notes }
    for stream in film.others {
      if stream.kind == "audio", !copies(stream) {
        notes.append(
          "its sound \(stream.codec) is written as AAC: .\(name.fileExtension) does not hold it")
      }
      if stream.kind == "subtitle", !withoutSubtitles, !Self.texts.contains(stream.codec) {
        throw Failure(
          "\(name.shown): subtitles of the kind \(stream.codec) can be kept in .mkv only; write one, or give --no-subtitles"
        )
      }
    }
    return notes
  }

  private func copies(_ stream: VideoFile.OtherStream) -> Bool {
    isMatroska || Self.sounds.contains(stream.codec)
      || (name.fileExtension == "mov" && stream.codec.hasPrefix("pcm_"))
  }

  /// Of ffmpeg, which reads frames from its standard input, to write a segment; but for its file's name.
  func writing(_ film: VideoFile, _ stream: NUTStream, crf: Int) -> [[UInt8]] {
    let pixels = film.written(width: stream.width, height: stream.height)
    let scale =
      "scale=out_color_matrix=\(film.swscaleMatrix):out_range=\(film.isFullRange ? "pc" : "tv")"
      + ":flags=accurate_rnd+bicubic,format=\(pixels)"
    var arguments = [
      "-v", "error", "-nostdin", "-y", "-f", "nut", "-i", "pipe:0", "-vf", scale,
      "-fps_mode", "passthrough", "-enc_time_base", "-1", "-c:v", codec.encoder,
    ]
    switch codec {
    // veryfast takes two thirds of the time of fast, of which encoding is a large part; at the same CRF the file is a sixth
    // smaller, and further from what was encoded (SSIM 0.992 instead of 0.994).
    case .h264: arguments += ["-preset", "veryfast", "-crf", "\(crf)"]
    case .h265:
      arguments += ["-preset", "veryfast", "-crf", "\(crf)", "-x265-params", "log-level=error"]
    case .ffv1: arguments += ["-level", "3"]
    }
    arguments += film.colorTags + ["-f", segmentFormat]
    return arguments.map { Array($0.utf8) }
  }

  /// Of ffmpeg, to join segments, and what else the film has.
  ///
  /// - Parameters:
  ///   - list: of the segments.
  ///   - start: the time of the first frame.
  func joining(
    _ film: VideoFile, _ list: FileName, start: Double, _ part: VideoPart?, withoutSubtitles: Bool,
    architecture: String, to whole: FileName
  ) -> [[UInt8]] {
    // ffmpeg counts the times of a file from its first frame on; those of the film are counted from where it begins, or its
    // part.
    let late = start - film.start - (part?.start ?? 0)
    let before = [
      "-v", "error", "-nostdin", "-y", "-itsoffset", Table.formatted("%.9f", late), "-f", "concat",
      "-i",
    ]
    let between = (part?.arguments ?? []) + ["-i"]
    var after = ["-map", "0:v", "-c:v", "copy"]
    if codec == .h265, !isMatroska { after += ["-tag:v", "hvc1"] }
    var (sounds, subtitles) = (0, 0)
    for other in film.others {
      switch other.kind {
      case "audio":
        after += ["-map", "1:\(other.index)", "-c:a:\(sounds)", copies(other) ? "copy" : "aac"]
        sounds += 1
      case "subtitle" where !withoutSubtitles:
        let codec =
          !isMatroska ? "mov_text" : other.codec == "mov_text" ? "srt" : "copy"
        after += ["-map", "1:\(other.index)", "-c:s:\(subtitles)", codec]
        subtitles += 1
      case "attachment" where isMatroska:
        after += ["-map", "1:\(other.index)", "-c:t", "copy"]
      default: break
      }
    }
    let said = "Colors guessed by \(Provenance.creator), network \(architecture)"
    after += [
      "-map_metadata", "1", "-map_chapters", "1",
      "-metadata", "comment=" + (film.comment.map { "\($0); " } ?? "") + said,
    ]
    return before.map { Array($0.utf8) } + [VideoChild.argument(list)]
      + between.map { Array($0.utf8) } + [VideoChild.argument(film.name)]
      + after.map { Array($0.utf8) } + [VideoChild.argument(whole)]
  }

  /// Gives the film its name.
  func take(_ whole: FileName) throws(Failure) {
    guard whole.moved(to: name) else { throw Failure(name, "cannot be written") }
  }
}
