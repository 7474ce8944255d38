// What a run notes of itself, and finds again.

import ColorizeCore
import ColorizeTraining
import Glibc
import Testing

@Suite("Recipes, and what checkpoints note")
struct RecipeTests {
  /// Something else than the default, for every setting.
  private static let other = [
    "model": "siggraph17", "init": "/a b.safetensors", "freeze": "model1\nmodel2", "slow": "model3",
    "slow-factor": "0.25", "seed": "7",
    "data": "/x\n/y z", "size": "64", "batch": "3", "scale": "0.25 0.75", "flip": "no",
    "hints": "0.5", "recolor": "0.75", "film": "0.25", "hold-back": "9", "validation": "/v",
    "loss": "both", "regression": "l1",
    "regression-weight": "0.1", "lambda": "0.3", "prior": "/p", "features": "/f",
    "feature-weight": "0.2", "steps": "12345", "optimiser": "adam", "learning-rate": "3e-05",
    "warmup": "0", "schedule": "step", "step-every": "11", "step-factor": "0.7",
    "weight-decay": "0.0", "average": "0.9", "clip": "1.5", "licence": "CC0 \"x\"\n",
    "history": "began as x", "metrics-every": "2",
    "checkpoint-every": "15m", "samples-every": "0", "samples": "/s",
  ]

  /// That of the network's deepest values: lite1's are its classifier's.
  @Test(arguments: [
    ("lite", 16), ("compact", 16), ("eccv16", 16), ("siggraph17", 16), ("lite1", 32),
  ])
  func theMapOfFeaturesHasTheStrideOfItsPlace(name: String, stride: Int) throws {
    var recipe = Recipe()
    try recipe.take(["model": name, "size": "96", "batch": "2"])
    #expect(recipe.shape(nil).mapStride == stride)
    #expect(recipe.shape(nil).mapPositions == 2 * (96 / stride) * (96 / stride))
  }

  @Test func everySettingIsNotedAndFoundAgain() throws {
    let defaults = Recipe().settings
    #expect(Set(Self.other.keys) == Set(defaults.keys))
    for (name, text) in Self.other {
      var recipe = Recipe()
      try recipe.take([name: text])
      #expect(recipe.settings[name] == text)
      #expect(text != defaults[name])
      // And no other one has changed with it.
      #expect(recipe.settings.filter { defaults[$0.key] != $0.value }.count == 1)
    }
    var all = Recipe()
    try all.take(Self.other)
    var again = Recipe()
    try again.take(all.settings)
    #expect(again == all)
    #expect(again != Recipe())
  }

  @Test func whatChangesNoStepMayBeAnother() throws {
    let free: Set = [
      "validation", "licence", "history", "checkpoint-every", "samples-every", "samples",
    ]
    for (name, text) in Self.other where name != "schedule" {
      var recipe = Recipe()
      recipe.schedule = .constant
      if free.contains(name) || name == "steps" {
        try recipe.takeAgain([name: text], done: 12345)
        #expect(recipe.settings[name] == text)
      } else {
        #expect(throws: ColorizeError.self) { try recipe.takeAgain([name: text], done: 5) }
      }
      // Given again as it was, anything is right.
      var same = Recipe()
      try same.takeAgain(Recipe().settings.filter { !$0.value.isEmpty }, done: 5)
      #expect(same == Recipe())
    }
    var cosine = Recipe()
    #expect(throws: ColorizeError.self) { try cosine.takeAgain(["steps": "200000"], done: 5) }
    var constant = Recipe()
    constant.schedule = .constant
    #expect(throws: ColorizeError.self) { try constant.takeAgain(["steps": "4"], done: 5) }
  }

  /// Every bit: a third has no end in any base, and sums of such are what a row is made of.
  @Test func sumsOfMetricsAreNotedExactly() throws {
    let values = (1...7).map { 1 / Double(3 * $0) } + [1e-300, 0.1 + 0.2]
    let count = 2 + MetricsSum.columns.count - 5
    let text = (["7"] + values.prefix(count - 1).map { "\($0)" }).joined(separator: " ")
    let sum = try #require(MetricsSum("7.0" + text.dropFirst()))
    #expect(sum.text == "7.0" + text.dropFirst())
    #expect(MetricsSum("1 2") == nil)
    #expect(MetricsSum(sum.text + " 1") == nil)
  }

  /// After a power cut the last row may be half there.
  @Test(arguments: [
    ("", 5, "step,x\n"),
    ("ste", 5, "step,x\n"),
    ("step,x\n1,a\n2,b\n3,c\n", 2, "step,x\n1,a\n2,b\n"),
    ("step,x\n1,a\n2,b\n3,", 3, "step,x\n1,a\n2,b\n"),
    ("step,x\n1,a\n", 0, "step,x\n"),
    ("step,x\n1,a\n", 9, "step,x\n1,a\n"),
  ])
  func tablesAreCutBackToAStep(before: String, step: Int, after: String) throws {
    let file = TemporaryTable(before)
    _ = try StepTable(file.descriptor, columns: ["step", "x"], keeping: step)
    #expect(file.content == after)
  }

  @Test func rowsAreAppended() throws {
    let file = TemporaryTable("step,x\n1,a\n2,b\n")
    let table = try StepTable(file.descriptor, columns: ["step", "x"], keeping: 1)
    try table.append(["2", "c"])
    #expect(file.content == "step,x\n1,a\n2,c\n")
  }

  @Test(arguments: ["step,y\n1,a\n", "\n", "notes", "step,x,y\n"])
  func anotherFileIsLeftAlone(content: String) throws {
    let file = TemporaryTable(content)
    #expect(throws: ColorizeError.self) {
      try StepTable(file.descriptor, columns: ["step", "x"], keeping: 1)
    }
    #expect(file.content == content)
  }
}

/// A file without a name.
private final class TemporaryTable {
  private let file: Int32

  init(_ content: String) {
    var name = Array("/tmp/colorize-XXXXXX".utf8CString)
    file = mkstemp(&name)
    unlink(name)
    var content = content
    content.withUTF8 { #expect(write(file, $0.baseAddress, $0.count) == $0.count) }
  }

  deinit { close(file) }

  /// One to give away, which appends.
  var descriptor: Int32 { open("/proc/self/fd/\(file)", O_RDWR | O_APPEND | O_CLOEXEC) }

  var content: String {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = pread(file, &buffer, buffer.count, 0)
    return String(decoding: buffer[..<max(count, 0)], as: UTF8.self)
  }
}
