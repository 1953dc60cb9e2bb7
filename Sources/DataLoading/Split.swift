// A split as this room sees it: what its samples are, where they lie, how to open it. Made from a manifest
// (Split+Manifest.swift).

import Basics
import ShardFormat

/// Access to the blocks of a split, opened in the process that uses it.
struct BlockReader {
  /// Brings the compressed block into memory; what it returns means nothing.
  var read: (Int) throws -> UInt8
  /// Decodes a block into a buffer that is large enough.
  var decode: BlockDecoder
  /// As `decode`, with one bit of the compressed block flipped: which one the number decides.
  var decodeFlipped: (Int, UInt64, UnsafeMutableRawBufferPointer) throws -> Void = { _, _, _ in }
  /// Has the compressed block brought into memory, without waiting for it.
  var prefetch: (Int) -> Void = { _ in }
}

struct Split: Sendable {
  enum Content: Sendable {
    case records(RecordShape, storageOrder: KeyedPermutation)
    /// Windows, `perEpoch` of them.
    case windows(WindowShape, perEpoch: Int)
  }
  struct Shard: Sendable {
    var path: String
    var byteCount: Int
    var firstBlock: Int
    /// Which file it was when the loader was made; nil: not looked at.
    var identity: FileIdentity?
  }
  var directory: String
  var content: Content
  /// In the order of their blocks.
  var shards: [Shard]
  /// Opens the shards, in the process that will read them.
  var open: @Sendable () throws -> BlockReader

  var sample: SampleShape {
    switch content {
    case .windows(let shape, _): return shape.sample
    case .records(let shape, _):
      var sample = SampleShape(
        inputBytes: [Int](repeating: 0, count: shape.parts.filter(\.isInput).count), labelBytes: 0)
      for part in shape.parts {
        switch part.destination {
        case .input(let k): sample.inputBytes[k] = part.bytes
        case .label: sample.labelBytes = part.bytes
        case .nowhere: break
        }
      }
      return sample
    }
  }

  var sampleCount: Int {
    switch content {
    case .records(let shape, _): shape.sampleCount
    case .windows(_, let perEpoch): perEpoch
    }
  }

  var orderShape: OrderShape {
    switch content {
    case .records(let shape, _):
      OrderShape(
        kind: .records(samplesPerBlock: UInt64(shape.samplesPerBlock)),
        sampleCount: UInt64(shape.sampleCount))
    case .windows(let shape, let perEpoch):
      // Chunks of about 1 MiB. A constant of the order of fixed windows' work, not of what is drawn.
      OrderShape(
        kind: .draws(
          drawsPerChunk: UInt64(max(1, min(4096, (1 << 20) / max(1, shape.sample.byteCount)))),
          randomDraws: shape.fixed == nil), sampleCount: UInt64(perEpoch))
    }
  }

  /// What is decompressed into the slots themselves.
  func area(for order: SampleOrder) -> BlockArea? {
    guard order.isBlockwise, case .records(let shape, _) = content else { return nil }
    return shape.area(blocks: Int(SampleOrder.blocksPerChunk))
  }

  func assembler(
    layout: SlotLayout, seed: UInt64, cacheBytes: Int, badBlocks: BadBlocks,
    decode: @escaping BlockDecoder
  ) -> ChunkAssembler {
    let source: ChunkAssembler.Source =
      switch content {
      case .records(let shape, let storageOrder):
        .records(
          RecordSource(
            shape, layout: layout, storageOrder: storageOrder, cacheBytes: cacheBytes,
            decode: decode))
      case .windows(let shape, _):
        .windows(
          WindowSource(shape, layout: layout, seed: seed, cacheBytes: cacheBytes, decode: decode))
      }
    return ChunkAssembler(layout: layout, source: source, badBlocks: badBlocks)
  }

  /// Uncompressed.
  func byteCount(ofBlock block: Int) -> Int {
    switch content {
    case .records(let shape, _): return shape.count(inBlock: block) * shape.recordBytes
    case .windows(let shape, _):
      var low = 0
      var high = shape.segments.count
      while high - low > 1 {
        let middle = (low + high) / 2
        if shape.segments[middle].firstBlock <= block { low = middle } else { high = middle }
      }
      let segment = shape.segments[low]
      let first = (block - segment.firstBlock) * shape.rowsPerBlock
      return min(shape.rowsPerBlock, segment.rowCount - first) * shape.rowBytes
    }
  }

  /// What a SIGBUS while reading `block` means: a file cut short under its mapping, or a disk that does not answer.
  func failureOfMappedRead(block: Int) -> Failure {
    guard let shard = shards.last(where: { $0.firstBlock <= block }) else {
      return Failure(.inputOutput, at: directory, "block \(block) cannot be read (SIGBUS)")
    }
    let place = "\(shard.path), block \(block)"
    do {
      if let changed = ShardReader.change(
        try Files.identity(shard.path), byteCount: shard.byteCount, expected: shard.identity)
      {
        return Failure(.badData, at: place, changed, remedy: ShardReader.changeRemedy)
      }
    } catch let failure as Failure {
      return failure
    } catch {
      return Failure(.inputOutput, at: place, "\(error)")
    }
    return Failure(
      .inputOutput, at: place, "the mapped file cannot be read (SIGBUS) though its length is right",
      remedy: "Look for disk errors in the system's log.")
  }
}
