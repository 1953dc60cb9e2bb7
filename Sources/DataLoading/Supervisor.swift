// The single-threaded process between trainer and workers (docs/decisions/002-loader-process-layout.md): forks the
// workers, replaces one that dies or hangs, stores a failure where replacing cannot help. The trainer's death kills
// it, its death kills the workers (PR_SET_PDEATHSIG), so nothing outlives anything.

import Basics
import CSystem
import Glibc

struct Supervisor {
  private struct Child {
    var process: pid_t = 0  // 0: ended for good
    var lastProgress: UInt32 = 0
    var stalledSeconds = 0.0
    /// Ends since the last progress: seconds on the supervisor's clock.
    var ends: [Double] = []
    var publishedAtEnd: UInt32 = 0
  }

  private let memory: LoaderMemory
  private let plan: WorkerPlan
  private var children: [Child]
  private var now = 0.0
  private let tick: Double
  private var memoryKills = MemoryKills()

  private init(_ memory: LoaderMemory, _ plan: WorkerPlan) {
    self.memory = memory
    self.plan = plan
    children = Array(repeating: Child(), count: plan.workers)
    tick = min(0.5, plan.timeoutSeconds / 4)
  }

  /// Forks the supervisor. Call from a thread that lives as long as the loader, before other threads start.
  /// - Returns: its process id; never returns in the child.
  static func fork(_ memory: LoaderMemory, _ plan: WorkerPlan) throws -> pid_t {
    let process = cs_fork_child()
    if process == 0 {
      var supervisor = Supervisor(memory, plan)
      supervisor.run()
    }
    guard process > 0 else {
      throw Failure.system(errno, at: "loader", "cannot fork the supervisor")
    }
    return process
  }

  private mutating func run() -> Never {
    cs_supervisor_enter()
    for index in children.indices { start(index, life: 0) }
    var last = cs_monotonic()
    while cs_load(memory.control.pointer(to: \.closing)) == 0 {
      cs_supervisor_wait(Int64(tick * 1e9))
      // A tick counts at most double and never less than nothing: time that this process did not run (^Z, a suspended
      // machine), or that a clock made up, is nobody's fault.
      let time = cs_monotonic()
      let elapsed = max(0, min(Double(time &- last) * 1e-9, 2 * tick))
      last = time
      now += elapsed
      _ = cs_add(memory.control.pointer(to: \.beat), 1)
      for index in children.indices where children[index].process != 0 {
        look(index, elapsed)
      }
      memoryKills.look()
    }
    for child in children where child.process != 0 { kill(child.process, SIGKILL) }
    var status: Int32 = 0
    for child in children where child.process != 0 { _ = cs_reap(child.process, 1, &status) }
    _exit(0)
  }

  private mutating func start(_ index: Int, life: UInt32) {
    let ring = memory.rings[index]
    ring.worker.pointee.life = life
    let process = cs_fork_child()
    if process == 0 {
      WorkerProcess(index: index, life: life, ring: ring, plan: plan).run()
    }
    guard process > 0 else {
      return fail(
        index, Failure.system(errno, at: "loader worker \(index)", "cannot fork the process"))
    }
    _ = cs_swap(ring.worker.pointer(to: \.pid), UInt32(process))
    children[index].process = process
    children[index].stalledSeconds = 0
  }

  /// Ended? Hanging?
  private mutating func look(_ index: Int, _ elapsed: Double) {
    let ring = memory.rings[index]
    var status: Int32 = 0
    let end = cs_reap(children[index].process, 0, &status)
    if end != 0 { return ended(index, bySignal: end == 2, status) }

    let progress = cs_load(ring.worker.pointer(to: \.progress))
    if progress != children[index].lastProgress || !ring.isFree(ring.publishedCount) {
      children[index].lastProgress = progress
      children[index].stalledSeconds = 0
      return
    }
    children[index].stalledSeconds += elapsed
    guard children[index].stalledSeconds >= plan.timeoutSeconds else { return }
    kill(children[index].process, SIGKILL)
    _ = cs_reap(children[index].process, 1, &status)
    note(index, CS_EVENT_STALLED, status)
    replace(index, "made no progress for \(seconds(plan.timeoutSeconds))")
  }

  private mutating func ended(_ index: Int, bySignal: Bool, _ status: Int32) {
    children[index].process = 0
    let words = memory.rings[index].worker
    let starved = bySignal && status == SIGKILL && memoryKills.explainsAnEnd()
    note(
      index, starved ? CS_EVENT_MEMORY : bySignal ? CS_EVENT_SIGNAL : CS_EVENT_EXIT, status)
    if words.failure.read() != nil { return Ring.wakeConsumer(of: words) }
    if bySignal, status == SIGBUS {
      let block = Int(cs_load64(words.pointer(to: \.block)))
      return fail(index, plan.split.failureOfMappedRead(block: block))
    }
    let cause = bySignal ? String(cString: cs_signal_name(status)) : "exit code \(status)"
    replace(index, "was ended by \(cause)\(starved ? " \(WorkerEnd.forWantOfMemory)" : "")")
  }

  /// A new life at the ring's published counter: the same bytes. Not for ever, though.
  private mutating func replace(_ index: Int, _ what: String) {
    let ring = memory.rings[index]
    children[index].process = 0
    if ring.publishedCount != children[index].publishedAtEnd { children[index].ends = [] }
    children[index].publishedAtEnd = ring.publishedCount
    children[index].ends.removeAll { $0 < now - 60 }
    children[index].ends.append(now)
    guard children[index].ends.count <= plan.restartLimit else {
      let times = children[index].ends.count
      return fail(
        index,
        Failure(
          .tryAgain, at: "loader worker \(index)",
          "\(what)\(times > 1 ? ", \(times) times within a minute and nothing delivered between" : "")",
          remedy: "SIGKILL mostly means that the machine is out of memory: use fewer workers or "
            + "free some, then go on with --resume."))
    }
    start(index, life: ring.worker.pointee.life + 1)
  }

  private mutating func fail(_ index: Int, _ failure: Failure) {
    let words = memory.rings[index].worker
    words.failure.write(failure)
    Ring.wakeConsumer(of: words)
  }

  private func note(_ index: Int, _ cause: some BinaryInteger, _ code: Int32) {
    let count = memory.control.pointer(to: \.events)!
    let ring = memory.rings[index]
    cs_event_at(memory.control, cs_load(count)).pointee = cs_event(
      worker: UInt32(index), cause: UInt32(cause), code: UInt32(bitPattern: code),
      life: ring.worker.pointee.life, slot: UInt64(ring.publishedCount))
    _ = cs_add(count, 1)
  }
}

/// "30 s", "0.5 s".
func seconds(_ value: Double) -> String {
  value == value.rounded() ? "\(Int(value)) s" : "\(value) s"
}
