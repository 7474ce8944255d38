// deoldify-deep: DeOldify's "artistic" model.

extension Network {
  package static var deOldifyDeep: Network {
    deOldify(
      "deoldify-deep", encoder: { $0.resNet(blocks: [3, 4, 6, 3], isBottleneck: false) },
      blocks: [768, 768, 672, 300], isDeep: true)
  }
}
