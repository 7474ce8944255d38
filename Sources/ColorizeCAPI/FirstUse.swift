// What a child of fork() needs, made before it can need it.
//
// Swift makes metadata of types and the values of `static let` when they are first used, under locks
// of its runtime. If a thread forks while another one is making something, the child finds the lock
// taken by a thread that it does not have, and waits for ever. So a model is used in every way before
// it is given to the caller: whoever has a model finds everything made, and takes no such lock. The
// network's weights have to be read for that, which is most of what it costs: so each of its steps is
// run once in each size, and left out in the other calls (see Rehearsal).

import CColorize

/// Calls every function that takes a model with arguments that are right, and some with arguments
/// that are wrong. What comes of it is of no interest: a lack of memory is the caller's to meet.
func useForTheFirstTime(_ model: OpaquePointer) {
  var error = colorize_error()
  var description = colorize_model_description()
  description.struct_size = MemoryLayout<colorize_model_description>.size
  guard colorize_model_info(model, &description) == COLORIZE_OK else { return }
  // Sides that are not rounded up further.
  let side = description.network_size_rounding
  let pixels = Int(side * side)
  func outputs(_ channels: UInt32, _ stride: UInt32) -> Int {
    stride == 0 ? 0 : Int(channels * (side / stride) * (side / stride))
  }
  // Large enough that the network's layers take each of the algorithms that there are.
  let largeSide: UInt32 = 32
  // 20 KB at most.
  var floats = [Float](
    repeating: 1,
    count: [
      4 * pixels, outputs(2, description.output_stride),
      outputs(description.bins, description.distribution_stride),
      2 * Int(largeSide * largeSide),
    ].reduce(0, max))
  var bytes = [UInt8](repeating: 1, count: 16)

  var options = colorize_options()
  colorize_options_init(&options, MemoryLayout<colorize_options>.size)
  options.network_size = side
  options.threads = 2
  options.progress = { _, fraction in fraction < 0 ? 1 : 0 }
  floats.withUnsafeMutableBufferPointer { floats in
    let lightness = floats.baseAddress.unsafelyUnwrapped
    let takesHints = description.takes_hints != 0
    let mask = takesHints ? lightness + pixels : nil
    let hints = takesHints ? lightness + 2 * pixels : nil
    for function in [colorize_predict, colorize_distribution] {
      // `lightness` is read before the first byte of the result is written.
      _ = function(model, side, side, lightness, hints, mask, &options, lightness, &error)
      floats.update(repeating: 1)
      _ = function(model, side, side, lightness, nil, lightness, &options, lightness, &error)
      _ = function(model, side, 0, lightness, nil, nil, &options, lightness, &error)
      for wrong in [lightness, mask, hints].compactMap({ $0 }) {
        wrong.pointee = .nan
        _ = function(model, side, side, lightness, hints, mask, &options, lightness, &error)
        wrong.pointee = 1
      }
    }
    _ = colorize_predict(
      model, largeSide, largeSide, lightness, nil, nil, &options, lightness, &error)
    _ = colorize_bin_centres(model, description.bins, lightness, &error)
    _ = colorize_bin_centres(model, description.bins + 1, lightness, &error)
    _ = colorize_rgb_to_lab(lightness, lightness, 1, &error)
    _ = colorize_lab_to_rgb(lightness, lightness, 1, 1, &error)
    _ = colorize_lab_to_rgb(lightness, nil, 1, 1, &error)
    _ = colorize_lab_to_rgb(lightness, lightness, .max, 1, &error)
  }

  bytes.withUnsafeMutableBytes { bytes in
    let image = colorize_image(
      pixels: bytes.baseAddress, row_bytes: 4, width: 1, height: 1,
      format: colorize_format(COLORIZE_RGBA8), reserved: (0, 0, 0))
    func run(_ input: colorize_image, _ output: colorize_image, _ options: colorize_options) {
      var (input, output, options) = (input, output, options)
      _ = colorize_run(model, &input, &output, &options, &error)
    }
    func run(_ change: (inout colorize_image) -> Void) {
      var other = image
      change(&other)
      run(other, image, options)
      run(image, other, options)
    }
    func run(_ change: (inout colorize_options) -> Void) {
      var other = options
      change(&other)
      run(image, image, other)
    }
    run(image, image, options)
    for format in [COLORIZE_GRAY_ALPHA16, COLORIZE_RGB_FLOAT, COLORIZE_GRAY8] {
      // A row of 16 bytes.
      var wide = image
      wide.format = colorize_format(format)
      wide.row_bytes = 16
      run(wide, wide, options)
    }
    useControls(model, description, image, options)
    useSequence(model, description, image, options)
    run { $0.width = 0 }
    run { $0.width = 2 }
    run { $0.row_bytes = 1 }
    run { $0.row_bytes = .max }
    run { $0.format = 0 }
    run { $0.format = colorize_format(COLORIZE_GRAY8) }
    run { $0.reserved.0 = 1 }
    run { $0.pixels = nil }
    run { $0.pixels += 1 }
    run { $0.struct_size = 0 }
    run { $0.preset = -1 }
    run { $0.network_size = .max }
    run { $0.temperature = .nan }
    run { $0.threads = 1000 }
    run { $0.progress = { _, _ in 1 } }
  }
}

