// A run over shards, put together in the one order that works: plan, split, session (locks), loader (forks), learner
// (takes memory), loop.

import Basics
import Experiments

public struct ShardTraining {
  /// With everything settled that was `auto`.
  public let plan: RunPlan
  /// The split's folder.
  public let folder: String

  public init(_ plan: RunPlan, shards: String) throws {
    let location = try ShardLocation(
      shards: shards, dataset: plan.configuration.dataset, split: plan.configuration.split)
    folder = location.folder
    self.plan = plan
    throw Failure(.internalError, at: folder, "reading shards is not connected yet")
  }

  /// - Parameter remark: takes a sentence for the person watching.
  public func run(remark: (String) -> Void) throws -> RunSummary { preconditionFailure() }
}
