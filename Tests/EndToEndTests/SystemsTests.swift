// Every system's checkpoint goes the whole way: trained, probed, its features written.

import Basics
import Experiments
import Foundation
import TestSupport
import Testing

@Suite struct SystemsTests {
  private let folder = try! TemporaryFolder()
  private var shards: [String] { ["--shards", folder.file("shards")] }

  private func succeed(_ program: String, _ arguments: [String]) throws -> ProgramRun {
    let run = try ProgramRun(program, arguments)
    try #require(run.code == 0, "\(program) \(arguments): \(run.messages)")
    return run
  }

  private func evaluated(_ arguments: [String]) throws -> EvaluationRecord {
    let run = try succeed("metamae-eval", shards + ["--probe", "lbfgs", "--json"] + arguments)
    return try JSONDecoder().decode(EvaluationRecord.self, from: Data(run.output.utf8))
  }

  /// Its head stays behind: what is judged is the encoder, beside the same initial one for all.
  @Test(.timeLimit(.minutes(1))) func everySystemIsJudged() throws {
    _ = try succeed(
      "metamae-prep",
      [
        "build-shards", "--dataset", "table", "--name", "collisions", "--label", "signal", "--raw",
        GuideRow.root + "/data/own/collisions", "--out", folder.file("shards"),
      ])
    let config = folder.file("small.yaml")
    try Files.writeAtomically(
      smallModel("collisions", batch: 8, "learning_rate: 0.05"), to: config)
    let initial = try evaluated(["--random-init", "--config", config])
    _ = try succeed(
      "metamae-eval",
      ["features", "--random-init", "--config", config, "--split", "test"] + shards
        + ["--out", folder.file("initial.npy")])
    var features: Set<[UInt8]> = [try Files.read(folder.file("initial.npy"))]
    for objective in ObjectiveName.allCases.map(\.rawValue) {
      let run = ["--run", folder.file(objective)]
      _ = try succeed(
        "metamae-train",
        ["--config", config, "--set", "objective=\(objective)", "--workers", "1"] + shards + run)
      let record = try evaluated(run)
      #expect(record.valueRandomInit == initial.value, "\(objective)")
      #expect(record.trainSamples == 240 && record.testSamples == 60)
      #expect(
        record.checkpoint?.hasSuffix("\(objective)/checkpoints/step-2/model.safetensors") == true)
      _ = try succeed(
        "metamae-eval",
        ["features", "--split", "test", "--out", folder.file("\(objective).npy")] + shards + run)
      features.insert(try Files.read(folder.file("\(objective).npy")))
    }
    // 60 rows of 16 floats; each system's own.
    #expect(features.count == 1 + ObjectiveName.allCases.count)
    #expect(Set(features.map(\.count)) == [128 + 60 * 16 * 4])
  }
}
