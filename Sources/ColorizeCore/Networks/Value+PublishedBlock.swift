// What both published networks are built of.

extension Network.Value {
  /// 3x3 convolutions, each with its ReLU, and a batch norm at the end.
  ///
  /// - Parameter stride: of the last convolution.
  func block(
    _ name: String, _ outputs: Int, _ convolutions: Int, stride: Int = 1, dilation: Int = 1
  ) -> Network.Value {
    var value = self
    for index in 0..<convolutions {
      let isLast = index == convolutions - 1
      value =
        value.convolution(
          "\(name).\(2 * index)", outputs, kernel: 3, stride: isLast ? stride : 1,
          dilation: dilation
        ).relu()
    }
    return value.batchNorm("\(name).\(2 * convolutions)")
  }
}
