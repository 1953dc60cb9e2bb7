// A run over shards, put together in the one order that works: plan, split, session (locks), loader (forks), learner
// (takes memory), loop.

import Basics
import DataLoading
import Experiments
import ShardFormat

public struct ShardTraining {
  /// With everything settled that was `auto`.
  public let plan: RunPlan
  /// The split's folder.
  public let folder: String
  private let manifest: Manifest
  private let model: ModelConfiguration

  /// - Parameter shards: the folder that metamae-prep's --out named.
  /// - Throws: missing input for an absent split, bad data for a damaged manifest, usage for keys that do not fit it.
  public init(_ plan: RunPlan, shards: String) throws {
    let location = try ShardLocation(
      shards: shards, dataset: plan.configuration.dataset, split: plan.configuration.split)
    folder = location.folder
    manifest = try Manifest(directory: folder)
    var plan = plan
    model = try plan.settle(split: location.split, inputs: try manifest.inputSpecifications())
    self.plan = plan
  }

  /// - Parameter remark: takes a sentence for the person watching.
  public func run(remark: (String) -> Void) throws -> RunSummary {
    let storage = try manifest.inputStorage(model.inputs)
    let session = try RunSession(plan)
    session.remarks.forEach(remark)
    let source = try LoaderSource(plan.configuration, folder: folder, position: session.samples)
    do {
      let learner = try NetworkLearner<Batch>(plan.configuration, model, storage: storage)
      let run = try PretrainingRun(session, learner: learner, source: source)
      remark("training on \(folder): \(manifest.epochLength) samples an epoch, \(plan.configuration.steps) steps")
      remark(try run.spaceEstimate())
      return try run.run()
    } catch {
      source.close()
      throw error
    }
  }
}
