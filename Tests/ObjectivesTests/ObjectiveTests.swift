// What the golden cases do not see: lanes, untouched parameters, inputs without a selected token, repeatability.

import Basics
import Experiments
import Networks
import Optimizers
import TensorCore
import Testing

@testable import Objectives

@Suite struct ObjectiveTests {
  /// The lane count decides the order of sums and nothing else; the same count gives the same bytes.
  @Test(arguments: ObjectiveName.allCases, [1, 2])
  func lanesShareTheWork(name: ObjectiveName, layers: Int) {
    let benches = [1, 3, 3].map { filledBench(lanes: $0, layers: layers, dropout: 0.2, for: name) }
    let losses = benches.map { objective(name, on: $0).gradient() }
    #expect(abs(losses[0].loss - losses[1].loss) < 1e-5)
    #expect(losses[1] == losses[2])
    let (a, b) = (gradientCopy(benches[0]), gradientCopy(benches[1]))
    #expect(zip(a, b).allSatisfy { abs($0 - $1) < 1e-4 })
    #expect(b == gradientCopy(benches[2]))
    #expect(a.contains { abs($0) > 1e-2 })
  }

  /// Products of bfloat16 give the exact gradient's direction, and the same bytes again.
  @Test(.enabled(if: ProductPrecision.bfloat16.isAvailable))
  func bfloat16KeepsTheDirection() {
    let benches = [ProductPrecision.exact, .bfloat16, .bfloat16].map {
      filledBench(lanes: 2, precision: $0)
    }
    let losses = benches.map { MetaMAE($0).gradient() }
    let (a, b) = (gradientCopy(benches[0]), gradientCopy(benches[1]))
    #expect(abs(losses[0].loss - losses[1].loss) < 0.01 * losses[0].loss)
    let dot = { (x: [Float], y: [Float]) in zip(x, y).reduce(0.0) { $0 + Double($1.0 * $1.1) } }
    let cosine = dot(a, b) / (dot(a, a) * dot(b, b)).squareRoot()
    #expect(cosine > 0.9995 && cosine < 1)
    #expect(losses[1] == losses[2])
    #expect(b == gradientCopy(benches[2]))
  }

  /// The second step reuses all memory of the first, which had other parameters and masks: nothing of it may shine
  /// through.
  @Test(arguments: ObjectiveName.allCases, [1, 2])
  func stepsDoNotRemember(name: ObjectiveName, innerSteps: Int) {
    let (fresh, used) = (
      filledBench(lanes: 2, innerSteps: innerSteps, for: name),
      filledBench(lanes: 2, innerSteps: innerSteps, for: name)
    )
    let step = objective(name, on: used)
    used.network.initialise(used.parameters, seed: 8)
    for i in 0..<6 { used.draw(sample: i, seed: 99, epoch: 7, id: UInt64(i)) }
    used.draw(seed: 99, step: 5)
    let other = step.gradient()
    used.network.initialise(used.parameters, seed: 1)
    for i in 0..<6 { used.draw(sample: i, seed: 3, epoch: 0, id: UInt64(i)) }
    used.draw(seed: 3, step: 0)
    let own = step.gradient()
    #expect(own == objective(name, on: fresh).gradient())
    #expect(own != other)
    #expect(gradientCopy(used) == gradientCopy(fresh))
  }

  /// AdamW leaves parameters without a gradient alone: under MAE the projector is not even decayed.
  @Test func maeLeavesTheProjectorAlone() {
    let bench = filledBench(lanes: 2)
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
    let bench = filledBench(lanes: 1, batch: 2)
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
    let bench = filledBench(lanes: 2, for: .maeLinear)
    // T = 8, rate 0.15: 2 blanked tokens, of the image
    for sample in 0..<6 {
      for (j, token) in [2, 0, 4, 5, 6, 7, 1, 3].enumerated() {
        bench.draws.order[sample * 8 + j] = Int32(token)
      }
    }
    let loss = MAELinear(bench).gradient()
    #expect(loss.loss > 0.1 && loss.loss.isFinite)
    #expect(gradientCopy(bench).allSatisfy { $0.isFinite })
  }

  /// e-Mix's draws: shares from [0.5, 1] by sample, partners by step, each a permutation.
  @Test func sharesAndPartners() {
    let bench = filledBench(lanes: 1, for: .emix)
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
