// EfficientNet-Lite1 (Tan and Le, "EfficientNet", ICML 2019, in the form for small devices, 2020) without its last layer:
// a classifier of ImageNet's 1000 classes as it comes, with its ReLU6, its padding and its head.

/// The classifier's values of a gray picture, at each size, and what its head makes of them.
package struct EfficientNetLite1 {
  /// 24 channels at H/4, 40 at H/8, 112 at H/16.
  package let quarter: Network.Value
  package let eighth: Network.Value
  package let sixteenth: Network.Value
  /// 1280 channels at H/32. The classifier goes by their means.
  package let top: Network.Value

  /// - Parameter input: lightness in channel 0, H and W multiples of 32: the sides are even wherever they are halved, as the
  ///   padding wants.
  package init(_ input: Network.Value) {
    quarter = input.grayAsRGB()
      .conv("stem", 32, kernel: 3, stride: 2).relu6()
      .separable("stage1.0", 16, kernel: 3)
      .stage(2, 24, count: 3, kernel: 3, stride: 2)
    eighth = quarter.stage(3, 40, count: 3, kernel: 5, stride: 2)
    sixteenth = eighth.stage(4, 80, count: 4, kernel: 3, stride: 2)
      .stage(5, 112, count: 4, kernel: 5)
    top = sixteenth.stage(6, 192, count: 5, kernel: 5, stride: 2)
      .stage(7, 320, count: 1, kernel: 3)
      .conv("top", 1280, kernel: 1).relu6()
  }
}

extension Network.Value {
  /// A convolution without bias, then batch norm.
  fileprivate func conv(_ name: String, _ outputs: Int, kernel: Int, stride: Int = 1)
    -> Network.Value
  {
    convolution(
      "\(name).0", outputs, kernel: kernel, stride: stride, padding: .same, bias: false
    ).batchNorm("\(name).1")
  }

  fileprivate func relu6() -> Network.Value { relu(ceiling: 6) }

  /// A depthwise convolution, and one of 1x1 that mixes its channels: a block without an expansion.
  fileprivate func separable(_ name: String, _ outputs: Int, kernel: Int, stride: Int = 1)
    -> Network.Value
  {
    depthwise("\(name).depthwise.0", kernel: kernel, stride: stride, padding: .same)
      .batchNorm("\(name).depthwise.1").relu6()
      .conv("\(name).project", outputs, kernel: 1)
  }

  /// The blocks of one size: six times as many channels inside; all but the first add what they get.
  fileprivate func stage(
    _ number: Int, _ outputs: Int, count: Int, kernel: Int, stride: Int = 1
  ) -> Network.Value {
    var value = self
    for block in 0..<count {
      let name = "stage\(number).\(block)"
      let inside = value.conv("\(name).expand", 6 * value.channels, kernel: 1).relu6()
        .separable(name, outputs, kernel: kernel, stride: block == 0 ? stride : 1)
      value = block == 0 ? inside : value + inside
    }
    return value
  }
}
