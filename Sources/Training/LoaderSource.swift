// The loader as the training loop sees it.

import Basics
import DataLoading
import Experiments

extension Batch: StoredBatch {}

final class LoaderSource: BatchSource {
  private let loader: Loader
  /// The sets of a mixture; empty where there is one set.
  private let names: [String]
  private var skippedSaid: UInt64 = 0
  /// The digest of a whole epoch of each set, once one has ended.
  private var whole: [SetDigest?]
  private var brokenReceipts: [String] = []

  /// - Parameters:
  ///   - options: without what earlier processes of the run have consumed.
  ///   - names: the sets of a mixture, in the order of the options' folders.
  ///   - open: what they have; empty for a fresh start.
  /// - Throws: what the loader throws; bad data when a hash is none.
  init(_ options: LoaderOptions, names: [String], open: [OpenEpoch], at path: String) throws {
    var options = options
    options.startTallies = try open.map { epoch in
      guard let consumed = epoch.consumed, let skipped = epoch.leftOut else {
        throw Failure(
          .badData, at: path, "expected hashes of 32 hexadecimal digits in 'epochs', found others")
      }
      return EpochTally(epoch: epoch.epoch, consumed: consumed, skipped: skipped)
    }
    guard options.startTallies.isEmpty || options.startTallies.count == options.folders.count else {
      throw Failure(
        .badData, at: path,
        "expected \(options.folders.count) entries in 'epochs', found \(open.count)")
    }
    self.names = names
    loader = try Loader(options)
    whole = loader.epochLengths.map { _ in nil }
  }

  func next() throws -> Batch { try loader.next() }
  func samples(of batch: Batch) -> [SampleName] {
    (0..<batch.count).map { SampleName(epoch: batch.epoch(of: $0), id: batch.id(of: $0)) }
  }
  var position: UInt64 { loader.position }
  var skippedCount: UInt64 { loader.skippedCount }
  var epochLength: UInt64 { loader.epochLengths.reduce(0, +) }
  var waitSeconds: Double { loader.waitSeconds }
  var workerTimes: WorkerTimes { loader.workerTimes }
  var workerCount: Int { loader.workerCount }
  func close() { loader.close() }

  private func name(of folder: Int) -> String? { names.isEmpty ? nil : names[folder] }

  var openEpochs: [OpenEpoch] {
    loader.tallies.enumerated().map { folder, tally in
      OpenEpoch(
        epoch: tally.epoch, length: loader.epochLengths[folder], dataset: name(of: folder),
        consumed: tally.consumed, skipped: tally.skipped)
    }
  }

  func takeReceipts() -> [EpochReceipt] {
    loader.takeClosedEpochs().map { closed in
      let length = loader.epochLengths[closed.folder]
      let whole = self.whole[closed.folder] ?? SetDigest(upTo: length)
      self.whole[closed.folder] = whole
      let receipt = EpochReceipt(
        epoch: closed.tally.epoch, dataset: name(of: closed.folder),
        consumed: closed.tally.consumed, skipped: closed.tally.skipped, manifestHash: whole.text)
      if let problem = receipt.problem(length: length, whole: whole) {
        brokenReceipts.append("the receipt does not hold: \(problem)")
      }
      return receipt
    }
  }

  func takeRemarks() -> [String] {
    var remarks = loader.takeWorkerEnds().map { "\($0); it was replaced" } + brokenReceipts
    brokenReceipts.removeAll()
    if loader.skippedCount > skippedSaid {
      skippedSaid = loader.skippedCount
      remarks.append("\(skippedSaid) samples left out so far with damaged blocks, among them:")
      remarks += loader.lastSkippedBlocks.map(\.description)
    }
    return remarks
  }
}
