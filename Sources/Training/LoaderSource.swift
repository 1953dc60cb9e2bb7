// The forked loader as the source of a run's batches.

import Basics
import DataLoading
import Experiments
import ShardFormat

extension Batch: StoredBatch {}

final class LoaderSource: BatchSource {
  private let loader: Loader

  /// Forks the supervisor and its workers: call before anything that starts a thread.
  init(_ configuration: RunConfiguration, folder: String, position: UInt64) throws {
    var options = LoaderOptions(
      directory: folder, batch: configuration.batch, workers: configuration.workers,
      seed: configuration.seed, startPosition: position)
    options.shuffle =
      switch configuration.shuffle {
      case .full: .full
      case .window: .window
      case .none: .none
      }
    options.onBadBlock = configuration.onBadBlock == .fail ? .fail : .skip
    if let ring = configuration.ring { options.slots = ring }
    loader = try Loader(options)
  }

  func next() throws -> Batch { try loader.next() }

  func samples(of batch: Batch) -> [SampleName] {
    (0..<batch.count).map { SampleName(epoch: batch.epoch(of: $0), id: batch.id(of: $0)) }
  }

  var position: UInt64 { loader.position }
  var skippedCount: UInt64 { loader.skippedCount }
  var epochLength: UInt64 { UInt64(loader.manifest.epochLength) }
  var waitSeconds: Double { loader.waitSeconds }

  func takeRemarks() -> [String] { loader.takeWorkerEnds().map { "loader: \($0)" } }

  func close() { loader.close() }
}
