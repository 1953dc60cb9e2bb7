// Losses, latents, every gradient, features and three optimizer steps against the independent PyTorch statement of
// the method, at the tolerances of docs/testing.md. Each case runs in both number types.

import Experiments
import Networks
import Objectives
import Optimizers
import TensorCore
import Testing

@Suite struct GoldenObjectiveTests {
  @Test func someCasesAreThere() {
    #expect(!GoldenCase.all(".safetensors").isEmpty, "no golden case in \(GoldenCase.folder)")
  }

  @Test(arguments: GoldenCase.all(".safetensors"))
  func agrees(_ golden: GoldenCase) throws {
    let archive = try TensorArchive(path: golden.path)
    // without an objective it is a probe: GoldenProbeTests
    guard let word = archive.metadata["objective"] else { return }
    print("golden \(golden.testDescription): \(word)")
    // the oracle spells mae_linear
    let objective = try #require(
      ObjectiveName(rawValue: word == "mae_linear" ? "mae-linear" : word), "objective \(word)")
    try GoldenRun<Float>(archive, objective).check()
    try GoldenRun<Double>(archive, objective).check()
  }
}

/// One case replayed in one number type.
private struct GoldenRun<R: Real> {
  static var tolerance: Double { 1e-4 }

  let archive: TensorArchive
  let objective: ObjectiveName
  let bench: Workbench<R>

  init(_ archive: TensorArchive, _ objective: ObjectiveName) throws {
    self.archive = archive
    self.objective = objective
    let configuration = try OracleConfiguration.read(archive)
    let batch = try #require(Int(archive.metadata["batch"] ?? ""))
    bench = Workbench(
      Network(configuration.model, for: objective), configuration.settings, batchSize: batch,
      lanes: 2)
    for slot in bench.network.table.slots {
      let values = try archive.doubles("param." + slot.name)
      try #require(values.count == slot.count, "param.\(slot.name)")
      for (i, value) in values.enumerated() { bench.parameters[slot][i] = R(value) }
    }
    try fill(bench.tokens, batch)
    for (i, token) in try archive.integers("order").enumerated() {
      bench.draws.order[i] = Int32(token)
    }
    for (i, draw) in try archive.floats("draw").enumerated() { bench.draws.draw[i] = draw }
    for (i, share) in try archive.floats("mix").enumerated() { bench.draws.mix[i] = share }
    for (i, partner) in try archive.integers("perm").enumerated() {
      bench.draws.partner[i] = Int32(partner)
    }
  }

  private func fill(_ tokens: TokenBatch<R>, _ batch: Int) throws {
    for (k, input) in tokens.inputs.enumerated() {
      if input.kind == .tokens {
        let values = try archive.integers("input.\(k)").map { Int64($0) }
        for sample in 0..<batch {
          let outside = values.withUnsafeBytes {
            tokens.fill(
              sample: sample, input: k, from: $0.baseAddress! + 8 * sample * input.valueCount,
              as: .int64,
              .identity(channels: 1))
          }
          try #require(outside == nil)
        }
      } else {
        let values = try archive.floats("input.\(k)")
        for sample in 0..<batch {
          values.withUnsafeBytes {
            _ = tokens.fill(
              sample: sample, input: k, from: $0.baseAddress! + 4 * sample * input.valueCount,
              as: .float32,
              .identity(channels: input.channelCount))
          }
        }
      }
    }
  }

  func check() throws {
    try checkFeatures()
    let optimizer = AdamW<R>(
      .init(learningRate: 1e-3, weightDecay: 1e-2), parameterCount: bench.network.table.count)
    let objective = Objectives.objective(objective, on: bench)
    for step in 1...3 {
      let loss = objective.gradient()
      if step == 1 {
        try checkLosses(loss, objective)
        try checkGradients(objective)
      }
      optimizer.update(
        bench.parameters.base, along: bench.gradient.base, objective.trained, lanes: 2)
      if step != 2 { try checkParameters(after: step) }
    }
  }

  private func checkFeatures() throws {
    let extractor = FeatureExtractor(
      bench.network, bench.parameters, capacity: bench.batchSize, lanes: 2)
    try fill(extractor.tokens, bench.batchSize)
    var features = [R](repeating: 0, count: bench.batchSize * extractor.width)
    extractor.pooled(count: bench.batchSize, into: &features)
    try compare(features.map(Double.init), "features")
  }

  private func checkLosses(_ loss: StepLoss, _ objective: any Objective<R>) throws {
    try compare([loss.loss], "out.loss")
    if let metamae = objective as? MetaMAE<R> {
      try compare([try #require(loss.reconstruction)], "out.reconstruction")
      try compare([try #require(loss.contrast)], "out.contrast")
      try compare([metamae.innerLoss], "out.inner")
      try compare(values(metamae.latent), "out.latent")
      try compare(values(metamae.adapted), "out.adapted")
      let tokenCount = bench.network.configuration.tokenCount
      let support = try archive.flags("out.support")
      let found = support.indices.map { bench.split.isNear($0 / tokenCount, $0 % tokenCount) }
      #expect(found == support, "out.support")
    } else if let mae = objective as? MAE<R> {
      try compare(values(mae.latent), "out.latent")
    }
  }

  private func checkGradients(_ objective: any Objective<R>) throws {
    let names = archive.names.filter { $0.hasPrefix("grad.") }
    #expect(!names.isEmpty)
    var largest = 0.0
    for name in names { largest = max(largest, norm(try archive.doubles(name))) }
    // what is trained is what has a gradient: AdamW decays nothing else
    let trained = bench.network.table.slots.filter { objective.trained.contains($0.offset) }
    #expect(Set(trained.map { "grad." + $0.name }) == Set(names), "trained parameters")
    for name in names {
      let own = try #require(
        bench.gradient[String(name.dropFirst(5))], "\(name): no such parameter")
      try compare(own.map(Double.init), name, floor: 1e-3 * largest)
    }
  }

  /// Adam's first step is the gradient's sign: elements with hardly any gradient are only bounded.
  private func checkParameters(after step: Int) throws {
    for name in archive.names where name.hasPrefix("after\(step).") {
      let parameter = String(name.dropFirst(7))
      let expected = try archive.doubles(name)
      let gradient = try archive.doubles("grad." + parameter)
      let found = try #require(bench.parameters[parameter]).map(Double.init)
      let threshold = 1e-4 * norm(gradient) / Double(gradient.count).squareRoot() + 1e-6
      let clear = gradient.indices.filter { abs(gradient[$0]) >= threshold }
      let error = relativeError(clear.map { found[$0] }, clear.map { expected[$0] })
      #expect(error <= Self.tolerance, "\(R.self) \(name): relative error \(error)")
      let farthest = gradient.indices.map { abs(found[$0] - expected[$0]) }.max() ?? 0
      #expect(
        farthest <= 2 * 1e-3 * Double(step) + 1e-6,
        "\(R.self) \(name): an element is \(farthest) off")
    }
  }

  private func compare(_ found: [Double], _ name: String, floor: Double = 0) throws {
    let error = relativeError(found, try archive.doubles(name), floor: floor)
    #expect(error <= Self.tolerance, "\(R.self) \(name): relative error \(error)")
  }

  private func values(_ matrix: Matrix<R>) -> [Double] {
    (0..<matrix.count).map { Double(matrix.base[$0]) }
  }
}
