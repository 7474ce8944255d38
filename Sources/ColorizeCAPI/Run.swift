// colorize_run, colorize_predict, colorize_distribution, colorize_bin_centres.

import CColorize
import ColorizeCore

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
    try withOptions(options, for: .picture(input.size), host) { options throws(ColorizeError) in
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
    try withOptions(options, for: .network, host) { options throws(ColorizeError) in
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
    try withOptions(options, for: .network, host) { options throws(ColorizeError) in
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
