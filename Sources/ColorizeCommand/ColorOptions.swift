// The dials of coloring: how strong colors are, which of several colorings is taken, and how
// colors come to the picture's size.

import ArgumentParser
import ColorizeCore

extension Preset: ExpressibleByArgument {}
extension Style: ExpressibleByArgument {}
extension Upsampling: ExpressibleByArgument {}
extension GamutMapping: ExpressibleByArgument {}

struct ColorOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "0.01 (vivid, patchy) to 10; 1 is even and dull. (default: 0.38)",
      valueName: "T"))
  var temperature: Float?

  @Option(
    help: ArgumentHelp("Strength of the colors: 0.01 to 10. (default: 1)", valueName: "S"))
  var saturation: Float?

  @Option(
    help: ArgumentHelp("Sets both: 'natural' is quiet, 'vivid' strong.", valueName: "NAME"))
  var style = Style.standard

  @Option(
    help: ArgumentHelp("0: the likeliest coloring; 1-4: others.", valueName: "N"))
  var variant = 0

  @Option(help: ArgumentHelp("Use the colors of another picture.", valueName: "FILE"))
  var paletteFrom: FileName?

  @Option(
    help: ArgumentHelp(
      "How much of them: 0.01 to 1. (default: 1)", valueName: "S", visibility: .rare))
  var paletteStrength: Float?

  @Option(
    help: ArgumentHelp(
      "How colors are enlarged: along edges, or plainly. (default: guided)", valueName: "NAME"))
  var upsampling: Upsampling?

  @Option(
    help: ArgumentHelp(
      "Colors outside sRGB: weaken or clip them. (default: keep-hue)", valueName: "NAME",
      visibility: .rare))
  var gamut: GamutMapping?

  @Option(
    help: ArgumentHelp(
      "'reference' does what the published Python code does.", valueName: "NAME"))
  var preset = Preset.standard

  func validate() throws {
    try Bounds.check("--temperature", temperature, AnnealedMean.temperatures)
    try Bounds.check("--saturation", saturation, RunOptions.saturations)
    try Bounds.check("--variant", variant, RunOptions.variants)
    try Bounds.check("--palette-strength", paletteStrength, RunOptions.paletteStrengths)
    if paletteStrength != nil, paletteFrom == nil {
      throw ValidationError("--palette-strength is for --palette-from, which is not given")
    }
  }

  /// As arguments, but for the palette's file: what is not the default.
  var spelled: [String] {
    Spelling.option("--temperature", temperature) + Spelling.option("--saturation", saturation)
      + Spelling.option("--style", style == .standard ? nil : style.rawValue)
      + Spelling.option("--variant", variant == 0 ? nil : variant)
      + Spelling.option("--palette-strength", paletteStrength)
      + Spelling.option("--upsampling", upsampling?.rawValue)
      + Spelling.option("--gamut", gamut?.rawValue)
      + Spelling.option("--preset", preset == .standard ? nil : preset.rawValue)
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
      throw PictureError.failed("is gray: it has no colors to use").report(name)
    }
  }
}
