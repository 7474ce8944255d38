// colorize_model_*: opening, describing and closing models.

import CColorize
import ColorizeCore
import ColorizeDefaultModel

/// What a colorize_model points to.
final class ModelHandle: Sendable {
  let model: Model
  private let strings: Memory<CChar>
  /// Where each text starts in `strings`, by its number.
  private let starts: [Int]

  init(_ model: Model) throws(ColorizeError) {
    self.model = model
    let information = model.information
    let texts = [
      information.architecture, information.licence, information.instructionSet.rawValue,
      information.gemm.rawValue, information.blas?.configuration ?? "",
      information.blas?.core ?? "",
    ].map { $0.utf8CString }
    strings = try Memory(count: texts.reduce(0) { $0 + $1.count })
    var starts: [Int] = []
    var end = 0
    for text in texts {
      starts.append(end)
      for character in text {
        strings.start[end] = character
        end += 1
      }
    }
    self.starts = starts
  }

  var architecture: UnsafePointer<CChar> { text(0) }
  var licence: UnsafePointer<CChar> { text(1) }
  var instructionSet: UnsafePointer<CChar> { text(2) }
  var gemm: UnsafePointer<CChar> { text(3) }
  var gemmConfiguration: UnsafePointer<CChar> { text(4) }
  var gemmCore: UnsafePointer<CChar> { text(5) }

  private func text(_ number: Int) -> UnsafePointer<CChar> {
    UnsafePointer(strings.start + starts[number])
  }

  /// The handle behind a pointer that the caller has from an open function.
  static func borrow(_ pointer: OpaquePointer?) throws(ColorizeError) -> ModelHandle {
    Unmanaged<ModelHandle>.fromOpaque(UnsafeRawPointer(try required(pointer, "model")))
      .takeUnretainedValue()
  }

  /// Gives the caller a model.
  fileprivate static func give(
    _ target: UnsafeMutablePointer<OpaquePointer?>?,
    _ error: UnsafeMutablePointer<colorize_error>?,
    _ open: () throws(ColorizeError) -> Model
  ) -> colorize_status {
    target?.pointee = nil
    return report(to: error) { _ throws(ColorizeError) in
      let target = try required(target, "model")
      let handle = try ModelHandle(try open())
      let pointer = OpaquePointer(Unmanaged.passRetained(handle).toOpaque())
      handle.model.rehearse { useForTheFirstTime(pointer) }
      target.pointee = pointer
    }
  }
}

@c @implementation
public func colorize_model_open_default(
  _ model: UnsafeMutablePointer<OpaquePointer?>!, _ error: UnsafeMutablePointer<colorize_error>!
) -> colorize_status {
  ModelHandle.give(model, error) { () throws(ColorizeError) in
    try Model.open(
      bytes: UnsafeRawBufferPointer(
        start: colorize_default_model, count: colorize_default_model_size),
      options: try modelOptions(nil))
  }
}

@c @implementation
public func colorize_model_open(
  _ path: UnsafePointer<CChar>!, _ options: UnsafePointer<colorize_model_options>!,
  _ model: UnsafeMutablePointer<OpaquePointer?>!, _ error: UnsafeMutablePointer<colorize_error>!
) -> colorize_status {
  ModelHandle.give(model, error) { () throws(ColorizeError) in
    try Model.open(path: try required(path, "path"), options: try modelOptions(options))
  }
}

@c @implementation
public func colorize_model_open_memory(
  _ bytes: UnsafeRawPointer!, _ size: Int, _ options: UnsafePointer<colorize_model_options>!,
  _ model: UnsafeMutablePointer<OpaquePointer?>!, _ error: UnsafeMutablePointer<colorize_error>!
) -> colorize_status {
  ModelHandle.give(model, error) { () throws(ColorizeError) in
    guard size >= 0 else {
      throw .invalidArgument("size is \(UInt(bitPattern: size)); it must be below 2^63")
    }
    return try Model.open(
      bytes: UnsafeRawBufferPointer(start: try required(bytes, "bytes"), count: size),
      options: try modelOptions(options))
  }
}

private func modelOptions(_ pointer: UnsafePointer<colorize_model_options>?) throws(ColorizeError)
  -> ModelOptions
{
  var options = ModelOptions(
    instructionSet: try requested(InstructionSet.self), gemm: try requested(GEMM.self))
  if let pointer {
    let given = try versioned(pointer, "options", empty: colorize_model_options())
    switch Int(given.mask_convention) {
    case 0: break
    case Int(COLORIZE_MASK_ZERO_ONE): options.maskConvention = .zeroOne
    case Int(COLORIZE_MASK_CENTRED): options.maskConvention = .centred
    default:
      throw .invalidArgument(
        "options->mask_convention is \(given.mask_convention); it must be 0, 1 or 2")
    }
    switch Int(given.precision) {
    case 0, Int(COLORIZE_PRECISION_FLOAT32): break
    case Int(COLORIZE_PRECISION_BFLOAT16): options.precision = .bfloat16
    default:
      throw .invalidArgument("options->precision is \(given.precision); it must be 0, 1 or 2")
    }
    guard given.reserved == 0 else {
      throw .invalidArgument("options->reserved is \(given.reserved); it must be 0")
    }
    if given.plain_softmax_temperature != 0 {
      options.plainSoftmaxTemperature = given.plain_softmax_temperature
    }
  }
  return options
}

@c @implementation
public func colorize_model_info(
  _ model: OpaquePointer!, _ description: UnsafeMutablePointer<colorize_model_description>!
) -> colorize_status {
  report(to: nil) { _ throws(ColorizeError) in
    let handle = try ModelHandle.borrow(model)
    let target = UnsafeMutableRawPointer(try required(description, "description"))
    let size = target.load(as: Int.self)
    guard structSizes.contains(size) else {
      throw .invalidArgument("description->struct_size is \(UInt(bitPattern: size))")
    }
    let information = handle.model.information
    var result = colorize_model_description(
      struct_size: size, architecture: handle.architecture, licence: handle.licence,
      instruction_set: handle.instructionSet, parameters: UInt64(information.parameters),
      default_network_size: UInt32(information.defaultNetworkSize),
      network_size_multiple: UInt32(information.networkSizeMultiple),
      output_stride: UInt32(information.outputStride), bins: UInt32(information.bins),
      takes_hints: information.takesHints ? 1 : 0,
      plain_softmax_temperature: information.plainSoftmaxTemperature,
      network_size_rounding: UInt32(information.networkSizeRounding),
      distribution_stride: UInt32(information.distributionStride),
      mask_convention: colorize_mask_convention(
        information.maskConvention == .centred ? COLORIZE_MASK_CENTRED : COLORIZE_MASK_ZERO_ONE),
      reserved: 0, gemm: handle.gemm, gemm_configuration: handle.gemmConfiguration,
      gemm_core: handle.gemmCore)
    withUnsafeBytes(of: &result) { bytes in
      target.copyMemory(
        from: bytes.baseAddress.unsafelyUnwrapped, byteCount: min(size, bytes.count))
      // What this version does not know is zero.
      for index in min(size, bytes.count)..<size {
        target.storeBytes(of: 0, toByteOffset: index, as: UInt8.self)
      }
    }
  }
}

@c @implementation
public func colorize_model_close(_ model: OpaquePointer!) {
  guard let model else { return }
  withoutCancellation { Unmanaged<ModelHandle>.fromOpaque(UnsafeRawPointer(model)).release() }
}
