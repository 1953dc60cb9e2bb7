import Basics
import Glibc
import Testing

@testable import DatasetReaders

/// Shards written by one process each, their blocks compressed by all.
@Suite(.timeLimit(.minutes(1))) struct FrameRelayTests {
  /// A frame that tells its job and block, and who compressed it.
  private static func frame(_ job: Int, _ block: Int, by process: Int) -> [UInt8] {
    let head = [UInt8(job), UInt8(block & 255), UInt8(block >> 8), UInt8(process)]
    return head + [UInt8](repeating: UInt8(truncatingIfNeeded: 7 * block), count: block * 37 % 900)
  }

  /// What one process appended: of each job the blocks and their bytes, without who compressed them.
  struct Written: Codable {
    var job: Int
    var blocks: [Int] = []
    var frames: [[UInt8]] = []
    var compressors: [Int] = []
  }

  /// - Parameter slow: the process that takes a millisecond for a block; a writer that is slow must be helped.
  private func run(_ ranges: [Range<Int>], blockBytes: Int, processes: Int, slow: Int? = nil) throws
    -> [Written]
  {
    let jobs = ranges.map {
      FrameRelay.Job(blocks: $0, blockBytes: blockBytes, mostFrameBytes: 1000)
    }
    let relay = try FrameRelay(jobs, processes: processes)
    defer { relay.free() }
    let counters = try SharedCounters()
    defer { counters.free() }
    return try Workforce(size: processes).run(
      { process in
        let kept = UnsafeMutableRawBufferPointer.allocate(byteCount: 1000, alignment: 8)
        defer { kept.deallocate() }
        func compress(_ job: Int, _ block: Int) -> UnsafeRawBufferPointer {
          if process == slow { usleep(1000) }
          let frame = Self.frame(job, block, by: process)
          kept.copyBytes(from: frame)
          return UnsafeRawBufferPointer(rebasing: kept[..<frame.count])
        }
        var written: [Written] = []
        var job = counters.take()
        while job < jobs.count {
          if ranges[job].lowerBound == 1 {
            relay.noteBegun()
          } else {
            var mine = Written(job: job)
            try relay.write(job, as: process, compress: { compress(job, $0) }) { block, frame in
              mine.blocks.append(block)
              mine.frames.append(Array(frame))
              mine.compressors.append(Int(frame[3]))
            }
            written.append(mine)
          }
          job = counters.take()
        }
        try relay.help(compress: compress)
        return written
      }, watch: {}
    ).flatMap { $0 }.sorted { $0.job < $1.job }
  }

  /// Jobs of many chunks, of one, and one that needs no writing (it begins at block 1).
  private static let ranges = [0..<700, 1..<50, 0..<300, 300..<301, 0..<64]

  @Test(arguments: [1, 2, 3, 7], [1 << 10, 100 << 10, 1 << 20]) func everyBlockInItsOrder(
    _ processes: Int, _ blockBytes: Int
  ) throws {
    let written = try run(Self.ranges, blockBytes: blockBytes, processes: processes)
    #expect(written.map(\.job) == [0, 2, 3, 4])
    for one in written {
      #expect(one.blocks == Array(Self.ranges[one.job]))
      for (block, frame) in zip(one.blocks, one.frames) {
        let expected = Self.frame(one.job, block, by: Int(frame[3]))
        #expect(frame == expected)
      }
    }
  }

  /// One shard, and the process that writes it takes long for a block: the others do most.
  @Test func processesWithoutAShardHelp() throws {
    let written = try run([0..<300], blockBytes: 100 << 10, processes: 3, slow: 0)
    let own = written[0].compressors.count { $0 == 0 }
    #expect(own > 0 && own < 100)
  }

  /// A helper's failure ends the build.
  @Test func aFailureIsPassedOn() throws {
    let relay = try FrameRelay(
      [.init(blocks: 0..<100, blockBytes: 1 << 20, mostFrameBytes: 8)], processes: 2)
    defer { relay.free() }
    let failure = #expect(throws: Failure.self) {
      let _: [Int] = try Workforce(size: 2).run(
        { process in
          let frame = UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: 4096), count: 0)
          if process == 0 {
            try relay.write(
              0, as: 0,
              compress: { _ in
                usleep(1000)
                return frame
              }
            ) { _, _ in }
          } else {
            try relay.help { _, block in
              throw Failure(.badData, at: "block \(block)", "is not as it was")
            }
          }
          return 0
        }, watch: {})
    }
    #expect(failure?.kind == .badData)
  }
}
