// A loader without files or decoding, for measuring what workers, rings and batches cost by themselves.

import Basics
import Glibc
import ShardFormat

extension Loader {
  /// Samples of `sampleBytes` bytes, 16 to a chunk of `batch`: a worker copies them from a block that it fills once.
  package static func handingOver(sampleBytes: Int, batch: Int, workers: Int) throws -> Loader {
    let perBlock = max(1, batch / Int(SampleOrder.blocksPerChunk))
    let shape = RecordShape(
      sampleCount: perBlock << 20, samplesPerBlock: perBlock,
      parts: [.init(bytes: sampleBytes, destination: .input(0))])
    let storage = KeyedPermutation(
      count: UInt64(shape.sampleCount), key: RandomKey(seed: 0x4D65_7461, "storage"))
    let split = Split(
      directory: "hand-over", content: .records(shape, storageOrder: storage), shards: [],
      open: {
        BlockReader(read: { _ in 0 }) { block, buffer in
          // The first words change from block to block, the rest stays in the cache.
          buffer.storeBytes(of: UInt64(block) + 1, as: UInt64.self)
        }
      })
    let manifest = Manifest(
      dataset: "hand-over", split: "pretrain", inputs: [], fields: [], task: .none, transforms: [],
      sampleCount: shape.sampleCount, samplesPerBlock: perBlock, provenance: Provenance())
    return try Loader(
      LoaderOptions(directory: "hand-over", batch: batch, workers: workers), manifest, split)
  }
}
