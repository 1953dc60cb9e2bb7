// One folder's part of the trainer's side: forks its processes, waits for chunks in their order, gives slots back, and
// keeps the tally of what was taken. Design: docs/decisions/002-loader-process-layout.md.

import Basics
import CSystem
import Glibc
import ShardFormat

/// The endless sequence of one split, from forked workers. Taking is staged: nothing has moved before `commit()`.
final class ChunkStream {
  let memory: LoaderMemory
  let plan: WorkerPlan
  /// Samples in an epoch.
  let epochLength: UInt64
  private(set) var supervisor: pid_t
  private let supervisorDescriptor: Int32
  private var cursor: Cursor
  private var staged: Cursor
  private var stagedClosed: [EpochTally] = []
  /// Epochs that were finished since somebody asked.
  private var closed: [EpochTally] = []
  /// Chunks below this were given back to their workers.
  private var releasedChunk: UInt64
  private(set) var waitNanoseconds: Int64 = 0
  private var eventsTaken: UInt32 = 0

  private struct Cursor {
    var chunk: UInt64
    var offset: Int
    var position: UInt64
    var skipped: UInt64 = 0
    var tally: EpochTally
  }

  /// - Parameters:
  ///   - start: samples of this split already consumed.
  ///   - tally: what of the epoch at `start` they were; nil: begin one.
  init(_ split: Split, _ options: LoaderOptions, start position: UInt64, tally: EpochTally?) throws
  {
    let order = SampleOrder(split.orderShape, shuffle: options.shuffle, seed: options.seed)
    let layout = SlotLayout(
      split.sample, capacity: order.chunkCapacity, area: split.area(for: order))
    let start = order.locate(position)
    plan = WorkerPlan(
      split: split, order: order, layout: layout, workers: options.workers,
      firstChunk: start.chunk, badBlocks: options.onBadBlock, cacheBytes: options.cacheBytes,
      timeoutSeconds: options.workerTimeoutSeconds, restartLimit: options.restartLimit,
      chaos: options.chaos, faults: options.faults)
    // A batch's slots are held until it is done with: one more, and the workers have something to do meanwhile.
    let needed = (order.chunksTouched(by: options.batch) + options.workers - 1) / options.workers
    var slots = 1
    while slots < max(options.slots, needed + 1) { slots *= 2 }
    memory = try LoaderMemory(
      workers: options.workers, slotsPerWorker: slots, slotBytes: layout.byteCount)
    epochLength = order.shape.sampleCount
    cursor = Cursor(
      chunk: start.chunk, offset: start.offset, position: position,
      tally: tally ?? EpochTally(epoch: position / epochLength))
    staged = cursor
    releasedChunk = start.chunk
    supervisor = try Supervisor.fork(memory, plan)
    let descriptor = cs_pidfd_open(supervisor)
    guard descriptor >= 0 else {
      let code = errno
      var status: Int32 = 0
      kill(supervisor, SIGKILL)
      _ = cs_reap(supervisor, 1, &status)
      throw Failure.system(code, at: "loader", "cannot watch the supervisor")
    }
    supervisorDescriptor = descriptor
  }

  deinit { close() }

  var position: UInt64 { cursor.position }
  var skippedCount: UInt64 { cursor.skipped }
  /// What was taken of the epoch under way.
  var tally: EpochTally { cursor.tally }

  func takeClosed() -> [EpochTally] {
    defer { closed.removeAll() }
    return closed
  }

  // MARK: taking

  /// Gives back what the last batch has used up, and stages from where it ended.
  func begin() {
    precondition(supervisor > 0, "next() of a closed loader")
    while releasedChunk < cursor.chunk {
      let (worker, k) = plan.place(ofChunk: releasedChunk)
      memory.rings[worker].release(upTo: k &+ 1)
      releasedChunk += 1
    }
    staged = cursor
    stagedClosed.removeAll(keepingCapacity: true)
  }

  /// Stages the next positions, at most `most` of them; their whole samples go to the table's entries from `first` on,
  /// at most `room` of them.
  /// - Parameter folder: as whose samples, with ids from `firstID` on.
  /// - Returns: how many samples, and how many positions with those that are left out.
  func take(
    _ most: UInt64, into table: BatchTable, at first: Int, room: Int, folder: Int, firstID: UInt64
  ) throws -> (samples: Int, positions: UInt64) {
    var next = staged
    defer { staged = next }
    var count = 0
    var passed: UInt64 = 0
    while count < room && passed < most {
      let (worker, k) = plan.place(ofChunk: next.chunk)
      try wait(worker, k)
      let slot = memory.rings[worker].slot(k)
      let ids = plan.layout.ids(slot)
      let (slotCount, epoch) = (
        plan.layout.head(slot).pointee.count, plan.layout.head(slot).pointee.epoch
      )
      while next.offset < slotCount && count < room && passed < most {
        let id = ids[next.offset]
        if id & SlotLayout.skippedBit != 0 {
          next.skipped += 1
          next.tally.skipped.add(id & ~SlotLayout.skippedBit)
        } else {
          table.set(
            first &+ count, plan.layout, slot, place: next.offset, id: id &+ firstID,
            folder: folder)
          next.tally.consumed.add(id)
          count += 1
        }
        next.offset += 1
        passed += 1
      }
      guard next.offset == slotCount else { continue }
      next.chunk += 1
      next.offset = 0
      if next.chunk % plan.order.chunksPerEpoch == 0 {
        stagedClosed.append(next.tally)
        next.tally = EpochTally(epoch: epoch + 1)
      }
    }
    next.position += passed
    return (count, passed)
  }