/// Dials, hints, a palette, and what sessions can do.
private func useControls(
  _ model: OpaquePointer, _ description: colorize_model_description, _ image: colorize_image,
  _ options: colorize_options
) {
  var error = colorize_error()
  var image = image
  var pixel: (Float, Float) = (0.5, 0.5)
  var mask: UInt8 = 1
  var suggestion = colorize_suggestion()
  var map = colorize_hint_map()
  map.struct_size = MemoryLayout<colorize_hint_map>.size
  map.ab_row_bytes = 8
  map.mask_row_bytes = 1
  var hints = [colorize_hint(), colorize_hint()]
  for index in hints.indices {
    hints[index].space = colorize_color_space(index == 0 ? COLORIZE_COLOR_AB : COLORIZE_COLOR_RGB)
  }
  var session: OpaquePointer?
  var smallest = options
  guard colorize_session_open(model, &image, &smallest, &session, &error) == COLORIZE_OK
  else { return }
  defer { colorize_session_close(session) }
  withUnsafeMutablePointer(to: &pixel) { pixel in
    pixel.withMemoryRebound(to: Float.self, capacity: 2) { pixel in
      withUnsafePointer(to: &mask) { mask in
        map.ab = UnsafePointer(pixel)
        map.mask = mask
        withUnsafePointer(to: &map) { map in
          hints.withUnsafeBufferPointer { hints in
            withUnsafePointer(to: &image) { picture in
              var all = options
              if description.takes_hints != 0 {
                all.hints = hints.baseAddress
                all.hint_count = hints.count
                all.hint_map = map
              }
              all.palette = picture
              all.saturation = 0.5
              all.variant = 1
              if colorize_session_run(session, picture, &all, &error) != COLORIZE_OK {
                all.variant = 0
                _ = colorize_session_run(session, picture, &all, &error)
              }
              _ = colorize_session_suggest(session, pixel, 1, 1, &all, &suggestion, &error)
              _ = colorize_session_confidence(session, &all, pixel, 4, &error)
              all.variant = 9
              _ = colorize_session_run(session, picture, &all, &error)
              all.saturation = -1
              _ = colorize_session_run(session, picture, &all, &error)
              all.style = -1
              _ = colorize_session_run(session, picture, &all, &error)
            }
          }
        }
      }
      _ = colorize_gamut_chroma(50, pixel, pixel, 1, &error)
      _ = colorize_gamut_chroma(500, pixel, pixel, 1, &error)
    }
  }
}

/// Frames that are carried on, with a hint, a network that runs and one that does not.
private func useSequence(
  _ model: OpaquePointer, _ description: colorize_model_description, _ image: colorize_image,
  _ options: colorize_options
) {
  var error = colorize_error()
  var image = image
  var options = options
  var settings = colorize_sequence_options()
  settings.struct_size = MemoryLayout<colorize_sequence_options>.size
  settings.keyframe_interval = 2
  var report = colorize_frame_report()
  report.struct_size = MemoryLayout<colorize_frame_report>.size
  var sequence: OpaquePointer?
  guard
    colorize_sequence_open(model, 1, 1, &options, &settings, &sequence, &error) == COLORIZE_OK
  else { return }
  defer { colorize_sequence_close(sequence) }
  var hint = colorize_hint()
  hint.space = colorize_color_space(COLORIZE_COLOR_AB)
  func run(hints: Int) {
    withUnsafePointer(to: &hint) { hint in
      options.hints = hints == 0 ? nil : hint
      options.hint_count = hints
      _ = colorize_sequence_run(sequence, &image, &image, &options, &report, &error)
    }
  }
  run(hints: 0)
  if description.takes_hints != 0 { run(hints: 1) }
  run(hints: 0)
  _ = colorize_sequence_run(sequence, &image, nil, &options, &report, &error)
  _ = colorize_sequence_reset(sequence, &error)
  var refused: OpaquePointer?
  settings.steadiness = -1
  _ = colorize_sequence_open(model, 1, 1, &options, &settings, &refused, &error)
}
