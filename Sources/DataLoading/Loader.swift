// The trainer's side: forks the processes, takes chunks in their order, hands out batches that point into the slots.
// Design: docs/decisions/002-loader-process-layout.md.

import Basics
import CSystem
import Glibc
import ShardFormat

/// Batches of one split, for ever, from forked workers. Use from one thread.
public final class Loader {
  public let manifest: Manifest
  let memory: LoaderMemory
  let plan: WorkerPlan
  private let batchSize: Int
  private let table: BatchTable
  private var supervisor: pid_t
  private let supervisorDescriptor: Int32
  /// Where the next batch begins.
  private var cursor: Cursor
  /// Chunks below this were given back to their workers.
  private var releasedChunk: UInt64
  private var waitNanoseconds: Int64 = 0
  private var eventsTaken: UInt32 = 0

  private struct Cursor {
    var chunk: UInt64
    var offset: Int
    var position: UInt64
    var skipped: UInt64 = 0
  }

  /// Maps the ring and forks the supervisor, which forks the workers.
  ///
  /// Call from the main thread before BLAS and before any other thread is started.
  /// - Throws: `usage` for impossible options; the manifest's and shards' failures; `tryAgain` without memory or
  ///   processes.
  public convenience init(_ options: LoaderOptions) throws {
    let manifest = try Manifest(directory: options.directory)
    // All shards there, all of their length?
    _ = try ShardReader(directory: options.directory, manifest: manifest)
    try self.init(options, manifest, Split(manifest, directory: options.directory))
  }

  init(_ options: LoaderOptions, _ manifest: Manifest, _ split: Split) throws {
    try Self.check(options)
    self.manifest = manifest
    let order = SampleOrder(split.orderShape, shuffle: options.shuffle, seed: options.seed)
    let layout = SlotLayout(split.sample, capacity: order.chunkCapacity)
    let start = order.locate(options.startPosition)
    plan = WorkerPlan(
      split: split, order: order, layout: layout, workers: options.workers,
      firstChunk: start.chunk, badBlocks: options.onBadBlock, cacheBytes: options.cacheBytes,
      timeoutSeconds: options.workerTimeoutSeconds, restartLimit: options.restartLimit,
      faults: options.faults)
    // A batch's slots are held until it is done with: one more, and the workers have something to do meanwhile.
    let needed = (order.chunksTouched(by: options.batch) + options.workers - 1) / options.workers
    var slots = 1
    while slots < max(options.slots, needed + 1) { slots *= 2 }
    memory = try LoaderMemory(
      workers: options.workers, slotsPerWorker: slots, slotBytes: layout.byteCount)
    cursor = Cursor(
      chunk: start.chunk, offset: start.offset, position: options.startPosition)
    releasedChunk = start.chunk
    batchSize = options.batch
    table = BatchTable(capacity: options.batch, sample: split.sample)
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

  /// The supervisor's process; 0 once closed.
  var supervisorProcess: pid_t { supervisor }

  deinit { close() }

  private static func check(_ options: LoaderOptions) throws {
    func check(_ holds: Bool, _ name: String, _ range: String, _ found: Any) throws {
      if !holds {
        throw Failure(.usage, at: name, "expected \(range), found \(found)")
      }
    }
    try check(options.batch > 0, "batch", "at least 1", options.batch)
    try check((1...256).contains(options.workers), "--workers", "1 to 256", options.workers)
    try check((1...4096).contains(options.slots), "--slots", "1 to 4096", options.slots)
    try check(
      options.workerTimeoutSeconds > 0, "workerTimeoutSeconds", "more than 0 seconds",
      options.workerTimeoutSeconds)
  }

  /// How many samples of the sequence have been consumed: `startPosition` of a loader that goes on from here.
  public var position: UInt64 { cursor.position }
  /// How many of them were left out with their damaged blocks.
  public var skippedCount: UInt64 { cursor.skipped }
  /// Total time that `next()` has waited for workers.
  public var waitSeconds: Double { Double(waitNanoseconds) * 1e-9 }

  /// The next batch; the one before is given back.
  ///
  /// After a failure nothing has moved: the same call may be tried again.
  /// - Throws: the workers' failure (`badData` names shard and block; `tryAgain` for one that keeps dying), the
  ///   supervisor's death, `interrupted` when a stop signal ends a wait.
  public func next() throws -> Batch {
    precondition(supervisor > 0, "next() of a closed loader")
    releaseFinished()
    var cursor = self.cursor
    var count = 0
    while count < batchSize {
      let (worker, k) = plan.place(ofChunk: cursor.chunk)
      try wait(worker, k)
      let slot = memory.rings[worker].slot(k)
      let ids = plan.layout.ids(slot)
      let slotCount = plan.layout.head(slot).pointee.count
      while cursor.offset < slotCount && count < batchSize {
        let id = ids[cursor.offset]
        if id == SlotLayout.skipped {
          cursor.skipped += 1
        } else {
          table.set(count, plan.layout, slot, place: cursor.offset, id: id)
          count += 1
        }
        cursor.offset += 1
        cursor.position += 1
      }
      if cursor.offset == slotCount {
        cursor.chunk += 1
        cursor.offset = 0
      }
    }
    self.cursor = cursor
    return Batch(count: count, table: table)
  }

  /// Ends and reaps all processes. Batches are no longer valid.
  public func close() {
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

  private func releaseFinished() {
    while releasedChunk < cursor.chunk {
      let (worker, k) = plan.place(ofChunk: releasedChunk)
      memory.rings[worker].release(upTo: k &+ 1)
      releasedChunk += 1
    }
  }

  private func wait(_ worker: Int, _ k: UInt32) throws {
    let ring = memory.rings[worker]
    if ring.isPublished(k) { return }
    guard ring.isFree(k) else { throw tooMuchSkipped(ring) }
    let start = cs_monotonic()
    defer { waitNanoseconds += cs_monotonic() - start }
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
  public func takeWorkerEnds() -> [WorkerEnd] {
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
  public var lastSkippedBlocks: [Failure] { memory.rings.compactMap { $0.worker.note.read() } }

  /// Where the workers' time went, summed over workers.
  public var workerTimes: WorkerTimes {
    var times = WorkerTimes()
    for ring in memory.rings { times.add(ring.worker.pointee) }
    return times
  }
}
