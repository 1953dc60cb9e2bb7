// The loader as the training loop sees it.

import DataLoading

extension Batch: StoredBatch {}

final class LoaderSource: BatchSource {
  private let loader: Loader
  private var skippedSaid: UInt64 = 0

  init(_ options: LoaderOptions) throws { loader = try Loader(options) }

  func next() throws -> Batch { try loader.next() }
  func samples(of batch: Batch) -> [SampleName] {
    (0..<batch.count).map { SampleName(epoch: batch.epoch(of: $0), id: batch.id(of: $0)) }
  }
  var position: UInt64 { loader.position }
  var skippedCount: UInt64 { loader.skippedCount }
  var epochLength: UInt64 { UInt64(loader.manifest.epochLength) }
  var waitSeconds: Double { loader.waitSeconds }
  func close() { loader.close() }

  func takeRemarks() -> [String] {
    var remarks = loader.takeWorkerEnds().map { "\($0); it was replaced" }
    if loader.skippedCount > skippedSaid {
      skippedSaid = loader.skippedCount
      remarks.append("\(skippedSaid) samples left out so far with damaged blocks, among them:")
      remarks += loader.lastSkippedBlocks.map(\.description)
    }
    return remarks
  }
}
