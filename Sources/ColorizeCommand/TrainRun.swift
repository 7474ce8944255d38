// A training run: steps, and what is written between them.

import ColorizeCore
import ColorizeTraining
import Glibc

/// One process's part of a run.
final class TrainRun {
  private let folder: TrainFolder
  private let recipe: Recipe
  private let team: Team
  private let data: TrainingData
  private let loader: BatchLoader
  private let trainer: Trainer
  private let sheet: TrainSheet?
  private let metrics: TrainTable
  private let validation: (pictures: Validation, table: TrainTable)?
  private let progress: TrainProgress
  private let isQuiet: Bool

  /// Since the last row of the metrics.
  private var sum = MetricsSum()
  /// Of all processes of the run.
  private var seconds = 0.0
  private var lastCheckpointStep: Int
  private var lastCheckpointTime = Clock.seconds()
  private var isPlotted = true

  /// Reads what there is to read, and writes nothing but the metrics' first line.
  init(_ folder: TrainFolder, _ start: TrainStart, threads: Int?, isQuiet: Bool) throws {
    self.folder = folder
    self.isQuiet = isQuiet
    var recipe = start.recipe
    team = Team(threads: threads)
    var data = try TrainingData(recipe)
    if !isQuiet { for sentence in data.damage { Terminal.say(sentence) } }
    let instructionSet = try ModelChoice.requested(InstructionSet.self) ?? .best
    trainer = try Trainer(
      recipe.network, data.shape, recipe.trainer(data.shape),
      kernels: TrainingKernels(instructionSet), team: team)
    if let (said, file) = start.checkpoint {
      guard said.pictures.utf8.elementsEqual(data.description.utf8) else {
        throw Failure(
          "the data are not those that the run was started with: \(data.description) now, "
            + "\(said.pictures) then")
      }
      try trainer.restore(file, step: said.step)
      try data.restorePrior(file)
      sum = said.metrics
      seconds = said.seconds
    } else {
      if !recipe.initial.isEmpty { try Self.load(&recipe, into: trainer) }
      let line = StatusLine(isQuiet: isQuiet)
      line.show("counting how frequent the colors are")
      defer { line.end() }
      try data.findPrior(threads: team.size)
    }
    self.data = data
    self.recipe = recipe
    lastCheckpointStep = trainer.step
    metrics = try folder.table("metrics.csv", MetricsSum.columns, keeping: trainer.step)
    if recipe.samplesEvery > 0, let pictures = try data.validation() {
      validation = (
        Validation(pictures, side: recipe.size, team: team),
        try folder.table("validation.csv", Validation.columns, keeping: trainer.step)
      )
    } else {
      validation = nil
    }
    let sheet = recipe.samplesEvery > 0 ? try TrainSheet(data.samples()) : nil
    self.sheet = sheet?.isEmpty ?? true ? nil : sheet
    loader = try data.loader(after: trainer.step, threads: team.size)
    progress = TrainProgress(
      steps: recipe.steps, done: trainer.step, batch: recipe.batch, isQuiet: isQuiet)
  }

  /// Begins with the weights of a model, whose licence and history become the run's.
  private static func load(_ recipe: inout Recipe, into trainer: Trainer) throws {
    let choice = ModelChoice(
      file: recipe.initial == "default" ? nil : FileName(bytes: Array(recipe.initial.utf8)))
    do throws(ColorizeError) {
      let file = try choice.tensors()
      let network = try Network.of(file)
      guard network.architecture == recipe.model else {
        throw .invalidArgument("it is of \(network.architecture), and \(recipe.model) is trained")
      }
      let mask = file[metadata: "mask_convention"] ?? MaskConvention.zeroOne.rawValue
      guard mask.utf8.elementsEqual(MaskConvention.zeroOne.rawValue.utf8) else {
        throw .unsupportedModel("its mask_convention is \(mask); training takes zero-one")
      }
      try trainer.load(file)
      recipe.inherit(
        from: file,
        name: choice.file.map { String(decoding: $0.lastPart, as: UTF8.self) } ?? choice.shown)
    } catch {
      throw Failure("\(choice.shown): \(error.message)")
    }
  }

