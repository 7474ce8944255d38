// The C interface: sequences of calls, with values that are right, wrong and extreme, and buffers that
// are exactly as large as the header says, so that the sanitizer sees a byte too many.

import CColorize
import Glibc

/// Choices, made by the fuzzer's bytes; when they are used up, zeros.
private struct Choices {
  private var rest: UnsafeRawBufferPointer.SubSequence

  init(_ bytes: UnsafeRawBufferPointer) { rest = bytes[...] }

  var isEmpty: Bool { rest.isEmpty }

  mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

  mutating func number(_ bounds: ClosedRange<Int>) -> Int {
    bounds.lowerBound + Int(byte()) % bounds.count
  }

  mutating func of<Element>(_ all: [Element]) -> Element { all[Int(byte()) % all.count] }

  mutating func float() -> Float {
    let special: [Float] = [
      0, -0.0, 1, -1, 0.5, 50, 100, -100, 128, -128, 2000, 1e-30, 1e30, -1e30,
      .greatestFiniteMagnitude, .infinity, -.infinity, .nan, .leastNonzeroMagnitude,
    ]
    let choice = byte()
    if choice < 128 { return Float(choice) / 127 }
    if choice < 200 { return special[Int(choice) % special.count] }
    var bits: UInt32 = 0
    for _ in 0..<4 { bits = bits << 8 | UInt32(byte()) }
    return Float(bitPattern: bits)
  }

  mutating func floats(_ count: Int) -> Buffer {
    let buffer = Buffer(bytes: 4 * count)
    for index in 0..<count where index < 24 || index == count - 1 {
      buffer.start.storeBytes(of: float(), toByteOffset: 4 * index, as: Float.self)
    }
    return buffer
  }
}

/// Memory of exactly so many bytes.
private final class Buffer {
  let start: UnsafeMutableRawPointer
  let count: Int

  init(bytes: Int) {
    guard let memory = malloc(bytes) else { fatalError("no memory for \(bytes) bytes") }
    start = memory
    count = bytes
    memset(start, 0x5A, bytes)
  }

  deinit { free(start) }

  var floats: UnsafeMutablePointer<Float> { start.assumingMemoryBound(to: Float.self) }
}

/// A picture in a buffer that ends with its last pixel.
private struct Picture {
  var image = colorize_image()
  let buffer: Buffer
  private let pixelBytes: Int

  /// Bytes of a pixel, by format.
  private static let sizes = [0, 1, 3, 4, 2, 4, 2, 4, 6, 8, 4, 8, 12, 16]

  init(_ choices: inout Choices, width: Int, height: Int) {
    let format = choices.number(0...14)
    pixelBytes = format < Self.sizes.count ? max(Self.sizes[format], 1) : 1
    let padding = choices.of([0, 0, 0, 1, 7, 64])
    let rowBytes = width * pixelBytes + padding
    buffer = Buffer(bytes: max(height - 1, 0) * rowBytes + width * pixelBytes)
    for index in 0..<min(buffer.count, 16) {
      buffer.start.storeBytes(of: choices.byte(), toByteOffset: index, as: UInt8.self)
    }
    image.pixels = buffer.start
    image.row_bytes = rowBytes
    image.width = UInt32(width)
    image.height = UInt32(height)
    image.format = Int32(format)
    switch choices.byte() {
    case 0: image.reserved.1 = 1
    case 1: image.row_bytes = max(rowBytes - padding - 1, 0)
    case 2: image.row_bytes = .max
    case 3: image.width = .max
    case 4: image.height = 0
    case 5: image.pixels = nil
    default: break
    }
  }

  /// Whether what lies between the rows is as it was.
  var isPaddingWhole: Bool {
    let used = Int(image.width) * pixelBytes
    guard image.row_bytes > used, image.row_bytes < buffer.count, image.width < 1000 else {
      return true
    }
    for row in 0..<(buffer.count / image.row_bytes) {
      for byte in (row * image.row_bytes + used)..<((row + 1) * image.row_bytes)
      where byte >= 16 && byte < buffer.count {
        if buffer.start.load(fromByteOffset: byte, as: UInt8.self) != 0x5A { return false }
      }
    }
    return true
  }
}

/// Options and all that they point to.
private final class Options {
  private var memory: Buffer?
  private var kept: [Buffer] = []
  private let hints: Buffer
  private let map: Buffer
  private let palette: Buffer
  private let countdown: Buffer

  var pointer: UnsafePointer<colorize_options>? {
    memory.map { UnsafePointer($0.start.assumingMemoryBound(to: colorize_options.self)) }
  }

