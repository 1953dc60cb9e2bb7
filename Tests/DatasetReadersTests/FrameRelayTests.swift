import Basics
import Glibc
import Testing

@testable import DatasetReaders

/// Shards written by one process each, their blocks compressed by all.
@Suite struct FrameRelayTests {
  /// Jobs of many chunks, of one, and one that needs no writing (it begins at block 1).
  static let ranges = [0..<700, 1..<50, 0..<300, 300..<301, 0..<64]

  @Test func everyBlockInItsOrder() async {
    await #expect(processExitsWith: .success) {
      alarm(60)
      for processes in [1, 2, 3, 7] {
        for blockBytes in [1 << 10, 100 << 10, 1 << 20] {
          let drill = RelayDrill(ranges: Self.ranges, blockBytes: blockBytes, processes: processes)
          let written = try drill.run()
          #expect(written.map(\.job) == [0, 2, 3, 4])
          for one in written {
            #expect(one.blocks == Array(Self.ranges[one.job]))
            for (block, frame) in zip(one.blocks, one.frames) {
              #expect(frame == RelayDrill.frame(one.job, block, by: Int(frame[3])))
            }
          }
        }
      }
    }
  }

  /// One shard: its writer waits at its first block until others have compressed some, and gets them.
  @Test func processesWithoutAShardHelp() async {
    await #expect(processExitsWith: .success) {
      alarm(60)
      var drill = RelayDrill(ranges: [0..<300], blockBytes: 100 << 10, processes: 3)
      drill.waitsForHelp = true
      let written = try drill.run()
      #expect(written[0].frames.contains { $0[3] != 0 })
      #expect(written[0].frames[0][3] == 0)
    }
  }

  @Test func aHelpersFailureEndsTheBuild() async {
    await #expect(processExitsWith: .success) {
      alarm(60)
      let relay = try FrameRelay(
        [.init(blocks: 0..<100, blockBytes: 1 << 20, mostFrameBytes: 8)], processes: 2)
      defer { relay.free() }
      let failure = #expect(throws: Failure.self) {
        let _: [Int] = try Workforce(size: 2).run(
          { process in
            if process == 0 {
              try relay.write(
                0, as: relay.enlist(),
                compress: { _ in
                  while true { pause() }
                }, append: { _, _ in })
            } else {
              try relay.help { _, block in
                throw Failure(.badData, at: "block \(block)", "is not as it was")
              }
            }
            return 0
          }, watch: {})
      }
      #expect(failure?.kind == .badData)
      #expect(failure?.place == "block 1")
    }
  }
}

/// Processes that write and help, and what they have written. Forks: run it in a process of its own.
private struct RelayDrill {
  static let mostFrameBytes = 905

  let ranges: [Range<Int>]
  let blockBytes: Int
  let processes: Int
  /// Whether process 0 takes its first block only when another has been compressed.
  var waitsForHelp = false

  /// What was appended to one job.
  struct Written: Codable {
    var job: Int
    var blocks: [Int] = []
    var frames: [[UInt8]] = []
  }

  /// Tells its job and block, and who compressed it; up to `mostFrameBytes` long.
  static func frame(_ job: Int, _ block: Int, by process: Int) -> [UInt8] {
    let head = [UInt8(job), UInt8(block & 255), UInt8(block >> 8), UInt8(process)]
    let count = block % 3 == 0 ? mostFrameBytes - 4 : block * 37 % (mostFrameBytes - 4)
    return head + [UInt8](repeating: UInt8(truncatingIfNeeded: 7 * block), count: count)
  }

  /// Job k is written by process k modulo their number.
  func run() throws -> [Written] {
    let jobs = ranges.map {
      FrameRelay.Job(blocks: $0, blockBytes: blockBytes, mostFrameBytes: Self.mostFrameBytes)
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
          while waitsForHelp && process == 0 && counters.progress == 0 { usleep(1000) }
          let frame = Self.frame(job, block, by: process)
          kept.copyBytes(from: frame)
          counters.advance(1)
          return UnsafeRawBufferPointer(rebasing: kept[..<frame.count])
        }
        lazy var writer = relay.enlist()
        var written: [Written] = []
        for job in jobs.indices where job % processes == process {
          guard ranges[job].lowerBound != 1 else {
            relay.noteBegun()
            continue
          }
          var mine = Written(job: job)
          try relay.write(job, as: writer, compress: { compress(job, $0) }) { block, frame in
            mine.blocks.append(block)
            mine.frames.append(Array(frame))
          }
          written.append(mine)
        }
        try relay.help(compress: compress)
        return written
      }, watch: {}
    ).flatMap { $0 }.sorted { $0.job < $1.job }
  }
}
