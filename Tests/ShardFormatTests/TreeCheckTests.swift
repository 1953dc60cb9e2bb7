// Bits flipped in LMDB's own pages: LMDB would follow them out of the file. Each must end in a Failure or leave the
// numbers as they were.

import Basics
import Glibc
import ShardFormat
import TestSupport
import Testing

@Suite struct TreeCheckTests {
  private func contents(_ directory: String) throws -> [UInt8] {
    let reader = try ShardReader(directory: directory)
    var all: [UInt8] = []
    for block in 0..<reader.manifest.blockCount {
      var bytes = [UInt8](repeating: 0, count: reader.manifest.byteCount(ofBlock: block))
      try bytes.withUnsafeMutableBytes { try reader.decode(block: block, into: $0) }
      all += bytes
    }
    return all
  }

  private func put(_ byte: UInt8, at offset: Int, in path: String) throws {
    let descriptor = open(path, O_WRONLY)
    defer { close(descriptor) }
    let written = withUnsafePointer(to: byte) { pwrite(descriptor, $0, 1, off_t(offset)) }
    try #require(written == 1)
  }

  /// Bits of meta, branch and leaf page headers, pointers and nodes of a two-level tree.
  @Test func flippedBitsInTheTreeNeverGiveWrongNumbers() throws {
    let folder = try TemporaryFolder()
    let manifest = try SyntheticSplit.records(
      400, samplesPerBlock: 4, blocksPerShard: 100, in: folder.path)
    let path = folder.file(manifest.shards[0].file)
    let whole = try Files.read(path)
    let expected = try contents(folder.path)
    var refused = 0
    var harmless = 0
    for page in stride(from: 0, to: whole.count, by: 4096) {
      // The head of each page, where the tree is, then nodes here and there.
      for offset in Array(0..<152) + Array(stride(from: 152, to: 4096, by: 97)) {
        let at = page + offset
        try put(whole[at] ^ 1 << UInt8((page / 4096 + offset) % 8), at: at, in: path)
        defer { try? put(whole[at], at: at, in: path) }
        do {
          #expect(try contents(folder.path) == expected, "page \(page / 4096), byte \(offset)")
          harmless += 1
        } catch let failure as Failure {
          #expect(failure.kind == .badData, "page \(page / 4096), byte \(offset): \(failure)")
          refused += 1
        }
      }
    }
    #expect(refused > 500, "\(refused) refused, \(harmless) harmless")
  }

  @Test func aShardWithOtherBlocksIsRefused() throws {
    let (a, b) = (try TemporaryFolder(), try TemporaryFolder())
    let manifest = try SyntheticSplit.records(64, blocksPerShard: 4, in: a.path)
    try SyntheticSplit.records(64, blocksPerShard: 4, in: b.path)
    let other = try Files.read(b.file(manifest.shards[1].file))
    try other.withUnsafeBytes { try Files.write($0, to: a.file(manifest.shards[0].file)) }
    let failure = #expect(throws: Failure.self) { try contents(a.path) }
    #expect(failure?.kind == .badData)
  }
}