  init(_ choices: inout Choices, width: Int, height: Int) {
    let hintCount = choices.of([0, 0, 1, 3])
    hints = Buffer(bytes: hintCount * MemoryLayout<colorize_hint>.stride)
    map = Buffer(bytes: MemoryLayout<colorize_hint_map>.size)
    palette = Buffer(bytes: MemoryLayout<colorize_image>.size)
    countdown = Buffer(bytes: 4)
    guard choices.byte() % 8 != 0 else { return }
    var options = colorize_options()
    let whole = MemoryLayout<colorize_options>.size
    let size = choices.of([whole, whole, whole, whole, 0, 8, 40, whole + 8])
    options.struct_size = size
    options.preset = Int32(choices.of([0, 0, 0, 1, 2, -1]))
    options.network_size = UInt32(choices.of([16, 16, 16, 32, 48, 17, 4096]))
    if choices.byte() > 127 { options.temperature = choices.float() }
    options.threads = UInt32(choices.of([1, 1, 2, 3, 257]))
    options.network_fit = Int32(choices.of([0, 1, 2, 2, 3]))
    options.style = Int32(choices.of([0, 0, 1, 2, 3]))
    if choices.byte() > 127 { options.saturation = choices.float() }
    options.upsampling = Int32(choices.of([0, 1, 2, 3]))
    options.gamut_mapping = Int32(choices.of([0, 1, 2, 3]))
    options.variant = UInt32(choices.of([0, 0, 0, 1, 2, 3, 4, 5]))
    for index in 0..<hintCount {
      var hint = colorize_hint()
      hint.x = choices.byte() % 2 == 0 ? Float(choices.number(0...max(width, 1))) : choices.float()
      hint.y = choices.byte() % 2 == 0 ? Float(choices.number(0...max(height, 1))) : choices.float()
      hint.radius = choices.byte() % 2 == 0 ? 1 : choices.float()
      hint.space = Int32(choices.of([1, 2, 2, 3]))
      hint.color = (choices.float(), choices.float(), choices.float())
      hints.start.storeBytes(
        of: hint, toByteOffset: index * MemoryLayout<colorize_hint>.stride, as: colorize_hint.self)
    }
    if hintCount > 0 {
      options.hints = UnsafePointer(hints.start.assumingMemoryBound(to: colorize_hint.self))
    }
    options.hint_count = hintCount
    if choices.byte() % 8 == 1, width > 0, height > 0 {
      let ab = choices.floats(2 * width * height)
      let mask = Buffer(bytes: width * height)
      memset(mask.start, Int32(choices.of([0, 1, 255])), mask.count)
      kept += [ab, mask]
      var value = colorize_hint_map()
      value.struct_size = MemoryLayout<colorize_hint_map>.size
      value.ab = UnsafePointer(ab.floats)
      value.ab_row_bytes = 8 * width
      value.mask = UnsafePointer(mask.start.assumingMemoryBound(to: UInt8.self))
      value.mask_row_bytes = width
      map.start.storeBytes(of: value, as: colorize_hint_map.self)
      options.hint_map = UnsafePointer(map.start.assumingMemoryBound(to: colorize_hint_map.self))
    }
    if choices.byte() % 8 == 1 {
      let picture = Picture(&choices, width: choices.number(1...9), height: choices.number(1...9))
      kept.append(picture.buffer)
      palette.start.storeBytes(of: picture.image, as: colorize_image.self)
      options.palette = UnsafePointer(palette.start.assumingMemoryBound(to: colorize_image.self))
      if choices.byte() > 127 { options.palette_strength = choices.float() }
    }
    if choices.byte() % 4 == 1 {
      countdown.start.storeBytes(of: Int32(choices.number(0...40)), as: Int32.self)
      options.user_data = countdown.start
      options.progress = { left, fraction in
        precondition(fraction >= 0 && fraction <= 1)
        guard let left = left?.assumingMemoryBound(to: Int32.self) else { return 0 }
        left.pointee -= 1
        return left.pointee < 0 ? 1 : 0
      }
    }
    if choices.byte() % 8 == 1 { options.hint_reach = choices.float() }
    let memory = Buffer(bytes: max(size, 8))
    memset(memory.start, 0, memory.count)
    withUnsafeBytes(of: &options) {
      memory.start.copyMemory(from: $0.baseAddress!, byteCount: min(size, $0.count))
    }
    memory.start.storeBytes(of: size, as: Int.self)
    self.memory = memory
  }
}

nonisolated(unsafe) private let model: OpaquePointer? = {
  var model: OpaquePointer?
  guard colorize_model_open_default(&model, nil) == COLORIZE_OK.rawValue32 else {
    fatalError("the built-in model cannot be opened")
  }
  return model
}()

extension BinaryInteger {
  /// Statuses are macros of one type and results of another.
  fileprivate var rawValue32: Int32 { Int32(self) }
}

/// What a call returns and what it says of it are one.
private func check(_ status: colorize_status, _ error: Buffer) {
  guard status != 0 else { return }
  precondition((1...6).contains(status), "the status \(status)")
  let said = error.start.load(as: colorize_error.self)
  precondition(said.status == status)
  withUnsafeBytes(of: said.message) { message in
    precondition(message.contains(0) && message.first != 0)
  }
}

