// What has been consumed of an epoch: the receipt in the making.

import Basics
import ShardFormat

/// The ids of one epoch of one folder that have been handed out or left out.
public struct EpochTally: Equatable, Sendable {
  public var epoch: UInt64
  /// Samples that were delivered.
  public var consumed = SetDigest()
  /// Samples that were left out with their damaged blocks.
  public var skipped = SetDigest()

  public init(epoch: UInt64, consumed: SetDigest = SetDigest(), skipped: SetDigest = SetDigest()) {
    self.epoch = epoch
    self.consumed = consumed
    self.skipped = skipped
  }
}

/// An epoch that was consumed to its end.
public struct ClosedEpoch: Equatable, Sendable {
  /// Which folder of a mixture, from 0.
  public var folder: Int
  public var tally: EpochTally
}

extension EpochTally {
  /// The digest of the first `count` ids of an epoch, from the order alone: no shard is read.
  /// - Precondition: `count` is at most the epoch's length.
  public static func expected(
    in directory: String, _ manifest: Manifest, shuffle: Shuffle, seed: UInt64, epoch: UInt64,
    count: UInt64
  ) throws -> SetDigest {
    let split = try Split(manifest, directory: directory)
    let order = SampleOrder(split.orderShape, shuffle: shuffle, seed: seed)
    precondition(count <= order.shape.sampleCount, "\(count) samples of an epoch")
    var digest = SetDigest()
    var chunk = order.chunk(epoch * order.chunksPerEpoch)
    while digest.count < count {
      for id in split.ids(of: chunk, in: order) where digest.count < count { digest.add(id) }
      chunk = order.chunk(chunk.index + 1)
    }
    return digest
  }
}

extension Split {
  /// The ids of a chunk's samples in their order, without reading anything.
  func ids(of chunk: SampleOrder.Chunk, in order: SampleOrder) -> [UInt64] {
    guard case .records(let shape, let storage) = content else {
      let element = order.elements(epoch: chunk.epoch)
      return (0..<UInt64(chunk.count)).map { element(chunk.first + $0) }
    }
    guard order.isBlockwise else {
      let element = order.elements(epoch: chunk.epoch)
      return (0..<UInt64(chunk.count)).map { storage[element(chunk.first + $0)] }
    }
    let block = order.blocks(epoch: chunk.epoch)
    var places = [Int32](repeating: 0, count: chunk.count)
    places.withUnsafeMutableBufferPointer { order.mix(chunk, into: $0) }
    var ids = [UInt64](repeating: 0, count: chunk.count)
    var i = 0
    for k in 0..<UInt64(chunk.blockCount) {
      let number = Int(block(chunk.firstBlock + k))
      for row in 0..<shape.count(inBlock: number) {
        ids[Int(places[i])] = storage[UInt64(number * shape.samplesPerBlock + row)]
        i += 1
      }
    }
    return ids
  }
}
