// One evaluation from features to record: the chosen probe over some seeds, on the pretrained encoder and on the
// initial one beside it.

import Basics
import Experiments

/// How features are judged.
public enum ProbeKind: String, CaseIterable, Sendable {
  /// The paper's linear probe.
  case paper
  /// Logistic or ridge regression, converged.
  case lbfgs
  /// Nearest neighbours.
  case knn
}

/// What is asked of an evaluation.
public struct EvaluationPlan: Sendable {
  public var probe: ProbeKind
  /// How often the probe is repeated, with seeds 0 ..< seeds.
  public var seeds: Int
  /// Epochs of the paper's probe.
  public var epochs: Int

  public init(probe: ProbeKind = .paper, seeds: Int = 1, epochs: Int = 100) {
    self.probe = probe
    self.seeds = seeds
    self.epochs = epochs
  }
}

/// A split to learn from and one to be judged on, both checked against the task.
public struct ProbeData: Sendable {
  public let train: FeatureSet
  public let test: FeatureSet
  public let task: EvaluationTask

  /// - Throws: bad data for what cannot be probed (`collect`).
  public init(train: FeatureSet, test: FeatureSet, task: EvaluationTask) throws {
    try check(train, for: task, at: "train")
    try check(test, for: task, at: "test")
    precondition(train.width == test.width, "train and test features differ in width")
    self.train = train
    self.test = test
    self.task = task
  }
}

/// Test labels and what a probe says of them.
public struct ClassPredictions: Sendable {
  public let classCount: Int
  /// Of the classes, where the set names them.
  public let names: [String]
  public let labels: [Int32]
  public let predicted: [Int32]
}

/// What one seed of a probe came to.
public struct ProbeOutcome: Equatable, Sendable {
  /// After the last epoch.
  public var last: Double
  /// After the best epoch on the test set; equal to `last` for probes without epochs.
  public var best: Double
  public var l2: Double?
  public var iterations: Int?
  public var slope: Double?
  /// What the probe says of the test set after the last epoch.
  var predicted: Labels?
}

/// Runs one probe with one seed.
/// - Throws: bad data when the probe's values leave the finite numbers; usage for kNN on tokens.
public func runProbe(
  _ data: ProbeData, dataset: String, plan: EvaluationPlan, seed: UInt64
) throws -> ProbeOutcome {
  let (train, test, task) = (data.train, data.test, data.task)
  switch plan.probe {
  case .paper:
    let settings = ProbeSettings(
      epochs: plan.epochs,
      batch: EvaluationDefaults.batch(dataset: dataset, trainSamples: train.sampleCount))
    var outcome = ProbeOutcome(last: 0, best: -1)
    let head = try trainProbe(
      from: LinearHead(width: train.width, outputCount: task.outputCount, seed: seed),
      features: train.features, targets: train.targets(for: task),
      rowsPerSample: train.rowsPerSample, settings: settings,
      order: { probeOrder(samples: train.sampleCount, seed: seed, epoch: $0) },
      afterEpoch: { epochs, head in
        guard head.parameters.allSatisfy(\.isFinite) else {
          throw Failure(
            .badData, at: dataset, "the probe's weights left the finite numbers in epoch \(epochs)")
        }
        outcome.last = try score(head.outputs(for: test.features), test.labels, for: task)
        outcome.best = max(outcome.best, outcome.last)
      })
    outcome.predicted = predictedLabels(head.outputs(for: test.features), for: task)
    return outcome
  case .lbfgs:
    let fitted = try ConvergedProbe.fit(train, task: task, seed: seed)
    let predicted = predictedLabels(fitted.head.outputs(for: test.features), for: task)
    let value = try score(predicted: predicted, test.labels, for: task)
    return ProbeOutcome(
      last: value, best: value, l2: fitted.l2, iterations: fitted.minimum.iterations,
      slope: fitted.minimum.slope, predicted: predicted)
  case .knn:
    let predicted = try nearestNeighbourPredictions(train: train, test: test, task: task)
    let value = try score(predicted: predicted, test.labels, for: task)
    return ProbeOutcome(last: value, best: value, predicted: predicted)
  }
}

