// One bit flipped in each part of a stored block: who reads gets the bytes that were written, or hears which shard and
// block are damaged. Never other bytes, never a crash.

import Basics
import ShardFormat
import TestSupport
import Testing

@testable import DataLoading

/// Where the frames of a shard lie.
enum FramePlace: String, CaseIterable, Codable, Sendable { case leaf, overflow }

/// Two shards of equal size; the first one's file and its parts.
private struct DamageDrill {
  static let records = 1600
  let folder = try! TemporaryFolder()
  let manifest: Manifest
  let path: String
  let parts: [ShardAnatomy.Part]

  init(_ place: FramePlace) throws {
    manifest = try SyntheticSplit.records(
      Self.records, samplesPerBlock: place == .leaf ? 8 : 400,
      blocksPerShard: place == .leaf ? 100 : 2, in: folder.path)
    path = folder.file(manifest.shards[0].file)
    parts = try ShardAnatomy(path).parts
    let expected =
      place == .leaf
      ? ["branch page header", "branch node header", "branch node key", "leaf node key"]
      : ["overflow page number", "overflow page header", "overflow page, rest"]
    for name in expected + ["meta page, contents", "zstd frame header", "payload, end", "checksum"]
    {
      #expect(parts.contains { $0.name == name }, "\(name)")
    }
  }

  func withFlipped<T>(_ bit: Int, _ body: () throws -> T) throws -> T {
    try flip(bit: bit, of: path)
    defer { try! flip(bit: bit, of: path) }
    return try body()
  }

  /// Whether the failure is of a part's damage: names the block, or the shard where the tree around it is damaged.
  func explains(_ failure: Failure, _ part: ShardAnatomy.Part) -> Bool {
    let named = failure.place == path && !part.isFrame
    return failure.kind == .badData && !part.isUnused
      && (named || part.block.map { failure.place == "\(path), block \($0)" } == true)
  }

  /// The samples that go with it: a block's, or the shard's.
  func samplesLost(with failure: Failure, _ part: ShardAnatomy.Part) -> Int {
    let blocks = manifest.shards[0].blockCount
    return failure.place == path
      ? blocks * manifest.samplesPerBlock : manifest.sampleCount(ofBlock: part.block ?? 0)
  }

  /// One epoch through processes: what it gave, and the failure it ended with or skipped.
  func epoch(_ policy: BadBlocks) throws -> (tally: EpochTally?, failure: Failure?) {
    let loader = try shardLoader(folder, batch: 40, workers: 1, onBadBlock: policy)
    defer { loader.close() }
    do {
      while true {
        let batch = try loader.next()
        #expect(holdsShardRecords(batch))
        if let closed = loader.takeClosedEpochs().first {
          return (closed.tally, loader.lastSkippedBlocks.first)
        }
      }
    } catch let failure as Failure {
      return (nil, failure)
    }
  }
}

@Suite("Loader: a flipped bit in each part of a block")
struct BlockDamageFaultTests {
  /// Through workers, both policies: `fail` names the place (65), `skip` loses the block's samples (of damage in the
  /// tree: the shard's) and no other; both agree whether there is damage.
  @Test(.timeLimit(.minutes(5)), arguments: FramePlace.allCases)
  func throughWorkers(place: FramePlace) async {
    await #expect(processExitsWith: .success) { [place = place as FramePlace] in
      let drill = try DamageDrill(place)
      let whole = SetDigest(upTo: UInt64(DamageDrill.records))
      for part in drill.parts {
        for bit in part.bits(atMost: 6) {
          let at = Comment(rawValue: "\(part.name), bit \(bit - 8 * part.bytes.lowerBound)")
          try drill.withFlipped(bit) {
            let failing = try drill.epoch(.fail)
            var lost = 0
            if let failure = failing.failure {
              lost = drill.samplesLost(with: failure, part)
              #expect(drill.explains(failure, part), at)
              #expect(failure.remedy?.contains("metamae-prep build-shards") == true, at)
            } else {
              #expect(failing.tally?.consumed == whole && failing.tally?.skipped.count == 0, at)
            }
            let skipping = try drill.epoch(.skip)
            let tally = try #require(skipping.tally, at)
            #expect(tally.consumed + tally.skipped == whole, at)
            #expect(tally.skipped.count == UInt64(lost), at)
            #expect(skipping.failure == failing.failure, at)
          }
        }
      }
    }
  }

  /// Each bit of each part, of long ones 512: every block by itself is what was written, or named.
  @Test(.timeLimit(.minutes(5)), arguments: FramePlace.allCases)
  func blockByBlock(place: FramePlace) async {
    await #expect(processExitsWith: .success) { [place = place as FramePlace] in
      let drill = try DamageDrill(place)
      let blocks = 0..<drill.manifest.shards[0].blockCount
      let whole = try ShardReader(directory: drill.folder.path)
      let written = try blocks.map { try bytes(of: $0, whole) }
      for part in drill.parts {
        var refused = 0
        for bit in part.bits(atMost: 512) {
          let at = Comment(rawValue: "\(part.name), bit \(bit - 8 * part.bytes.lowerBound)")
          try drill.withFlipped(bit) {
            let reader = try ShardReader(directory: drill.folder.path)
            for block in blocks {
              do {
                #expect(try bytes(of: block, reader) == written[block], at)
              } catch let failure as Failure {
                refused += 1
                #expect(drill.explains(failure, part), at)
                // The tree is looked at as a whole: no other block will do better.
                if failure.place == drill.path { break }
                #expect(block == part.block, at)
              }
            }
          }
        }
        // What the header of an overflow page says is never asked for.
        let isHarmless = part.isUnused || part.name == "overflow page header"
        #expect((refused == 0) == isHarmless, "\(part.name): \(refused) refused")
      }
    }
  }

  /// Blocks of equal length on 16 pages each: one flipped bit of a page's number leads to another block's whole frame.
  @Test func anotherBlocksPages() async {
    await #expect(processExitsWith: .success) {
      let folder = try TemporaryFolder()
      let manifest = try SyntheticSplit.noise(bytes: 64_512, blocks: 8, in: folder.path)
      let path = folder.file(manifest.shards[0].file)
      let number = try #require(try ShardAnatomy(path).part("overflow page number"))
      try flip(bit: 8 * number.bytes.lowerBound + 4, of: path)
      let reader = try ShardReader(directory: folder.path)
      let failure = #expect(throws: Failure.self) { try bytes(of: 1, reader) }
      #expect(failure?.kind == .badData && failure?.place == path)
      #expect(failure?.problem.hasSuffix(" is used twice") == true)
    }
  }
}

private func bytes(of block: Int, _ reader: ShardReader) throws -> [UInt8] {
  var bytes = [UInt8](repeating: 0, count: reader.manifest.byteCount(ofBlock: block))
  try bytes.withUnsafeMutableBytes { try reader.decode(block: block, into: $0) }
  return bytes
}
