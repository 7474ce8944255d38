// compact: this project's own network. The method of Zhang, Isola, Efros (ECCV 2016), a distribution
// over 313 ab bins at each position, with the hint inputs of Zhang et al. (SIGGRAPH 2017), in 4.1
// million parameters. docs/compact.md is the same as prose.

extension Network {
  /// Input `[4, H, W]`, H and W multiples of 16: (L - 50) / 100, a hint / 110, b hint / 110, and the
  /// mask, 1 where a hint is. Output `[313, H/4, W/4]`: logits of the bins.
  package static var compact: Network {
    Network(
      "compact", input: .grayWithHints, sizeMultiple: 16, sizeRounding: 16
    ) { input in
      let x = input.conv("stem1", 32, stride: 2).relu().conv("stem2", 64, stride: 2).relu()
      let a = x.residual("enc4.0")
      let b = a.conv("down8", 128, stride: 2).relu().residual("enc8.0").residual("enc8.1")
      let c = b.conv("down16", 256, stride: 2).relu().residual("enc16.0").residual("enc16.1")

      let pooled = c.globalMean()
      let g = pooled.linear("glob1", 256).relu().linear("glob2", 256)
      let d = (c + g).relu()

      let e = (d.pointwise("up8", 128).upsampled(to: b) + b).relu().residual("dec8.0")
      let f = (e.pointwise("up4", 64).upsampled(to: a) + a).relu().residual("dec4.0")
      return Outputs(
        Outputs.Logits(
          f.conv("head", 128).relu().pointwise("logits", 313), over: .gamut, stride: 4),
        features: ["map": c, "pooled": pooled])
    }
  }
}

extension Network.Value {
  /// 3x3 without bias, then batch norm.
  fileprivate func conv(_ name: String, _ outputs: Int, stride: Int = 1) -> Network.Value {
    convolution("\(name).0", outputs, kernel: 3, stride: stride, bias: false)
      .batchNorm("\(name).1")
  }

  /// relu(x + conv(relu(conv(x))))
  fileprivate func residual(_ name: String) -> Network.Value {
    (self + conv("\(name).a", channels).relu().conv("\(name).b", channels)).relu()
  }

  /// 1x1 with bias.
  fileprivate func pointwise(_ name: String, _ outputs: Int) -> Network.Value {
    convolution(name, outputs, kernel: 1)
  }
}