func fuzzCalls(_ bytes: UnsafeRawBufferPointer) -> CInt {
  var choices = Choices(bytes)
  var session: (handle: OpaquePointer, width: Int, height: Int)?
  defer { colorize_session_close(session?.handle) }
  for _ in 0..<8 where !choices.isEmpty {
    let error = Buffer(bytes: MemoryLayout<colorize_error>.size)
    let errors = error.start.assumingMemoryBound(to: colorize_error.self)
    let call = choices.number(0...13)
    let (width, height) =
      session.map { ($0.width, $0.height) } ?? (choices.number(0...33), choices.number(0...33))
    switch call {
    case 0:
      let options = Options(&choices, width: width, height: height)
      var source = Picture(&choices, width: width, height: height)
      var target = Picture(&choices, width: width, height: height)
      if choices.byte() == 1 { target = source }
      check(colorize_run(model, &source.image, &target.image, options.pointer, errors), error)
      precondition(target.isPaddingWhole && source.isPaddingWhole)
    case 1, 2:
      let side = choices.of([(16, 16), (16, 16), (32, 16), (16, 48), (0, 16), (15, 16), (4096, 16)])
      let pixels = min(side.0, 64) * side.1
      let options = Options(&choices, width: side.0, height: side.1)
      let lightness = choices.floats(pixels)
      let hints = choices.byte() % 2 == 0 ? nil : choices.floats(2 * pixels)
      let mask = choices.byte() % 8 < 4 ? nil : choices.floats(pixels)
      let cells = (min(side.0, 64) + 15) / 16 * 4 * ((side.1 + 15) / 16 * 4)
      if call == 1 {
        let ab = Buffer(bytes: 8 * cells)
        check(
          colorize_predict(
            model, UInt32(side.0), UInt32(side.1), lightness.floats, hints?.floats, mask?.floats,
            options.pointer, ab.floats, errors), error)
      } else {
        let probabilities = Buffer(bytes: 4 * 313 * cells)
        check(
          colorize_distribution(
            model, UInt32(side.0), UInt32(side.1), lightness.floats, hints?.floats, mask?.floats,
            options.pointer, probabilities.floats, errors), error)
      }
    case 3:
      let bins = choices.of([313, 312, 0, 529])
      let centres = Buffer(bytes: 8 * bins)
      check(colorize_bin_centres(model, UInt32(bins), centres.floats, errors), error)
    case 4:
      colorize_session_close(session?.handle)
      session = nil
      let options = Options(&choices, width: width, height: height)
      var source = Picture(&choices, width: width, height: height)
      var handle: OpaquePointer?
      let status = colorize_session_open(model, &source.image, options.pointer, &handle, errors)
      check(status, error)
      precondition((handle != nil) == (status == 0))
      if let handle { session = (handle, width, height) }
    case 5:
      let options = Options(&choices, width: width, height: height)
      var target = Picture(&choices, width: width, height: height)
      check(colorize_session_run(session?.handle, &target.image, options.pointer, errors), error)
      precondition(target.isPaddingWhole)
    case 6:
      let options = Options(&choices, width: width, height: height)
      let count = choices.number(0...3)
      let colors = choices.of([1, 3, 32, 0, 33])
      let points = choices.floats(2 * count)
      let found = Buffer(bytes: count * colors * MemoryLayout<colorize_suggestion>.stride)
      check(
        colorize_session_suggest(
          session?.handle, points.floats, count, UInt32(colors), options.pointer,
          found.start.assumingMemoryBound(to: colorize_suggestion.self), errors), error)
    case 7:
      let options = Options(&choices, width: width, height: height)
      let rowBytes = 4 * width + choices.of([0, 0, 4, 1])
      let confidence = Buffer(bytes: max(height - 1, 0) * rowBytes + 4 * width)
      check(
        colorize_session_confidence(
          session?.handle, options.pointer, confidence.floats, rowBytes, errors), error)
    case 8:
      colorize_session_close(session?.handle)
      session = nil
    case 9, 10:
      let count = choices.number(0...9)
      let from = choices.floats(3 * count)
      let to = choices.byte() % 2 == 0 ? from : Buffer(bytes: 12 * count)
      check(
        call == 9
          ? colorize_rgb_to_lab(from.floats, to.floats, count, errors)
          : colorize_lab_to_rgb(from.floats, to.floats, count, Int32(choices.byte()), errors), error
      )
    case 11:
      let count = choices.number(0...9)
      let hues = choices.floats(count)
      check(
        colorize_gamut_chroma(choices.float(), hues.floats, hues.floats, count, errors), error)
    case 12:
      let size = choices.of([8, 40, MemoryLayout<colorize_model_description>.size, 200])
      let description = Buffer(bytes: size)
      description.start.storeBytes(of: size, as: Int.self)
      let status = colorize_model_info(
        model, description.start.assumingMemoryBound(to: colorize_model_description.self))
      precondition((0...6).contains(status))
    default:
      let size = choices.number(0...64)
      let file = Buffer(bytes: size)
      for index in 0..<size {
        file.start.storeBytes(of: choices.byte(), toByteOffset: index, as: UInt8.self)
      }
      var other: OpaquePointer?
      check(colorize_model_open_memory(file.start, size, nil, &other, errors), error)
      precondition(other == nil, "a model of \(size) bytes")
    }
  }
  return 0
}
