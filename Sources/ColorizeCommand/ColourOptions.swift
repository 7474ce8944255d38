// The dials of colouring: how strong colours are, which of several colourings is taken, and how
// colours come to the picture's size.

import ArgumentParser
import ColorizeCore

extension Preset: ExpressibleByArgument {}
extension Style: ExpressibleByArgument {}
extension Upsampling: ExpressibleByArgument {}
extension GamutMapping: ExpressibleByArgument {}

struct ColourOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "0.01 to 10: towards 0 colours are vivid and patchy, at 1 even and dull. It is for networks "
        + "that give a distribution. (default: 0.38, or the style's)", valueName: "T"))
  var temperature: Float?

  @Option(
    help: ArgumentHelp(
      "What a and b are multiplied by: 0.01 to 10. (default: 1, or the style's)", valueName: "S"))
  var saturation: Float?

  @Option(
    help: ArgumentHelp(
      "Both in a word: 'natural' is quiet and seldom wrong by much, 'vivid' is strong and sometimes "
        + "so.", valueName: "NAME"))
  var style = Style.standard

  @Option(
    help: ArgumentHelp(
      "0: the colouring that is most likely; 1 to 4: others that the network holds possible.",
      valueName: "N"))
  var variant = 0

  @Option(
    help: ArgumentHelp(
      "How colours come to the picture's size: 'guided' follows its edges, 'bilinear' does not. "
        + "(default: guided; bilinear for the preset reference)", valueName: "NAME"))
  var upsampling: Upsampling?

  @Option(
    help: ArgumentHelp(
      "What becomes of colours that sRGB has not: 'keep-hue' takes of their strength, 'clip' clips "
        + "red, green and blue. (default: keep-hue; clip for the preset reference)",
      valueName: "NAME"))
  var gamut: GamutMapping?

  @Option(
    help: ArgumentHelp(
      "A picture, of any size, whose colours are to be this one's: the network's are moved to their "
        + "distribution.", valueName: "PICTURE"))
  var paletteFrom: FileName?

  @Option(
    help: ArgumentHelp("How far they are moved: 0.01 to 1. (default: 1)", valueName: "S"))
  var paletteStrength: Float?

  @Option(
    help: ArgumentHelp(
      "'default' makes the best picture, 'reference' what the released Python pipeline makes.",
      valueName: "NAME"))
  var preset = Preset.standard

  func validate() throws {
    try Bounds.check("--temperature", temperature, AnnealedMean.temperatures)
    try Bounds.check("--saturation", saturation, RunOptions.saturations)
    try Bounds.check("--variant", variant, RunOptions.variants)
    try Bounds.check("--palette-strength", paletteStrength, RunOptions.paletteStrengths)
    if paletteStrength != nil, paletteFrom == nil {
      throw ValidationError("--palette-strength is for --palette-from, which is not given.")
    }
  }

  func set(_ options: inout RunOptions) {
    options.preset = preset
    options.temperature = temperature
    options.saturation = saturation
    options.style = style
    options.variant = variant
    options.upsampling = upsampling
    options.gamutMapping = gamut
    if let paletteStrength { options.paletteStrength = paletteStrength }
  }
}

/// The picture of `--palette-from`, in memory as long as this object.
final class PalettePicture {
  let view: ImageView
  private let picture: Picture

  init(_ name: FileName) throws(ExitCode) {
    picture = try name.readForOption()
    do throws(PictureError) {
      view = try picture.withView { $0 }
    } catch {
      throw error.report(name)
    }
    guard view.format.colorChannels == 3 else {
      throw PictureError.failed("is gray: it has no colours to be taken").report(name)
    }
  }
}
