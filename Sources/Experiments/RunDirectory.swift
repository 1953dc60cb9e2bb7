// Where a run keeps what (docs/formats.md, "Run directory"), and one line of its metrics.

import Basics
import Foundation

/// The names inside a run directory; nothing here touches the disk.
public struct RunDirectory: Equatable, Sendable {
  public let path: String

  public init(_ path: String) { self.path = path }

  /// The resolved configuration: repeats the run alone.
  public var configuration: String { path + "/config.yaml" }
  /// One JSON object a logged step.
  public var metrics: String { path + "/metrics.jsonl" }
  public var checkpoints: String { path + "/checkpoints" }
  public var report: String { path + "/report.html" }
  /// Held by the process that writes the run; empty, and it stays.
  public var lock: String { path + "/.lock" }
  /// What a step that could not be taken started from.
  public var replay: String { path + "/replay" }

  public func checkpoint(step: Int) -> CheckpointFiles {
    CheckpointFiles(folder: "\(checkpoints)/step-\(step)")
  }

  /// The step of a checkpoint folder's name: `step-120` is 120; nil for any other name.
  public static func step(of name: String) -> Int? {
    guard name.hasPrefix("step-"), let step = Int(name.dropFirst(5)), "step-\(step)" == name,
      step >= 0
    else { return nil }
    return step
  }
}

/// The names inside one checkpoint.
public struct CheckpointFiles: Equatable, Sendable {
  public let folder: String

  public init(folder: String) { self.folder = folder }

  /// Parameters and buffers under the published names.
  public var model: String { folder + "/model.safetensors" }
  /// AdamW's first and second moments.
  public var optimizer: String { folder + "/optimizer.safetensors" }
  /// The running mean of the parameters, a model file as well; only where `ema_decay` is set.
  public var average: String { folder + "/ema.safetensors" }
  /// Step, position and the checksums of the others: the commit.
  public var state: String { folder + "/state.json" }
}

/// What a probe of the encoder under training came to.
public struct ProbeReading: Codable, Equatable, Sendable {
  /// The transfer set.
  public var dataset: String
  public var metric: String
  public var value: Double
  public var probe: String
  public var trainSamples: Int
  public var testSamples: Int

  enum CodingKeys: String, CodingKey {
    case dataset, metric, value, probe
    case trainSamples = "train_samples"
    case testSamples = "test_samples"
  }

  public init(
    dataset: String, metric: String, value: Double, probe: String, trainSamples: Int,
    testSamples: Int
  ) {
    self.dataset = dataset
    self.metric = metric
    self.value = value
    self.probe = probe
    self.trainSamples = trainSamples
    self.testSamples = testSamples
  }
}

/// What is measured beside the loss, where the configuration asks for it.
public struct StepReadings: Equatable, Sendable {
  /// Norm of the whole gradient before it is clipped.
  public var gradientNorm: Double?
  /// Of the step's update, where it is not the same for all steps.
  public var learningRate: Double?
  /// Effective rank of the encoder's features of the batch, before the update.
  public var featureRank: Double?
  /// Of the encoder after the update.
  public var probe: ProbeReading?

  public init() {}
}

/// One line of `metrics.jsonl`.
public struct MetricsRecord: Codable, Equatable, Sendable {
  /// Updates done.
  public var step: Int
  /// Epochs begun before the step's last sample, counting from 0.
  public var epoch: UInt64
  public var loss: Double
  /// nil where the objective has no such part.
  public var reconstruction: Double?
  public var contrast: Double?
  /// Since the line before, or since the start of the process; waiting included.
  public var seconds: Double
  /// Of these, spent waiting for data.
  public var waitSeconds: Double
  public var samplesPerSecond: Double
  /// Where the span's time went, a step; nil in lines of older versions.
  public var secondsAStep: StepSeconds?
  /// The epochs that this step closed; nil when none.
  public var receipts: [EpochReceipt]?
  /// Only what the configuration asks for is written.
  public var readings = StepReadings()

  enum CodingKeys: String, CodingKey {
    case step, epoch, loss, reconstruction, contrast, seconds, receipts
    case secondsAStep = "seconds_a_step"
    case waitSeconds = "wait_seconds"
    case samplesPerSecond = "samples_per_second"
    case gradientNorm = "gradient_norm"
    case learningRate = "learning_rate"
    case featureRank = "feature_rank"
    case probe
  }

  public init(
    step: Int, epoch: UInt64, loss: Double, reconstruction: Double?, contrast: Double?,
    seconds: Double, waitSeconds: Double, samplesPerSecond: Double,
    secondsAStep: StepSeconds? = nil, receipts: [EpochReceipt]? = nil,
    readings: StepReadings = StepReadings()
  ) {
    self.step = step
    self.epoch = epoch
    self.loss = loss
    self.reconstruction = reconstruction
    self.contrast = contrast
    self.seconds = seconds
    self.waitSeconds = waitSeconds
    self.samplesPerSecond = samplesPerSecond
    self.secondsAStep = secondsAStep
    self.receipts = receipts
    self.readings = readings
  }

  public init(from decoder: any Decoder) throws {
    let line = try decoder.container(keyedBy: CodingKeys.self)
    step = try line.decode(Int.self, forKey: .step)
    epoch = try line.decode(UInt64.self, forKey: .epoch)
    loss = try line.decode(Double.self, forKey: .loss)
    reconstruction = try line.decodeIfPresent(Double.self, forKey: .reconstruction)
    contrast = try line.decodeIfPresent(Double.self, forKey: .contrast)
    seconds = try line.decode(Double.self, forKey: .seconds)
    waitSeconds = try line.decode(Double.self, forKey: .waitSeconds)
    samplesPerSecond = try line.decode(Double.self, forKey: .samplesPerSecond)
    secondsAStep = try line.decodeIfPresent(StepSeconds.self, forKey: .secondsAStep)
    receipts = try line.decodeIfPresent([EpochReceipt].self, forKey: .receipts)
    readings.gradientNorm = try line.decodeIfPresent(Double.self, forKey: .gradientNorm)
    readings.learningRate = try line.decodeIfPresent(Double.self, forKey: .learningRate)
    readings.featureRank = try line.decodeIfPresent(Double.self, forKey: .featureRank)
    readings.probe = try line.decodeIfPresent(ProbeReading.self, forKey: .probe)
  }

  /// Every key is there; what the objective does not have is null.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(step, forKey: .step)
    try container.encode(epoch, forKey: .epoch)
    try container.encode(loss, forKey: .loss)
    try container.encode(reconstruction, forKey: .reconstruction)
    try container.encode(contrast, forKey: .contrast)
    try container.encode(seconds, forKey: .seconds)
    try container.encode(waitSeconds, forKey: .waitSeconds)
    try container.encode(samplesPerSecond, forKey: .samplesPerSecond)
    try container.encodeIfPresent(secondsAStep, forKey: .secondsAStep)
    try container.encodeIfPresent(receipts, forKey: .receipts)
    try container.encodeIfPresent(readings.gradientNorm, forKey: .gradientNorm)
    try container.encodeIfPresent(readings.learningRate, forKey: .learningRate)
    try container.encodeIfPresent(readings.featureRank, forKey: .featureRank)
    try container.encodeIfPresent(readings.probe, forKey: .probe)
  }

  /// The line, with its end.
  public func line() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
  }

  /// The records of a metrics file's text; what is no whole line (a torn last one) is left out.
  public static func records(in text: String) -> [MetricsRecord] {
    let decoder = JSONDecoder()
    return text.split(separator: "\n").compactMap { line in
      try? decoder.decode(MetricsRecord.self, from: Data(line.utf8))
    }
  }
}
