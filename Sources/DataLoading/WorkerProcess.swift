// A worker: opens the shards itself, assembles its chunks into its ring for ever. It prints nothing, and leaves by
// `_exit` with its failure stored in shared memory, or by a signal; the supervisor does the rest.

import Basics
import CSystem
import Glibc
import ShardFormat

struct WorkerProcess {
  let index: Int
  let life: UInt32
  let ring: Ring
  let plan: WorkerPlan
  private var words: UnsafeMutablePointer<cs_worker> { ring.worker }

  /// Runs until it is killed or fails.
  func run() -> Never {
    cs_worker_enter()
    do {
      try work()
    } catch let failure as Failure {
      leave(failure)
    } catch {
      leave(Failure(.internalError, at: "loader worker \(index)", "\(error)"))
    }
  }

  private func leave(_ failure: Failure) -> Never {
    words.failure.write(failure)
    Ring.wakeConsumer(of: words)
    _exit(failure.kind.rawValue)
  }

  private func work() throws -> Never {
    let reader = try plan.split.open()
    var k = ring.publishedCount
    let assembler = plan.split.assembler(
      layout: plan.layout, seed: plan.order.seed, cacheBytes: plan.cacheBytes,
      badBlocks: plan.badBlocks
    ) { block, buffer in
      cs_store64(words.pointer(to: \.block), UInt64(block))
      enter(.read, k)
      let start = cs_monotonic()
      _ = try reader.read(block)
      let read = cs_monotonic()
      enter(.decode, k)
      if let bit = plan.chaos.flip(block: block) {
        try reader.decodeFlipped(block, bit, buffer)
      } else {
        try reader.decode(block, buffer)
      }
      words.pointee.read_nanoseconds &+= nanoseconds(start, read)
      words.pointee.decode_nanoseconds &+= nanoseconds(read, cs_monotonic())
      words.pointee.decoded_bytes &+= UInt64(plan.split.byteCount(ofBlock: block))
      words.pointee.blocks &+= 1
      progress()
    }
    assembler.placing = { enter(.place, k) }
    assembler.skipping = { failure in
      words.note.write(failure)
      words.pointee.skipped &+= 1
      progress()
    }
    var disk = DiskWatch()
    var prefetched: UInt64?
    func prefetch(_ block: Int) {
      cs_store64(words.pointer(to: \.block), UInt64(block))
      setPhase(CS_PHASE_READ)
      let start = cs_monotonic()
      reader.prefetch(block)
      words.pointee.read_nanoseconds &+= nanoseconds(start, cs_monotonic())
      progress()
    }
    while true {
      waitForRoom(k)
      enter(.claim, k)
      let start = cs_monotonic()
      let before = words.pointee.read_nanoseconds &+ words.pointee.decode_nanoseconds
      let chunk = plan.order.chunk(plan.chunk(worker: index, slot: k))
      assembler.prefetch = disk.isBusy() ? prefetch : nil
      let next = plan.order.chunk(plan.chunk(worker: index, slot: k &+ 1))
      for chunk in [chunk, next] where chunk.index != prefetched {
        assembler.prefetchBlocks(of: chunk, plan.order)
      }
      prefetched = assembler.prefetch == nil ? nil : next.index
      try assembler.fill(ring.slot(k), chunk, plan.order)
      let after = words.pointee.read_nanoseconds &+ words.pointee.decode_nanoseconds
      let all = nanoseconds(start, cs_monotonic())
      words.pointee.place_nanoseconds &+= all &- min(all, after &- before)
      enter(.publish, k)
      k &+= 1
      ring.publish(upTo: k)
      progress()
    }
  }

  private func waitForRoom(_ k: UInt32) {
    if ring.isFree(k) { return }
    setPhase(CS_PHASE_FULL)
    let start = cs_monotonic()
    while !ring.isFree(k) { _ = ring.waitUntilFree(k, nanoseconds: 1_000_000_000) }
    words.pointee.full_nanoseconds &+= nanoseconds(start, cs_monotonic())
  }

  /// Never below 0, whatever the clock does.
  private func nanoseconds(_ start: Int64, _ end: Int64) -> UInt64 { UInt64(max(0, end &- start)) }

  private func progress() { _ = cs_add(words.pointer(to: \.progress), 1) }

  private func setPhase(_ phase: some BinaryInteger) {
    _ = cs_swap(words.pointer(to: \.phase), UInt32(phase))
  }

  private func enter(_ phase: InjectedFault.Phase, _ k: UInt32) {
    switch phase {
    case .claim: setPhase(CS_PHASE_CLAIM)
    case .read: setPhase(CS_PHASE_READ)
    case .decode: setPhase(CS_PHASE_DECODE)
    case .place: setPhase(CS_PHASE_PLACE)
    case .publish: setPhase(CS_PHASE_PUBLISH)
    }
    for fault in plan.faults
    where fault.worker == index && fault.slot == k && fault.phase == phase && life < fault.lives {
      raise(fault.signal)
    }
    if plan.chaos.strikes,
      let strike = plan.chaos.strike(chunk: plan.chunk(worker: index, slot: k), life: life),
      strike.phase == phase
    {
      raise(strike.signal)
    }
  }
}
