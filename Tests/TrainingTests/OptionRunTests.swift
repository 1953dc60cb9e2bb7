// Runs with all options on: schedule, clipping, running mean, passes, feature rank, online probe. Killed and resumed they
// end in the same bytes, and the readings are the same.

import Basics
import Experiments
import Foundation
import TensorCore
import TestSupport
import Testing

@Suite struct OptionRunTests {
  private static let options = """
    schedule: cosine
    warmup: 3
    schedule_end: 0.1
    clip_norm: 0.5
    ema_decay: 0.9
    accumulate: 2
    rank_every: 3
    probe_every: 4
    probe_samples: 20

    """

  private func bench(_ more: String = options) throws -> TrainingBench {
    let bench = try TrainingBench(more)
    for split in ["train", "test"] {
      try SyntheticSplit.records(40, in: bench.shards + "/synthetic/\(split)", split: split)
    }
    return bench
  }

  private func finish(_ bench: TrainingBench, _ arguments: [String]) throws {
    let end = try bench.launch(arguments).end()
    #expect(end.code == 0, "\(end.messages)")
  }

  private func average(_ bench: TrainingBench) throws -> [UInt8] {
    try Files.read(bench.bench.directory.checkpoint(step: 12).average)
  }

  @Test(.timeLimit(.minutes(2))) func killedAndResumedWithAllOptionsOn() throws {
    let whole = try bench()
    try finish(whole, whole.start)
    let killed = try bench()
    for step in [2, 5, 9] {
      let launched = try killed.launch(killed.go)
      while launched.process.isRunning
        && !Files.exists(killed.bench.directory.checkpoint(step: step).state)
      {
        usleep(500)
      }
      kill(launched.pid, SIGKILL)
      _ = try launched.end()
    }
    try finish(killed, killed.go)
    #expect(try whole.bench.bytes(step: 12) == killed.bench.bytes(step: 12))
    #expect(try average(whole) == average(killed))
    #expect(try whole.bench.tree() == killed.bench.tree())
    let (a, b) = (try whole.bench.metrics(), try killed.bench.metrics())
    #expect(a.map(\.readings) == b.map(\.readings))
    #expect(a.map(\.loss) == b.map(\.loss))
  }

  @Test(.timeLimit(.minutes(2))) func theLinesHoldWhatWasAskedFor() throws {
    let bench = try bench()
    try finish(bench, bench.start)
    let lines = try bench.bench.metrics()
    #expect(lines.allSatisfy { $0.readings.gradientNorm.map { $0 > 0 } ?? false })
    #expect(lines.filter { $0.readings.featureRank != nil }.map(\.step) == [3, 6, 9, 12])
    let probed = lines.filter { $0.readings.probe != nil }
    #expect(probed.map(\.step) == [4, 8, 12])
    let reading = try #require(probed.last?.readings.probe)
    #expect(reading.dataset == "synthetic" && reading.metric == "accuracy")
    #expect(reading.trainSamples == 20 && reading.testSamples == 20)
    #expect(reading.value >= 0 && reading.value <= 1)
    #expect(probed.last?.secondsAStep?.measure.map { $0 > 0 } ?? false)
    let rates = lines.compactMap(\.readings.learningRate)
    #expect(rates.count == 12 && abs(rates[0] - 1e-3 / 3) < 1e-9 && abs(rates[2] - 1e-3) < 1e-9)
    #expect(rates[3...].elementsEqual(rates[3...].sorted(by: >)))
    let resolved = try RunConfiguration.resolve(
      file: bench.bench.directory.configuration, settings: [])
    #expect(resolved.scheduleSteps == 12)
    // The mean lags behind: other numbers under the same names.
    let files = bench.bench.directory.checkpoint(step: 12)
    let (model, mean) = (
      try TensorArchive(path: files.model), try TensorArchive(path: files.average)
    )
    #expect(model.names.sorted() == mean.names.sorted())
    #expect(try model.floats("cls_token") != mean.floats("cls_token"))
    #expect(model.metadata == mean.metadata)
  }

  /// On all samples the online probe says of the last step what metamae-eval says of its checkpoint.
  @Test(.timeLimit(.minutes(1)), arguments: ["lbfgs", "paper", "knn"])
  func theOnlineProbeIsTheEvaluation(_ probe: String) throws {
    let bench = try bench("probe_every: 6\nprobe: \(probe)\nprobe_samples: 40\n")
    try finish(bench, bench.start)
    let reading = try #require(try bench.bench.metrics().last?.readings.probe)
    let evaluation = try ProgramRun(
      "metamae-eval",
      ["--run", bench.run, "--shards", bench.shards, "--probe", probe, "--json"])
    try #require(evaluation.code == 0, "\(evaluation.messages)")
    let record = try JSONDecoder().decode(
      EvaluationRecord.self, from: Data(evaluation.output.utf8))
    #expect(abs(reading.value - record.value) < 1e-9 && reading.probe == probe)
    #expect(
      (reading.trainSamples, reading.testSamples) == (record.trainSamples, record.testSamples))
  }

  /// Without the options nothing of them is written.
  @Test(.timeLimit(.minutes(1))) func offByDefault() throws {
    let bench = try bench("")
    try finish(bench, bench.start)
    #expect(try bench.bench.metrics().allSatisfy { $0.readings == StepReadings() })
    let text = String(decoding: try Files.read(bench.bench.directory.metrics), as: UTF8.self)
    for key in ["learning_rate", "gradient_norm", "feature_rank", "probe", "measure"] {
      #expect(!text.contains("\"\(key)\""), "\(key)")
    }
    #expect(!Files.exists(bench.bench.directory.checkpoint(step: 12).average))
  }

  /// A run that is made longer keeps the cosine it began with.
  @Test(.timeLimit(.minutes(1))) func moreStepsKeepTheSchedule() throws {
    let bench = try bench("schedule: cosine\n")
    try finish(bench, bench.start)
    try finish(bench, bench.resume + ["--set", "steps=14"])
    let rates = try bench.bench.metrics().compactMap(\.readings.learningRate)
    #expect(rates.count == 14 && rates[12] == 0 && rates[13] == 0)
  }

  @Test(arguments: [
    ("accumulate: 7\n", "accumulate: expected at most batch (6), found 7"),
    (
      "schedule: cosine\nwarmup: 5\nschedule_steps: 5\n",
      "schedule_steps: expected more than the 5 of warmup, found 5"
    ),
    ("schedule: cosine\nwarmup: 12\n", "schedule_steps: expected more than the 12 of warmup"),
    ("clip_norm: 0\n", "expected number above 0 or none, found '0'"),
    ("ema_decay: 1\n", "expected number from 0, below 1 or none, found '1'"),
    ("schedule: linear\n", "expected one of constant, cosine, found 'linear'"),
  ]) func wrongValuesAreNamed(_ more: String, _ message: String) throws {
    let bench = try bench(more)
    let end = try bench.launch(bench.start).end()
    #expect(end.code == 64)
    #expect(end.messages.contains(message), "\(end.messages)")
    #expect(!Files.exists(bench.run))
  }

  /// The probe needs labelled splits: said before the first step.
  @Test(.timeLimit(.minutes(1))) func aProbeWithoutItsSplits() throws {
    let bench = try TrainingBench("probe_every: 4\n")
    let end = try bench.launch(bench.start).end()
    #expect(end.code == 66)
    #expect(
      end.messages.contains("synthetic/train: expected the train split of synthetic"),
      "\(end.messages)")
  }
}
