// A whole split, once, without processes: for evaluation, features and checks.

import Basics
import ShardFormat

/// Reads every sample of a split exactly once, blocks in storage order, in this process.
///
/// A sample's `id` says where it belongs: the record's ordinal, or the draw's index; whoever wants record order
/// places by it. Samples of windows come in the order of their draws: the fixed list, or epoch 0 of `seed`.
public final class SampleReader {
  public let manifest: Manifest
  /// Samples in the split: records, or windows an epoch.
  public let sampleCount: Int
  private let split: Split
  private let seed: UInt64
  private let cacheBytes: Int

  /// - Parameters:
  ///   - directory: the split's folder.
  ///   - seed: of the draws, where the windows are not a fixed list.
  public convenience init(directory: String, seed: UInt64 = 0, cacheBytes: Int = 64 << 20) throws {
    let manifest = try Manifest(directory: directory)
    self.init(
      manifest, try Split(manifest, directory: directory), seed: seed, cacheBytes: cacheBytes)
  }

  init(_ manifest: Manifest, _ split: Split, seed: UInt64, cacheBytes: Int) {
    self.manifest = manifest
    self.split = split
    self.seed = seed
    self.cacheBytes = cacheBytes
    sampleCount = split.sampleCount
  }

  /// Calls `body` with batches of `size` samples, the last one shorter; a batch is valid until `body` returns.
  /// - Throws: what `body` throws; the failure of a damaged shard.
  public func forEachBatch(of size: Int, _ body: (Batch) throws -> Void) throws {
    precondition(size > 0, "batches of \(size) samples")
    let layout = SlotLayout(split.sample, capacity: min(size, sampleCount))
    let slot = UnsafeMutableRawPointer.allocate(byteCount: layout.byteCount, alignment: 64)
    defer { slot.deallocate() }
    layout.head(slot).initialize(to: SlotHead(chunk: 0, epoch: 0, count: layout.capacity))
    let table = BatchTable(capacity: layout.capacity, sample: split.sample)
    let reader = try split.open()
    let assembler = split.assembler(
      layout: layout, seed: seed, cacheBytes: cacheBytes, badBlocks: .fail, decode: reader.decode)
    var disk = DiskWatch()
    var first = 0
    while first < sampleCount {
      // Records come in the order in which they lie: their blocks are read ahead below.
      if case .windows = split.content {
        assembler.prefetch = disk.isBusy() ? reader.prefetch : nil
      }
      let count = min(layout.capacity, sampleCount - first)
      try assembler.gather(slot, (first..<first + count).lazy.map { UInt64($0) }, epoch: 0)
      for i in 0..<count {
        table.set(i, layout, slot, place: i, id: layout.ids(slot)[i])
      }
      try body(Batch(count: count, table: table))
      first += count
    }
  }
}
