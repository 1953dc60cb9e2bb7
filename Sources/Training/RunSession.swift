// A run directory in use: locked, cleared of half-written items, with its configuration written and its starting point
// found. Open it before anything is forked; build loader and learner after.

import Basics
import Experiments

public final class RunSession {
  public let directory: RunDirectory
  public let configuration: RunConfiguration
  /// nil: the run starts from its initial values.
  public let checkpoint: Checkpoint?
  /// What the user should be told, a sentence each.
  public let remarks: [String]
  /// nil: another rank leads.
  let lock: RunLock?

  /// Updates done so far.
  public var step: Int { checkpoint?.state.step ?? 0 }

  /// Places of the sample sequence consumed so far: where the loader starts.
  public var samples: UInt64 { checkpoint?.state.samples ?? 0 }

  /// What the epochs under way have given; empty at the start of a run.
  public var openEpochs: [OpenEpoch] { checkpoint?.state.epochs ?? [] }

  /// - Parameter plan: with a configuration whose `auto` values are settled.
  /// - Throws: try again when the directory is in use; usage when it has content (a new run) or is past the asked
  ///   number of steps; what the disk reports.
  public init(_ plan: RunPlan) throws {
    directory = plan.directory
    configuration = plan.configuration
    try Files.createFolder(directory.path)
    lock = try RunLock(directory)
    let store = CheckpointStore(directory)
    if !plan.resume { try RunPlan.refuseContent(directory) }
    try store.removeUnfinished()
    let (found, damaged) = try store.newestWhole()
    checkpoint = found
    try Self.check(found, plan)
    try Self.write(configuration, to: directory)
    remarks = plan.resume ? Self.remarks(found, damaged) : []
  }

  /// A rank that follows: it reads the checkpoint and writes nothing.
  /// - Throws: as above, but for what concerns the directory.
  public init(following plan: RunPlan) throws {
    directory = plan.directory
    configuration = plan.configuration
    lock = nil
    checkpoint = plan.resume ? try CheckpointStore(directory).newestWhole().checkpoint : nil
    remarks = []
    try Self.check(checkpoint, plan)
  }

  private static func check(_ found: Checkpoint?, _ plan: RunPlan) throws {
    if let found, found.state.step > plan.configuration.steps {
      throw Failure(
        .usage, at: "steps",
        "expected at least \(found.state.step), which \(plan.directory.path) has "
          + "reached, found \(plan.configuration.steps)")
    }
    if let found {
      let expected = UInt64(found.state.step * plan.configuration.batch) &+ found.state.skipped
      guard found.state.samples == expected else {
        throw Failure(
          .badData, at: found.files.state,
          "expected \(expected) samples after step \(found.state.step), found "
            + "\(found.state.samples)")
      }
    }
  }

  private static func remarks(_ found: Checkpoint?, _ damaged: [Failure]) -> [String] {
    let start =
      found.map { "going on after step \($0.state.step), from \($0.files.folder)" }
      ?? "no whole checkpoint yet: starting at step 0"
    return damaged.map { "damaged checkpoint left aside: \($0)" } + [start]
  }

  private static func write(_ configuration: RunConfiguration, to directory: RunDirectory) throws {
    let head =
      "# Resolved by metamae-train. Repeats the run: "
      + "metamae-train --config THIS_FILE --shards DIR --run NEW_DIR\n"
    let text = head + configuration.yaml
    if Files.exists(directory.configuration),
      try Files.read(directory.configuration) == Array(text.utf8)
    {
      return
    }
    try Files.writeAtomically(text, to: directory.configuration)
  }
}
