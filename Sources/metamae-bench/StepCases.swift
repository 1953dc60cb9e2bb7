// step/OBJECTIVE/PRESET, and step-bf16/OBJECTIVE/PRESET where the CPU multiplies bfloat16: one whole pretraining step
// (loss, gradient, AdamW) of a preset at the paper's batch size and model, on random data.

import Basics
import Experiments
import Networks
import Objectives
import Optimizers
import TensorCore

enum StepCases {
  static var all: [BenchCase] {
    let precisions = [ProductPrecision.exact, .bfloat16].filter(\.isAvailable)
    return precisions.flatMap { precision in
      PretrainingPreset.all.flatMap { preset in
        ObjectiveName.allCases.map { step($0, preset, precision) }
      }
    }
  }

  private static func step(
    _ objective: ObjectiveName, _ preset: PretrainingPreset, _ precision: ProductPrecision
  ) -> BenchCase {
    let model = preset.model
    let settings = RunConfiguration(dataset: preset.dataset, objective: objective).settings
    return BenchCase(
      name: (precision == .exact ? "step" : "step-bf16")
        + "/\(objective.rawValue)/\(preset.dataset)",
      operations: preset.nominalOperations(of: objective),
      samples: Double(preset.batch)
    ) {
      let bench = Workbench<Float>(
        Network(model, for: objective), settings, batchSize: preset.batch, lanes: availableCores,
        precision: precision)
      bench.network.initialise(bench.parameters, seed: 0)
      fillRandomly(bench.tokens)
      let optimizer = AdamW<Float>(.init(), parameterCount: bench.network.table.count)
      let step = Objectives.objective(objective, on: bench)
      var index: UInt64 = 0
      return {
        for sample in 0..<preset.batch {
          bench.draw(
            sample: sample, seed: 0, epoch: 0, id: index * UInt64(preset.batch) + UInt64(sample))
        }
        bench.draw(seed: 0, step: Int(index))
        let loss = step.gradient()
        guard loss.loss.isFinite else {
          throw Failure(.internalError, at: preset.dataset, "the loss is not finite")
        }
        optimizer.update(
          bench.parameters.base, along: bench.gradient.base, step.trained, lanes: availableCores)
        index += 1
      }
    }
  }

  static func fillRandomly(_ tokens: TokenBatch<Float>) {
    var stream = RandomStream(RandomKey(seed: 0, "bench"))
    for (k, input) in tokens.inputs.enumerated() {
      if input.kind == .tokens {
        for i in 0..<tokens.capacity * input.tokenCount {
          tokens.identifiers(k)[i] = Int32(stream.below(input.vocabulary))
        }
      } else {
        let patches = tokens.patches(k)
        for i in 0..<patches.count { patches.base[i] = Float(stream.normal()) }
      }
    }
  }
}
