// The layout that data and trainer agree on.

import ColorizeTraining
import Testing

@Suite struct BatchTests {
  @Test func holdsWhatItsShapeAsksFor() throws {
    let shape = BatchShape(
      count: 3, side: 32, inputChannels: 4, distributionStride: 4, hasAB: true, mapChannels: 7,
      pooledChannels: 5)
    let batch = try Batch(shape)
    #expect(batch.input.count == 3 * 32 * 32 * 4)
    #expect(batch.bins.count == 3 * 8 * 8 * 5)
    #expect(batch.shares.count == batch.bins.count)
    #expect(batch.weights.count == 3 * 8 * 8)
    #expect(batch.ab.count == 3 * 32 * 32 * 2)
    #expect(batch.map.count == 3 * 2 * 2 * 7)
    #expect(batch.pooled.count == 3 * 5)
  }
}
