import Basics
import Foundation
import Testing

@testable import Evaluation
@testable import Experiments

@Suite struct LinearEvaluationTests {
  /// Encoders whose features are clusters: the pretrained one's far apart, the initial one's on top of each other.
  private func encoders(
    task: EvaluationTask? = EvaluationTask(.classes(3), metric: .accuracy)
  ) -> FrozenEncoders {
    func source(_ spread: Double) -> FeatureSource {
      { split, _, deliver in
        let set = clusters(
          samples: split == .train ? 120 : 60, width: 8, classes: 3, seed: split == .train ? 1 : 2,
          spread: spread)
        try deliver(set.selecting(Array(0..<50)))
        try deliver(set.selecting(Array(50..<set.sampleCount)))
      }
    }
    return FrozenEncoders(
      dataset: "digits", task: task, checkpoint: "run/checkpoints/step-10/model.safetensors",
      name: "metamae", pretrained: source(4), initial: source(0.1))
  }

  @Test(arguments: ProbeKind.allCases) func pretrainedBeatsInitial(probe: ProbeKind) throws {
    let record = try evaluate(encoders(), plan: EvaluationPlan(probe: probe, seeds: 3, epochs: 100))
    // The paper's probe has made 100 steps of 1e-4 here, far from converged.
    #expect(probe == .paper ? record.best >= record.value : record.value > 0.95)
    if probe != .paper { #expect(record.valueRandomInit < 0.7) }
    #expect(record.trainSamples == 120 && record.testSamples == 60)
    #expect(record.values.count == 3 && record.seeds == 3)
    #expect(record.epochs == (probe == .paper ? 100 : 0))
  }

  /// The keys are a contract, and none is ever missing.
  @Test func jsonHasExactlyTheKeys() throws {
    var twins = encoders()
    twins.checkpoint = nil
    twins.pretrained = nil
    let record = try evaluate(twins, plan: EvaluationPlan(epochs: 2))
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let json = try encoder.encode(record)
    let object = try JSONSerialization.jsonObject(with: json) as! [String: Any]
    #expect(
      Set(object.keys) == [
        "dataset", "metric", "value", "best", "value_random_init", "train_samples", "test_samples",
        "epochs", "checkpoint", "probe", "probe_settings", "seeds", "values", "interval95",
      ])
    #expect(object["checkpoint"] is NSNull && object["interval95"] is NSNull)
    #expect(record.value == record.valueRandomInit)
    #expect(try JSONDecoder().decode(EvaluationRecord.self, from: json) == record)
    let settings = object["probe_settings"] as! [String: Any]
    #expect(settings["batch"] as? Int == 64 && settings["learning_rate"] as? Double == 1e-4)
  }

  @Test func seedsGiveMeanAndInterval() {
    let statistics = SeedStatistics([0.1, 0.2, 0.6])
    // mean 0.3, s 0.264575, t 4.3027: half width 0.657251 (scipy.stats.t.interval).
    #expect(abs(statistics.mean - 0.3) < 1e-12)
    #expect(abs(statistics.interval95![0] + 0.357246) < 2e-5)
    #expect(abs(statistics.interval95![1] - 0.957246) < 2e-5)
    #expect(SeedStatistics([0.5]).interval95 == nil)
    // scipy.stats.t.ppf(0.975, n) for n = 1 to 30.
    let quantiles = [
      12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004, 2.262157,
      2.228139, 2.200985, 2.178813, 2.160369, 2.144787, 2.131450, 2.119905, 2.109816, 2.100922,
      2.093024, 2.085963, 2.079614, 2.073873, 2.068658, 2.063899, 2.059539, 2.055529, 2.051831,
      2.048407, 2.045230, 2.042272,
    ]
    for (k, expected) in quantiles.enumerated() {
      #expect(abs(SeedStatistics.quantile(k + 1) - expected) < 6e-5, "\(k + 1)")
    }
    // scipy.stats.t.ppf(0.975, 31) and (0.975, 200)
    #expect(abs(SeedStatistics.quantile(31) - 2.039513) < 2e-4)
    #expect(abs(SeedStatistics.quantile(200) - 1.971896) < 2e-4)
  }

