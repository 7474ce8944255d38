// deoldify-wide: DeOldify's "stable" and "video" models.

extension Network {
  package static var deOldifyWide: Network {
    deOldify(
      "deoldify-wide", encoder: { $0.resNet(blocks: [3, 4, 23, 3], isBottleneck: true) },
      blocks: [512, 512, 512, 256], isDeep: false)
  }
}
