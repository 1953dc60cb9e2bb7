// The online probe (`probe_every`, Figure 2's curves): some samples of the transfer set are read once, before training
// begins; from then on the encoder under training is judged on them without touching a disk.

import Basics
import DataLoading
import Experiments
import Networks
import ShardFormat
import TensorCore
import Training

public final class EncoderProbe: OnlineProbe {
  private let dataset: String
  private let task: EvaluationTask
  private let plan: EvaluationPlan
  /// The training samples, then the test samples.
  private let extractor: FeatureExtractor<Float>
  private let labels: (train: Labels, test: Labels)
  private let groups: [Int64]?
  private let counts: (train: Int, test: Int)

  /// Memory for the samples and their features at most.
  private static let bytesLimit = 512 << 20

  /// - Parameters:
  ///   - network, weights: of the encoder under training.
  ///   - shards: where the transfer set's `train` and `test` splits are.
  ///   - remark: takes a sentence for the person watching.
  /// - Throws: missing input for absent splits, usage for a set without labels, bad data for other inputs.
  public init(
    _ configuration: RunConfiguration, network: Network, weights: ParameterBuffer<Float>,
    shards: String, remark: (String) -> Void = { _ in }
  ) throws {
    dataset = DatasetCatalogue.standardTransfer(of: configuration.dataset)
    plan = EvaluationPlan(probe: ProbeKind(rawValue: configuration.probe.rawValue)!)
    let model = network.configuration
    let data = EncoderData(shards: shards, dataset: dataset, model: model)
    for split in [Split.train, .test] {
      _ = try EvaluationDefaults.splitFolder(shards: shards, dataset: dataset, split: split)
    }
    guard let task = try data.task(of: .test) else {
      throw Failure(
        .usage, at: "probe_every", "\(dataset) has no labels to probe", remedy: "Set it to 0.")
    }
    self.task = task
    if plan.probe == .knn, task.pooling == .tokens {
      throw Failure(
        .usage, at: "probe", "knn is not offered for per-token tasks, as \(dataset) is",
        remedy: "Take lbfgs or paper.")
    }
    let readers = try [Split.train, .test].map { try data.reader($0) }
    let rows = task.pooling == .tokens ? model.tokenCount : 1
    let values = model.inputs.reduce(0) { $0 + $1.valueCount }
    let bytes = 4 * (values + 2 * rows * network.configuration.encoder.width)
    let most = max(2, Self.bytesLimit / bytes / 2)
    let wanted = readers.map { min($0.sampleCount, configuration.probeSamples) }
    let taken = wanted.map { min($0, most) }
    if taken != wanted {
      remark(
        "the online probe takes \(taken[0]) training and \(taken[1]) test samples, as many as fit "
          + "into \(Self.bytesLimit >> 20) MB")
    }
    counts = (taken[0], taken[1])
    extractor = FeatureExtractor(
      network, weights, capacity: taken[0] + taken[1],
      lanes: configuration.threads ?? availableCores)
    labels = (
      try data.fill(extractor.tokens, from: 0, count: taken[0], of: readers[0], .train),
      try data.fill(extractor.tokens, from: taken[0], count: taken[1], of: readers[1], .test)
    )
    let all = readers[0].manifest.windowGroups()
    groups = all.map { all in
      (0..<taken[0]).map { all[spread($0, taken[0], over: readers[0].sampleCount)] }
    }
  }

  /// The metric of the encoder as it is.
  public func read() throws -> ProbeReading {
    let rows = task.pooling == .tokens ? extractor.tokenCount : 1
    let size = rows * extractor.width
    let all = [Float](unsafeUninitializedCapacity: (counts.train + counts.test) * size) {
      if task.pooling == .tokens {
        extractor.perToken(count: counts.train + counts.test, into: $0.baseAddress!)
      } else {
        extractor.pooled(count: counts.train + counts.test, into: $0.baseAddress!)
      }
      $1 = $0.count
    }
    let data = try ProbeData(
      train: FeatureSet(
        width: extractor.width, rowsPerSample: rows, features: Array(all[..<(counts.train * size)]),
        labels: labels.train, groups: groups),
      test: FeatureSet(
        width: extractor.width, rowsPerSample: rows, features: Array(all[(counts.train * size)...]),
        labels: labels.test), task: task)
    let outcome = try runProbe(data, dataset: dataset, plan: plan, seed: 0)
    return ProbeReading(
      dataset: dataset, metric: task.metric.rawValue, value: outcome.last,
      probe: plan.probe.rawValue, trainSamples: counts.train, testSamples: counts.test)
  }
}

/// Which record the `place`-th of `count` is, when they are spread evenly over all: files are often sorted by class.
private func spread(_ place: Int, _ count: Int, over all: Int) -> Int { place * all / count }

extension EncoderData {
  /// Cuts `count` samples of a split, spread evenly over it, into tokens from place `first` on.
  fileprivate func fill(
    _ tokens: TokenBatch<Float>, from first: Int, count: Int, of reader: SampleReader,
    _ split: Split
  ) throws -> Labels {
    let storage = try reader.manifest.storage(of: model.inputs, at: folder(split))
    var places: [Int: Int] = [:]
    for i in 0..<count { places[spread(i, count, over: reader.sampleCount)] = i }
    var labels = LabelReader(reader.manifest, count: count)
    try reader.forEachBatch(of: min(256, reader.sampleCount)) { batch in
      for i in 0..<batch.count {
        guard let place = places[Int(batch.id(of: i))] else { continue }
        try fill(tokens, sample: first + place, from: batch, i, storage, split)
        labels.read(batch.label(of: i), sample: place)
      }
    }
    return labels.labels
  }
}
