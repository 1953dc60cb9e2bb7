// What is delivered, through real processes. Whatever forks runs in an exit test: a process of its own.

import Basics
import CSystem
import Glibc
import ShardFormat
import Testing

@testable import DataLoading

/// A loader over a synthetic split.
func syntheticLoader(
  _ split: Split, batch: Int, workers: Int = 1, shuffle: Shuffle = .window, start: Int = 0,
  slots: Int = 4, configure: (inout LoaderOptions) -> Void = { _ in }
) throws -> Loader {
  var options = LoaderOptions(
    directory: "synthetic", batch: batch, workers: workers, seed: 11, shuffle: shuffle,
    startPosition: UInt64(start), slots: slots)
  configure(&options)
  return try Loader(options, emptyManifest(), split)
}

/// Takes `batches` batches, checks every byte, and compares epochs and ids with the plainly written order.
func expectSequence(
  _ loader: Loader, _ split: Split, batch: Int, batches: Int, shuffle: Shuffle = .window,
  start: Int = 0
) throws {
  let expected = expectedSequence(
    split, shuffle: shuffle, seed: 11, start: start, count: batch * batches)
  for k in 0..<batches {
    let taken = try loader.next()
    #expect(taken.count == batch)
    #expect(taken.delivered == Array(expected[k * batch..<(k + 1) * batch]), "batch \(k)")
    if case .windows = split.content {
      #expect(taken.holdsWindows(of: split, seed: 11), "batch \(k)")
    } else {
      #expect(taken.holdsRecords, "batch \(k)")
    }
    #expect(loader.position == UInt64(start + (k + 1) * batch))
  }
}

