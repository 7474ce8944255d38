// DDColor (Kang et al., "DDColor: Towards Photo-Realistic Image Colorization via Dual Decoders", ICCV 2023): a ConvNeXt, a
// U-Net's decoder over it, and a transformer's decoder whose queries are colors. Tensors have the names of the released
// files; docs/published-networks.md has the network as a table.

/// What both have.
private enum DDColor {
  static let channels = 256
  static let queries = 100
  static let layers = 9
  static let heads = 8
  static let feedForward = 2048
  /// The channels of the three blocks behind the encoder.
  static let blocks = [512, 512, 256]
  /// The norms' epsilon in ConvNeXt, and in the transformer.
  static let encoderEpsilon = 1e-6
  static let decoderEpsilon = 1e-5

  /// The name of a block of a stage, both from 0.
  static func block(_ stage: Int, _ number: Int) -> String {
    "encoder.arch.stages.\(stage).\(number)"
  }
}

extension Network {
  /// Over ConvNeXt-T.
  package static var ddColorTiny: Network {
    ddColor(
      "ddcolor-tiny", depths: [3, 3, 9, 3], widths: [96, 192, 384, 768])
  }
  /// Over ConvNeXt-L.
  package static var ddColorLarge: Network {
    ddColor(
      "ddcolor-large", depths: [3, 3, 27, 3], widths: [192, 384, 768, 1536])
  }

  /// The DDColor whose encoder has other depths and widths, which are those of a file's tensors; nil if a file has none.
  static func ddColor(of file: TensorFile) -> Network? {
    var depths: [Int] = []
    var widths: [Int] = []
    for stage in 0..<4 {
      // There are no more blocks than a file has tensors.
      var depth = 0
      while file.shape("\(DDColor.block(stage, depth)).gamma") != nil { depth += 1 }
      guard let width = file.shape("\(DDColor.block(stage, 0)).gamma")?.first,
        (1...maximumWidth).contains(width)
      else { return nil }
      depths.append(depth)
      widths.append(width)
    }
    return ddColor("ddcolor", depths: depths, widths: widths)
  }

  /// Of an encoder's stages.
  private static let maximumWidth = 4096

  /// Input `[1, H, W]`, H and W multiples of 32: (L - 50) / 100. Output `[2, H, W]`: a and b of CIE Lab.
  ///
  /// - Parameters:
  ///   - depths: how many blocks each of the four stages has.
  ///   - widths: and channels.
  package static func ddColor(_ architecture: String, depths: [Int], widths: [Int]) -> Network {
    Network(
      architecture, input: .gray, sizeMultiple: 32, sizeRounding: 32, releasedSize: 512,
      releasedResampling: .points
    ) { input in
      let picture = input.grayAsRGB(.unit).standardized()
      let seen = picture.convNeXt(
        depths: depths, widths: widths, epsilon: DDColor.encoderEpsilon, block: DDColor.block)
      var maps: [Value] = []
      var x = seen[3]
      for (number, outputs) in DDColor.blocks.enumerated() {
        let name = "decoder.layers.\(number)"
        let beside = seen[2 - number]
        let up = x.enlarged("\(name).shuf", outputs, croppedTo: beside)
        // The release has the ReLU behind both; what is enlarged is not negative.
        x = up.joined(with: beside.batchNorm("\(name).bn").relu())
          .activatedConv("\(name).conv", outputs)
        maps.append(x)
      }
      return Outputs(
        ab: x.queryColors(
          input.colorQueries(maps), count: DDColor.queries, picture: picture,
          enlargement: "decoder.last_shuf.conv.0", refinement: "refine_net.0.0"),
        scale: 1)
    }
  }
}

extension Network.Value {
  /// What each stage of a ConvNeXt (Liu et al., "A ConvNet for the 2020s", 2022) has, normalised: a quarter of the sides to
  /// a 32nd.
  ///
  /// - Parameter block: the name of a block of a stage.
  fileprivate func convNeXt(
    depths: [Int], widths: [Int], epsilon: Double, block: (Int, Int) -> String
  ) -> [Network.Value] {
    var x = self
    var seen: [Network.Value] = []
    for stage in depths.indices {
      let name = "encoder.arch.downsample_layers.\(stage)"
      x =
        stage == 0
        ? x.convolution("\(name).0", widths[0], kernel: 4, stride: 4, padding: .same)
          .layerNorm("\(name).1", epsilon: epsilon)
        : x.layerNorm("\(name).0", epsilon: epsilon)
          .convolution("\(name).1", widths[stage], kernel: 2, stride: 2, padding: .same)
      for number in 0..<depths[stage] {
        let name = block(stage, number)
        x =
          x
          + x.depthwise("\(name).dwconv", kernel: 7, bias: true)
          .layerNorm("\(name).norm", epsilon: epsilon)
          .linear("\(name).pwconv1", 4 * x.channels).gelu()
          .linear("\(name).pwconv2", x.channels).layerScale(name)
      }
      seen.append(x.layerNorm("encoder.arch.norm\(stage)", epsilon: epsilon))
    }
    return seen
  }
}

extension Network.Value {
  /// What the colors that a network has learnt become in sight of maps, of each in turn, the first one first. What this
  /// is itself does not matter.
  fileprivate func colorQueries(_ maps: [Network.Value]) -> Network.Value {
    let decoder = "decoder.color_decoder"
    func table(_ name: String) -> Network.Value {
      embedding("\(decoder).\(name)", count: DDColor.queries, channels: DDColor.channels)
    }
    let own = table("query_embed")
    var x = table("query_feat")
    var values: [Network.Value] = []
    var keys: [Network.Value] = []
    for (level, map) in maps.enumerated() {
      let value =
        map.convolution("\(decoder).input_proj.\(level)", DDColor.channels, kernel: 1)
        + embedding(
          "\(decoder).level_embed", count: maps.count, channels: DDColor.channels, row: level)
      values.append(value)
      // Values have no positions.
      keys.append(value + value.sinePositions())
    }
    for layer in 0..<DDColor.layers {
      let level = layer % maps.count
      x = x.attended(
        "\(decoder).transformer_cross_attention_layers.\(layer)", "multihead_attn",
        queries: x + own, keys: keys[level], values: values[level])
      let placed = x + own
      x = x.attended(
        "\(decoder).transformer_self_attention_layers.\(layer)", "self_attn", queries: placed,
        keys: placed, values: x)
      let name = "\(decoder).transformer_ffn_layers.\(layer)"
      x =
        (x
        + x.linear("\(name).linear1", DDColor.feedForward).relu()
        .linear("\(name).linear2", x.channels))
        .layerNorm("\(name).norm", epsilon: DDColor.decoderEpsilon)
    }
    x = x.layerNorm("\(decoder).decoder_norm", epsilon: DDColor.decoderEpsilon)
    return x.linear("\(decoder).color_embed.layers.0", x.channels).relu()
      .linear("\(decoder).color_embed.layers.1", x.channels).relu()
      .linear("\(decoder).color_embed.layers.2", x.channels)
  }

  /// With what an attention of a name finds added, and then normalised.
  private func attended(
    _ layer: String, _ attention: String, queries: Network.Value, keys: Network.Value,
    values: Network.Value
  ) -> Network.Value {
    let name = "\(layer).\(attention)"
    let found = queries.attentionProjection(name, .query)
      .attention(
        to: keys.attentionProjection(name, .key), values.attentionProjection(name, .value),
        heads: DDColor.heads)
    return (self + found.linear("\(name).out_proj", channels))
      .layerNorm("\(layer).norm", epsilon: DDColor.decoderEpsilon)
  }
}
