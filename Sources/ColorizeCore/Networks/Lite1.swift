// lite1: this project's third network. It does what lite does, and looks at the picture with a classifier that is kept
// whole, so that it knows what is in it. docs/lite1.md is the same as prose.

extension Network {
  /// Input `[4, H, W]`, H and W multiples of 32: (L - 50) / 100, a hint / 110, b hint / 110, and the
  /// mask, 1 where a hint is. Output `[313, H/4, W/4]`: logits of the bins.
  package static var lite1: Network {
    Network(
      "lite1", input: .grayWithHints, sizeMultiple: 32, sizeRounding: 32
    ) { input in
      let classifier = EfficientNetLite1(input)

      // Hints, and how far they reach in what is in the picture, at each size; the classifier does not see them.
      // What halves has no batch norm: few positions have hints, and a batch's statistics would say how many.
      let hint4 =
        (input.halved("hint2", 16).relu().halved("hint4", 32)
        + classifier.quarter.pointwise("hintimage4", 32)).relu().residual("hintres4")
      let hint8 =
        (hint4.halved("hint8", 64) + classifier.eighth.pointwise("hintimage8", 64)).relu()
        .residual("hintres8")
      let hint16 =
        (hint8.halved("hint16", 128) + classifier.sixteenth.pointwise("hintimage16", 128)).relu()
        .residual("hintres16")

      // What the picture is as a whole: what the classifier goes by.
      let pooled = classifier.top.globalMean()
      let g = pooled.linear("glob1", 256).relu().linear("glob2", 192)

      // Colors, from coarse to fine.
      let c =
        classifier.sixteenth.pointwise("lateral16", 192) + hint16.pointwise("hintlateral16", 192)
      let d = (classifier.top.pointwise("up16", 192).upsampled(to: c) + c).relu()
        .residual("dec16.0")
      let e = (d + g).relu().residual("dec16.1")

      let f = classifier.eighth.pointwise("lateral8", 128) + hint8.pointwise("hintlateral8", 128)
      let h = (e.pointwise("up8", 128).upsampled(to: f) + f).relu().residual("dec8.0")

      let i = classifier.quarter.pointwise("lateral4", 64) + hint4.pointwise("hintlateral4", 64)
      let j = (h.pointwise("up4", 64).upsampled(to: i) + i).relu().residual("dec4.0")
      return Outputs(
        Outputs.Logits(
          j.conv("head", 128).relu().pointwise("logits", 313), over: .gamut, stride: 4),
        features: ["map": classifier.top, "pooled": pooled])
    }
  }
}

extension Network.Value {
  /// 3x3 without bias, then batch norm.
  fileprivate func conv(_ name: String, _ outputs: Int) -> Network.Value {
    convolution("\(name).0", outputs, kernel: 3, bias: false).batchNorm("\(name).1")
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
    (self + conv("\(name).a", channels).relu().conv("\(name).b", channels)).relu()
  }
}
