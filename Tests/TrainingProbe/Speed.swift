// How long a step takes. The file is that of Steps.swift; its first batch is taken in every step.
//
// Prints a line of JSON with the first step's loss; then, for each number that is read from standard input, it does a step
// that is not timed, and as many that are, and prints a list of their milliseconds.

import ColorizeCore
import ColorizeTraining
import Glibc

func speed(_ input: Input, _ kernels: TrainingKernels, _ team: Team) throws(ColorizeError) {
  let trainer = try trainer(input, kernels, team)
  let batch = try batch(input, trainer.shape, step: 0)
  say("{\"loss\": \(try trainer.run(batch).loss)}")
  while let line = readLine(), let count = Int(line) {
    _ = try trainer.run(batch)
    var times: [Double] = []
    for _ in 0..<count {
      let start = milliseconds()
      _ = try trainer.run(batch)
      times.append(milliseconds() - start)
    }
    say("\(times)")
  }
}

private func say(_ line: String) {
  print(line)
  fflush(nil)
}

private func milliseconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return 1e3 * Double(time.tv_sec) + 1e-6 * Double(time.tv_nsec)
}
