// When OpenBLAS multiplies matrices. That it does so rightly is seen by the tests of convolutions and
// networks, which run with each `Engine`.

import ColorizeCore
import Glibc
import Testing

@Suite(
  .enabled(
    if: Engine.available.contains { $0.gemm == .openblas }, "libopenblas.so.0 is not installed"))
struct OpenBLASTests {
  @Test func isTakenByName() throws {
    let library = try #require(try OpenBLAS.choose(.openblas))
    #expect(library.configuration.hasPrefix("OpenBLAS "))
    #expect(library.configuration.contains(library.core))
    let again = try OpenBLAS.choose(.openblas)
    #expect(again === library)
    let own = try OpenBLAS.choose(.own, ownAreFaster: false)
    #expect(own == nil)
  }

  /// Sums of other orders: the two agree, but not in every bit.
  @Test func givesBitsOfItsOwn() throws {
    let own = try Model.open(bytes: defaultModel, options: ModelOptions(gemm: .own))
    let other = try Model.open(bytes: defaultModel, options: ModelOptions(gemm: .openblas))
    #expect(own.information.gemm == .own && own.information.blas == nil)
    #expect(other.information.gemm == .openblas && other.information.blas != nil)
    let errors = [try SelfTest.run(model: own).meanError, try SelfTest.run(model: other).meanError]
    #expect(errors[0] != errors[1])
  }

  /// A process of its own for each: OpenBLAS is loaded once, and chooses its kernels then.
  @Test func isTakenWhereItIsFaster() async {
    await #expect(processExitsWith: .success) {
      setenv("OPENBLAS_CORETYPE", "Sandybridge", 1)
      let besideFasterOnes = try OpenBLAS.choose(nil, ownAreFaster: true)
      #expect(besideFasterOnes == nil)
      #expect(dlopen("libopenblas.so.0", RTLD_NOW | RTLD_NOLOAD) == nil)
      let library = try #require(try OpenBLAS.choose(nil, ownAreFaster: false))
      #expect(library.core == "Sandybridge")
      #expect(library.betterCore == nil)
    }
  }

  @Test func knowsABetterCore() async {
    await #expect(processExitsWith: .success) {
      setenv("OPENBLAS_CORETYPE", "Prescott", 1)
      let library = try #require(try OpenBLAS.choose(.openblas))
      #expect(library.core == "Prescott")
      let better: [InstructionSet: String] = [.avx512: "SkylakeX", .avx2: "Haswell"]
      #expect(library.betterCore == better[InstructionSet.available[0]])
    }
  }

  @Test func isNotTakenFromTheHost() async {
    await #expect(processExitsWith: .success) {
      setenv("OPENBLAS_CORETYPE", "Sandybridge", 1)
      #expect(dlopen("libopenblas.so.0", RTLD_NOW) != nil)
      let chosen = try OpenBLAS.choose(nil, ownAreFaster: false)
      #expect(chosen == nil)
      _ = try #require(try OpenBLAS.choose(.openblas))
      let chosenLater = try OpenBLAS.choose(nil, ownAreFaster: false)
      #expect(chosenLater == nil)
    }
  }
}
