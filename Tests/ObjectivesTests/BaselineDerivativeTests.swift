// Every parameter's gradient of the baselines against central differences in Double, with dropout on, over inputs of each
// kind. MAE and MetaMAE: DerivativeTests and the golden cases.

import Basics
import Experiments
import Networks
import TensorCore
import Testing

@testable import Objectives

private let series = InputSpecification(kind: .series, shape: [2, 12], patch: [2])
private let image = InputSpecification(kind: .image, shape: [3, 6, 4], patch: [3, 2])
private let tokens = InputSpecification(kind: .tokens, shape: [7], vocabulary: 11)

@Suite struct BaselineDerivativeTests {
  static let baselines = [ObjectiveName.maeLinear, .emix, .shed, .capri]
  static let inputs: [[InputSpecification]] = [
    [series], [tokens], [image, tokens], [series, tokens, image],
  ]

  private func bench(
    _ name: ObjectiveName, _ inputs: [InputSpecification], batch: Int = 5
  ) -> Workbench<Double> {
    let model = ModelConfiguration(
      inputs: inputs, encoder: TransformerSize(width: 12, heads: 3, layers: 2),
      decoder: TransformerSize(width: 8, heads: 2, layers: 1), projectorHidden: 10, projectorOut: 6,
      dropout: 0.2)
    let bench = Workbench<Double>(
      Network(model, for: name), ObjectiveSettings(maskRatio: 0.5, corruptionRate: 0.4),
      batchSize: batch, lanes: 2)
    bench.network.initialise(bench.parameters, seed: 3)
    var stream = RandomStream(RandomKey(seed: 5, "test"))
    for slot in bench.network.table.slots {
      for i in bench.parameters[slot].indices { bench.parameters[slot][i] += 0.1 * stream.normal() }
    }
    for (k, input) in inputs.enumerated() {
      for i in 0..<bench.tokens.patches(k).count {
        bench.tokens.patches(k).base[i] = stream.normal()
      }
      if input.kind == .tokens {
        for i in 0..<batch * input.tokenCount {
          bench.tokens.identifiers(k)[i] = Int32(stream.below(input.vocabulary))
        }
      }
    }
    for i in 0..<batch { bench.draw(sample: i, seed: 7, epoch: 0, id: UInt64(i)) }
    bench.draw(seed: 7, step: 0)
    return bench
  }

  @Test(arguments: baselines, inputs)
  func gradientOfTheLoss(name: ObjectiveName, inputs: [InputSpecification]) {
    // e-Mix takes the partner's embeddings as given, which a difference in their weights does not: those in the test below
    check(name, bench(name, inputs)) { name != .emix || !$0.hasPrefix("patch_embed") }
  }

  @Test(arguments: inputs)
  func gradientWithoutPartners(inputs: [InputSpecification]) {
    let bench = bench(.emix, inputs)
    bench.draws.mix.update(repeating: 1, count: bench.batchSize)
    check(.emix, bench) { _ in true }
  }

  private func check(
    _ name: ObjectiveName, _ bench: Workbench<Double>, _ isChecked: (String) -> Bool
  ) {
    let objective = Objectives.objective(name, on: bench)
    _ = objective.gradient()
    let slots = bench.network.table.slots.filter {
      objective.trained.contains($0.offset) && isChecked($0.name)
    }
    let found = Array(
      UnsafeBufferPointer(start: bench.gradient.base, count: bench.network.table.count))
    var largest = 0.0
    for slot in slots {
      for at in Set([0, slot.count / 3, slot.count / 2, slot.count - 1]).map({ slot.offset + $0 }) {
        let expected = difference(bench.parameters.base + at) { objective.gradient().loss }
        largest = max(largest, abs(expected))
        #expect(
          abs(found[at] - expected) <= 1e-7 * max(1, abs(expected)),
          "\(slot.name), \(at - slot.offset): \(found[at]), \(expected)")
      }
    }
    #expect(largest > 1e-3, "the gradient is not nothing, or this test proves nothing")
    #expect(found[objective.trained.upperBound...].allSatisfy { $0 == 0 })
  }

  /// Central difference of `f` in one number.
  private func difference(_ number: UnsafeMutablePointer<Double>, _ f: () -> Double) -> Double {
    let h = 1e-5
    let before = number.pointee
    number.pointee = before + h
    let up = f()
    number.pointee = before - h
    let down = f()
    number.pointee = before
    return (up - down) / (2 * h)
  }
}