  /// Trains until the last step is done, or the user asks to stop.
  func run() throws {
    defer { progress.end() }
    if trainer.step == recipe.steps {
      say("the run in \(folder.name.shown) has done all of its \(recipe.steps) steps")
      return
    }
    // What the weights that it begins with make of the pictures.
    if trainer.step == 0, recipe.samplesEvery > 0, !Interrupt.wanted { try lookAtModel() }
    while trainer.step < recipe.steps, !Interrupt.wanted {
      try step()
      if recipe.samplesEvery > 0, isDue(recipe.samplesEvery) { try lookAtModel() }
      if isCheckpointDue { try writeCheckpoint() }
    }
    if trainer.step > lastCheckpointStep { try writeCheckpoint() }
    if loader.skippedGray + loader.broken > 0 {
      say("left out \(loader.skippedGray) gray and \(loader.broken) broken pictures")
    }
    if trainer.step == recipe.steps {
      say(
        "trained \(recipe.steps) steps in \(TrainProgress.duration(seconds)): \(folder.model.shown)"
      )
      return
    }
    say(
      trainer.step == 0
        ? "stopped before the first step"
        : "stopped after step \(trainer.step) of \(recipe.steps); go on with: libcolorize train --out "
          + "\(folder.name.shown) --resume")
    Interrupt.end()
  }

  private func step() throws {
    let start = Clock.seconds()
    let report = try trainer.run(try loader.next())
    guard report.isFinite else {
      throw Failure(
        "step \(trainer.step): the \(report.loss.isFinite ? "norm of the gradients" : "loss") is not "
          + "finite; "
          + (lastCheckpointStep > 0
            ? "the last checkpoint is of step \(lastCheckpointStep)" : "there is no checkpoint"))
    }
    let duration = Clock.seconds() - start
    seconds += duration
    sum.add(report, seconds: duration)
    let loss = sum.loss
    let isRow = isDue(recipe.metricsEvery)
    progress.update(step: trainer.step, loss: loss, isRow: isRow)
    guard isRow else { return }
    try metrics.append(sum.row(report, batch: recipe.batch, seconds: seconds))
    sum = MetricsSum()
  }

  /// Every so many steps, and after the last one.
  private func isDue(_ every: Int) -> Bool {
    trainer.step.isMultiple(of: every) || trainer.step == recipe.steps
  }

  private var isCheckpointDue: Bool {
    switch recipe.checkpointEvery {
    case .steps(let count): trainer.step.isMultiple(of: count)
    case .minutes(let count): Clock.seconds() - lastCheckpointTime >= 60 * Double(count)
    }
  }

  private func writeCheckpoint() throws {
    // Rows that a run which goes on will not write again are to be on the disk before it.
    try metrics.flush()
    try validation?.table.flush()
    let checkpoint = Checkpoint(
      recipe: recipe, step: trainer.step, seconds: seconds, pictures: data.description,
      metrics: sum)
    try folder.write(checkpoint, trainer.state + data.state)
    lastCheckpointStep = trainer.step
    lastCheckpointTime = Clock.seconds()
    try folder.write(TrainedModel(trainer, recipe, pictures: data.description))
    drawPlot()
  }

  /// Shows what the model makes of pictures.
  private func lookAtModel() throws {
    let model = try TrainedModel(trainer, recipe, pictures: data.description).open()
    if let sheet {
      try sheet.write(
        to: folder.sheet(after: trainer.step), model, networkSize: recipe.size, threads: team.size)
    }
    if let validation {
      try validation.table.append(validation.pictures.row(trainer.step, model))
    }
  }

  /// A plot that fails is no reason to stop.
  private func drawPlot() {
    guard isPlotted else { return }
    let plot = TrainPlot(
      folder: folder.name, losses: trainer.options.losses.columns, isValidated: validation != nil)
    switch plot.draw() {
    case .drawn: return
    case .notInstalled:
      say("metrics.png is not drawn: gnuplot is not installed (Debian's package gnuplot-nox)")
    case .failed(let status): say("metrics.png is not drawn: gnuplot ended with \(status)")
    }
    isPlotted = false
  }

  private func say(_ text: String) {
    progress.end()
    if !isQuiet { Terminal.say(text) }
  }
}
