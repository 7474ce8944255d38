// What is drawn: numbers, orders, parts of pictures and hints.

import ColorizeTraining
import Testing

@Suite struct RandomTests {
  /// The reference implementation's numbers for the state 1234567.
  @Test func numbersAreSplitMix64s() {
    var numbers = RandomNumbers(state: 1_234_567)
    let expected: [UInt64] = [
      6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
      4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
    ]
    #expect(expected.map { _ in numbers.next() } == expected)
  }

  /// 20,000 numbers: the bounds are five standard deviations of the mean.
  @Test func distributionsAreAsNamed() {
    var numbers = RandomNumbers(seed: 1, number: 1)
    let count = 20_000
    func mean(_ next: () -> Double) -> Double {
      (0..<count).reduce(0) { sum, _ in sum + next() } / Double(count)
    }
    #expect(abs(mean { numbers.fraction() } - 0.5) < 5 * 0.289 / 141)
    #expect(abs(mean { numbers.normal() }) < 5.0 / 141)
    #expect(
      abs(
        mean {
          let x = numbers.normal(); return x * x
        } - 1) < 5 * 1.42 / 141)
    #expect(abs(mean { Double(numbers.geometric(1.0 / 8)) } - 8) < 5 * 7.5 / 141)
    for _ in 0..<count {
      #expect((0..<7).contains(numbers.index(below: 7)))
      #expect(numbers.geometric(0.125) >= 1)
    }
  }

  @Test(arguments: [1, 2, 3, 4, 5, 16, 17, 1000, 4097])
  func permutationHasEachOnce(_ count: Int) {
    var numbers = RandomNumbers(seed: 9, number: count)
    let first = Permutation(count: count, numbers: &numbers)
    let second = Permutation(count: count, numbers: &numbers)
    #expect(Set((0..<count).map { first[$0] }) == Set(0..<count))
    #expect(Set((0..<count).map { second[$0] }) == Set(0..<count))
    guard count >= 16 else { return }
    #expect((0..<count).contains { first[$0] != second[$0] })
    #expect((0..<count).contains { first[$0] != $0 })
  }

  /// Where the first of a hundred goes: each place 20 times of 2000, give or take five deviations.
  @Test func permutationsReachEveryPlace() {
    var counts = [Int](repeating: 0, count: 100)
    for number in 0..<2000 {
      var numbers = RandomNumbers(seed: 2, number: number)
      counts[Permutation(count: 100, numbers: &numbers)[0]] += 1
    }
    #expect(counts.allSatisfy { (1...43).contains($0) })
  }

  @Test func cropsAreInsideAndOfTheirScale() {
    var augmentation = Augmentation()
    augmentation.aspect = 1.5
    var flipped = 0
    var places = Set<Int>()
    for number in 0..<2000 {
      var numbers = RandomNumbers(seed: 4, number: number)
      let crop = augmentation.crop(width: 90, height: 60, numbers: &numbers)
      #expect(crop.left >= 0 && crop.top >= 0)
      #expect(crop.left + crop.width <= 90 && crop.top + crop.height <= 60)
      // Rounded to pixels on both sides, and never higher than the picture.
      let ratio = Double(crop.width) / Double(crop.height)
      #expect(ratio > 0.65 && ratio < 1.55)
      #expect(crop.width * crop.height >= 35 * 35 && crop.width * crop.height <= 60 * 74)
      flipped += crop.isFlipped ? 1 : 0
      places.insert(crop.left)
    }
    // Five standard deviations.
    #expect(abs(flipped - 1000) < 112)
    #expect(places.count > 40)
    var numbers = RandomNumbers(seed: 4, number: 0)
    #expect(
      Augmentation.none.crop(width: 90, height: 60, numbers: &numbers)
        == Crop(left: 15, top: 0, width: 60, height: 60, isFlipped: false))
  }

  @Test func enoughPixelsAreAskedFor() {
    var augmentation = Augmentation()
    augmentation.scale = 0.5...1
    #expect(augmentation.shorterSide(for: 128) == 256)
    #expect(Augmentation.none.shorterSide(for: 128) == 128)
    augmentation.scale = 0.01...1
    #expect(throws: (any Error).self) { try augmentation.validate() }
    augmentation.scale = 0.5...1.1
    #expect(throws: (any Error).self) { try augmentation.validate() }
  }

  @Test(arguments: [16, 128, 256])
  func hintsAreAsPublished(_ side: Int) {
    let simulation = HintSimulation()
    let count = 6000
    var hinted = 0
    var whole = 0
    var patches: [HintSimulation.Patch] = []
    for number in 0..<count {
      var numbers = RandomNumbers(seed: 8, number: number)
      switch simulation.draw(side: side, numbers: &numbers) {
      case .none: break
      case .everywhere:
        hinted += 1
        whole += 1
      case .patches(let list):
        hinted += 1
        #expect(!list.isEmpty)
        patches += list
      }
    }
    // Five standard deviations each: of 6000 samples, of 2000 with hints.
    #expect(abs(hinted - 2000) < 183)
    #expect((3...60).contains(whole))
    let each = Double(patches.count) / Double(hinted - whole)
    #expect(abs(each - 8) < 5 * 7.5 / 44)
    for patch in patches {
      #expect(patch.left >= 0 && patch.top >= 0 && patch.side >= 1)
      #expect(patch.left + patch.side <= side && patch.top + patch.side <= side)
    }
    let expected = Set((1...9).map { max(Int((Double($0 * side) / 256).rounded()), 1) })
    #expect(Set(patches.map(\.side)) == expected)
    // A Gaussian with sigma side / 4, half of it within 0.674 sigma of the middle.
    let near = patches.count {
      abs(Double(2 * $0.left + $0.side - side)) / 2 <= 0.674 * Double(side) / 4
    }
    let share = Double(near) / Double(patches.count)
    #expect(abs(share - 0.5) < (side == 16 ? 0.1 : 0.03))
  }

  @Test func hintsHoldThePatchsMean() {
    let side = 16
    let ab = (0..<(2 * side * side)).map { Float($0 * 37 % 101) / 50 - 1 }
    var input = [Float](repeating: 7, count: 4 * side * side)
    let patches = [
      HintSimulation.Patch(left: 2, top: 3, side: 3),
      HintSimulation.Patch(left: 15, top: 15, side: 1),
    ]
    HintSimulation.write(.patches(patches), side: side, ab: ab, input: &input)
    var mean = SIMD2<Double>(0, 0)
    for y in 3..<6 {
      for x in 2..<5 {
        let place = 2 * (16 * y + x)
        mean += SIMD2(Double(ab[place]), Double(ab[place + 1])) / 9
      }
    }
    for y in 0..<side {
      for x in 0..<side {
        let pixel = Array(input[(4 * (y * side + x))..<(4 * (y * side + x) + 4)])
        #expect(pixel[0] == 7)
        if (2..<5).contains(x) && (3..<6).contains(y) {
          // Nine float32 additions of values up to 1.
          #expect(abs(Double(pixel[1]) - mean.x) < 1e-6 && abs(Double(pixel[2]) - mean.y) < 1e-6)
          #expect(pixel[3] == 1)
        } else if x == 15 && y == 15 {
          #expect(Array(pixel[1...]) == [ab[2 * 255], ab[2 * 255 + 1], 1])
        } else {
          #expect(Array(pixel[1...]) == [0, 0, 0])
        }
      }
    }
    HintSimulation.write(.everywhere, side: side, ab: ab, input: &input)
    for pixel in 0..<(side * side) {
      #expect(
        Array(input[(4 * pixel)..<(4 * pixel + 4)]) == [7, ab[2 * pixel], ab[2 * pixel + 1], 1])
    }
  }
}
