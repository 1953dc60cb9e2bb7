// Everything a pretraining run is told, as one plain value. What each field means, its range and its default stand in
// ConfigurationKeys.swift, and only there.

import Basics

/// How far the order of samples is mixed within an epoch.
public enum ShuffleName: String, Codable, CaseIterable, Sendable { case full, window, none }

/// How the learning rate moves over a run.
public enum ScheduleName: String, Codable, CaseIterable, Sendable { case constant, cosine }

/// What judges the features while a run goes on.
public enum OnlineProbeName: String, Codable, CaseIterable, Sendable { case lbfgs, paper, knn }

/// What a damaged block does to a run.
public enum BadBlockPolicy: String, Codable, CaseIterable, Sendable { case fail, skip }

/// A set of a mixture and how often its samples come, relative to the others.
public struct MixturePart: Equatable, Sendable {
  public var dataset: String
  public var weight: Int

  public init(dataset: String, weight: Int) {
    self.dataset = dataset
    self.weight = weight
  }
}

/// What matrix products multiply.
public enum PrecisionName: String, Codable, CaseIterable, Sendable { case float32, bf16 }

public struct RunConfiguration: Equatable, Sendable {
  public var dataset: String
  /// nil: `pretrain` where there is one, else `train`.
  public var split: String?
  public var objective = ObjectiveName.metamae
  public var steps = 100_000
  public var batch = 64
  public var seed: UInt64 = 0
  public var learningRate: Float = 1e-4
  public var weightDecay: Float = 1e-4
  public var settings = ObjectiveSettings(maskRatio: 0.5)

  public var schedule = ScheduleName.constant
  /// Steps in which the learning rate climbs to `learningRate`.
  public var warmup = 0
  /// Where a cosine ends, as a share of `learningRate`.
  public var scheduleEnd = 0.0
  /// The step at which a cosine ends; nil: the run's `steps` at its start.
  public var scheduleSteps: Int?
  /// Largest norm of the whole gradient; nil: not clipped.
  public var clipNorm: Double?
  /// Decay of the running mean of the parameters; nil: none is kept.
  public var emaDecay: Double?
  /// Parts that a step's batch is computed in, one after the other.
  public var accumulate = 1

  public var encoder = TransformerSize(width: 256, heads: 8, layers: 12)
  public var decoder = TransformerSize(width: 128, heads: 4, layers: 4)
  public var projectorHidden = 1024
  public var projectorOut = 128
  public var dropout: Float = 0
  /// Token size of each input; nil: what the shards suggest.
  public var patch: [[Int]]?
  /// Rows of the embedding table; nil: what the shards say.
  public var vocabulary: Int?

  public var shuffle = ShuffleName.window
  public var onBadBlock = BadBlockPolicy.fail
  public var precision = PrecisionName.float32
  /// nil: one for each core granted.
  public var threads: Int?
  public var workers = 2
  /// Seconds without progress after which a worker is replaced.
  public var workerTimeout = 30.0
  /// Sets that are mixed by weight, `dataset` among them; empty: `dataset` alone.
  public var mixture: [MixturePart] = []
  /// Slots that each worker may fill ahead; nil: as many as the loader likes.
  public var ring: Int?
  public var saveEvery = 1000
  public var keepCheckpoints = 3
  public var logEvery = 10
  /// Steps between measures of the features' rank; 0: never.
  public var rankEvery = 0
  /// Steps between probes of the encoder under training; 0: never.
  public var probeEvery = 0
  /// Samples of each split that such a probe takes at most.
  public var probeSamples = 2000
  public var probe = OnlineProbeName.lbfgs

  /// What holds for a dataset before anything is read: Table 8's row where the paper has one.
  public init(dataset: String, objective: ObjectiveName = .metamae) {
    self.dataset = dataset
    self.objective = objective
    guard let preset = PretrainingPreset.of(dataset) else { return }
    batch = preset.batch
    settings = preset.settings
    decoder.layers = preset.decoderLayers
    dropout = preset.dropout
    if objective == .maeLinear { settings.corruptionRate = preset.maskRatio }
  }

  /// The networks over the inputs that the shards (or the catalogue) describe; `patch` and `vocabulary` override them.
  /// - Throws: usage failures for a patch that does not divide its input, a width that does not fit.
  public func model(over inputs: [InputSpecification]) throws -> ModelConfiguration {
    var inputs = inputs
    if let patch {
      guard patch.count == inputs.count else {
        throw Failure(
          .usage, at: "patch",
          "expected one token size for each of \(inputs.count) inputs of "
            + "\(dataset), found \(patch.count)")
      }
      for k in inputs.indices { inputs[k].patch = patch[k] }
    }
    if let vocabulary {
      let texts = inputs.indices.filter { inputs[$0].kind == .tokens }
      guard !texts.isEmpty else {
        throw Failure(.usage, at: "vocabulary", "\(dataset) has no input of tokens; leave it out")
      }
      for k in texts {
        guard vocabulary >= inputs[k].vocabulary else {
          throw Failure(
            .usage, at: "vocabulary",
            "expected at least \(inputs[k].vocabulary), the tokens of "
              + "\(dataset), found \(vocabulary)")
        }
        inputs[k].vocabulary = vocabulary
      }
    }
    let model = ModelConfiguration(
      inputs: inputs, encoder: encoder, decoder: decoder, projectorHidden: projectorHidden,
      projectorOut: projectorOut, dropout: dropout)
    try checkInputs(of: model)
    return model
  }
}
