// Shards whose blocks are compressed by several processes: one writes a shard, those that have none of their own help it.
// So a set of one shard, or a build's last shards, keep all processes busy. Bytes do not depend on who compressed what.

import Basics
import CSystem
import Glibc

/// The shards of a build, each with the chunks of blocks that are given out, and shared memory in which helpers hand
/// frames to writers. Make it before the processes fork.
///
/// Each writer has an area: a word with the shard it writes and the chunk that is claimed next, how many chunks it has
/// appended, and slots for chunks whose turn has not come. Chunk c uses slot c modulo their number, and may be claimed
/// once chunk c - slots has been appended.
struct FrameRelay {
  /// Blocks of a shard, compressed together.
  struct Job {
    let blocks: Range<Int>
    /// Of its longest block.
    let blockBytes: Int
    /// No frame of it is longer.
    let mostFrameBytes: Int

    fileprivate var blocksPerChunk: Int { max(1, FrameRelay.chunkBytes / max(1, blockBytes)) }
    var chunkCount: Int { (blocks.count + blocksPerChunk - 1) / blocksPerChunk }
    /// Of each block: its frame's length, then the frame, up to the next multiple of 8.
    fileprivate var slotBytes: Int { blocksPerChunk * (8 + (mostFrameBytes + 7) / 8 * 8) }
    fileprivate func chunk(_ c: Int) -> Range<Int> {
      let first = blocks.lowerBound + c * blocksPerChunk
      return first..<min(first + blocksPerChunk, blocks.upperBound)
    }
  }

  typealias Frame = UnsafeRawBufferPointer

  private static let chunkBytes = 256 << 10
  private static let line = 64

  private let jobs: [Job]
  private let slotCount: Int
  private let slotBytes: Int
  private let areas: Int
  private let memory: UnsafeMutableRawPointer
  private let byteCount: Int

  /// - Parameter processes: how many will write and help.
  init(_ jobs: [Job], processes: Int) throws {
    self.jobs = jobs
    areas = min(processes, jobs.count)
    // No more than a shard needs: large blocks are few.
    slotCount = max(1, min(processes + 1, jobs.map(\.chunkCount).max() ?? 0))
    slotBytes = ((jobs.map(\.slotBytes).max() ?? 0) + Self.line - 1) / Self.line * Self.line
    // Untouched slots take no memory: a writer without helpers appends its frames as they come.
    byteCount = Self.line * 3 + areas * (Self.line * (2 + slotCount) + slotCount * slotBytes)
    guard let memory = cs_shared_alloc(byteCount) else {
      throw Failure.system(errno, at: "shared memory", "cannot allocate \(megabytes(byteCount))")
    }
    self.memory = memory
  }

  func free() { munmap(memory, byteCount) }

  // MARK: the two sides

  /// The number of an area for a process that writes; it writes one job at a time.
  func enlist() -> Int { Int(cs_add64(writers, 1)) }

  /// Appends the frames of a job's blocks in their order, while helpers compress some of them.
  ///
  /// - Parameters:
  ///   - writer: from `enlist`, once a process.
  ///   - compress: the frame of a block, valid until the next call.
  func write(
    _ job: Int, as writer: Int, compress: (Int) throws -> Frame,
    append: (Int, Frame) throws -> Void
  ) throws {
    let area = area(writer)
    cs_store64(area.appended, 0)
    cs_store64(area.claim, Claim(job: job, chunk: 0).word)
    announce()
    noteBegun()
    let job = jobs[job]
    var appended = 0
    func advance() {
      appended += 1
      cs_store64(area.appended, UInt64(appended))
      announce()
    }
    while appended < job.chunkCount {
      let seen = changes
      if area.isReady(appended) {
        var place = UnsafeRawPointer(area.slot(appended))
        for block in job.chunk(appended) {
          let count = place.load(as: Int.self)
          try append(block, Frame(start: place + 8, count: count))
          place += (count + 15) / 8 * 8
        }
        advance()
      } else if let claim = claim(in: area) {
        if claim.chunk == appended {
          for block in job.chunk(claim.chunk) { try append(block, try compress(block)) }
          advance()
        } else {
          try fill(area, claim, compress)
        }
      } else {
        wait(after: seen)
      }
    }
  }

  /// A job that needs no writing.
  func noteBegun() {
    _ = cs_add64(begun, 1)
    announce()
  }

