// Which sample stands at which place of the endless sequence that is trained on: a function of the seed and the
// position alone (docs/decisions/002-loader-process-layout.md, "Order"). Nothing here grows with the number of
// samples. A chunk is the unit of work: what one worker assembles into one slot; a chunk never spans two epochs.

import Basics

/// How the samples of an epoch are ordered.
public enum Shuffle: String, CaseIterable, Codable, Sendable {
  /// A keyed permutation of all samples: each sample costs the decoding of its block (unless the cache has it).
  case full
  /// A keyed permutation of the blocks, and of the samples within each chunk of consecutive blocks of that order.
  case window
  /// The storage order of the shards; for windows the order of the draws.
  case none
}

/// The sizes of a split that its order depends on.
struct OrderShape: Equatable, Sendable {
  enum Kind: Equatable, Sendable {
    /// Records in blocks of `samplesPerBlock`, all full but the last.
    case records(samplesPerBlock: UInt64)
    /// Draws of windows, `drawsPerChunk` to a chunk; keyed anew each epoch when they come from `randomDraws`.
    case draws(drawsPerChunk: UInt64, randomDraws: Bool)
  }
  var kind: Kind
  /// Samples in an epoch, at least 1.
  var sampleCount: UInt64
}

/// The order of one split under one seed.
struct SampleOrder: Sendable {
  /// One chunk: `count` positions of an epoch from `first` on; for block-wise orders `blockCount` places of the
  /// epoch's block order from `firstBlock` on.
  struct Chunk: Equatable, Sendable {
    var index: UInt64
    var epoch: UInt64
    var indexInEpoch: UInt64
    var first: UInt64
    var count: Int
    var firstBlock: UInt64
    var blockCount: Int
  }

  /// Blocks whose samples are mixed with each other. A constant: the order depends on it.
  static let blocksPerChunk: UInt64 = 16

  let shape: OrderShape
  let shuffle: Shuffle
  let seed: UInt64
  let chunksPerEpoch: UInt64
  /// Samples of a full chunk.
  let chunkCapacity: Int
  /// True when chunks are made of whole blocks; otherwise each sample is looked up for itself.
  let isBlockwise: Bool
  private let blockCount: UInt64
  private let samplesPerBlock: UInt64
  private let missing: UInt64  // how many samples the last block is short of

  init(_ shape: OrderShape, shuffle: Shuffle, seed: UInt64) {
    precondition(shape.sampleCount > 0, "an order of nothing")
    self.shape = shape
    self.shuffle = shuffle
    self.seed = seed
    let n = shape.sampleCount
    switch shape.kind {
    case .records(let perBlock):
      samplesPerBlock = perBlock
      blockCount = (n + perBlock - 1) / perBlock
      missing = blockCount * perBlock - n
      isBlockwise = shuffle != .full
      let capacity = perBlock * Self.blocksPerChunk
      chunksPerEpoch =
        isBlockwise
        ? (blockCount + Self.blocksPerChunk - 1) / Self.blocksPerChunk
        : (n + capacity - 1) / capacity
      chunkCapacity = Int(min(n, capacity))
    case .draws(let perChunk, _):
      samplesPerBlock = perChunk
      blockCount = 0
      missing = 0
      isBlockwise = false
      chunksPerEpoch = (n + perChunk - 1) / perChunk
      chunkCapacity = Int(min(n, perChunk))
    }
  }

  // MARK: chunks

  /// The chunk that holds a global position, and the place of that position in the chunk.
  func locate(_ position: UInt64) -> (chunk: UInt64, offset: Int) {
    let (epoch, inEpoch) = position.quotientAndRemainder(dividingBy: shape.sampleCount)
    let size = fullChunk
    var index = inEpoch / size
    if isBlockwise, missing > 0 {
      // Chunks after the one with the short block start earlier by what it is short of.
      let short = shortPlace(epoch) / Self.blocksPerChunk
      if inEpoch + missing >= (short + 1) * size { index = (inEpoch + missing) / size }
    }
    let chunk = self.chunk(epoch * chunksPerEpoch + index)
    return (chunk.index, Int(inEpoch - chunk.first))
  }

  func chunk(_ index: UInt64) -> Chunk {
    let (epoch, inEpoch) = index.quotientAndRemainder(dividingBy: chunksPerEpoch)
    var chunk = Chunk(
      index: index, epoch: epoch, indexInEpoch: inEpoch, first: inEpoch * fullChunk, count: 0,
      firstBlock: 0, blockCount: 0)
    guard isBlockwise else {
      chunk.count = Int(min(fullChunk, shape.sampleCount - chunk.first))
      return chunk
    }
    chunk.firstBlock = inEpoch * Self.blocksPerChunk
    chunk.blockCount = Int(min(Self.blocksPerChunk, blockCount - chunk.firstBlock))
    var count = UInt64(chunk.blockCount) * samplesPerBlock
    if missing > 0 {
      let place = shortPlace(epoch)
      if place < chunk.firstBlock {
        chunk.first -= missing
      } else if place < chunk.firstBlock + UInt64(chunk.blockCount) {
        count -= missing
      }
    }
    chunk.count = Int(count)
    return chunk
  }

  /// No `count` consecutive positions touch more chunks than this.
  func chunksTouched(by count: Int) -> Int {
    let count = UInt64(count)
    // In an epoch at most two chunks are not full: the last, and the one with the short block.
    let epochs = count / shape.sampleCount + 2
    let byFullness = count / fullChunk + 2 + 2 * epochs
    let byEpochs = epochs.multipliedReportingOverflow(by: chunksPerEpoch)
    return Int(byEpochs.overflow ? byFullness : min(byFullness, byEpochs.partialValue))
  }

  // MARK: what is in a chunk

  /// Block-wise orders: the blocks of an epoch in their order.
  func blocks(epoch: UInt64) -> (UInt64) -> UInt64 {
    guard shuffle == .window else { return { $0 } }
    let permutation = blockPermutation(epoch)
    return { permutation[$0] }
  }

  /// Block-wise orders: writes to `places[i]` where in the chunk the i-th sample of its blocks goes.
  func mix(_ chunk: Chunk, into places: UnsafeMutableBufferPointer<Int32>) {
    precondition(places.count == chunk.count, "places of another chunk")
    guard shuffle == .window else {
      for i in 0..<chunk.count { places[i] = Int32(i) }
      return
    }
    var stream = RandomStream(RandomKey(seed: seed, "mix", chunk.epoch, chunk.indexInEpoch))
    stream.permutation(into: places)
  }

  /// Other orders: the storage position (of records) or the draw (of windows) at each position of an epoch.
  func elements(epoch: UInt64) -> (UInt64) -> UInt64 {
    if shuffle == .none { return { $0 } }
    if case .draws(_, randomDraws: true) = shape.kind { return { $0 } }
    let permutation = KeyedPermutation(
      count: shape.sampleCount, key: RandomKey(seed: seed, "order", epoch))
    return { permutation[$0] }
  }

  // MARK: inside

  private var fullChunk: UInt64 {
    isBlockwise || blockCount > 0 ? samplesPerBlock * Self.blocksPerChunk : samplesPerBlock
  }

  private func blockPermutation(_ epoch: UInt64) -> KeyedPermutation {
    KeyedPermutation(count: blockCount, key: RandomKey(seed: seed, "order", epoch))
  }

  /// Where in the epoch's block order the last, short block stands.
  private func shortPlace(_ epoch: UInt64) -> UInt64 {
    shuffle == .window ? blockPermutation(epoch).inverse(blockCount - 1) : blockCount - 1
  }
}
