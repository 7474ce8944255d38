// Models that prove themselves, and those that do not.

import ColorizeCore
import Testing

@Suite struct SelfTestTests {
  @Test(arguments: Engine.available)
  func embeddedModelProvesItself(_ engine: Engine) throws {
    let model = try Model.open(
      bytes: defaultModel,
      options: ModelOptions(instructionSet: engine.instructionSet, gemm: engine.gemm))
    let result = try SelfTest.run(model: model)
    #expect(result.vectors == 3)
    #expect(result.passes)
    #expect(result.maximumError > 0)
    #expect(result.millisecondsPerForward > 0)
  }

  @Test func anotherTemperatureDoesNotPass() throws {
    let model = try Model.open(
      bytes: defaultModel, options: ModelOptions(plainSoftmaxTemperature: 0.9))
    let result = try SelfTest.run(model: model)
    #expect(!result.passes)
  }

  @Test func describesItself() throws {
    let information = try Model.open(bytes: defaultModel).information
    #expect(information.architecture == "lite")
    #expect(information.defaultNetworkSize == 160)
    #expect(information.networkSizeMultiple == 16)
    #expect(information.outputStride == 4)
    #expect(information.bins == 313)
    #expect(information.plainSoftmaxTemperature == 1)
    #expect(information.licence.contains("research"))
    #expect((4_200_000...4_300_000).contains(information.parameters))
  }
}
