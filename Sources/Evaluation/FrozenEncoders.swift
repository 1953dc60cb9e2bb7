// What an evaluation asks for and what it is given: the encoder's weights as the command line names them, and the
// features of the pretrained and of the initial encoder as closures.

import Basics
import Experiments

/// Which encoder on which data, as the command line says it.
public struct EncoderRequest: Equatable, Sendable {
  public enum Weights: Equatable, Sendable {
    /// A run directory; the newest whole checkpoint unless a step is named; of it the parameters, or their running
    /// mean.
    case run(String, step: Int?, average: Bool)
    /// A `model.safetensors`, whose metadata carries the configuration.
    case checkpoint(String)
    /// The initial encoder of a configuration file.
    case randomInit(config: String)
  }

  public var weights: Weights
  /// The folder that `--out` of build-shards named.
  public var shards: String
  /// As `--dataset` names it.
  public var dataset: String?

  public init(weights: Weights, shards: String, dataset: String? = nil) {
    self.weights = weights
    self.shards = shards
    self.dataset = dataset
  }

  /// The set whose split is read.
  /// - Parameter configured: `dataset` of the encoder's configuration.
  public func datasetName(configured: String, for split: Split) -> String {
    dataset
      ?? (split == .pretrain ? configured : DatasetCatalogue.standardTransfer(of: configured))
  }
}

/// An opened encoder with its untrained twin.
public struct FrozenEncoders {
  /// The evaluated set.
  public var dataset: String
  /// Nil for a set without labels.
  public var task: EvaluationTask?
  /// Path of the weights; nil for the initial encoder.
  public var checkpoint: String?
  /// The objective that trained it (`metamae`, ...), or `random`.
  public var name: String
  /// Nil when only the initial encoder was asked for.
  public var pretrained: FeatureSource?
  /// The encoder as its configuration's seed initialises it.
  public var initial: FeatureSource

  public init(
    dataset: String, task: EvaluationTask?, checkpoint: String?, name: String,
    pretrained: FeatureSource?, initial: @escaping FeatureSource
  ) {
    self.dataset = dataset
    self.task = task
    self.checkpoint = checkpoint
    self.name = name
    self.pretrained = pretrained
    self.initial = initial
  }
}
