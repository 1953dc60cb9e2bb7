// A run over shards, put together in the one order that works: plan, split, session (locks), loader (forks), learner
// (takes memory and starts threads), loop.

import Basics
import DataLoading
import Experiments
import ShardFormat

public struct ShardTraining {
  /// With everything settled that was `auto`.
  public let plan: RunPlan
  /// The split's folder.
  public let folder: String
  public let model: ModelConfiguration
  private let storage: [InputStorage]

  /// Reads the manifest; nothing on disk changes.
  /// - Throws: missing input for an absent folder, bad data for a manifest that cannot be trained on, usage for keys
  ///   that do not fit it.
  public init(_ plan: RunPlan, shards: String) throws {
    let configuration = plan.configuration
    let location = try ShardLocation(
      shards: shards, dataset: configuration.dataset, split: configuration.split)
    let manifest = try Manifest(directory: location.folder)
    let inputs = try manifest.specifications(at: location.folder)
    var settled = plan
    model = try settled.settle(split: location.split, inputs: inputs)
    self.plan = settled
    folder = location.folder
    storage = try manifest.storage(of: inputs, at: location.folder)
  }

  /// Trains to the end. Call from the main thread before any other thread is started.
  /// - Parameter remark: takes a sentence for the person watching.
  public func run(remark: (String) -> Void) throws -> RunSummary {
    let session = try RunSession(plan)
    session.remarks.forEach(remark)
    let configuration = session.configuration
    let source = try LoaderSource(
      Self.options(configuration, folder: folder, from: session.samples))
    let learner = try NetworkLearner<Batch>(configuration, model, storage: storage)
    let run = try PretrainingRun(session, learner: learner, source: source)
    remark(try run.spaceEstimate())
    return try run.run()
  }

  private static func options(
    _ configuration: RunConfiguration, folder: String, from position: UInt64
  ) -> LoaderOptions {
    var options = LoaderOptions(
      directory: folder, batch: configuration.batch, workers: configuration.workers,
      seed: configuration.seed, shuffle: Shuffle(rawValue: configuration.shuffle.rawValue)!,
      startPosition: position,
      onBadBlock: BadBlocks(rawValue: configuration.onBadBlock.rawValue)!)
    if let ring = configuration.ring { options.slots = ring }
    return options
  }
}
