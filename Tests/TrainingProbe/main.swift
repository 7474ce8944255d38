// Does what a file asks for with the classes of training, and writes what came of it: the other side of
// Tests/Reference/check_training.py and benchmarks/training.py.
//
//   training-probe IN OUT [THREADS] [INSTRUCTION-SET]
//
// IN is a safetensors file; its metadata's "task" says which of these it is:
//
//   steps       steps of training of one of the networks (Steps.swift)
//   speed       the same step again and again, timed (Speed.swift); OUT is not written
//   graph       gradients of a small graph that the metadata describe (Graph.swift)
//   classifier  what lite1's classifier makes of a picture (Classifier.swift)
//   network     what a model's network gives, before colors are made of it (NetworkOutput.swift)
//   optimiser   an optimiser that is given gradients (GivenGradients.swift)

import ColorizeCore
import ColorizeTraining
import Glibc

func run() throws(ColorizeError) {
  let arguments = CommandLine.arguments
  guard arguments.count > 2 else {
    fail("usage: training-probe IN OUT [THREADS] [INSTRUCTION-SET]")
  }
  let instructionSet =
    arguments.count > 4 ? InstructionSet(rawValue: arguments[4]) : InstructionSet.best
  guard let instructionSet, InstructionSet.available.contains(instructionSet) else {
    fail("this processor has no such instruction set")
  }
  let kernels = TrainingKernels(instructionSet)
  let team = Team(threads: arguments.count > 3 ? Int(arguments[3]) ?? 1 : 2)
  let input = Input(try TensorFile(try ByteSource(path: arguments[1])))
  switch input.text("task") {
  case "steps": try steps(input, kernels, team).write(to: arguments[2])
  case "speed": try speed(input, kernels, team)
  case "graph": try graph(input, kernels, team).write(to: arguments[2])
  case "classifier": try classifier(input, kernels, team).write(to: arguments[2])
  case "network": try networkOutput(input, kernels, team).write(to: arguments[2])
  case "optimiser": try givenGradients(input, kernels, team).write(to: arguments[2])
  default: fail("no such task")
  }
}

do throws(ColorizeError) {
  try run()
} catch {
  fail(error.message)
}
