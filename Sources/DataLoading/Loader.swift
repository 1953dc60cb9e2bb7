// The trainer's side: takes samples in the order of the sequence, from one folder or a mixture of several, and hands out
// batches that point into the slots.

import Basics
import CSystem
import ShardFormat

/// Batches of one split or of a mixture, for ever, from forked workers. Use from one thread.
public final class Loader {
  /// The first folder's.
  public let manifest: Manifest
  let streams: [ChunkStream]
  private let batchSize: Int
  private let table: BatchTable
  private var schedule: MixtureSchedule
  /// The first id of each folder's samples: ids count on over the folders.
  private let firstIDs: [UInt64]
  /// Where the next batch begins.
  private var cursor: UInt64

  /// Maps the rings and forks the supervisors, which fork the workers.
  ///
  /// Call from the main thread before BLAS and before any other thread is started.
  /// - Throws: `usage` for impossible options; the manifests' and shards' failures; `tryAgain` without memory or
  ///   processes.
  public convenience init(_ options: LoaderOptions) throws {
    var parts: [(Manifest, Split)] = []
    for folder in options.folders {
      let manifest = try Manifest(directory: folder.directory)
      // All shards there, all of their length?
      _ = try ShardReader(directory: folder.directory, manifest: manifest)
      parts.append((manifest, try Split(manifest, directory: folder.directory)))
    }
    try self.init(options, parts[0].0, parts.map(\.1))
  }

  convenience init(_ options: LoaderOptions, _ manifest: Manifest, _ split: Split) throws {
    try self.init(options, manifest, [split])
  }

  init(_ options: LoaderOptions, _ manifest: Manifest, _ splits: [Split]) throws {
    try Self.check(options, splits)
    self.manifest = manifest
    schedule = MixtureSchedule(weights: options.folders.map(\.weight), seed: options.seed)
    let starts = schedule.positions(before: options.startPosition)
    batchSize = options.batch
    table = BatchTable(capacity: options.batch, sample: splits[0].sample)
    cursor = options.startPosition
    var firstIDs: [UInt64] = []
    var streams: [ChunkStream] = []
    for (k, split) in splits.enumerated() {
      firstIDs.append(firstIDs.indices.last.map { firstIDs[$0] + streams[$0].epochLength } ?? 0)
      streams.append(
        try ChunkStream(
          split, options, start: starts[k],
          tally: options.startTallies.isEmpty ? nil : options.startTallies[k]))
    }
    self.firstIDs = firstIDs
    self.streams = streams
  }

  private static func check(_ options: LoaderOptions, _ splits: [Split]) throws {
    func check(_ holds: Bool, _ name: String, _ range: String, _ found: Any) throws {
      if !holds {
        throw Failure(.usage, at: name, "expected \(range), found \(found)")
      }
    }
    try check(options.batch > 0, "batch", "at least 1", options.batch)
    try check((1...256).contains(options.workers), "--workers", "1 to 256", options.workers)
    try check((1...4096).contains(options.slots), "--slots", "1 to 4096", options.slots)
    try check(
      options.workerTimeoutSeconds > 0, "--worker-timeout", "more than 0 seconds",
      options.workerTimeoutSeconds)
    for (folder, split) in zip(options.folders, splits) where split.sample != splits[0].sample {
      throw Failure(
        .usage, at: folder.directory,
        "expected samples of the same inputs and types as \(options.folders[0].directory), found "
          + "\(split.sample.inputBytes) bytes instead of \(splits[0].sample.inputBytes)",
        remedy: "Mix sets whose samples have the same shape.")
    }
  }

  /// How many samples of the sequence have been consumed: `startPosition` of a loader that goes on from here.
  public var position: UInt64 { cursor }
  /// How many of them were left out with their damaged blocks.
  public var skippedCount: UInt64 { streams.reduce(0) { $0 + $1.skippedCount } }
  /// Total time that `next()` has waited for workers.
  public var waitSeconds: Double {
    Double(streams.reduce(0) { $0 + $1.waitNanoseconds }) * 1e-9
  }
  /// Samples in an epoch of each folder.
  public var epochLengths: [UInt64] { streams.map(\.epochLength) }
  /// What each folder's epoch under way has given: `startTallies` of a loader that goes on from here.
  public var tallies: [EpochTally] { streams.map(\.tally) }

  /// Epochs that were consumed to their end since the last call.
  public func takeClosedEpochs() -> [ClosedEpoch] {
    streams.enumerated().flatMap { folder, stream in
      stream.takeClosed().map { ClosedEpoch(folder: folder, tally: $0) }
    }
  }

  /// The next batch; the one before is given back.
  ///
  /// After a failure nothing has moved: the same call may be tried again.
  /// - Throws: the workers' failure (`badData` names shard and block; `tryAgain` for one that keeps dying), the
  ///   supervisor's death, `interrupted` when a stop signal ends a wait.
  public func next() throws -> Batch {
    for stream in streams { stream.begin() }
    var position = cursor
    var count = 0
    while count < batchSize {
      let (folder, most) = schedule.run(at: position)
      let (samples, positions) = try streams[folder].take(
        most, into: table, at: count, room: batchSize - count, folder: folder,
        firstID: firstIDs[folder])
      count += samples
      position += positions
    }
    for stream in streams { stream.commit() }
    cursor = position
    return Batch(count: count, table: table)
  }

  /// Ends and reaps all processes. Batches are no longer valid.
  public func close() { for stream in streams { stream.close() } }

  // MARK: what happened

  /// The ends of workers since the last call, oldest first; at most the last 64 of each folder.
  public func takeWorkerEnds() -> [WorkerEnd] { streams.flatMap { $0.takeWorkerEnds() } }

  /// The damaged blocks that workers skipped last, one failure for each worker that met any.
  public var lastSkippedBlocks: [Failure] { streams.flatMap(\.lastSkippedBlocks) }

  /// Where the workers' time went, summed over workers.
  public var workerTimes: WorkerTimes {
    streams.reduce(into: WorkerTimes()) { $0.add($1.workerTimes) }
  }

  /// Processor time of the supervisors and of the workers that live now, each since it began: one that was replaced counts no more.
  package var processorSeconds: Double { streams.reduce(0) { $0 + $1.processorSeconds } }

  /// How many workers there are in all.
  public var workerCount: Int { streams.reduce(0) { $0 + $1.plan.workers } }
}
