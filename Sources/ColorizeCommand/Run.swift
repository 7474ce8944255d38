// `libcolorize run`, or just `libcolorize`: colours pictures.

import ArgumentParser
import CImageFiles
import ColorizeCore
import Glibc

struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Colours black-and-white photographs.",
    usage: """
      libcolorize [--model FILE] [--hint X,Y,#RRGGBB[,RADIUS]]... [--hints STROKES]
               [--temperature T] [--saturation S] [--style NAME] [--variant N]
               [--palette-from PICTURE] [--palette-strength S] [--upsampling NAME]
               [--gamut NAME] [--network-size N] [--render-factor N] [--fit NAME] [--preset NAME]
               [--threads N] [--max-memory MB] [--salvage] [--compression LEVEL] [-o OUT] [--quiet]
               INPUT...
      libcolorize suggest [--model FILE] [--network-size N] [--render-factor N] [--fit NAME]
               [--hint X,Y,#RRGGBB[,RADIUS]]... [--hints STROKES] [--temperature T]
               [--count N] [--threads N] PHOTO X,Y...
      libcolorize info [MODEL]
      libcolorize doctor [MODEL]
      libcolorize profile [--model FILE] [--size N] [--threads N] [--rounds N] [--csv]
      libcolorize convert [--fp16] [--licence TEXT] [--plain-softmax-temperature P]
               [--mask-convention NAME] IN OUT
      libcolorize evaluate [--model FILE] [--network-size N]... [--temperature T] [--saturation S]
               [--hints N] [--results DIR]... [--prior FILE] [--csv FILE] [--write DIR]
               [--threads N] [--limit N] DIR
      libcolorize gamut [--csv FILE] [--threads N] DIR...
      libcolorize train --out OUT [--data PATH...] [--model NAME] [--init FILE]
               [--freeze PREFIX...] [--slow PREFIX...] [--slow-factor X] [--resume]
               [--size N] [--batch N] [--steps N]
               [--optimiser NAME] [--learning-rate X] [--warmup N] [--schedule NAME]
               [--step-every N] [--step-factor X] [--weight-decay X] [--average D] [--clip X]
               [--lambda X] [--prior FILE] [--loss NAME] [--regression NAME]
               [--regression-weight X] [--features FILE] [--feature-weight X] [--hints SHARE]
               [--scale LOW HIGH] [--no-flip] [--film SHARE] [--recolour SHARE] [--seed N]
               [--hold-back K] [--validation PATH] [--checkpoint-every N] [--metrics-every N]
               [--samples PATH] [--samples-every N] [--licence TEXT] [--threads N] [--quiet]
      """,
    discussion: """
      Reads PNG, TIFF (1 to 16 bits, TIFF also floats) and JPEG (gray and colour; not CMYK), told \
      apart by their content, up to 1048576 pixels a side and 2048 MB when decoded. Only the \
      lightness of a coloured picture is looked at. Of a TIFF of several pages the first is taken.

      Without -o, photo.jpg is coloured to photo-colorized.jpg beside it. The output's extension \
      chooses its format: .png, .jpg, .jpeg, .tif or .tiff. A picture of 16 bits a channel is \
      written with 16 as PNG and TIFF; JPEG is written with quality 95 and colour at full \
      resolution. An output that is there already is replaced, an input never. EXIF, XMP and ICC \
      profiles are kept; the orientation is applied.

      A picture that cannot be coloured is reported, and the others are done; the exit status is \
      then 1.

      'libcolorize suggest' says which colours a place may have, 'libcolorize info' what a model is; \
      'libcolorize doctor' checks it on this processor, 'libcolorize profile' times its layers, 'libcolorize \
      convert' makes one of a checkpoint, 'libcolorize evaluate' compares what it makes with \
      photographs, 'libcolorize gamut' counts their colours, 'libcolorize train' learns from them. A file \
      of the name suggest, info, doctor, profile, convert, evaluate, gamut, train, run or help is \
      given as ./info.
      """)

  @Argument(help: ArgumentHelp("PNG, JPEG and TIFF files.", valueName: "INPUT"))
  var inputs: [FileName]

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "The output: a file, or a folder, in which each picture keeps its name. For several inputs "
        + "it is a folder, and is made if it is not there; so it is if it ends with a /.",
      valueName: "OUT"))
  var output: FileName?

  @Option(
    help: ArgumentHelp(
      "A model file: safetensors, or a checkpoint of PyTorch. (default: the built-in model)",
      valueName: "FILE"))
  var model: FileName?

  @OptionGroup var known: HintOptions
  @OptionGroup var colour: ColourOptions
  @OptionGroup var network: NetworkOptions
  @OptionGroup var files: FileOptions

  @Option(
    help: ArgumentHelp(
      "How many threads work: 1 to 256. The picture is the same with any number. (default: one for "
        + "each processor)", valueName: "N"))
  var threads: Int?

  @Flag(help: "Say nothing but errors: no progress, no notes.")
  var quiet = false

  func validate() throws {
    try Bounds.check("--threads", threads, 1...RunOptions.maximumThreads)
  }

  func run() throws {
    do {
      try colourAll()
    } catch let refusal as Refusal {
      throw refusal.report()
    }
  }

  private func colourAll() throws {
    let outputs = try Outputs(inputs, output: output)
    let model = try ModelChoice(file: model).open()
    try network.check(for: model)
    Interrupt.listen()
    let known = try KnownColours(known, for: model)
    let palette = try colour.paletteFrom.map { try PalettePicture($0) }
    try outputs.makeFolder()

    let progress = ProgressLine(isQuiet: quiet)
    var failures = 0
    for (index, job) in outputs.jobs.enumerated() {
      progress.begin(job.input, number: index + 1, of: outputs.jobs.count)
      do throws(PictureError) {
        let notes = try colour(job, model, known, palette, progress)
        progress.end()
        progress.report(job.input, job.output)
        if !quiet { for note in notes { Terminal.say(job.input, note) } }
      } catch .stopped {
        progress.end()
        Interrupt.end()
      } catch .failed(let reason) {
        progress.end()
        Terminal.say(job.input, reason)
        failures += 1
      }
    }
    if failures > 0 { throw ExitCode.failure }
  }

  /// - Returns: what there is to say of the picture.
  private func colour(
    _ job: Job, _ model: Model, _ known: KnownColours, _ palette: PalettePicture?,
    _ progress: ProgressLine
  ) throws(PictureError) -> [String] {
    let picture = try Picture(job.input, files.reading(for: job.format))
    var options = RunOptions()
    colour.set(&options)
    network.set(&options)
    options.threads = threads
    options.hints = try known.hints(picture.width, picture.height)
    options.palette = palette?.view
    options.progress = { fraction in
      progress.update(fraction)
      return Interrupt.wanted
    }
    // Hints and palette are read through pointers.
    defer { withExtendedLifetime((known, palette)) {} }
    return try picture.colour(with: model, options, to: job, compression: files.compression)
  }
}