@Suite("Loader: what is delivered")
struct LoaderSequenceTests {
  @Test func sameSequenceForAnyWorkersDepthAndStart() async {
    await #expect(processExitsWith: .success) {
      let split = ComputedSplit.records(count: 1003, perBlock: 10)
      for workers in [1, 2, 5] {
        for slots in [1, 16] {
          for start in [0, 1, 640, 999, 1003, 123_456] {
            for shuffle in Shuffle.allCases {
              let loader = try syntheticLoader(
                split, batch: 64, workers: workers, shuffle: shuffle, start: start, slots: slots)
              try expectSequence(
                loader, split, batch: 64, batches: 40, shuffle: shuffle, start: start)
              loader.close()
            }
          }
        }
      }
    }
  }

  /// Batches longer than an epoch, epochs of one sample, batches of one.
  @Test func smallSplitsAndLargeBatches() async {
    await #expect(processExitsWith: .success) {
      for (count, perBlock, batch) in [(1, 4, 3), (3, 1, 10), (10, 3, 128), (40, 2, 1), (7, 7, 7)] {
        for workers in [1, 3] {
          let split = ComputedSplit.records(count: count, perBlock: perBlock)
          let loader = try syntheticLoader(split, batch: batch, workers: workers, slots: 1)
          try expectSequence(loader, split, batch: batch, batches: 20)
        }
      }
    }
  }

  @Test func windows() async {
    await #expect(processExitsWith: .success) {
      for fixed in [true, false] {
        let split = ComputedSplit.windows(rows: [50, 21, 90], perEpoch: 9000, fixed: fixed)
        for (workers, start) in [(1, 0), (2, 8990), (3, 9000 * 5 + 17)] {
          let loader = try syntheticLoader(split, batch: 100, workers: workers, start: start) {
            $0.cacheBytes = 500  // a few blocks: entries are thrown out all the time
          }
          try expectSequence(loader, split, batch: 100, batches: 50, start: start)
        }
      }
    }
  }

  /// The counters of the ring wrap at 2^32.
  @Test func countersWrap() async {
    await #expect(processExitsWith: .success) {
      let split = ComputedSplit.records(count: 100, perBlock: 1)
      let options = LoaderOptions(directory: "", batch: 10, seed: 11)
      var plan = try Loader(options, emptyManifest(), split).plan
      plan.workers = 1
      let memory = try LoaderMemory(workers: 1, slotsPerWorker: 2, slotBytes: 64)
      let ring = memory.rings[0]
      for k in [UInt32.max - 1, .max, 0, 1] {
        ring.release(upTo: k)
        ring.publish(upTo: k)
        #expect(ring.isFree(k) && ring.isFree(k &+ 1) && !ring.isFree(k &+ 2))
        #expect(!ring.isPublished(k) && ring.isPublished(k &- 1))
      }
    }
  }

  /// Damaged blocks: the same samples are left out whatever the workers, the rest comes in order.
  @Test func skippedBlocks() async {
    await #expect(processExitsWith: .success) {
      let whole = ComputedSplit.records(count: 500, perBlock: 10)
      let split = ComputedSplit.records(count: 500, perBlock: 10, bad: [3, 17, 49])
      for shuffle in Shuffle.allCases {
        let storage = ComputedSplit.storageOrder(500)
        let lost = Set([3, 17, 49].flatMap { b in (0..<10).map { storage[UInt64(10 * b + $0)] } })
        let expected = expectedSequence(whole, shuffle: shuffle, seed: 11, start: 0, count: 3000)
          .filter { !lost.contains($0.id) }
        for workers in [1, 3] {
          let loader = try syntheticLoader(split, batch: 47, workers: workers, shuffle: shuffle) {
            $0.onBadBlock = .skip
          }
          var taken: [Delivered] = []
          for _ in 0..<40 {
            let batch = try loader.next()
            #expect(batch.holdsRecords)
            taken += batch.delivered
          }
          #expect(taken == Array(expected[..<taken.count]))
          #expect(loader.position == UInt64(taken.count) + loader.skippedCount)
          #expect(loader.lastSkippedBlocks.first?.kind == .badData)
          // A loader that begins at this one's position goes on as this one does.
          let resumed = try syntheticLoader(
            split, batch: 47, workers: 2, shuffle: shuffle, start: Int(loader.position)
          ) { $0.onBadBlock = .skip }
          for _ in 0..<5 { #expect(try resumed.next().delivered == loader.next().delivered) }
        }
      }
      // Nothing but damage: an error, not a hang.
      let gone = ComputedSplit.records(count: 500, perBlock: 10, bad: Set(0..<50))
      let loader = try syntheticLoader(gone, batch: 5) { $0.onBadBlock = .skip }
      let failure = #expect(throws: Failure.self) { try loader.next() }
      #expect(failure?.kind == .badData)
      #expect(failure?.problem.contains("too many damaged blocks") == true)
    }
  }

  @Test func impossibleOptions() async {
    await #expect(processExitsWith: .success) {
      let split = ComputedSplit.records(count: 5, perBlock: 2)
      for (change, place) in [
        ({ $0.batch = 0 }, "batch"), ({ $0.workers = 0 }, "--workers"),
        ({ $0.slots = 0 }, "--slots"), ({ $0.workerTimeoutSeconds = 0 }, "--worker-timeout"),
      ] as [((inout LoaderOptions) -> Void, String)] {
        let failure = #expect(throws: Failure.self) {
          try syntheticLoader(split, batch: 1, configure: change)
        }
        #expect(failure?.kind == .usage && failure?.place == place)
      }
    }
  }

  /// A thousand batches: descriptors, mappings and resident memory stay as they are.
  @Test func nothingGrows() async {
    await #expect(processExitsWith: .success) {
      let split = ComputedSplit.records(count: 1003, perBlock: 10)
      let loader = try syntheticLoader(split, batch: 64, workers: 2)
      for _ in 0..<200 { _ = try loader.next() }
      let descriptors = try Files.list("/proc/self/fd").count
      let resident = residentBytes()
      for _ in 0..<5000 { _ = try loader.next() }
      #expect(try Files.list("/proc/self/fd").count == descriptors)
      #expect(residentBytes() < resident + 1 << 20)
    }
  }

  @Test func readerSeesEverySampleOnce() throws {
    for (count, perBlock) in [(1, 3), (100, 7), (1003, 10)] {
      let split = ComputedSplit.records(count: count, perBlock: perBlock)
      for size in [1, 8, 5000] {
        let reader = SampleReader(emptyManifest(), split, seed: 0, cacheBytes: 0)
        var seen: [UInt64] = []
        try reader.forEachBatch(of: size) { batch in
          #expect(batch.count == min(size, count - seen.count))
          #expect(batch.holdsRecords)
          seen += batch.delivered.map(\.id)
        }
        #expect(seen.sorted() == (0..<UInt64(count)).map { $0 })
        #expect(reader.sampleCount == count)
      }
    }
    for fixed in [true, false] {
      let split = ComputedSplit.windows(rows: [50, 21, 90], perEpoch: 105, fixed: fixed)
      var seen: [UInt64] = []
      try SampleReader(emptyManifest(), split, seed: 2, cacheBytes: 500).forEachBatch(of: 10) {
        #expect($0.holdsWindows(of: split, seed: 2))
        seen += $0.delivered.map(\.id)
      }
      #expect(seen == (0..<105).map { $0 })
    }
  }
}

/// This process's resident memory.
func residentBytes() -> Int {
  guard let text = try? Files.read("/proc/self/statm") else { return 0 }
  let words = String(decoding: text, as: UTF8.self).split(separator: " ")
  return Int(words[1])! * 4096
}