  /// Makes what was staged the past.
  func commit() {
    cursor = staged
    if !stagedClosed.isEmpty { closed += stagedClosed }
  }

  /// Ends and reaps all processes.
  func close() {
    guard supervisor > 0 else { return }
    _ = cs_swap(memory.control.pointer(to: \.closing), 1)
    kill(supervisor, SIGUSR1)
    kill(supervisor, SIGCONT)
    var status: Int32 = 0
    let deadline = cs_monotonic() + 5_000_000_000
    while cs_reap(supervisor, 0, &status) == 0 {
      if cs_monotonic() > deadline { kill(supervisor, SIGKILL) }
      var nap = pollfd(fd: supervisorDescriptor, events: Int16(POLLIN), revents: 0)
      poll(&nap, 1, 20)
    }
    supervisor = 0
    Glibc.close(supervisorDescriptor)
  }

  // MARK: waiting

  private func wait(_ worker: Int, _ k: UInt32) throws {
    let ring = memory.rings[worker]
    if ring.isPublished(k) { return }
    guard ring.isFree(k) else { throw tooMuchSkipped(ring) }
    let start = cs_monotonic()
    defer { waitNanoseconds += max(0, cs_monotonic() - start) }
    var beat = cs_load(memory.control.pointer(to: \.beat))
    var silence = 0.0
    let nap = 0.02
    while !ring.isPublished(k) {
      let failure = ring.worker.failure.read()
      if ring.isPublished(k) { return }  // published first, failed at the next
      if let failure { throw failure }
      if cs_stop_requested() != 0 {
        throw Failure(.interrupted, at: "loader", "stopped by a signal while waiting for data")
      }
      if cs_readable(supervisorDescriptor) == 1 { throw supervisorDied() }
      guard ring.waitUntilPublished(k, nanoseconds: Int64(nap * 1e9)) == .timedOut else { continue }
      let heard = cs_load(memory.control.pointer(to: \.beat))
      silence = heard == beat ? silence + nap : 0
      beat = heard
      if silence > 1 + plan.timeoutSeconds {
        throw Failure(
          .tryAgain, at: "loader supervisor (process \(supervisor))",
          "no sign of life for \(seconds(plan.timeoutSeconds))",
          remedy: "Go on from the last checkpoint with --resume.")
      }
    }
  }

  private func supervisorDied() -> Failure {
    Failure(
      .tryAgain, at: "loader supervisor (process \(supervisor))",
      "the process that looks after the workers has died",
      remedy: "SIGKILL mostly means that the machine is out of memory: use fewer workers or "
        + "free some, then go on with --resume.")
  }

  /// Damaged blocks in such numbers that a batch of whole samples spans more slots than the ring has.
  private func tooMuchSkipped(_ ring: Ring) -> Failure {
    let last = ring.worker.note.read()
    return Failure(
      .badData, at: last?.place ?? plan.split.directory,
      "too many damaged blocks in a row to fill a batch; the last one: \(last?.problem ?? "unknown")",
      remedy: last?.remedy)
  }

  // MARK: what happened

  /// The ends of workers since the last call, oldest first; at most the last 64.
  func takeWorkerEnds() -> [WorkerEnd] {
    let count = cs_load(memory.control.pointer(to: \.events))
    var ends: [WorkerEnd] = []
    while eventsTaken != count {
      if count &- eventsTaken <= UInt32(CS_EVENTS) {
        ends.append(WorkerEnd(cs_event_at(memory.control, eventsTaken).pointee))
      }
      eventsTaken &+= 1
    }
    return ends
  }

  /// The damaged blocks that workers skipped last, one failure for each worker that met any.
  var lastSkippedBlocks: [Failure] { memory.rings.compactMap { $0.worker.note.read() } }

  /// Processor time of the supervisor and of the workers that live now, each since it began.
  var processorSeconds: Double {
    guard supervisor > 0 else { return 0 }
    let workers = memory.rings.map { pid_t(bitPattern: $0.worker.pointee.pid) }
    return ([supervisor] + workers).reduce(0) { sum, process in
      var clock = clockid_t()
      var time = timespec()
      guard process > 0, clock_getcpuclockid(process, &clock) == 0,
        clock_gettime(clock, &time) == 0
      else { return sum }
      return sum + Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
  }

  /// Where the workers' time went, summed over workers.
  var workerTimes: WorkerTimes {
    var times = WorkerTimes()
    for ring in memory.rings { times.add(ring.worker.pointee) }
    return times
  }
}