  /// Compresses chunks of the shards that others write, until all are claimed.
  ///
  /// - Parameter compress: the frame of a job's block, valid until the next call.
  func help(compress: (_ job: Int, _ block: Int) throws -> Frame) throws {
    while true {
      let seen = changes
      // Before the areas are looked at: whatever has begun by now is seen in them.
      let allBegun = cs_load64(begun) >= UInt64(jobs.count)
      let open = (0..<areas).map { (left: left(in: area($0)), area: area($0)) }
        .filter { $0.left > 0 }
      var claimed: (area: Area, claim: Claim)?
      for (_, area) in open.sorted(by: { $0.left > $1.left }) where claimed == nil {
        claimed = claim(in: area).map { (area, $0) }
      }
      if let (area, claim) = claimed {
        try fill(area, claim) { try compress(claim.job, $0) }
      } else if open.isEmpty && allBegun {
        return
      } else {
        wait(after: seen)
      }
    }
  }

  // MARK: shared memory

  /// A job and the chunk that is claimed, or is to be claimed next; a word of 0 is none.
  private struct Claim {
    var job: Int
    var chunk: Int
    var word: UInt64 { UInt64(job + 1) << 32 | UInt64(chunk) }

    init(job: Int, chunk: Int) { (self.job, self.chunk) = (job, chunk) }
    init?(word: UInt64) {
      guard word != 0 else { return nil }
      self.init(job: Int(word >> 32) - 1, chunk: Int(word & 0xFFFF_FFFF))
    }
  }

  private struct Area {
    let start: UnsafeMutableRawPointer
    let slotCount: Int
    let slotBytes: Int

    var claim: UnsafeMutablePointer<UInt64> { word(0) }
    var appended: UnsafeMutablePointer<UInt64> { word(1) }
    /// Of each slot: the claim whose frames it holds.
    func ready(_ chunk: Int) -> UnsafeMutablePointer<UInt64> { word(2 + chunk % slotCount) }
    func slot(_ chunk: Int) -> UnsafeMutableRawPointer {
      start + line * (2 + slotCount) + chunk % slotCount * slotBytes
    }
    private func word(_ index: Int) -> UnsafeMutablePointer<UInt64> {
      (start + line * index).assumingMemoryBound(to: UInt64.self)
    }

    /// Whether the chunk of the job that is being written waits in its slot.
    func isReady(_ chunk: Int) -> Bool {
      let job = Claim(word: cs_load64(claim))!.job
      return cs_load64(ready(chunk)) == Claim(job: job, chunk: chunk).word
    }
  }

  private var changeWord: UnsafeMutablePointer<UInt32> {
    memory.assumingMemoryBound(to: UInt32.self)
  }
  private var begun: UnsafeMutablePointer<UInt64> {
    (memory + Self.line).assumingMemoryBound(to: UInt64.self)
  }
  private var writers: UnsafeMutablePointer<UInt64> {
    (memory + 2 * Self.line).assumingMemoryBound(to: UInt64.self)
  }
  private func area(_ index: Int) -> Area {
    let bytes = Self.line * (2 + slotCount) + slotCount * slotBytes
    return Area(
      start: memory + 3 * Self.line + index * bytes, slotCount: slotCount, slotBytes: slotBytes)
  }

  /// Chunks of the area's shard that nobody has claimed.
  private func left(in area: Area) -> Int {
    guard let next = Claim(word: cs_load64(area.claim)) else { return 0 }
    return jobs[next.job].chunkCount - next.chunk
  }

  /// The next chunk of the area's shard; nil when there is none or no slot for it.
  private func claim(in area: Area) -> Claim? {
    while true {
      let word = cs_load64(area.claim)
      // Of another shard by now? Then the word is another, too, and the exchange fails.
      let appended = Int(cs_load64(area.appended))
      guard let next = Claim(word: word), next.chunk < jobs[next.job].chunkCount,
        next.chunk < appended + slotCount
      else { return nil }
      if cs_exchange64(area.claim, word, word + 1) != 0 { return next }
    }
  }

  /// Compresses a claimed chunk into its slot.
  private func fill(_ area: Area, _ claim: Claim, _ compress: (Int) throws -> Frame) throws {
    var place = area.slot(claim.chunk)
    for block in jobs[claim.job].chunk(claim.chunk) {
      let frame = try compress(block)
      precondition(
        frame.count <= jobs[claim.job].mostFrameBytes, "a frame is longer than its bound")
      place.storeBytes(of: frame.count, as: Int.self)
      (place + 8).copyMemory(from: frame.baseAddress!, byteCount: frame.count)
      place += (frame.count + 15) / 8 * 8
    }
    cs_store64(area.ready(claim.chunk), claim.word)
    announce()
  }

  private var changes: UInt32 { cs_load(changeWord) }

  private func announce() {
    _ = cs_add(changeWord, 1)
    _ = cs_futex_wake(changeWord, Int32.max)
  }

  private func wait(after seen: UInt32) { _ = cs_futex_wait(changeWord, seen, 100_000_000) }
}
