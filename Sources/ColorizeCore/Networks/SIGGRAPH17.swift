// siggraph17: Zhang et al., "Real-Time User-Guided Image Colorization with Learned Deep Priors"
// (SIGGRAPH 2017), as released for PyTorch in 2020, and for Caffe, in ideepcolor, in 2017. Batch norm comes after the
// ReLU.

extension Network {
  /// Input `[4, H, W]`, H and W multiples of 8: (L - 50) / 100, a hint / 110, b hint / 110, mask.
  /// Regression `[2, H, W]`: a / 110 and b / 110. Logits `[529, H/4, W/4]` of the bins of a square.
  ///
  /// The release computes its decoder twice, with the same result; here it is computed once.
  package static var siggraph17: Network {
    guided("siggraph17", abScale: Lab.abRange, hasClasses: true)
  }

  /// What the released class computes in one pass: siggraph17 without its bins.
  package static var siggraph17AB: Network {
    guided("siggraph17-ab", abScale: Lab.abRange, hasClasses: false)
  }

  /// ideepcolor's local hints. a and b are 100 tanh, not 110; its bins come from a branch of their own, for suggestions
  /// alone, which is left out.
  package static var ideepcolor: Network { guided("ideepcolor", abScale: 100, hasClasses: false) }

  private static func guided(_ architecture: String, abScale: Float, hasClasses: Bool) -> Network {
    Network(
      architecture, input: .grayWithHints, sizeMultiple: 8, sizeRounding: 8
    ) { input in
      let conv1 = input.block("model1", 64, 2)
      let conv2 = conv1.subsampled().block("model2", 128, 2)
      let conv3 = conv2.subsampled().block("model3", 256, 3)
      let conv7 =
        conv3.subsampled()
        .block("model4", 512, 3)
        .block("model5", 512, 3, dilation: 2)
        .block("model6", 512, 3, dilation: 2)
        .block("model7", 512, 3)

      let short8 = conv3.convolution("model3short8.0", 256, kernel: 3)
      let conv8 =
        (conv7.transposedConvolution("model8up.0", 256) + short8).relu()
        .convolution("model8.1", 256, kernel: 3).relu()
        .convolution("model8.3", 256, kernel: 3).relu()
        .batchNorm("model8.5")
      let logits = hasClasses ? conv8.convolution("model_class.0", 529, kernel: 1) : nil

      let short9 = conv2.convolution("model2short9.0", 128, kernel: 3)
      let conv9 =
        (conv8.transposedConvolution("model9up.0", 128) + short9).relu()
        .convolution("model9.1", 128, kernel: 3).relu()
        .batchNorm("model9.3")

      let short10 = conv1.convolution("model1short10.0", 128, kernel: 3)
      let conv10 =
        (conv9.transposedConvolution("model10up.0", 128) + short10).relu()
        .convolution("model10.1", 128, kernel: 3).leakyReLU(0.2)
      return Outputs(
        ab: conv10.convolution("model_out.0", 2, kernel: 1).tanh(), scale: abScale,
        logits: logits.map { Outputs.Logits($0, over: .grid, stride: 4) })
    }
  }
}
