// DeOldify (Antic, 2018): a U-Net over a ResNet, trained as SAGAN is. What its two networks are built of;
// docs/published-networks.md has them as a table. Tensors have the names of the released files, in which
// everything is numbered: fastai's Sequential of encoder (0), norm (1), ReLU (2), middle (3), four blocks (4 to 7),
// and so on.

extension Network {
  /// Input `[1, H, W]`, H and W multiples of 16: (L - 50) / 100. Colors `[3, H, W]`, from -3 to 3, normalised
  /// with ImageNet's mean and deviation.
  ///
  /// - Parameters:
  ///   - encoder: from red, green and blue to what it has at each halving: half of the side to a 32nd.
  ///   - blocks: the channels of the four blocks, of which half, or with `isDeep` the sum's, come from below.
  static func deOldify(
    _ architecture: String, encoder: @escaping (Value) -> [Value], blocks: [Int], isDeep: Bool
  ) -> Network {
    Network(
      architecture, input: .gray, sizeMultiple: 16, sizeRounding: 16, releasedSize: 560
    ) { input in
      let rgb = input.grayAsRGB(.imageNet)
      let skips = encoder(rgb)
      let deepest = skips[4]
      var x = deepest.batchNorm("layers.1").relu()
        .activatedConv("layers.3.0", 2 * deepest.channels)
        .activatedConv("layers.3.1", deepest.channels)
      for (number, outputs) in blocks.enumerated() {
        let name = "layers.\(4 + number)"
        let skip = skips[3 - number]
        let up = x.enlarged(
          "\(name).shuf", isDeep ? x.channels / 2 : outputs, croppedTo: skip)
        // The release has the ReLU behind both; what is enlarged is not negative.
        x = up.joined(with: skip.batchNorm("\(name).bn").relu())
        for conv in isDeep ? ["conv1", "conv2"] : ["conv"] {
          x = x.activatedConv("\(name).\(conv)", outputs)
        }
        if number == 1 { x = x.selfAttention("\(name).\(isDeep ? "conv2" : "conv").3") }
      }
      let full = x.convolution("layers.8.conv.0", 4 * x.channels, kernel: 1).relu()
        .pixelShuffle(2).blurred(croppedTo: rgb).joined(with: rgb)
      let inside = full.convolution("layers.10.layers.0.0", full.channels, kernel: 3).relu()
        .convolution("layers.10.layers.1.0", full.channels, kernel: 3).relu()
      return Outputs(
        rgb: (full + inside).convolution("layers.11.0", 3, kernel: 1).sigmoid(-3...3), .imageNet)
    }
  }
}

extension Network.Value {
  /// torchvision's ResNet without its head: what it has at each halving of the sides.
  ///
  /// - Parameters:
  ///   - blocks: how many each layer has.
  ///   - isBottleneck: whether a block is of 1x1, 3x3 and 1x1 convolutions instead of two of 3x3.
  func resNet(blocks: [Int], isBottleneck: Bool) -> [Network.Value] {
    var stages = [conv("layers.0.0", 64, kernel: 7, stride: 2, norm: "layers.0.1").relu()]
    var x = stages[0].maxPool(kernel: 3, stride: 2, padding: 1)
    for (layer, count) in blocks.enumerated() {
      for number in 0..<count {
        let name = "layers.0.\(4 + layer).\(number)"
        let width = 64 << layer
        let stride = number == 0 && layer > 0 ? 2 : 1
        x =
          isBottleneck
          ? x.bottleneck(name, width, stride: stride) : x.block(name, width, stride: stride)
      }
      stages.append(x)
    }
    return stages
  }

  /// Two convolutions of 3x3, and what came in.
  private func block(_ name: String, _ outputs: Int, stride: Int) -> Network.Value {
    let short = shortcut(name, outputs, stride: stride)
    let inside = numbered(name, 1, outputs, kernel: 3, stride: stride).relu()
      .numbered(name, 2, outputs, kernel: 3)
    return (inside + short).relu()
  }

  /// The same with a quarter of the channels inside.
  private func bottleneck(_ name: String, _ width: Int, stride: Int) -> Network.Value {
    let short = shortcut(name, 4 * width, stride: stride)
    let inside = numbered(name, 1, width, kernel: 1).relu()
      .numbered(name, 2, width, kernel: 3, stride: stride).relu()
      .numbered(name, 3, 4 * width, kernel: 1)
    return (inside + short).relu()
  }

  private func numbered(
    _ name: String, _ number: Int, _ outputs: Int, kernel: Int, stride: Int = 1
  ) -> Network.Value {
    conv(
      "\(name).conv\(number)", outputs, kernel: kernel, stride: stride,
      norm: "\(name).bn\(number)")
  }

  /// What is added at a block's end: itself, if that has the shape.
  private func shortcut(_ name: String, _ outputs: Int, stride: Int) -> Network.Value {
    guard stride > 1 || outputs != channels else { return self }
    return conv(
      "\(name).downsample.0", outputs, kernel: 1, stride: stride, norm: "\(name).downsample.1")
  }

  private func conv(
    _ name: String, _ outputs: Int, kernel: Int, stride: Int = 1, norm: String
  ) -> Network.Value {
    convolution(name, outputs, kernel: kernel, stride: stride, bias: false).batchNorm(norm)
  }

  /// 3x3 without bias, ReLU, and batch norm behind that.
  func activatedConv(_ name: String, _ outputs: Int) -> Network.Value {
    convolution("\(name).0", outputs, kernel: 3, bias: false).relu().batchNorm("\(name).2")
  }

  /// Twice the sides, or what `other` has of them.
  func enlarged(
    _ name: String, _ outputs: Int, croppedTo other: Network.Value
  ) -> Network.Value {
    conv("\(name).conv.0", 4 * outputs, kernel: 1, norm: "\(name).conv.1").relu()
      .pixelShuffle(2).blurred(croppedTo: other)
  }
}
