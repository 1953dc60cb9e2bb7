// Deaths, hangs and signals. Each drill checks the delivered bytes or the message, and that no process is left.

import Basics
import CSystem
import Glibc
import ShardFormat
import Testing

@testable import DataLoading

/// Whether the process runs (a zombie does not).
func isRunning(_ process: pid_t) -> Bool {
  guard let text = try? Files.read("/proc/\(process)/stat") else { return false }
  let fields = String(decoding: text, as: UTF8.self)
  guard let end = fields.lastIndex(of: ")") else { return false }
  return !["Z", "X"].contains(fields[fields.index(end, offsetBy: 2)...].prefix(1))
}

/// Waits up to two seconds for all of them to end.
func haveEnded(_ processes: [pid_t]) -> Bool {
  for _ in 0..<200 {
    if !processes.contains(where: isRunning) { return true }
    usleep(10_000)
  }
  return false
}

extension Loader {
  /// Of a loader of one folder.
  var memory: LoaderMemory { streams[0].memory }
  var plan: WorkerPlan { streams[0].plan }
  var supervisorProcess: pid_t { streams[0].supervisor }

  /// The supervisor and, once they are started, the workers.
  var processes: (supervisor: pid_t, workers: [pid_t]) {
    let words = memory.rings.map { ring in ring.worker.pointer(to: \.pid)! }
    for word in words { while cs_load(word) == 0 { usleep(1000) } }
    return (supervisorProcess, words.map { pid_t(cs_load($0)) })
  }
}

private func split() -> Split { ComputedSplit.records(count: 1003, perBlock: 10) }

