// The outer loop of Algorithm 1. What a step computes stands in Objectives; what is written down and when, in
// PretrainingRun.swift.

extension PretrainingRun {
  /// Trains until the configured number of steps is done. On the right: Algorithm 1's lines.
  // swift-format-ignore
  func pretrain() throws {
    while step < configuration.steps {                         // 2
      let batch = try nextBatch()                              // 3   mini-batch B
      let loss = try learner.gradient(on: batch, step: step)   // 4–12, ∇ over θ, φ, ψ
      try refuseNonFinite(loss, of: batch)
      try learner.update(step: step)                           // 13
      step += 1
      try note(loss)                                           // metrics; checkpoint if due
    }                                                          // 14
  }
}
