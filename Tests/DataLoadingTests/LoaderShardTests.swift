// Real shards: the right numbers from all fields, and what damaged, shortened, missing files say.

import Basics
import Glibc
import ShardFormat
import TestSupport
import Testing

@testable import DataLoading

/// Whether every value of every sample is that of `SyntheticSplit.records`.
func holdsShardRecords(_ batch: Batch) -> Bool {
  (0..<batch.count).allSatisfy { i in
    let ordinal = Int(batch.id(of: i))
    let image = batch.input(0, of: i).assumingMemoryBound(to: UInt8.self)
    let tokens = batch.input(1, of: i).assumingMemoryBound(to: Int32.self)
    return (0..<48).allSatisfy { image[$0] == UInt8((ordinal + 7 * $0) % 256) }
      && (0..<5).allSatisfy { tokens[$0] == Int32(ordinal * 10 + $0) }
      && batch.label(of: i)!.load(as: UInt16.self) == UInt16(ordinal % 10)
  }
}

/// A loader over a folder of shards.
func shardLoader(
  _ folder: TemporaryFolder, batch: Int = 32, workers: Int = 2, shuffle: Shuffle = .window,
  start: UInt64 = 0, onBadBlock: BadBlocks = .fail
) throws -> Loader {
  try Loader(
    LoaderOptions(
      directory: folder.path, batch: batch, workers: workers, seed: 5, shuffle: shuffle,
      startPosition: start, slots: 1, onBadBlock: onBadBlock))
}