  @Test func whatCannotBeProbedIsNamed() throws {
    let task = EvaluationTask(.classes(2), metric: .accuracy)
    func failure(_ set: FeatureSet) -> Failure? {
      #expect(throws: Failure.self) { try ProbeData(train: set, test: set, task: task) }
    }
    #expect(failure(FeatureSet(width: 1))?.problem == "expected samples, found none")
    #expect(
      failure(FeatureSet(width: 1, features: [.nan, 1], labels: .classes([0, 1])))?.problem
        == "the encoder's features hold NaN or infinity")
    #expect(
      failure(FeatureSet(width: 1, features: [1, 1], labels: .classes([0, 2])))?.problem
        == "expected labels from 0 to 1, found 2")
    #expect(
      failure(FeatureSet(width: 1, features: [1, 1], labels: .classes([0])))?.problem
        == "expected 2 labels, found 1")
    #expect(
      failure(FeatureSet(width: 1, features: [1, 1], labels: .values([0, 1])))?.kind == .badData)
    let none = #expect(throws: Failure.self) {
      try evaluate(encoders(task: nil), plan: EvaluationPlan())
    }
    #expect(none?.kind == .usage)
  }

  @Test func tokensAreProbedAsTokens() throws {
    let task = EvaluationTask(.tokenClasses(4, padding: 3), metric: .tokenAccuracyUnpadded)
    let rows = clusters(samples: 400, width: 6, classes: 4, seed: 1, spread: 4)
    let set = FeatureSet(
      width: 6, rowsPerSample: 4, features: rows.features, labels: rows.labels,
      ids: (0..<100).map { Int64($0) })
    let data = try ProbeData(train: set, test: set, task: task)
    let outcome = try runProbe(data, dataset: "x", plan: EvaluationPlan(probe: .lbfgs), seed: 0)
    #expect(outcome.last > 0.98)

    // Two real tokens, one right; two of padding, both right.
    let predicted = Labels.classes([0, 1, 3, 3])
    let truth = Labels.classes([0, 2, 3, 3])
    #expect(try score(predicted: predicted, truth, for: task) == 0.5)
    var counted = task
    try counted.take(.tokenAccuracy)
    #expect(try score(predicted: predicted, truth, for: counted) == 0.75)
    #expect(throws: Failure.self) { try counted.take(.spearman) }
  }

  @Test func defaultsAreThePapers() {
    #expect(EvaluationDefaults.batch(dataset: "pamap2", trainSamples: 50_000) == 256)
    #expect(EvaluationDefaults.batch(dataset: "genomics-ood", trainSamples: 50_000) == 32)
    #expect(EvaluationDefaults.batch(dataset: "cifar10", trainSamples: 50_000) == 64)
    #expect(EvaluationDefaults.batch(dataset: "pamap2", trainSamples: 40) == 40)
    let request = EncoderRequest(weights: .checkpoint("x"), shards: "s")
    #expect(request.datasetName(configured: "genomics", for: .train) == "genomics-id")
    #expect(request.datasetName(configured: "genomics", for: .pretrain) == "genomics")
  }

  @Test func missingFoldersAreNamed() throws {
    let scratch = try Scratch()
    func failure(_ shards: String, _ split: Split) -> Failure? {
      #expect(throws: Failure.self) {
        try EvaluationDefaults.splitFolder(shards: shards, dataset: "higgs", split: split)
      }
    }
    #expect(failure(scratch.path + "/no", .train)?.place == scratch.path + "/no")
    try Files.createFolder(scratch.path + "/pamap2")
    let absent = failure(scratch.path, .train)
    #expect(absent?.kind == .missingInput && absent!.remedy!.contains("pamap2"))
    try Files.createFolder(scratch.path + "/higgs/train")
    #expect(failure(scratch.path, .test)?.place == scratch.path + "/higgs/test")
    let found = try EvaluationDefaults.splitFolder(
      shards: scratch.path, dataset: "higgs", split: .train)
    #expect(found == scratch.path + "/higgs/train")
  }
}
