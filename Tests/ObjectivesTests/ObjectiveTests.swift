// What the golden cases do not see: lanes, untouched parameters, inputs without a selected token, repeatability.

import Basics
import Experiments
import Networks
import Optimizers
import TensorCore
import Testing

@testable import Objectives

private let image = InputSpecification(kind: .image, shape: [2, 8, 8], patch: [4, 4])
private let text = InputSpecification(kind: .tokens, shape: [4], vocabulary: 9)

/// A filled bench over both inputs.
private func bench(lanes: Int, batch: Int = 6, dropout: Float = 0) -> Workbench<Float> {
  let model = ModelConfiguration(
    inputs: [image, text], encoder: TransformerSize(width: 16, heads: 2, layers: 2),
    decoder: TransformerSize(width: 8, heads: 2, layers: 1), projectorHidden: 12, projectorOut: 6,
    dropout: dropout)
  let bench = Workbench<Float>(
    Network(model), ObjectiveSettings(maskRatio: 0.5, nearbyRatio: 0.5), batchSize: batch,
    lanes: lanes)
  bench.network.initialise(bench.parameters, seed: 1)
  var stream = RandomStream(RandomKey(seed: 2, "data"))
  let patches = bench.tokens.patches(0)
  for i in 0..<patches.count { patches.base[i] = Float(stream.normal()) }
  for i in 0..<batch * 4 { bench.tokens.identifiers(1)[i] = Int32(stream.below(9)) }
  for i in 0..<batch { bench.draw(sample: i, seed: 3, epoch: 0, id: UInt64(i)) }
  return bench
}

private func gradient(_ bench: Workbench<Float>) -> [Float] {
  Array(UnsafeBufferPointer(start: bench.gradient.base, count: bench.network.table.count))
}

@Suite struct ObjectiveTests {
  /// The lane count decides the order of sums and nothing else; the same count gives the same bytes.
  @Test func lanesShareTheWork() {
    let (one, three, again) = (
      bench(lanes: 1, dropout: 0.2), bench(lanes: 3, dropout: 0.2), bench(lanes: 3, dropout: 0.2)
    )
    let losses = [one, three, again].map { MetaMAE($0).gradient() }
    #expect(abs(losses[0].loss - losses[1].loss) < 1e-5)
    #expect(losses[1] == losses[2])
    let (a, b) = (gradient(one), gradient(three))
    #expect(zip(a, b).allSatisfy { abs($0 - $1) < 1e-4 })
    #expect(b == gradient(again))
    #expect(a.contains { abs($0) > 1e-2 })
  }

  /// The second step reuses all memory of the first: nothing of it may shine through.
  @Test func stepsDoNotRemember() {
    let (fresh, used) = (bench(lanes: 2), bench(lanes: 2))
    let objective = MetaMAE(used)
    for i in 0..<6 { used.draw(sample: i, seed: 99, epoch: 7, id: UInt64(i)) }
    _ = objective.gradient()
    for i in 0..<6 { used.draw(sample: i, seed: 3, epoch: 0, id: UInt64(i)) }
    #expect(objective.gradient() == MetaMAE(fresh).gradient())
    #expect(gradient(used) == gradient(fresh))
  }

  /// AdamW leaves parameters without a gradient alone: under MAE the projector is not even decayed.
  @Test func maeLeavesTheProjectorAlone() {
    let bench = bench(lanes: 2)
    let before = Array(bench.parameters.storage.buffer)
    let objective = MAE(bench)
    _ = objective.gradient()
    let optimizer = AdamW<Float>(
      .init(learningRate: 1e-2, weightDecay: 0.5), parameterCount: before.count)
    optimizer.update(bench.parameters.base, along: bench.gradient.base, objective.trained, lanes: 2)
    let after = Array(bench.parameters.storage.buffer)
    let start = bench.network.projectorStart
    #expect(before[start...] == after[start...])
    #expect(zip(before[..<start], after[..<start]).filter { $0 != $1 }.count > start / 2)
    #expect(MetaMAE(bench).trained == 0..<bench.network.table.count)
  }

  /// An input with no selected token counts 0 and stays in the mean.
  @Test func anEmptyInputStaysInTheMean() {
    let bench = bench(lanes: 1, batch: 2)
    // T = 8, kept 4: keep all four text tokens, so the query is image tokens alone
    for sample in 0..<2 {
      for (j, token) in [4, 5, 6, 7, 0, 1, 2, 3].enumerated() {
        bench.draws.order[sample * 8 + j] = Int32(token)
      }
    }
    let loss = MAE(bench).gradient()
    #expect(bench.split.queryCounts == [8, 0])
    let predicted = bench.reconstruct().before[0]
    let error = predicted.indices.reduce(0.0) { sum, i in
      let e = Double(predicted[i] - bench.tokens.patches(0).base[i])
      return sum + e * e
    }
    #expect(abs(loss.loss - 0.5 * error / Double(predicted.count)) < 1e-5)
  }
}