@Suite("Loader: shards")
struct LoaderShardTests {
  @Test func recordsOfAllOrders() async {
    await #expect(processExitsWith: .success) {
      let folder = try TemporaryFolder()
      let manifest = try SyntheticSplit.records(1000, in: folder.path)
      #expect(manifest.deliveredLabelType == .uint16 && manifest.deliveredLabelCount == 1)
      let split = try Split(manifest, directory: folder.path)
      for shuffle in Shuffle.allCases {
        for start in [0, 990, 1 << 40] {
          let loader = try shardLoader(folder, shuffle: shuffle, start: UInt64(start))
          let expected = expectedSequence(
            split, shuffle: shuffle, seed: 5, start: start, count: 32 * 70)
          for k in 0..<70 {
            let batch = try loader.next()
            #expect(holdsShardRecords(batch))
            #expect(batch.delivered == Array(expected[32 * k..<32 * (k + 1)]))
          }
          #expect(loader.workerTimes.readSeconds > 0)
        }
      }
    }
  }

  @Test func windowsOfShards() async {
    await #expect(processExitsWith: .success) {
      for fixed in [true, false] {
        let folder = try TemporaryFolder()
        let manifest = try SyntheticSplit.windows(
          rowCounts: [200, 77, 90], length: 40, perEpoch: 5000, fixed: fixed, in: folder.path)
        #expect(manifest.deliveredLabelType == .int32)
        let fixedWindows = fixed ? manifest.fixedWindows() : []
        let split = try Split(manifest, directory: folder.path)
        guard case .windows(let shape, _) = split.content else { fatalError() }
        func check(_ batch: Batch, seed: UInt64) {
          for i in 0..<batch.count {
            let id = batch.id(of: i)
            let window = shape.window(id, epoch: batch.epoch(of: i), seed: seed)
            if fixed {
              #expect(fixedWindows[Int(id)] == .init(segment: window.segment, start: window.start))
            }
            let x = batch.input(0, of: i).assumingMemoryBound(to: Float.self)
            for t in 0..<40 {
              #expect(x[t] == Float(1000 * window.segment + window.start + t))
              #expect(x[40 + t] == -Float(window.start + t))
            }
            #expect(batch.label(of: i)!.load(as: Int32.self) == Int32(window.segment % 3))
          }
        }
        let loader = try shardLoader(folder, start: 4990)
        for _ in 0..<5 { check(try loader.next(), seed: 5) }
        let reader = try SampleReader(directory: folder.path, seed: 3)
        #expect(reader.sampleCount == 5000)
        var ids: [UInt64] = []
        try reader.forEachBatch(of: 100) {
          check($0, seed: 3)
          ids += $0.delivered.map(\.id)
        }
        #expect(ids == (0..<5000).map { $0 })
      }
    }
  }

  @Test func readerReadsShards() throws {
    let folder = try TemporaryFolder()
    try SyntheticSplit.records(100, in: folder.path)
    var ids: [UInt64] = []
    try SampleReader(directory: folder.path).forEachBatch(of: 32) {
      #expect(holdsShardRecords($0))
      ids += $0.delivered.map(\.id)
    }
    #expect(ids.sorted() == (0..<100).map { $0 })
  }

  /// A flipped bit in the middle of a block: the failure names shard and block, in the loader and in the reader.
  @Test func flippedBit() async {
    await #expect(processExitsWith: .success) {
      let folder = try TemporaryFolder()
      let manifest = try SyntheticSplit.records(1000, in: folder.path)
      let (path, block) = (folder.file(manifest.shards[5].file), manifest.shards[5].firstBlock + 2)
      try flipBit(of: block, manifest, folder)
      for shuffle in Shuffle.allCases {
        let loader = try shardLoader(folder, shuffle: shuffle)
        let failure = #expect(throws: Failure.self) {
          for _ in 0..<40 {
            let batch = try loader.next()
            #expect(holdsShardRecords(batch))
          }
        }
        #expect(failure?.kind == .badData)
        #expect(failure?.place == "\(path), block \(block)")
        #expect(failure?.remedy?.contains("metamae-prep build-shards") == true)
      }
      let failure = #expect(throws: Failure.self) {
        try SampleReader(directory: folder.path).forEachBatch(of: 10) { _ in }
      }
      #expect(failure?.place == "\(path), block \(block)")
    }
  }

  @Test func truncatedOrMissingAtOpening() async {
    await #expect(processExitsWith: .success) {
      let folder = try TemporaryFolder()
      let manifest = try SyntheticSplit.records(1000, in: folder.path)
      let path = folder.file(manifest.shards[3].file)
      let bytes = manifest.shards[3].bytes
      #expect(truncate(path, off_t(bytes / 2)) == 0)
      let short = #expect(throws: Failure.self) { try shardLoader(folder) }
      #expect(short?.kind == .badData && short?.place == path)
      #expect(short?.problem == "expected \(bytes) bytes, found \(bytes / 2)")
      unlink(path)
      let missing = #expect(throws: Failure.self) { try shardLoader(folder) }
      #expect(missing?.kind == .missingInput && missing?.place == path)
      let nothing = #expect(throws: Failure.self) {
        try Loader(LoaderOptions(directory: folder.path + "/absent", batch: 1))
      }
      #expect(nothing?.kind == .missingInput)
      #expect(waitpid(-1, nil, WNOHANG) == -1 && errno == ECHILD, "a process is left")
    }
  }

  /// Cut short under the workers' mapping: no bus error reaches the trainer, no retry, shard and block are named.
  @Test func truncatedUnderARunningLoader() async {
    await #expect(processExitsWith: .success) {
      let folder = try TemporaryFolder()
      let manifest = try SyntheticSplit.records(8000, blocksPerShard: 5000, in: folder.path)
      let (path, bytes) = (folder.file(manifest.shards[0].file), manifest.shards[0].bytes)
      for workers in [1, 3] {
        let loader = try shardLoader(folder, workers: workers)
        _ = try loader.next()
        while loader.memory.rings.contains(where: { $0.publishedCount == 0 }) { usleep(1000) }
        #expect(truncate(path, 8192) == 0)
        let failure = #expect(throws: Failure.self) { while true { _ = try loader.next() } }
        #expect(failure?.kind == .badData)
        #expect(failure?.place.hasPrefix("\(path), block ") == true)
        #expect(
          failure?.problem
            == "expected a file of \(bytes) bytes, found 8192: it was changed while in use")
        usleep(50_000)
        // Mostly the length is looked at in time; a read that is under way meets a SIGBUS.
        #expect(
          Set(loader.takeWorkerEnds().map(\.cause)).isSubset(of: [.exit(65), .signal(SIGBUS)]))
        loader.close()
        try Files.remove(folder.path)
        try SyntheticSplit.records(8000, blocksPerShard: 5000, in: folder.path)
      }
    }
  }

  /// Deleted shards stay readable for those who have them open; a worker started later says what is missing.
  @Test func deletedUnderARunningLoader() async {
    await #expect(processExitsWith: .success) {
      let folder = try TemporaryFolder()
      let manifest = try SyntheticSplit.records(8000, blocksPerShard: 5000, in: folder.path)
      let path = folder.file(manifest.shards[0].file)
      let loader = try shardLoader(folder, workers: 1)
      for _ in 0..<10 { _ = try loader.next() }
      unlink(path)
      for _ in 0..<50 { #expect(try holdsShardRecords(loader.next())) }
      kill(loader.processes.workers[0], SIGKILL)
      let failure = #expect(throws: Failure.self) { while true { _ = try loader.next() } }
      #expect(failure?.kind == .missingInput && failure?.place == path)
    }
  }
}

/// Flips a bit in the middle of a block's frame.
private func flipBit(of block: Int, _ manifest: Manifest, _ folder: TemporaryFolder) throws {
  let reader = try ShardReader(directory: folder.path)
  let frame = try withExtendedLifetime(reader) { Array(try reader.frame(ofBlock: block)) }
  let path = folder.file(manifest.shards[reader.shardIndex(ofBlock: block)].file)
  var bytes = try Files.read(path)
  let start = try #require(bytes.indices.first { bytes[$0...].starts(with: frame) })
  bytes[start + frame.count / 2] ^= 4
  try bytes.withUnsafeBytes { try Files.write($0, to: path) }
}
