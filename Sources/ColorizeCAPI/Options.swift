// colorize_options and what it points to, checked.

import CColorize
import ColorizeCore

@c @implementation
public func colorize_options_init(_ options: UnsafeMutablePointer<colorize_options>!, _ size: Int) {
  guard let options, size >= MemoryLayout<Int>.size, size <= 4096 else { return }
  let bytes = UnsafeMutableRawPointer(options)
  bytes.initializeMemory(as: UInt8.self, repeating: 0, count: size)
  bytes.storeBytes(of: size, as: Int.self)
}

/// What options are for, and so which of them are looked at.
enum OptionUse {
  /// The network alone.
  case network
  /// What a session begins with.
  case session
  /// What a sequence begins with.
  case sequence
  /// A picture of this size.
  case picture(PictureSize)
}

struct PictureSize {
  let width: Int
  let height: Int
}

/// The caller's options, checked, for as long as `body` runs.
func withOptions(
  _ pointer: UnsafePointer<colorize_options>?, for use: OptionUse, _ host: HostFloatingPoint,
  _ body: (RunOptions) throws(ColorizeError) -> Void
) throws(ColorizeError) {
  var options = RunOptions()
  guard let pointer else {
    try body(options)
    return
  }
  let given = try versioned(pointer, "options", empty: colorize_options())
  options.preset = try chosen(
    given.preset, "preset",
    [COLORIZE_PRESET_DEFAULT: .standard, COLORIZE_PRESET_REFERENCE: .reference])
  if given.network_size != 0 { options.networkSize = Int(given.network_size) }
  if given.temperature != 0 { options.temperature = given.temperature }
  if given.threads != 0 { options.threads = Int(given.threads) }
  if let progress = given.progress {
    let userData = given.user_data
    options.progress = { fraction in host.callback { progress(userData, fraction) } != 0 }
  }
  switch use {
  case .network: break
  case .session: options.networkFit = try fit(given)
  case .sequence:
    options.networkFit = try fit(given)
    options.upsampling = try upsampling(given)
  case .picture(let size):
    options.networkFit = try fit(given)
    try takeControls(given, size, into: &options)
  }
  try body(options)
}

private func fit(_ given: colorize_options) throws(ColorizeError) -> NetworkFit {
  try chosen(
    given.network_fit, "network_fit",
    [
      COLORIZE_FIT_DEFAULT: .square, COLORIZE_FIT_SQUARE: .square, COLORIZE_FIT_ASPECT: .aspect,
    ])
}

private func upsampling(_ given: colorize_options) throws(ColorizeError) -> Upsampling? {
  try chosen(
    given.upsampling, "upsampling",
    [
      COLORIZE_UPSAMPLING_DEFAULT: nil, COLORIZE_UPSAMPLING_BILINEAR: .bilinear,
      COLORIZE_UPSAMPLING_GUIDED: .guided,
    ])
}

/// Dials, hints and a palette.
private func takeControls(
  _ given: colorize_options, _ size: PictureSize, into options: inout RunOptions
) throws(ColorizeError) {
  options.style = try chosen(
    given.style, "style",
    [
      COLORIZE_STYLE_DEFAULT: .standard, COLORIZE_STYLE_NATURAL: .natural,
      COLORIZE_STYLE_VIVID: .vivid,
    ])
  if given.saturation != 0 { options.saturation = given.saturation }
  options.upsampling = try upsampling(given)
  options.gamutMapping = try chosen(
    given.gamut_mapping, "gamut_mapping",
    [COLORIZE_GAMUT_DEFAULT: nil, COLORIZE_GAMUT_CLIP: .clip, COLORIZE_GAMUT_KEEP_HUE: .keepHue])
  options.variant = Int(given.variant)
  if let palette = given.palette { options.palette = try view(palette, "options->palette") }
  if given.palette_strength != 0 { options.paletteStrength = given.palette_strength }
  options.hintReach = given.hint_reach
  options.hints.squares = try hints(given.hints, given.hint_count)
  if let map = given.hint_map {
    options.hints.map = try hintMap(map, size)
  }
}

/// What a number of an enumeration means.
private func chosen<Value>(
  _ number: Int32, _ name: String, _ values: KeyValuePairs<Int, Value>
) throws(ColorizeError) -> Value {
  for (key, value) in values where key == Int(number) { return value }
  throw .invalidArgument("options->\(name) is \(number); it must be 0 to \(values.count - 1)")
}

private func hints(_ pointer: UnsafePointer<colorize_hint>?, _ count: Int) throws(ColorizeError)
  -> Memory<Hint>?
{
  guard count != 0 else { return nil }
  guard (0...Hints.maximumCount).contains(count) else {
    throw .invalidArgument(
      "options->hint_count is \(UInt(bitPattern: count)); it must be at most \(Hints.maximumCount)")
  }
  let given = try required(pointer, "options->hints")
  let hints = try Memory<Hint>(count: count)
  for index in 0..<count {
    let hint = given[index]
    guard hint.reserved == 0 else {
      throw .invalidArgument("hints[\(index)].reserved is \(hint.reserved); it must be 0")
    }
    hints.start[index] = Hint(
      x: hint.x, y: hint.y, radius: hint.radius, ab: try ab(of: hint, index))
  }
  return hints
}

private func ab(of hint: colorize_hint, _ index: Int) throws(ColorizeError) -> SIMD2<Float> {
  let color = SIMD3(hint.color.0, hint.color.1, hint.color.2)
  switch Int(hint.space) {
  case Int(COLORIZE_COLOR_AB):
    guard color.z == 0 else {
      throw .invalidArgument("hints[\(index)].color[2] is \(color.z); of a and b it must be 0")
    }
    return SIMD2(color.x, color.y)
  case Int(COLORIZE_COLOR_RGB):
    for channel in 0..<3 where !(0...1).contains(color[channel]) {
      throw .invalidArgument(
        "hints[\(index)].color[\(channel)] is \(color[channel]); it must be 0 to 1")
    }
    let lab = LabColor(rgb: SIMD3(Double(color.x), Double(color.y), Double(color.z)))
    return SIMD2(Float(lab.a), Float(lab.b))
  default:
    throw .invalidArgument(
      "hints[\(index)].space is \(hint.space); it must be COLORIZE_COLOR_AB or RGB (1 or 2)")
  }
}

private func hintMap(
  _ pointer: UnsafePointer<colorize_hint_map>, _ size: PictureSize
) throws(ColorizeError) -> HintMap {
  let map = try versioned(pointer, "hint_map", empty: colorize_hint_map())
  let ab = try required(map.ab, "hint_map->ab")
  let mask = try required(map.mask, "hint_map->mask")
  guard map.ab_row_bytes >= 8 * size.width, map.ab_row_bytes % 4 == 0,
    map.ab_row_bytes <= Int.max / size.height
  else {
    throw .invalidArgument(
      "hint_map->ab_row_bytes is \(UInt(bitPattern: map.ab_row_bytes)); it must be a multiple of 4, "
        + "at least \(8 * size.width)")
  }
  guard map.mask_row_bytes >= size.width, map.mask_row_bytes <= Int.max / size.height else {
    throw .invalidArgument(
      "hint_map->mask_row_bytes is \(UInt(bitPattern: map.mask_row_bytes)); it must be at least "
        + "\(size.width)")
  }
  return HintMap(
    ab: ab, abStride: map.ab_row_bytes / 4, mask: mask, maskStride: map.mask_row_bytes)
}