@Suite("Loader: faults")
struct LoaderFaultTests {
  @Test func workerKilledAtEachPhase() async {
    await #expect(processExitsWith: .success) {
      for phase in InjectedFault.Phase.allCases {
        for slot in [UInt32(0), 1, 9] {
          let loader = try syntheticLoader(split(), batch: 64, workers: 2) {
            $0.faults = [0, 1].map {
              InjectedFault(worker: $0, slot: slot, phase: phase, signal: SIGKILL)
            }
          }
          try expectSequence(loader, split(), batch: 64, batches: 60)
          let ends = loader.takeWorkerEnds()
          #expect(Set(ends.map(\.worker)) == [0, 1])
          #expect(
            ends.allSatisfy {
              $0.cause == .signal(SIGKILL) && $0.slot == Int(slot) && $0.life == 0
            })
          #expect(loader.takeWorkerEnds().isEmpty)
        }
      }
    }
  }

  @Test func workersKilledAtRandomMoments() async {
    await #expect(processExitsWith: .success) {
      let split = split()
      let loader = try syntheticLoader(split, batch: 64, workers: 3, slots: 2) {
        $0.restartLimit = 1000
      }
      let expected = expectedSequence(split, shuffle: .window, seed: 11, start: 0, count: 64 * 600)
      var stream = RandomStream(RandomKey(seed: 1, "kills"))
      var seen: Set<pid_t> = []
      for k in 0..<600 {
        if k % 10 == 0 {
          usleep(UInt32(stream.below(3000)))
          let victim = loader.processes.workers[stream.below(3)]
          seen.insert(victim)
          kill(victim, SIGKILL)
        }
        let batch = try loader.next()
        #expect(batch.holdsRecords && batch.delivered == Array(expected[64 * k..<64 * (k + 1)]))
      }
      #expect(seen.count > 20)
      let processes = loader.processes
      loader.close()
      #expect(!([processes.supervisor] + processes.workers).contains(where: isRunning))
    }
  }

  @Test func workerThatKeepsDying() async {
    await #expect(processExitsWith: .success) {
      let loader = try syntheticLoader(split(), batch: 64, workers: 2) {
        $0.faults = [
          InjectedFault(worker: 1, slot: 2, phase: .decode, signal: SIGKILL, lives: .max)
        ]
      }
      // What was whole before is delivered: chunks 0 to 4 of 160 samples.
      try expectSequence(loader, split(), batch: 64, batches: 12)
      for _ in 0..<2 {
        let failure = #expect(throws: Failure.self) { try loader.next() }
        #expect(
          failure?.description == """
            loader worker 1: was ended by SIGKILL, 6 times within a minute and nothing delivered between
              SIGKILL mostly means that the machine is out of memory: use fewer workers or free some, then go on with --resume.
            """)
        #expect(failure?.kind == .tryAgain)
      }
      #expect(loader.takeWorkerEnds().map(\.life) == [0, 1, 2, 3, 4, 5])
      let processes = loader.processes
      loader.close()
      #expect(!([processes.supervisor] + processes.workers).contains(where: isRunning))
    }
  }

  @Test func stoppedWorkerIsReplaced() async {
    await #expect(processExitsWith: .success) {
      for phase in InjectedFault.Phase.allCases {
        let loader = try syntheticLoader(split(), batch: 64, workers: 2) {
          $0.workerTimeoutSeconds = 0.2
          $0.faults = [InjectedFault(worker: 0, slot: 3, phase: phase, signal: SIGSTOP)]
        }
        try expectSequence(loader, split(), batch: 64, batches: 60)
        let ends = loader.takeWorkerEnds()
        #expect(ends.map(\.cause) == [.stalled])
        #expect(
          ends.first?.description
            == "loader worker 0 (life 1) made no progress and was ended before its slot 3 was filled"
        )
        #expect(loader.waitSeconds > 0.15)
      }
    }
  }

  /// A worker stopped while its ring is full: nothing is wrong until there is room again.
  @Test func workerStoppedWhileWaiting() async {
    await #expect(processExitsWith: .success) {
      let loader = try syntheticLoader(split(), batch: 64) { $0.workerTimeoutSeconds = 0.2 }
      try expectFirstBatch(loader)
      let worker = loader.processes.workers[0]
      while loader.memory.rings[0].worker.pointee.phase != UInt32(CS_PHASE_FULL) { usleep(1000) }
      kill(worker, SIGSTOP)
      usleep(600_000)
      #expect(loader.processes.workers[0] == worker)
      for _ in 0..<40 { #expect(try loader.next().holdsRecords) }
      #expect(loader.processes.workers[0] != worker)
    }
  }

  @Test func supervisorKilled() async {
    await #expect(processExitsWith: .success) {
      let loader = try syntheticLoader(split(), batch: 64, workers: 2)
      try expectFirstBatch(loader)
      let processes = loader.processes
      kill(processes.supervisor, SIGKILL)
      let failure = #expect(throws: Failure.self) { while true { _ = try loader.next() } }
      #expect(failure?.kind == .tryAgain)
      #expect(failure?.problem == "the process that looks after the workers has died")
      #expect(haveEnded(processes.workers))
      loader.close()
      #expect(!isRunning(processes.supervisor))
    }
  }

  @Test func supervisorStopped() async {
    await #expect(processExitsWith: .success) {
      let loader = try syntheticLoader(split(), batch: 64, workers: 1) {
        $0.workerTimeoutSeconds = 0.2
      }
      let processes = loader.processes
      kill(processes.supervisor, SIGSTOP)
      kill(processes.workers[0], SIGKILL)
      let failure = #expect(throws: Failure.self) { while true { _ = try loader.next() } }
      #expect(failure?.kind == .tryAgain)
      #expect(failure?.problem == "no sign of life for 0.2 s")
      loader.close()
      #expect(haveEnded([processes.supervisor] + processes.workers))
    }
  }

  @Test func trainerKilled() async {
    await #expect(processExitsWith: .success) {
      let shared = cs_shared_alloc(4096)!.assumingMemoryBound(to: UInt32.self)
      let trainer = cs_fork_child()
      if trainer == 0 {
        guard let loader = try? syntheticLoader(split(), batch: 64, workers: 3) else { _exit(1) }
        let processes = loader.processes
        shared[1] = UInt32(processes.supervisor)
        for i in 0..<3 { shared[2 + i] = UInt32(processes.workers[i]) }
        _ = cs_swap(shared, 1)
        while (try? loader.next()) != nil {}
        _exit(2)
      }
      while cs_load(shared) == 0 { usleep(1000) }
      usleep(20_000)
      let processes = (1...4).map { pid_t(shared[$0]) }
      #expect(processes.allSatisfy(isRunning))
      kill(trainer, SIGKILL)
      var status: Int32 = 0
      #expect(cs_reap(trainer, 1, &status) == 2 && status == SIGKILL)
      #expect(haveEnded(processes))
    }
  }

  /// A stop signal ends a wait at once, goes past the workers, and the loader can go on afterwards.
  @Test func stopSignalEndsAWait() async {
    await #expect(processExitsWith: .success) {
      _ = cs_stop_install()
      // The test runs on one of Dispatch's threads, where signals are blocked; a trainer's main thread is not.
      var all = sigset_t()
      sigfillset(&all)
      pthread_sigmask(SIG_UNBLOCK, &all, nil)
      let loader = try syntheticLoader(split(), batch: 64, workers: 2) {
        $0.faults = [InjectedFault(worker: 0, slot: 1, phase: .decode, signal: SIGSTOP)]
      }
      for _ in 0..<4 { _ = try loader.next() }
      let processes = loader.processes
      let trainer = getpid()
      let sender = cs_fork_child()
      if sender == 0 {
        usleep(100_000)
        for process in processes.workers + [processes.supervisor, trainer] {
          kill(process, SIGTERM)
        }
        _exit(0)
      }
      let start = cs_monotonic()
      let failure = #expect(throws: Failure.self) { try loader.next() }
      #expect(cs_monotonic() - start < 1_000_000_000)
      #expect(failure?.kind == .interrupted)
      #expect(loader.position == 256)
      kill(processes.workers[0], SIGCONT)
      #expect(processes.workers.allSatisfy(isRunning) && isRunning(processes.supervisor))
      loader.close()
      #expect(!([processes.supervisor] + processes.workers).contains(where: isRunning))
    }
  }

  /// The batches before a damaged block come, whatever the workers; then its failure, again and again.
  @Test func damagedBlock() async {
    await #expect(processExitsWith: .success) {
      let split = ComputedSplit.records(count: 1003, perBlock: 10, bad: [77])
      let order = SampleOrder(split.orderShape, shuffle: .window, seed: 11)
      let place = (0..<101).first { order.blocks(epoch: 0)(UInt64($0)) == 77 }!
      let whole = Int(order.chunk(UInt64(place / 16)).first) / 20
      for workers in [1, 2, 5] {
        let loader = try syntheticLoader(split, batch: 20, workers: workers)
        try expectSequence(loader, split, batch: 20, batches: whole)
        for _ in 0..<2 {
          let failure = #expect(throws: Failure.self) { try loader.next() }
          #expect(
            failure
              == Failure(
                .badData, at: "synthetic/shard-00000.mdb, block 77", "checksum 1, expected 2",
                remedy: "Rebuild it."))
        }
        // The supervisor's note may come a moment after the failure itself.
        var ends = loader.takeWorkerEnds()
        for _ in 0..<200 where ends.isEmpty {
          usleep(10_000)
          ends = loader.takeWorkerEnds()
        }
        #expect(!ends.isEmpty && ends.allSatisfy { $0.cause == .exit(65) })
      }
    }
  }

  /// A SIGBUS in a worker: the file was cut short, or its disk does not answer.
  @Test func busError() async {
    await #expect(processExitsWith: .success) {
      let folder = "/tmp/metamae-bus-\(getpid())"
      try Files.createFolder(folder)
      defer { try? Files.remove(folder) }
      let shard = folder + "/shard-00001.mdb"
      try [UInt8](repeating: 1, count: 100).withUnsafeBytes { try Files.write($0, to: shard) }
      for (expected, kind, problem) in [
        (
          500, Failure.Kind.badData,
          "expected a file of 500 bytes, found 100: it was changed while in use"
        ),
        (
          100, .inputOutput,
          "the mapped file cannot be read (SIGBUS) though its length is right"
        ),
      ] {
        var split = split()
        split.shards = [
          .init(path: folder + "/shard-00000.mdb", byteCount: 7, firstBlock: 0),
          .init(path: shard, byteCount: expected, firstBlock: 1),
          .init(path: folder + "/shard-00002.mdb", byteCount: 7, firstBlock: 1000),
        ]
        let loader = try syntheticLoader(split, batch: 64) {
          $0.shuffle = .none
          $0.faults = [InjectedFault(worker: 0, slot: 1, phase: .decode, signal: SIGBUS)]
        }
        let failure = #expect(throws: Failure.self) { while true { _ = try loader.next() } }
        #expect(failure?.kind == kind)
        #expect(failure?.place == "\(shard), block 16")
        #expect(failure?.problem == problem)
      }
    }
  }

  @Test func closeLeavesNothing() async {
    await #expect(processExitsWith: .success) {
      var processes: [pid_t] = []
      for workers in [1, 4] {
        let loader = try syntheticLoader(split(), batch: 64, workers: workers)
        let these = loader.processes
        processes += [these.supervisor] + these.workers
        if workers == 1 { try expectFirstBatch(loader) }
      }  // deinit closes
      #expect(!processes.contains(where: isRunning))
      #expect(waitpid(-1, nil, WNOHANG) == -1 && errno == ECHILD)
    }
  }

  /// Loaders that come and go, well or badly: no process, descriptor or mapping stays, and the supervisor holds none of the
  /// trainer's descriptors.
  @Test(.timeLimit(.minutes(5))) func manyLoadersLeaveNothing() async {
    await #expect(processExitsWith: .success) {
      func held() throws -> [Int] {
        let maps = String(decoding: try Files.read("/proc/self/maps"), as: UTF8.self)
        return [
          try Files.list("/proc/self/fd").count,
          maps.split(separator: "\n").count { $0.contains("/dev/zero (deleted)") },
        ]
      }
      func oneOfEach() throws {
        for fate in 0..<4 {
          let bad: Set<Int> = fate == 1 ? Set(0..<101) : []
          let loader = try syntheticLoader(
            ComputedSplit.records(count: 1003, perBlock: 10, bad: bad), batch: 64, workers: 2)
          let processes = loader.processes
          #expect(try heldDescriptors(processes.supervisor) <= 3, "more than the standard ones")
          switch fate {
          case 0: _ = try loader.next()
          case 1: _ = #expect(throws: Failure.self) { try loader.next() }
          case 2: kill(processes.supervisor, SIGKILL)
          default: kill(processes.workers[0], SIGKILL)
          }
          if fate != 3 { loader.close() }
          #expect(haveEnded(processes.workers) || fate == 3)
        }
        #expect(waitpid(-1, nil, WNOHANG) == -1 && errno == ECHILD, "a process is left")
      }
      try oneOfEach()
      let before = try held()
      for _ in 0..<5 { try oneOfEach() }
      #expect(try held() == before)
    }
  }

  @Test func workerTimesAddUp() async {
    await #expect(processExitsWith: .success) {
      let loader = try syntheticLoader(split(), batch: 64, workers: 2)
      try expectFirstBatch(loader)
      usleep(100_000)
      for _ in 0..<30 { _ = try loader.next() }
      let times = loader.workerTimes
      #expect(times.fullSeconds > 0.1 && times.decodeSeconds > 0 && times.placeSeconds > 0)
      #expect(times.blocks > 100 && times.decodedBytes > 100 * 180 && times.skippedBlocks == 0)
    }
  }
}

private func expectFirstBatch(_ loader: Loader) throws {
  try expectSequence(loader, split(), batch: 64, batches: 1)
}
