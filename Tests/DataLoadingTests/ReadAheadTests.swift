// Blocks are prefetched before they are read: which, and when.

import CSystem
import Glibc
import ShardFormat
import Testing

@testable import DataLoading

@Suite struct ReadAheadTests {
  static let splits = [
    ComputedSplit.records(count: 1003, perBlock: 10),
    ComputedSplit.windows(rows: [90, 60, 41], perEpoch: 70, fixed: true),
    ComputedSplit.windows(rows: [90, 60, 41], perEpoch: 70, fixed: false),
  ]

  /// What is prefetched for a chunk is what filling it decodes, no block more and none less; each before it is decoded, and
  /// none again and again.
  @Test(arguments: 0..<splits.count, Shuffle.allCases) func prefetchesWhatIsRead(
    number: Int, shuffle: Shuffle
  ) throws {
    let split = Self.splits[number]
    let order = SampleOrder(split.orderShape, shuffle: shuffle, seed: 3)
    let layout = SlotLayout(split.sample, capacity: order.chunkCapacity)
    let slot = UnsafeMutableRawPointer.allocate(byteCount: layout.byteCount, alignment: 64)
    defer { slot.deallocate() }
    for index in 0..<2 * order.chunksPerEpoch {
      let reader = try split.open()
      var prefetched: [Int] = []
      var read: Set<Int> = []
      let assembler = split.assembler(
        layout: layout, seed: order.seed, cacheBytes: 1000, badBlocks: .fail
      ) { block, buffer in
        #expect(prefetched.contains(block))
        read.insert(block)
        try reader.decode(block, buffer)
      }
      assembler.prefetch = { prefetched.append($0) }
      let chunk = order.chunk(index)
      assembler.prefetchBlocks(of: chunk, order)
      try assembler.fill(slot, chunk, order)
      #expect(Set(prefetched) == read, "chunk \(index)")
      // A window's block may be the next one's as well; sorted records want each block once.
      if case .records = split.content {
        #expect(prefetched.count < 2 * read.count, "chunk \(index)")
      }
    }
  }

  /// Windows read for evaluation lie here and there: the first batch's blocks are prefetched, each before it is decoded.
  @Test func windowsReadWithoutALoader() throws {
    var split = Self.splits[1]
    let open = split.open
    nonisolated(unsafe) var prefetched: Set<Int> = []
    nonisolated(unsafe) var read: Set<Int> = []
    split.open = {
      var reader = try open()
      let decode = reader.decode
      reader.prefetch = { prefetched.insert($0) }
      reader.decode = { block, buffer in
        read.insert(block)
        try decode(block, buffer)
      }
      return reader
    }
    let reader = SampleReader(emptyManifest(), split, seed: 0, cacheBytes: 0)
    var batches = 0
    try reader.forEachBatch(of: 10) { _ in
      batches += 1
      if batches == 1 { #expect(!read.isEmpty && read.isSubset(of: prefetched)) }
    }
    #expect(batches == 7)
  }

  /// Prefetching is work: a worker that takes its time over it is not taken for one that hangs.
  @Test func slowPrefetching() async {
    await #expect(processExitsWith: .success) {
      alarm(40)
      var split = ComputedSplit.records(count: 1000, perBlock: 10)
      let open = split.open
      split.open = {
        var reader = try open()
        reader.prefetch = { _ in usleep(30_000) }
        return reader
      }
      let loader = try syntheticLoader(split, batch: 100) { $0.workerTimeoutSeconds = 0.4 }
      _ = try loader.next()
      #expect(loader.takeWorkerEnds().isEmpty)
      #expect(loader.workerTimes.readSeconds > 0.9)
      loader.close()
      #expect(loader.processorSeconds == 0)
    }
  }

  /// A worker prefetches its first chunk and the one after it before it decodes anything.
  @Test func aWorkerPrefetchesAtItsStart() async {
    await #expect(processExitsWith: .success) {
      alarm(40)
      let count = 100
      nonisolated(unsafe) let words = cs_shared_alloc(4096)!.assumingMemoryBound(to: UInt32.self)
      var split = ComputedSplit.records(count: 10 * count, perBlock: 10)
      let open = split.open
      split.open = {
        var reader = try open()
        let decode = reader.decode
        reader.decode = { block, buffer in
          words[count] += 1
          try decode(block, buffer)
        }
        // 1: before anything was decoded.
        reader.prefetch = { if words[$0] == 0 { words[$0] = words[count] + 1 } }
        return reader
      }
      let loader = try syntheticLoader(split, batch: 100)
      _ = try loader.next()
      loader.close()
      let order = SampleOrder(split.orderShape, shuffle: .window, seed: 11)
      let block = order.blocks(epoch: 0)
      for place in 0..<32 { #expect(words[Int(block(UInt64(place)))] == 1, "block at \(place)") }
    }
  }
}