/// Evaluates the pretrained encoder and, with the same seeds, the initial one.
/// - Parameters:
///   - predictions: takes those of the first seed's probe of the encoder, where classes are told apart.
///   - report: told what is being done ("features of train, pretrained"), for the person watching.
/// - Throws: usage for a set without a task; what the features' source or the probe throws.
public func evaluate(
  _ encoders: FrozenEncoders, plan: EvaluationPlan,
  predictions: (ClassPredictions) -> Void = { _ in },
  report: (String) -> Void = { _ in }
) throws -> EvaluationRecord {
  guard let task = encoders.task else {
    throw Failure(
      .usage, at: encoders.dataset, "this set has no labels to evaluate on",
      remedy: "Name a set that has with --dataset, or export features: metamae-eval features")
  }
  func outcomes(of source: FeatureSource, _ name: String) throws -> (Result, ProbeData) {
    report("\(name): features of train and test")
    let data = try ProbeData(
      train: collect(source, .train, for: task, named: "\(encoders.dataset)/train"),
      test: collect(source, .test, for: task, named: "\(encoders.dataset)/test"), task: task)
    let each = try (0..<plan.seeds).map { seed in
      report("\(name): \(plan.probe.rawValue) probe, seed \(seed)")
      return try runProbe(data, dataset: encoders.dataset, plan: plan, seed: UInt64(seed))
    }
    return (Result(each), data)
  }
  let (initial, data) = try outcomes(of: encoders.initial, "initial encoder")
  var result = initial
  if let pretrained = encoders.pretrained {
    result = try outcomes(of: pretrained, "pretrained encoder").0
  }
  if case .classes(let labels) = data.test.labels,
    case .classes(let predicted) = result.each[0].predicted
  {
    predictions(
      ClassPredictions(
        classCount: task.classCount, names: task.classNames, labels: labels, predicted: predicted))
  }
  let statistics = SeedStatistics(result.each.map(\.last))
  return EvaluationRecord(
    dataset: encoders.dataset, metric: task.metric.rawValue, value: statistics.mean,
    best: SeedStatistics(result.each.map(\.best)).mean,
    valueRandomInit: SeedStatistics(initial.each.map(\.last)).mean,
    trainSamples: data.train.sampleCount, testSamples: data.test.sampleCount,
    epochs: plan.probe == .paper ? plan.epochs : 0, checkpoint: encoders.checkpoint,
    probe: plan.probe.rawValue,
    probeSettings: result.settings(plan, encoders.dataset, data.train.sampleCount),
    seeds: plan.seeds, values: result.each.map(\.last), interval95: statistics.interval95)
}

/// The seeds' outcomes of one encoder.
private struct Result {
  let each: [ProbeOutcome]

  init(_ each: [ProbeOutcome]) { self.each = each }

  func settings(
    _ plan: EvaluationPlan, _ dataset: String, _ trainSamples: Int
  ) -> [String: EvaluationRecord.Setting] {
    switch plan.probe {
    case .paper:
      let batch = EvaluationDefaults.batch(dataset: dataset, trainSamples: trainSamples)
      // 1e-4 as a Float would print as 9.999999747378752e-05.
      return [
        "optimizer": .text("adam"), "learning_rate": .number(1e-4), "weight_decay": .number(1e-4),
        "batch": .number(Double(batch)),
      ]
    case .lbfgs:
      return [
        "l2": .numbers(each.compactMap(\.l2)),
        "iterations": .numbers(each.compactMap(\.iterations).map(Double.init)),
        "largest_slope": .numbers(each.compactMap(\.slope)), "validation_share": .number(0.2),
      ]
    case .knn:
      return ["neighbours": .number(20), "temperature": .number(0.07)]
    }
  }
}
