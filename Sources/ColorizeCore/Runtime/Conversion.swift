// From numbers with a fraction to whole ones. Swift's own conversions end the process where a value is not
// a number or too large, and most values here come from a file or from a caller.

import CPlatform

extension Int {
  /// The whole part of a number, brought into a range; of what is not a number, the range's first.
  package init(_ value: Double, within range: ClosedRange<Int>) {
    self = platform_whole(value, range.lowerBound, range.upperBound)
  }

  package init(_ value: Float, within range: ClosedRange<Int>) {
    self.init(Double(value), within: range)
  }
}

// In this module those below hide Swift's own, and the manifest makes it an error to call what is deprecated:
// so the compiler finds every conversion that could end the process.

extension Int {
  @available(*, deprecated, message: "use Int(_:within:)")
  init(_ value: Double) { self.init(clamping: Int(value, within: .min ... .max)) }
  @available(*, deprecated, message: "use Int(_:within:)")
  init(_ value: Float) { self.init(Double(value)) }
}

extension Int8 {
  @available(*, deprecated, message: "use Int(_:within:)")
  init(_ value: Double) { self.init(clamping: Int(value, within: .min ... .max)) }
  @available(*, deprecated, message: "use Int(_:within:)")
  init(_ value: Float) { self.init(Double(value)) }
}

extension Int16 {
  @available(*, deprecated, message: "use Int(_:within:)")
  init(_ value: Double) { self.init(clamping: Int(value, within: .min ... .max)) }
  @available(*, deprecated, message: "use Int(_:within:)")
  init(_ value: Float) { self.init(Double(value)) }
}

extension Int32 {
  @available(*, deprecated, message: "use Int(_:within:)")
  init(_ value: Double) { self.init(clamping: Int(value, within: .min ... .max)) }
  @available(*, deprecated, message: "use Int(_:within:)")
  init(_ value: Float) { self.init(Double(value)) }
}

extension Int64 {
  @available(*, deprecated, message: "use Int(_:within:)")
  init(_ value: Double) { self.init(clamping: Int(value, within: .min ... .max)) }
  @available(*, deprecated, message: "use Int(_:within:)")
  init(_ value: Float) { self.init(Double(value)) }
}

extension UInt {
  @available(*, deprecated, message: "use Int(_:within:)")
  init(_ value: Double) { self.init(clamping: Int(value, within: .min ... .max)) }
  @available(*, deprecated, message: "use Int(_:within:)")
  init(_ value: Float) { self.init(Double(value)) }
}

extension UInt8 {
  @available(*, deprecated, message: "use Int(_:within:)")
  init(_ value: Double) { self.init(clamping: Int(value, within: .min ... .max)) }
  @available(*, deprecated, message: "use Int(_:within:)")
  init(_ value: Float) { self.init(Double(value)) }
}

extension UInt16 {
  @available(*, deprecated, message: "use Int(_:within:)")
  init(_ value: Double) { self.init(clamping: Int(value, within: .min ... .max)) }
  @available(*, deprecated, message: "use Int(_:within:)")
  init(_ value: Float) { self.init(Double(value)) }
}

extension UInt32 {
  @available(*, deprecated, message: "use Int(_:within:)")
  init(_ value: Double) { self.init(clamping: Int(value, within: .min ... .max)) }
  @available(*, deprecated, message: "use Int(_:within:)")
  init(_ value: Float) { self.init(Double(value)) }
}

extension UInt64 {
  @available(*, deprecated, message: "use Int(_:within:)")
  init(_ value: Double) { self.init(clamping: Int(value, within: .min ... .max)) }
  @available(*, deprecated, message: "use Int(_:within:)")
  init(_ value: Float) { self.init(Double(value)) }
}
