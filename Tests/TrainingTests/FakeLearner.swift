// A tiny deterministic model and a source in keyed order: enough to test everything that Training does without a
// network. Not part of any program.

import Basics
import DataLoading
import Experiments
import Foundation
import Training

struct FakeBatch { var samples: [SampleName] }

final class FakeSource: BatchSource {
  let epochLength: UInt64
  private let batch: Int
  private let seed: UInt64
  private(set) var position: UInt64
  /// Places that each batch leaves out before it begins.
  var skipsEach: UInt64 = 0
  private(set) var skippedCount: UInt64 = 0
  /// Fails instead of delivering the batch of this step.
  var failsAt: (step: Int, failure: Failure)?
  private(set) var isClosed = false
  private(set) var waitSeconds = 0.0
  let workerTimes = WorkerTimes()
  let workerCount = 1
  private var tally: EpochTally
  private var closed: [EpochTally] = []

  init(_ session: RunSession, epochLength: UInt64 = 10) {
    self.epochLength = epochLength
    batch = session.configuration.batch
    seed = session.configuration.seed
    position = session.samples
    tally = EpochTally(epoch: position / epochLength)
    if let open = session.openEpochs.first, let consumed = open.consumed, let out = open.leftOut {
      tally = EpochTally(epoch: open.epoch, consumed: consumed, skipped: out)
    }
  }

  var openEpochs: [OpenEpoch] {
    [
      OpenEpoch(
        epoch: tally.epoch, length: epochLength, dataset: nil, consumed: tally.consumed,
        skipped: tally.skipped)
    ]
  }

  func takeReceipts() -> [EpochReceipt] {
    defer { closed.removeAll() }
    return closed.map {
      EpochReceipt(
        epoch: $0.epoch, dataset: nil, consumed: $0.consumed, skipped: $0.skipped,
        manifestHash: SetDigest(upTo: epochLength).text)
    }
  }

  private func count(_ id: UInt64, skipped: Bool, at place: UInt64) {
    if skipped { tally.skipped.add(id) } else { tally.consumed.add(id) }
    guard (place + 1) % epochLength == 0 else { return }
    closed.append(tally)
    tally = EpochTally(epoch: tally.epoch + 1)
  }

  func next() throws -> FakeBatch {
    if let (step, failure) = failsAt, Int(position) == step * batch { throw failure }
    waitSeconds += 0.001
    func name(_ place: UInt64) -> SampleName {
      let epoch = place / epochLength
      let order = KeyedPermutation(
        count: epochLength, key: RandomKey(seed: seed, "order", epoch))
      return SampleName(epoch: epoch, id: order[place % epochLength])
    }
    for place in position..<position + skipsEach {
      count(name(place).id, skipped: true, at: place)
    }
    position += skipsEach
    skippedCount += skipsEach
    let samples = (position..<position + UInt64(batch)).map { place in
      let name = name(place)
      count(name.id, skipped: false, at: place)
      return name
    }
    position += UInt64(batch)
    return FakeBatch(samples: samples)
  }

  func samples(of batch: FakeBatch) -> [SampleName] { batch.samples }
  func takeRemarks() -> [String] { [] }
  func close() { isClosed = true }
}

final class FakeLearner: Learner {
  let card: ModelCard
  private(set) var parameters: [LearnerTensor] = []
  private(set) var firstMoments: [LearnerTensor] = []
  private(set) var secondMoments: [LearnerTensor] = []
  private(set) var statistics: [LearnerTensor] = []
  private(set) var constants: [LearnerTensor] = []
  private var slope: [Float]
  private let seed: UInt64
  /// What happens at the start of a step.
  var atStep: ((Int) -> Void)?
  /// The loss of this step is not a number.
  var breaksAt: Int?

  init(_ configuration: RunConfiguration, width: Int = 50) throws {
    let inputs = [InputSpecification(kind: .series, shape: [1, 8])]
    card = ModelCard(model: try configuration.model(over: inputs), configuration: configuration)
    seed = configuration.seed
    slope = [Float](repeating: 0, count: 3 * width)
    for (name, count) in [("cls_token", width), ("mask_token", 2 * width)] {
      parameters.append(Self.tensor(name, [count], value: Float(seed) + 1))
      firstMoments.append(Self.tensor(name, [count]))
      secondMoments.append(Self.tensor(name, [count]))
    }
    statistics = [Self.tensor("projector.1.running_mean", [3])]
    constants = [Self.tensor("pos_embed", [1, 2, 2], value: 0.5)]
  }

