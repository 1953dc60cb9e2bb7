// The checkpoints of a run: each appears whole or not at all, the newest whole one is found by checksum, old ones go.

import Basics
import Experiments
import Glibc

struct CheckpointStore {
  private let directory: RunDirectory

  init(_ directory: RunDirectory) { self.directory = directory }

  /// Writes beside, syncs, renames; then removes what is older than the newest `keep`.
  /// - Throws: the disk's failure; the checkpoints that were there stay as they were.
  func save(_ learner: some Learner, at position: CheckpointPosition, keep: Int) throws {
    try Files.createFolder(directory.checkpoints)
    try place(learner, at: position, batch: nil, in: directory.checkpoints)
    try prune(before: position.step, keep: keep)
  }

  /// Removes what is older than the newest `keep`; `step` itself and what comes after it stay.
  func prune(before step: Int, keep: Int) throws {
    for old in try steps().dropFirst(keep) where old < step {
      try discard(directory.checkpoint(step: old).folder)
    }
  }

  /// Keeps the state that a failed step started from, in the form of a checkpoint.
  /// - Returns: its folder.
  func saveReplay(
    _ learner: some Learner, at position: CheckpointPosition, batch: [SampleName]
  ) throws -> String {
    try Files.createFolder(directory.replay)
    return try place(learner, at: position, batch: batch, in: directory.replay)
  }

  @discardableResult
  private func place(
    _ learner: some Learner, at position: CheckpointPosition, batch: [SampleName]?,
    in folder: String
  ) throws -> String {
    let target = "\(folder)/step-\(position.step)"
    let beside = target + unfinishedSuffix
    do {
      try Files.remove(beside)
      try Files.createFolder(beside)
      try Checkpoint.write(
        learner, at: position, batch: batch, to: CheckpointFiles(folder: beside))
      // Only a damaged checkpoint can stand there: a run never saves a step that it has gone on from.
      if Files.exists(target) { try discard(target) }
      try Self.rename(beside, to: target)
    } catch {
      try? Files.remove(beside)  // the reason above matters; the next start removes what is left
      throw error
    }
    try Files.sync(folder: folder)
    return target
  }

  /// The newest checkpoint that is whole.
  /// - Returns: nil when none is; `damaged` says what is wrong with each newer one.
  /// - Throws: the disk's failure when a file cannot be read at all.
  func newestWhole() throws -> (checkpoint: Checkpoint?, damaged: [Failure]) {
    var damaged: [Failure] = []
    for step in try steps() {
      do {
        let checkpoint = try Checkpoint(directory.checkpoint(step: step))
        guard checkpoint.state.step == step else {
          throw Failure(
            .badData, at: checkpoint.files.state,
            "expected step \(step), found \(checkpoint.state.step)")
        }
        return (checkpoint, damaged)
      } catch let failure as Failure where failure.kind == .badData {
        damaged.append(failure)
      }
    }
    return (nil, damaged)
  }

  /// Removes what a killed process has left half-written.
  func removeUnfinished() throws {
    for folder in [directory.path, directory.checkpoints, directory.replay]
    where Files.isFolder(folder) {
      for name in try Files.list(folder) where name.hasSuffix(unfinishedSuffix) {
        try Files.remove(folder + "/" + name)
      }
    }
  }

  /// Steps that have a folder, newest first.
  private func steps() throws -> [Int] {
    guard Files.isFolder(directory.checkpoints) else { return [] }
    return try Files.list(directory.checkpoints).compactMap(RunDirectory.step(of:)).sorted(by: >)
  }

  /// Takes the name away first: a kill in between leaves an unfinished item, never half a checkpoint.
  private func discard(_ folder: String) throws {
    let beside = folder + ".old" + unfinishedSuffix
    try Files.remove(beside)
    try Self.rename(folder, to: beside)
    try Files.remove(beside)
  }

  private static func rename(_ old: String, to new: String) throws {
    guard !DiskFault.strikes(), Glibc.rename(old, new) == 0 else {
      throw Failure.system(errno, at: new, "cannot rename")
    }
  }
}
