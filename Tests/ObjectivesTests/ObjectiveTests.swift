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
private func bench(
  lanes: Int, batch: Int = 6, dropout: Float = 0, for objective: ObjectiveName = .metamae,
  precision: ProductPrecision = .exact
) -> Workbench<Float> {
  let model = ModelConfiguration(
    inputs: [image, text], encoder: TransformerSize(width: 16, heads: 2, layers: 2),
    decoder: TransformerSize(width: 8, heads: 2, layers: 1), projectorHidden: 12, projectorOut: 6,
    dropout: dropout)
  let bench = Workbench<Float>(
    Network(model, for: objective), ObjectiveSettings(maskRatio: 0.5, nearbyRatio: 0.5),
    batchSize: batch, lanes: lanes, precision: precision)
  bench.network.initialise(bench.parameters, seed: 1)
  var stream = RandomStream(RandomKey(seed: 2, "data"))
  let patches = bench.tokens.patches(0)
  for i in 0..<patches.count { patches.base[i] = Float(stream.normal()) }
  for i in 0..<batch * 4 { bench.tokens.identifiers(1)[i] = Int32(stream.below(9)) }
  for i in 0..<batch { bench.draw(sample: i, seed: 3, epoch: 0, id: UInt64(i)) }
  bench.draw(seed: 3, step: 0)
  return bench
}

private func gradient(_ bench: Workbench<Float>) -> [Float] {
  Array(UnsafeBufferPointer(start: bench.gradient.base, count: bench.network.table.count))
}

@Suite struct ObjectiveTests {
  /// The lane count decides the order of sums and nothing else; the same count gives the same bytes.
  @Test(arguments: ObjectiveName.allCases)
  func lanesShareTheWork(name: ObjectiveName) {
    let benches = [1, 3, 3].map { bench(lanes: $0, dropout: 0.2, for: name) }
    let losses = benches.map { objective(name, on: $0).gradient() }
    #expect(abs(losses[0].loss - losses[1].loss) < 1e-5)
    #expect(losses[1] == losses[2])
    let (a, b) = (gradient(benches[0]), gradient(benches[1]))
    #expect(zip(a, b).allSatisfy { abs($0 - $1) < 1e-4 })
    #expect(b == gradient(benches[2]))
    #expect(a.contains { abs($0) > 1e-2 })
  }

  /// Products of bfloat16 give the exact gradient's direction, and the same bytes again.
  @Test(.enabled(if: ProductPrecision.bfloat16.isAvailable))
  func bfloat16KeepsTheDirection() {
    let benches = [ProductPrecision.exact, .bfloat16, .bfloat16].map {
      bench(lanes: 2, precision: $0)
    }
    let losses = benches.map { MetaMAE($0).gradient() }
    let (a, b) = (gradient(benches[0]), gradient(benches[1]))
    #expect(abs(losses[0].loss - losses[1].loss) < 0.01 * losses[0].loss)
    let dot = { (x: [Float], y: [Float]) in zip(x, y).reduce(0.0) { $0 + Double($1.0 * $1.1) } }
    let cosine = dot(a, b) / (dot(a, a) * dot(b, b)).squareRoot()
    #expect(cosine > 0.9995 && cosine < 1)
    #expect(losses[1] == losses[2])
    #expect(b == gradient(benches[2]))
  }

  /// The second step reuses all memory of the first: nothing of it may shine through.
  @Test(arguments: ObjectiveName.allCases)
  func stepsDoNotRemember(name: ObjectiveName) {
    let (fresh, used) = (bench(lanes: 2, for: name), bench(lanes: 2, for: name))
    let step = objective(name, on: used)
    for i in 0..<6 { used.draw(sample: i, seed: 99, epoch: 7, id: UInt64(i)) }
    used.draw(seed: 99, step: 5)
    let other = step.gradient()
    for i in 0..<6 { used.draw(sample: i, seed: 3, epoch: 0, id: UInt64(i)) }
    used.draw(seed: 3, step: 0)
    let own = step.gradient()
    #expect(own == objective(name, on: fresh).gradient())
    #expect(own != other)
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

  /// The linear MAE likewise: an input without a blanked token counts 0, where the oracle's mean over none is no number.
  @Test func anInputWithoutBlankedTokens() {
    let bench = bench(lanes: 2, for: .maeLinear)
    // T = 8, rate 0.15: 2 blanked tokens, of the image
    for sample in 0..<6 {
      for (j, token) in [2, 0, 4, 5, 6, 7, 1, 3].enumerated() {
        bench.draws.order[sample * 8 + j] = Int32(token)
      }
    }
    let loss = MAELinear(bench).gradient()
    #expect(loss.loss > 0.1 && loss.loss.isFinite)
    #expect(gradient(bench).allSatisfy { $0.isFinite })
  }

  /// e-Mix's draws: shares from [0.5, 1] by sample, partners by step, each a permutation.
  @Test func sharesAndPartners() {
    let bench = bench(lanes: 1, for: .emix)
    let shares = (0..<6).map { bench.draws.mix[$0] }
    #expect(shares.allSatisfy { $0 >= 0.5 && $0 <= 1 } && Set(shares).count == 6)
    func partners(_ step: Int) -> [Int32] {
      bench.draw(seed: 3, step: step)
      return (0..<6).map { bench.draws.partner[$0] }
    }
    let steps = (0..<5).map(partners)
    #expect(steps.allSatisfy { $0.sorted() == Array(0..<6) } && Set(steps).count > 1)
    #expect(partners(0) == steps[0])
  }
}