  deinit {
    for tensor in parameters + firstMoments + secondMoments + statistics + constants {
      tensor.values.deallocate()
    }
  }

  private static func tensor(_ name: String, _ shape: [Int], value: Float = 0) -> LearnerTensor {
    let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: shape.reduce(1, *))
    values.initialize(repeating: value)
    return LearnerTensor(name, shape: shape, values: values)
  }

  func gradient(on batch: FakeBatch, step: Int) throws -> TrainingLoss {
    atStep?(step)
    var stream = RandomStream(RandomKey(seed: seed, "mask", UInt64(step)))
    let drive = batch.samples.reduce(Float(0)) { $0 + Float($1.id + 10 * $1.epoch) }
    var sum: Float = 0
    var place = 0
    for tensor in parameters {
      for value in tensor.values {
        slope[place] = 0.1 * value + 0.01 * drive + stream.uniformFloat()
        sum += slope[place]
        place += 1
      }
    }
    statistics[0].values[0] = 0.9 * statistics[0].values[0] + 0.1 * sum
    let loss = step == breaksAt ? .nan : Double(sum)
    return TrainingLoss(total: loss, reconstruction: 0.1, contrast: nil)
  }

  func update(step: Int) throws {
    var place = 0
    for k in parameters.indices {
      for i in parameters[k].values.indices {
        let g = slope[place]
        firstMoments[k].values[i] = 0.9 * firstMoments[k].values[i] + 0.1 * g
        secondMoments[k].values[i] = 0.99 * secondMoments[k].values[i] + 0.01 * g * g
        parameters[k].values[i] -=
          0.01 * firstMoments[k].values[i] / (secondMoments[k].values[i].squareRoot() + 1e-8)
        place += 1
      }
    }
  }
}

/// A fresh folder with a configuration; everything in it goes when the bench goes.
final class Bench {
  let folder: String
  var run: String { folder + "/run" }
  var config: String { folder + "/c.yaml" }
  var directory: RunDirectory { RunDirectory(run) }

  init(_ text: String = "dataset: fake\nsteps: 20\nbatch: 3\nsave_every: 5\nlog_every: 2\n") throws
  {
    folder = NSTemporaryDirectory() + "/bench-\(UUID().uuidString)"
    try Files.createFolder(folder)
    try Files.writeAtomically(text, to: config)
  }

  deinit { try? Files.remove(folder) }

  /// One process's part of a run, from plan to summary.
  @discardableResult
  func train(
    resume: Bool = false, settings: [String] = [], width: Int = 50,
    prepare: (FakeLearner, FakeSource) -> Void = { _, _ in }
  ) throws -> RunSummary {
    try Self.train(
      run: run, config: resume ? nil : config, resume: resume, settings: settings, width: width,
      prepare: prepare)
  }

  @discardableResult
  static func train(
    run: String, config: String?, resume: Bool, settings: [String] = [], width: Int = 50,
    prepare: (FakeLearner, FakeSource) -> Void = { _, _ in }
  ) throws -> RunSummary {
    let plan = try RunPlan(
      RunRequest(run: run, configuration: config, settings: settings, resume: resume))
    let session = try RunSession(plan)
    let source = FakeSource(session)
    let learner = try FakeLearner(session.configuration, width: width)
    prepare(learner, source)
    return try PretrainingRun(session, learner: learner, source: source, progress: false).run()
  }

  /// The bytes of a checkpoint's files.
  func bytes(step: Int) throws -> [[UInt8]] {
    let files = directory.checkpoint(step: step)
    return try [files.model, files.optimizer, files.state].map(Files.read)
  }

  /// All paths below the run directory, the lock left out.
  func tree() throws -> [String] {
    func walk(_ path: String) throws -> [String] {
      try Files.list(path).flatMap { name in
        let item = path + "/" + name
        return Files.isFolder(item) ? try walk(item) : [String(item.dropFirst(run.count + 1))]
      }
    }
    return try walk(run).filter { $0 != ".lock" }
  }

  func metrics() throws -> [MetricsRecord] {
    MetricsRecord.records(in: String(decoding: try Files.read(directory.metrics), as: UTF8.self))
  }
}
