import Basics
import Foundation
import ShardFormat
import TestSupport
import Testing

/// The built program on a shard with one flipped bit, for each part of a stored block: exit code, message, what is left.
@Suite(.serialized) struct BlockDamageRunFaultTests {
  /// What `fail` says of a part's first bit that is not harmless: the whole shard's damage or the block's.
  private func failure(_ bench: TrainingBench, _ shard: String, _ bit: Int) throws -> Failure? {
    try flip(bit: bit, of: shard)
    defer { try? flip(bit: bit, of: shard) }
    let reader = try ShardReader(directory: Files.parent(of: shard))
    let most = reader.manifest.samplesPerBlock * reader.manifest.recordBytes
    var bytes = [UInt8](repeating: 0, count: most)
    do {
      for block in 0..<reader.manifest.blockCount {
        try bytes.withUnsafeMutableBytes { try reader.decode(block: block, into: $0) }
      }
    } catch let failure as Failure {
      return failure
    }
    return nil
  }

  @Test(.timeLimit(.minutes(3))) func aFlippedBitInEachPart() throws {
    let bench = try TrainingBench()
    let shard = bench.shards + "/synthetic/pretrain/shard-00000.mdb"
    func words(_ policy: String) -> [String] { ["--workers", "1", "--on-bad-block", policy] }
    let calm = try ["fail": TrainingBench(), "skip": TrainingBench()]
    for (policy, bench) in calm {
      #expect(try bench.launch(bench.start + words(policy)).end().code == 0)
    }
    var named = 0
    for part in try ShardAnatomy(shard).parts {
      let bits = part.bits(atMost: 128)
      let bit = try bits.first { try failure(bench, shard, $0) != nil } ?? bits[0]
      let expected = try failure(bench, shard, bit)
      try flip(bit: bit, of: shard)
      defer { try? flip(bit: bit, of: shard) }
      for policy in ["fail", "skip"] {
        try? FileManager.default.removeItem(atPath: bench.run)
        let run = try bench.launch(bench.start + words(policy))
        let family = run.family(workers: 1)
        let end = try run.end()
        if let family { #expect(haveEnded([family.supervisor] + family.workers)) }
        let note: Comment = "\(part.name), \(policy): \(end.code) \(end.messages)"
        guard let expected else {
          #expect(end.code == 0, note)
          #expect(try bench.bench.bytes(step: 12) == calm[policy]!.bench.bytes(step: 12), note)
          continue
        }
        named += 1
        let place = part.isFrame ? "\(shard), block \(part.block!)" : shard
        #expect(expected.place.hasPrefix(place), note)
        #expect(end.messages.contains("\(expected.place): \(expected.problem)"), note)
        if policy == "fail" {
          #expect(end.code == 65, note)
        } else {
          #expect(end.code == 0, note)
          #expect(end.messages.contains("samples left out so far with damaged blocks"), note)
          let audit = try bench.launch(
            ["audit", "--run", bench.run, "--shards", bench.shards]
          ).end()
          #expect(audit.code == 0, "\(part.name): \(audit.output)\(audit.messages)")
        }
      }
    }
    #expect(named >= 20, "\(named) runs met damage")
  }
}
