// eccv16: Zhang, Isola, Efros, "Colorful Image Colorization" (ECCV 2016), as released for PyTorch in
// 2020. Batch norm comes after the ReLU.

extension Network {
  /// Input `[1, H, W]` of any size: (L - 50) / 100. Logits `[313, 2 * ceil(H/8), 2 * ceil(W/8)]`. The
  /// released network ends with its softmax, the mean of the bins' centres, which it keeps as the
  /// convolution `model_out`, and a bilinear enlargement by 4.
  ///
  /// The paper decodes at T = 0.38. The Caffe model multiplied its logits by 2.606 = 1 / 0.38 for
  /// that; the release for PyTorch has no such factor, so that of its last weights holds it.
  package static var eccv16: Network {
    Network(
      "eccv16", input: .gray, sizeMultiple: 1, sizeRounding: 8
    ) { lightness in
      let conv7 =
        lightness
        .block("model1", 64, 2, stride: 2)
        .block("model2", 128, 2, stride: 2)
        .block("model3", 256, 3, stride: 2)
        .block("model4", 512, 3)
        .block("model5", 512, 3, dilation: 2)
        .block("model6", 512, 3, dilation: 2)
        .block("model7", 512, 3)
      let conv8 =
        conv7.transposedConvolution("model8.0", 256).relu()
        .convolution("model8.2", 256, kernel: 3).relu()
        .convolution("model8.4", 256, kernel: 3).relu()
      return Outputs(
        Outputs.Logits(
          conv8.convolution("model8.6", 313, kernel: 1), over: .tensor("model_out.weight"),
          stride: 4,
          plainSoftmaxTemperature: 0.38),
        upsampling: 4)
    }
  }
}
