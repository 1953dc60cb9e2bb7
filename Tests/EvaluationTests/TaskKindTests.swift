// The built program on every kind of task, with each probe; checkpoints on sets they were not pretrained on.

import Basics
import Experiments
import Foundation
import TestSupport
import Testing

@Suite struct TaskKindTests {
  private static let configuration = """
    steps: 3
    batch: 8
    learning_rate: 1e-3
    threads: 2
    ema_decay: 0.5
    encoder: {width: 16, heads: 2, layers: 1}
    decoder: {width: 8, heads: 2, layers: 1}
    projector: {hidden: 12, out: 6}

    """

  private let folder: TemporaryFolder
  private var shards: String { folder.file("shards") }

  init() throws { folder = try TemporaryFolder() }

  private func configuration(_ dataset: String) throws -> String {
    let path = folder.file("\(dataset).yaml")
    try Files.writeAtomically("dataset: \(dataset)\n" + Self.configuration, to: path)
    return path
  }

  private func write(_ kind: LabelledSplit.Kind, as name: String? = nil, steps: Int = 8) throws {
    for (seed, (split, count)) in [("train", 200), ("test", 90)].enumerated() {
      try LabelledSplit.write(
        kind, count: count, steps: steps, seed: UInt64(seed), split: split,
        in: "\(shards)/\(name ?? kind.rawValue)/\(split)")
    }
  }

  private func evaluate(_ arguments: [String]) throws -> EvaluationRecord {
    let run = try ProgramRun("metamae-eval", arguments + ["--shards", shards, "--json"])
    #expect(run.code == 0, "\(run.messages)")
    return try JSONDecoder().decode(EvaluationRecord.self, from: Data(run.output.utf8))
  }

  static let metrics: [(LabelledSplit.Kind, String)] = [
    (.classes, "accuracy"), (.binary, "accuracy"), (.regression, "spearman"),
    (.tokenClasses, "token_accuracy"), (.weighted, "weighted_f1"),
  ]

  /// The label can be read off the input: every probe that learns finds it, and three seeds give mean and interval.
  @Test(.timeLimit(.minutes(1)), arguments: metrics, ["paper", "lbfgs", "knn"])
  func everyKindOfTask(_ task: (kind: LabelledSplit.Kind, metric: String), probe: String) throws {
    try write(task.kind)
    let encoder = ["--random-init", "--config", try configuration(task.kind.rawValue)]
    let arguments = encoder + ["--probe", probe, "--seeds", "3"]
    if task.kind == .tokenClasses && probe == "knn" {
      let run = try ProgramRun("metamae-eval", arguments + ["--shards", shards])
      #expect(run.code == 64 && run.messages.contains("knn is not offered for per-token tasks"))
      return
    }
    let record = try evaluate(arguments)
    #expect(record.metric == task.metric && record.probe == probe)
    #expect(record.trainSamples == 200 && record.testSamples == 90)
    #expect(record.values.count == 3 && record.seeds == 3)
    #expect(abs(record.value - record.values.reduce(0, +) / 3) < 1e-12)
    let ends = try #require(record.interval95)
    #expect(ends[0] <= record.value && record.value <= ends[1])
    // The paper's probe (rate 1e-4) has hardly begun after its 300 batches.
    if probe != "paper" { #expect(record.value > 0.9, "\(record.value)") }
  }

  /// Padding is counted by the paper's metric and not by the other.
  @Test(.timeLimit(.minutes(1))) func paddingInAndOut() throws {
    try write(.tokenClasses)
    let encoder = ["--random-init", "--config", try configuration("tokenClasses")]
    let counted = try evaluate(encoder)
    let unpadded = try evaluate(encoder + ["--metric", "token_accuracy_unpadded"])
    #expect(unpadded.metric == "token_accuracy_unpadded")
    #expect(unpadded.value != counted.value)
    let run = try ProgramRun(
      "metamae-eval", encoder + ["--metric", "accuracy", "--shards", shards])
    #expect(run.code == 64)
    #expect(
      run.messages.contains("expected token_accuracy or token_accuracy_unpadded for this set"))
  }

  /// Pretrained on one set, judged on another: inputs that fit are taken, others named with both shapes.
  @Test(.timeLimit(.minutes(1))) func transferChecksTheInputs() throws {
    try write(.classes)
    try write(.regression)
    try write(.binary, as: "long", steps: 10)
    let run = folder.file("run")
    let trained = try ProgramRun(
      "metamae-train",
      ["--config", try configuration("classes"), "--run", run, "--shards", shards])
    #expect(trained.code == 0, "\(trained.messages)")
    let other = try evaluate(["--run", run, "--dataset", "regression", "--probe", "lbfgs"])
    #expect(other.dataset == "regression" && other.metric == "spearman")
    let file = RunDirectory(run).checkpoint(step: 3).model
    let again = try evaluate(["--checkpoint", file, "--dataset", "regression", "--probe", "lbfgs"])
    #expect(again.value == other.value && again.checkpoint == file)
    let wrong = try ProgramRun(
      "metamae-eval", ["--run", run, "--dataset", "long", "--shards", shards])
    #expect(wrong.code == 65 && wrong.output.isEmpty)
    #expect(
      wrong.messages.contains(
        "shards/long/test: expected inputs as the encoder was pretrained on (series 2 x 8), found "
          + "series 2 x 10\n  Evaluate on a set of the same inputs"), "\(wrong.messages)")
    let mean = try evaluate(["--run", run, "--ema", "--probe", "lbfgs"])
    #expect(mean.checkpoint?.hasSuffix("step-3/ema.safetensors") == true)
  }

  @Test(.timeLimit(.minutes(1))) func aMeanThatWasNotKept() throws {
    try write(.classes)
    let (config, run) = (folder.file("plain.yaml"), folder.file("run"))
    let text = "dataset: classes\n" + Self.configuration
    try Files.writeAtomically(
      text.replacingOccurrences(of: "ema_decay: 0.5\n", with: ""), to: config)
    _ = try ProgramRun("metamae-train", ["--config", config, "--run", run, "--shards", shards])
    let found = try ProgramRun("metamae-eval", ["--run", run, "--ema", "--shards", shards])
    #expect(found.code == 66)
    #expect(found.messages.contains("expected the running mean of the parameters, found none"))
  }
}
