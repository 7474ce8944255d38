// lite: this project's second network. It does what compact does, and looks at the picture with the first seven stages of
// EfficientNet-Lite0 (Tan and Le, "EfficientNet", ICML 2019, in the form for small devices), so that it can begin from the
// weights of a classifier. docs/lite.md is the same as prose.

extension Network {
  /// Input `[4, H, W]`, H and W multiples of 16: (L - 50) / 100, a hint / 110, b hint / 110, and the
  /// mask, 1 where a hint is. Output `[313, H/4, W/4]`: logits of the bins.
  package static var lite: Network {
    Network(
      "lite", input: .grayWithHints, sizeMultiple: 16, sizeRounding: 16
    ) { input in
      // What is in the picture. The classifier's ReLU6 are ReLUs here.
      let half = input.conv("stem", 32, kernel: 3, stride: 2).relu()
        .separable("stage1.0", 16)
      let quarter = half.stage(2, 24, count: 2, kernel: 3, stride: 2)
      let eighth = quarter.stage(3, 40, count: 2, kernel: 5, stride: 2)
      let sixteenth = eighth.stage(4, 80, count: 3, kernel: 3, stride: 2)
        .stage(5, 112, count: 3, kernel: 5)
      let deep = sixteenth.stage(6, 192, count: 4, kernel: 5, stride: 2)
        .stage(7, 320, count: 1, kernel: 3)

      // Hints, and how far they reach in what is in the picture, at each size; the classifier's stem hardly sees them.
      // What halves has no batch norm: few positions have hints, and a batch's statistics would say how many.
      let hint4 =
        (input.halved("hint2", 16).relu().halved("hint4", 32)
        + quarter.pointwise("hintimage4", 32)).relu().residual("hintres4")
      let hint8 = (hint4.halved("hint8", 64) + eighth.pointwise("hintimage8", 64)).relu()
        .residual("hintres8")
      let hint16 = (hint8.halved("hint16", 128) + sixteenth.pointwise("hintimage16", 128)).relu()

      // Colors, from coarse to fine.
      let c = sixteenth.pointwise("lateral16", 128)
      let d = (deep.pointwise("up16", 128).upsampled(to: c) + (c + hint16)).relu()
        .residual("dec16.0")
      let pooled = d.globalMean()
      let g = pooled.linear("glob1", 128).relu().linear("glob2", 128)
      let e = (d + g).relu().residual("dec16.1")

      let f = eighth.pointwise("lateral8", 96) + hint8.pointwise("hintlateral8", 96)
      let h = (e.pointwise("up8", 96).upsampled(to: f) + f).relu().residual("dec8.0")

      let i = quarter.pointwise("lateral4", 64) + hint4.pointwise("hintlateral4", 64)
      let j = (h.pointwise("up4", 64).upsampled(to: i) + i).relu().residual("dec4.0")
      let logits = j.conv("head", 128, kernel: 3).relu().convolution("logits", 313, kernel: 1)
      return Outputs(
        Outputs.Logits(logits, over: .gamut, stride: 4), features: ["map": d, "pooled": pooled])
    }
  }
}

extension Network.Value {
  /// A convolution without bias, then batch norm.
  fileprivate func conv(_ name: String, _ outputs: Int, kernel: Int, stride: Int = 1)
    -> Network.Value
  {
    convolution("\(name).0", outputs, kernel: kernel, stride: stride, bias: false)
      .batchNorm("\(name).1")
  }

  /// 3x3 with bias, stride 2.
  fileprivate func halved(_ name: String, _ outputs: Int) -> Network.Value {
    convolution(name, outputs, kernel: 3, stride: 2)
  }

  /// 1x1 with bias.
  fileprivate func pointwise(_ name: String, _ outputs: Int) -> Network.Value {
    convolution(name, outputs, kernel: 1)
  }

  /// relu(x + conv(relu(conv(x))))
  fileprivate func residual(_ name: String) -> Network.Value {
    (self + conv("\(name).a", channels, kernel: 3).relu().conv("\(name).b", channels, kernel: 3))
      .relu()
  }

  /// A depthwise convolution, and one of 1x1 that mixes its channels: EfficientNet's block without an expansion.
  fileprivate func separable(_ name: String, _ outputs: Int, kernel: Int = 3, stride: Int = 1)
    -> Network.Value
  {
    depthwise("\(name).depthwise.0", kernel: kernel, stride: stride)
      .batchNorm("\(name).depthwise.1").relu()
      .conv("\(name).project", outputs, kernel: 1)
  }

  /// EfficientNet's blocks of one size: six times as many channels inside; all but the first add what they get.
  fileprivate func stage(
    _ number: Int, _ outputs: Int, count: Int, kernel: Int, stride: Int = 1
  ) -> Network.Value {
    var value = self
    for block in 0..<count {
      let name = "stage\(number).\(block)"
      let inside = value.conv("\(name).expand", 6 * value.channels, kernel: 1).relu()
        .separable(name, outputs, kernel: kernel, stride: block == 0 ? stride : 1)
      value = block == 0 ? inside : value + inside
    }
    return value
  }
}
