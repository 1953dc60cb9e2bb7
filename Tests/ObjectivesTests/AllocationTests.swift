// A step takes no memory once the first ones have laid everything out. Counted in a process of its own, since the
// test runner's other threads allocate too.

import Basics
import CAllocations
import Experiments
import Foundation
import Networks
import Optimizers
import TensorCore
import Testing

@testable import Objectives

@Suite struct AllocationTests {
  @Test(arguments: ObjectiveName.allCases, [1, 3]) func stepsAllocateNothing(
    _ objective: ObjectiveName, passes: Int
  ) async {
    let child = await #expect(
      processExitsWith: .success, observing: [\.standardErrorContent]
    ) { [objective = objective as ObjectiveName, passes = passes as Int] in
      let model = ModelConfiguration(
        inputs: [
          InputSpecification(kind: .image, shape: [2, 8, 8], patch: [4, 4]),
          InputSpecification(kind: .tokens, shape: [6], vocabulary: 9),
        ],
        encoder: TransformerSize(width: 16, heads: 2, layers: 2),
        decoder: TransformerSize(width: 8, heads: 2, layers: 2), projectorHidden: 12,
        projectorOut: 6, dropout: 0.1)
      let bench = Workbench<Float>(
        Network(model, for: objective), ObjectiveSettings(maskRatio: 0.5, nearbyRatio: 0.5),
        batchSize: 7, lanes: 2, passes: passes)
      bench.network.initialise(bench.parameters, seed: 1)
      let step = Objectives.objective(objective, on: bench)
      let optimizer = AdamW<Float>(.init(), parameterCount: bench.network.table.count)
      let schedule = LearningRateSchedule(peak: 1e-3, warmup: 2, cosine: (end: 0, step: 40))
      let norm = GradientNorm<Float>(lanes: 2)
      let average = ParameterAverage<Float>(
        of: bench.parameters.base, count: bench.network.table.count, decay: 0.99)
      var index: UInt64 = 0
      func train() {
        for sample in 0..<7 {
          bench.draw(sample: sample, seed: 3, epoch: 0, id: index * 7 + UInt64(sample))
        }
        bench.draw(seed: 3, step: Int(index))
        _ = step.gradient()
        let length = norm.norm(bench.gradient.base, step.trained)
        norm.clip(bench.gradient.base, step.trained, norm: length, to: length / 2)
        optimizer.update(
          bench.parameters.base, along: bench.gradient.base, step.trained, lanes: 2,
          learningRate: schedule.rate(step: Int(index)))
        average.update(towards: bench.parameters.base, updates: Int(index) + 1, lanes: 2)
        index += 1
      }
      for _ in 0..<5 { train() }
      allocations_start()
      allocations_touch()
      let counted = allocations_stop()
      allocations_start()
      for _ in 0..<10 { train() }
      let taken = allocations_stop()
      guard counted == -1 || (counted == 1 && taken == 0) else {
        let message = "\(taken) allocations in ten steps, \(counted) for one malloc\n"
        FileHandle.standardError.write(Data(message.utf8))
        exit(1)
      }
    }
    #expect(child?.standardErrorContent.isEmpty ?? true, "\(said(child))")
  }

  private func said(_ child: ExitTest.Result?) -> String {
    String(decoding: child?.standardErrorContent ?? [], as: UTF8.self)
  }
}
