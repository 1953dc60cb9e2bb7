// A batch computed in several passes: less memory, the same numbers, the task contrast over the whole batch included.

import Basics
import Experiments
import Networks
import TensorCore
import Testing

@testable import Objectives

@Suite struct PassesTests {
  private func bench(batch: Int, passes: Int, innerSteps: Int = 1) -> Workbench<Float> {
    let model = ModelConfiguration(
      inputs: [InputSpecification(kind: .series, shape: [2, 32], patch: [2])],
      encoder: TransformerSize(width: 16, heads: 2, layers: 2),
      decoder: TransformerSize(width: 8, heads: 2, layers: 2), projectorHidden: 12,
      projectorOut: 6, dropout: 0.2)
    let bench = Workbench<Float>(
      Network(model),
      ObjectiveSettings(maskRatio: 0.5, innerSteps: innerSteps, nearbyRatio: 0.5),
      batchSize: batch, lanes: 2, passes: passes)
    bench.network.initialise(bench.parameters, seed: 1)
    var stream = RandomStream(RandomKey(seed: 2, "data"))
    let patches = bench.tokens.patches(0)
    for i in 0..<patches.count { patches.base[i] = Float(stream.normal()) }
    for i in 0..<batch { bench.draw(sample: i, seed: 3, epoch: 0, id: UInt64(i)) }
    return bench
  }

  private func gradient(_ bench: Workbench<Float>) -> [Float] {
    Array(UnsafeBufferPointer(start: bench.gradient.base, count: bench.network.table.count))
  }

  /// 512 samples of 9 rows are two slices of each lane: cut alike for up to two passes, so the same to the byte.
  @Test(arguments: ["metamae", "mae"], [1, 2]) func twoPassesAreOneToTheByte(
    objective: String, innerSteps: Int
  ) {
    let benches = [1, 2].map { bench(batch: 512, passes: $0, innerSteps: innerSteps) }
    #expect(benches[0].slices().map(\.count) == [2, 2])
    let losses = benches.map {
      (objective == "mae" ? MAE($0) : MetaMAE($0) as any Objective<Float>).gradient()
    }
    #expect(losses[0] == losses[1])
    #expect(gradient(benches[0]) == gradient(benches[1]))
    withExtendedLifetime(benches) {
      #expect(benches[0].statistics.mean.elementsEqual(benches[1].statistics.mean))
    }
  }

  /// More passes than slices cut the batch finer: other sums, the same numbers but for rounding.
  @Test(arguments: [2, 3, 6, 50]) func anyNumberOfPasses(_ passes: Int) {
    let (one, many) = (bench(batch: 12, passes: 1), bench(batch: 12, passes: passes))
    #expect(many.slices()[0].count == min(passes, 6))
    let (a, b) = (MetaMAE(one).gradient(), MetaMAE(many).gradient())
    #expect(abs(a.loss - b.loss) < 1e-5 && abs((a.contrast ?? 0) - (b.contrast ?? 9)) < 1e-5)
    let (x, y) = (gradient(one), gradient(many))
    let size = x.reduce(0) { max($0, abs($1)) }
    #expect(zip(x, y).allSatisfy { abs($0 - $1) < 1e-4 * size })
    #expect(size > 1e-2)
  }
}
