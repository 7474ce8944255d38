// colorize_sequence_*: the frames of a film.

import CColorize
import CPlatform
import ColorizeCore

/// What a colorize_sequence points to.
private final class SequenceHandle: @unchecked Sendable {
  private let sequence: FrameSequence
  /// 1 while a call uses the sequence.
  private let isTaken: UnsafeMutablePointer<Int32>

  init(_ sequence: FrameSequence) {
    self.sequence = sequence
    isTaken = .allocate(capacity: 1)
    isTaken.initialize(to: 0)
  }

  deinit { isTaken.deallocate() }

  /// The handle behind a pointer that the caller has from colorize_sequence_open.
  static func borrow(_ pointer: OpaquePointer?) throws(ColorizeError) -> SequenceHandle {
    Unmanaged<SequenceHandle>.fromOpaque(UnsafeRawPointer(try required(pointer, "sequence")))
      .takeUnretainedValue()
  }

  /// Runs `body` with the sequence, unless another call has it.
  func use(_ body: (FrameSequence) throws(ColorizeError) -> Void) throws(ColorizeError) {
    guard platform_take(isTaken) != 0 else {
      throw .invalidArgument("sequence is in use by another call")
    }
    defer { platform_release(isTaken) }
    try body(sequence)
  }
}

@c @implementation
public func colorize_sequence_open(
  _ model: OpaquePointer!, _ width: UInt32, _ height: UInt32,
  _ options: UnsafePointer<colorize_options>!,
  _ sequenceOptions: UnsafePointer<colorize_sequence_options>!,
  _ sequence: UnsafeMutablePointer<OpaquePointer?>!, _ error: UnsafeMutablePointer<colorize_error>!
) -> colorize_status {
  sequence?.pointee = nil
  return report(to: error) { host throws(ColorizeError) in
    let target = try required(sequence, "sequence")
    let model = try ModelHandle.borrow(model).model
    let settings = try settings(sequenceOptions)
    try withOptions(options, for: .sequence, host) { options throws(ColorizeError) in
      let handle = SequenceHandle(
        try FrameSequence(
          model: model, width: Int(width), height: Int(height), options: options,
          settings: settings))
      target.pointee = OpaquePointer(Unmanaged.passRetained(handle).toOpaque())
    }
  }
}

@c @implementation
public func colorize_sequence_run(
  _ sequence: OpaquePointer!, _ input: UnsafePointer<colorize_image>!,
  _ output: UnsafePointer<colorize_image>!, _ options: UnsafePointer<colorize_options>!,
  _ frameReport: UnsafeMutablePointer<colorize_frame_report>!,
  _ error: UnsafeMutablePointer<colorize_error>!
) -> colorize_status {
  report(to: error) { host throws(ColorizeError) in
    let handle = try SequenceHandle.borrow(sequence)
    let input = try view(try required(input, "in"), "in")
    let output = try view(try required(output, "out"), "out")
    if let frameReport { try check(frameReport) }
    try withOptions(options, for: .picture(input.size), host) { options throws(ColorizeError) in
      try handle.use { (sequence) throws(ColorizeError) in
        let result = try sequence.run(input: input, output: output, options: options)
        if let frameReport { fill(frameReport, result) }
      }
    }
  }
}

@c @implementation
public func colorize_sequence_reset(
  _ sequence: OpaquePointer!, _ error: UnsafeMutablePointer<colorize_error>!
) -> colorize_status {
  report(to: error) { _ throws(ColorizeError) in
    try SequenceHandle.borrow(sequence).use { $0.reset() }
  }
}

@c @implementation
public func colorize_sequence_close(_ sequence: OpaquePointer!) {
  guard let sequence else { return }
  withoutCancellation {
    Unmanaged<SequenceHandle>.fromOpaque(UnsafeRawPointer(sequence)).release()
  }
}

private func settings(_ pointer: UnsafePointer<colorize_sequence_options>?) throws(ColorizeError)
  -> SequenceOptions
{
  var settings = SequenceOptions()
  guard let pointer else { return settings }
  let given = try versioned(pointer, "sequence_options", empty: colorize_sequence_options())
  if given.steadiness != 0 { settings.steadiness = given.steadiness }
  if given.keyframe_interval != 0 { settings.keyframeInterval = Int(given.keyframe_interval) }
  guard given.keep_over_cuts <= 1 else {
    throw .invalidArgument(
      "sequence_options->keep_over_cuts is \(given.keep_over_cuts); it must be 0 or 1")
  }
  settings.findsCuts = given.keep_over_cuts == 0
  guard given.reserved == 0 else {
    throw .invalidArgument("sequence_options->reserved is \(given.reserved); it must be 0")
  }
  return settings
}

private func check(_ report: UnsafeMutablePointer<colorize_frame_report>) throws(ColorizeError) {
  let size = UnsafeRawPointer(report).load(as: Int.self)
  guard structSizes.contains(size) else {
    throw .invalidArgument(
      "report->struct_size is \(UInt(bitPattern: size)); it must be sizeof the struct, here "
        + "\(MemoryLayout<colorize_frame_report>.size)")
  }
}

private func fill(_ target: UnsafeMutablePointer<colorize_frame_report>, _ report: FrameReport) {
  let size = UnsafeRawPointer(target).load(as: Int.self)
  var result = colorize_frame_report(
    struct_size: size, begins_shot: report.beginsShot ? 1 : 0,
    ran_network: report.ranNetwork ? 1 : 0, agreement: report.agreement,
    hints: UInt32(report.hints))
  withUnsafeBytes(of: &result) { bytes in
    let target = UnsafeMutableRawPointer(target)
    target.copyMemory(from: bytes.baseAddress.unsafelyUnwrapped, byteCount: min(size, bytes.count))
    // What this version does not know is zero.
    for index in min(size, bytes.count)..<size {
      target.storeBytes(of: 0, toByteOffset: index, as: UInt8.self)
    }
  }
}
