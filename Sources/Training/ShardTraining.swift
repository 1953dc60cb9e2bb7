// A run over shards, put together in the one order that works: plan, split, session (locks), loader (forks), learner
// (takes memory and starts threads), loop.

import Basics
import DataLoading
import Experiments
import Networks
import ShardFormat
import TensorCore

public struct ShardTraining {
  /// From the configuration, the networks and their parameters to a probe of the encoder.
  public typealias ProbeMaker = (RunConfiguration, Network, ParameterBuffer<Float>) throws ->
    any OnlineProbe

  /// With everything settled that was `auto`.
  public let plan: RunPlan
  /// The splits' folders: one, or those of a mixture in its order.
  public let folders: [LoaderFolder]
  public let model: ModelConfiguration
  /// How each folder stores its inputs.
  private let storage: [[InputStorage]]

  /// The folders for a person.
  public var place: String { folders.map(\.directory).joined(separator: ", ") }

  /// Reads the manifests; nothing on disk changes.
  /// - Throws: missing input for an absent folder, bad data for a manifest that cannot be trained on, usage for keys
  ///   that do not fit it or sets that cannot be mixed.
  public init(_ plan: RunPlan, shards: String) throws {
    let configuration = plan.configuration
    let parts =
      configuration.mixture.isEmpty
      ? [MixturePart(dataset: configuration.dataset, weight: 1)] : configuration.mixture
    var folders: [LoaderFolder] = []
    var splits: [String] = []
    var inputs: [InputSpecification] = []
    var storage: [[InputStorage]] = []
    for part in parts {
      let location = try ShardLocation(
        shards: shards, dataset: part.dataset, split: configuration.split)
      let manifest = try Manifest(directory: location.folder)
      let these = try manifest.specifications(at: location.folder)
      if folders.isEmpty { inputs = these }
      guard these == inputs else {
        throw Failure(
          .usage, at: location.folder,
          "expected the inputs of \(folders[0].directory), found others",
          remedy: "Sets of a mixture need inputs of the same kind, shape, patch and vocabulary.")
      }
      folders.append(LoaderFolder(location.folder, weight: part.weight))
      splits.append(location.split)
      storage.append(try manifest.storage(of: these, at: location.folder))
    }
    var settled = plan
    let split = Set(splits).count == 1 ? splits[0] : nil
    model = try settled.settle(split: split, inputs: inputs)
    self.plan = settled
    self.folders = folders
    self.storage = storage
  }

  /// Trains to the end. Call from the main thread before any other thread is started.
  /// - Parameters:
  ///   - group: the ranks that train together; all read all batches, rank 0 writes.
  ///   - chaos: faults that were asked for.
  ///   - probe: makes what judges the encoder under training, where `probe_every` asks for it.
  ///   - remark: takes a sentence for the person watching.
  public func run(
    group: RankGroup = .alone, chaos: Chaos = .none, probe: ProbeMaker? = nil,
    remark: (String) -> Void
  ) throws -> RunSummary {
    let session = try group.leads ? RunSession(plan) : RunSession(following: plan)
    session.remarks.forEach(remark)
    let configuration = session.configuration
    var options = options(configuration, from: session.samples)
    options.chaos = chaos
    let source = try LoaderSource(
      options, names: configuration.mixture.map(\.dataset), open: session.openEpochs,
      at: session.checkpoint?.files.state ?? session.directory.path)
    let ranks = try group.connect()
    let learner = NetworkLearner<Batch>(configuration, model, storage: storage, ranks: ranks)
    let online =
      group.leads && configuration.probeEvery > 0
      ? try probe?(configuration, learner.network, learner.weights) : nil
    let run = try PretrainingRun(
      session, learner: learner, source: source, probe: online, ranks: ranks)
    if group.leads { remark(try run.spaceEstimate()) }
    let summary = try run.run()
    ranks.close()
    return summary
  }

  private func options(_ configuration: RunConfiguration, from position: UInt64) -> LoaderOptions {
    var options = LoaderOptions(
      directory: folders[0].directory, batch: configuration.batch,
      workers: configuration.workers, seed: configuration.seed,
      shuffle: Shuffle(rawValue: configuration.shuffle.rawValue)!, startPosition: position,
      onBadBlock: BadBlocks(rawValue: configuration.onBadBlock.rawValue)!,
      workerTimeoutSeconds: configuration.workerTimeout)
    options.folders = folders
    if let ring = configuration.ring { options.slots = ring }
    return options
  }
}
