// colorize_run, colorize_predict, colorize_distribution and their options.

import CColorize
import ColorizeCore

@c @implementation
public func colorize_options_init(_ options: UnsafeMutablePointer<colorize_options>!, _ size: Int) {
  guard let options, size >= MemoryLayout<Int>.size, size <= 4096 else { return }
  let bytes = UnsafeMutableRawPointer(options)
  bytes.initializeMemory(as: UInt8.self, repeating: 0, count: size)
  bytes.storeBytes(of: size, as: Int.self)
}

@c @implementation
public func colorize_run(
  _ model: OpaquePointer!, _ input: UnsafePointer<colorize_image>!,
  _ output: UnsafePointer<colorize_image>!, _ options: UnsafePointer<colorize_options>!,
  _ error: UnsafeMutablePointer<colorize_error>!
) -> colorize_status {
  report(to: error) { host throws(ColorizeError) in
    let model = try ModelHandle.borrow(model).model
    let input = try view(try required(input, "in"), "in")
    let output = try view(try required(output, "out"), "out")
    try withOptions(options, host) { options throws(ColorizeError) in
      try Colorizer.run(model: model, input: input, output: output, options: options)
    }
  }
}

@c @implementation
public func colorize_predict(
  _ model: OpaquePointer!, _ width: UInt32, _ height: UInt32,
  _ lightness: UnsafePointer<Float>!, _ hints: UnsafePointer<Float>!,
  _ mask: UnsafePointer<Float>!, _ options: UnsafePointer<colorize_options>!,
  _ ab: UnsafeMutablePointer<Float>!, _ error: UnsafeMutablePointer<colorize_error>!
) -> colorize_status {
  report(to: error) { host throws(ColorizeError) in
    let model = try ModelHandle.borrow(model).model
    let input = try networkInput(model, width, height, lightness, hints, mask)
    let ab = try required(ab, "ab")
    try withOptions(options, host) { options throws(ColorizeError) in
      try Colorizer.predict(model: model, input: input, options: options, into: ab)
    }
  }
}

@c @implementation
public func colorize_distribution(
  _ model: OpaquePointer!, _ width: UInt32, _ height: UInt32,
  _ lightness: UnsafePointer<Float>!, _ hints: UnsafePointer<Float>!,
  _ mask: UnsafePointer<Float>!, _ options: UnsafePointer<colorize_options>!,
  _ probabilities: UnsafeMutablePointer<Float>!, _ error: UnsafeMutablePointer<colorize_error>!
) -> colorize_status {
  report(to: error) { host throws(ColorizeError) in
    let model = try ModelHandle.borrow(model).model
    let input = try networkInput(model, width, height, lightness, hints, mask)
    let probabilities = try required(probabilities, "probabilities")
    try withOptions(options, host) { options throws(ColorizeError) in
      try Colorizer.distribution(
        model: model, input: input, options: options, into: probabilities)
    }
  }
}

@c @implementation
public func colorize_bin_centres(
  _ model: OpaquePointer!, _ bins: UInt32, _ centres: UnsafeMutablePointer<Float>!,
  _ error: UnsafeMutablePointer<colorize_error>!
) -> colorize_status {
  report(to: error) { _ throws(ColorizeError) in
    let own = try ModelHandle.borrow(model).model.bins
    let centres = try required(centres, "centres")
    guard Int(bins) == own.count else {
      throw .invalidArgument("bins is \(bins); the model has \(own.count)")
    }
    for index in 0..<own.count {
      centres[2 * index] = own.a[index]
      centres[2 * index + 1] = own.b[index]
    }
  }
}

/// A caller's image, checked.
private func view(_ image: UnsafePointer<colorize_image>, _ name: String) throws(ColorizeError)
  -> ImageView
{
  let image = image.pointee
  let format: PixelFormat
  switch Int(image.format) {
  case Int(COLORIZE_GRAY8): format = .gray8
  case Int(COLORIZE_RGB8): format = .rgb8
  case Int(COLORIZE_RGBA8): format = .rgba8
  default:
    throw .invalidArgument(
      "\(name)->format is \(image.format); it must be COLORIZE_GRAY8, RGB8 or RGBA8 (1 to 3)")
  }
  guard image.reserved == (0, 0, 0) else {
    throw .invalidArgument("\(name)->reserved is not zero")
  }
  let pixels = try required(image.pixels, "\(name)->pixels")
  // size_t comes to Swift as Int.
  guard image.row_bytes >= 0 else {
    throw .invalidArgument(
      "\(name)->row_bytes is \(UInt(bitPattern: image.row_bytes)); it must be below 2^63")
  }
  do throws(ColorizeError) {
    return try ImageView(
      pixels: pixels, rowBytes: image.row_bytes, width: Int(image.width), height: Int(image.height),
      format: format)
  } catch .invalidArgument(let text) {
    throw .invalidArgument("\(name)->\(text)")
  }
}

/// The caller's options, checked, for as long as `body` runs.
private func withOptions(
  _ pointer: UnsafePointer<colorize_options>?, _ host: HostFloatingPoint,
  _ body: (RunOptions) throws(ColorizeError) -> Void
) throws(ColorizeError) {
  var options = RunOptions()
  guard let pointer else {
    try body(options)
    return
  }
  let given = try versioned(pointer, "options", empty: colorize_options())
  switch Int(given.preset) {
  case Int(COLORIZE_PRESET_DEFAULT): options.preset = .standard
  case Int(COLORIZE_PRESET_REFERENCE): options.preset = .reference
  default: throw .invalidArgument("options->preset is \(given.preset); it must be 0 or 1")
  }
  if given.network_size != 0 { options.networkSize = Int(given.network_size) }
  if given.temperature != 0 { options.temperature = given.temperature }
  if given.threads != 0 { options.threads = Int(given.threads) }
  if let progress = given.progress {
    let userData = given.user_data
    options.progress = { fraction in host.callback { progress(userData, fraction) } != 0 }
  }
  try body(options)
}

/// A caller's input of a network, checked.
private func networkInput(
  _ model: Model, _ width: UInt32, _ height: UInt32, _ lightness: UnsafePointer<Float>?,
  _ hints: UnsafePointer<Float>?, _ mask: UnsafePointer<Float>?
) throws(ColorizeError) -> NetworkInput {
  let pair: (ab: UnsafePointer<Float>, mask: UnsafePointer<Float>)?
  switch (hints, mask) {
  case (nil, nil): pair = nil
  case (let hints?, let mask?): pair = (hints, mask)
  default: throw .invalidArgument("one of hints and mask is NULL; they come together")
  }
  return try NetworkInput(
    model: model, height: Int(height), width: Int(width),
    lightness: try required(lightness, "lightness"), hints: pair)
}
