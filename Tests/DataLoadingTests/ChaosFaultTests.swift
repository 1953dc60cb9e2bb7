// Faults that a user asks for, and limits that a machine sets.

import Basics
import CSystem
import Glibc
import ShardFormat
import TestSupport
import Testing

@testable import DataLoading

private func split() -> Split { ComputedSplit.records(count: 1003, perBlock: 10) }

@Suite("Loader: chaos and limits")
struct ChaosFaultTests {
  @Test(arguments: [
    ("kill-worker", "expected NAME:CHANCE from 0 to 1, found 'kill-worker'"),
    ("kill-worker:2", "expected NAME:CHANCE from 0 to 1, found 'kill-worker:2'"),
    ("flip-bit:nan", "expected NAME:CHANCE from 0 to 1, found 'flip-bit:nan'"),
    ("eat:1", "expected kill-worker, stall-worker or flip-bit, found 'eat'"),
  ]) func refuses(text: String, problem: String) throws {
    let failure = #expect(throws: Failure.self) { try Chaos(text, seed: 0) }
    #expect(failure?.kind == .usage && failure?.place == "--chaos" && failure?.problem == problem)
  }

  /// Workers that kill and stop themselves at random phases deliver the calm run's bytes.
  @Test(.timeLimit(.minutes(5))) func sameSequenceUnderChaos() async {
    await #expect(processExitsWith: .success) {
      let loader = try syntheticLoader(split(), batch: 64, workers: 3) {
        $0.workerTimeoutSeconds = 0.2
        $0.restartLimit = 1000
        $0.chaos = try! Chaos("kill-worker:0.2,stall-worker:0.02", seed: 3)
      }
      try expectSequence(loader, split(), batch: 64, batches: 600)
      let causes = Set(loader.takeWorkerEnds().map(\.cause))
      #expect(causes == [.signal(SIGKILL), .stalled])
    }
  }

  /// A flipped bit damages always the same blocks: fail names one, skip leaves the same samples out for any workers.
  @Test(.timeLimit(.minutes(5))) func flippedBits() async {
    await #expect(processExitsWith: .success) {
      let folder = try TemporaryFolder()
      try SyntheticSplit.records(1000, in: folder.path)
      func loader(_ workers: Int, _ policy: BadBlocks, _ chance: Double) throws -> Loader {
        var options = LoaderOptions(
          directory: folder.path, batch: 32, workers: workers, seed: 5, onBadBlock: policy)
        options.chaos.flipBit = chance
        options.chaos.seed = 7
        return try Loader(options)
      }
      let failing = try loader(2, .fail, 0.2)
      let failure = #expect(throws: Failure.self) { while true { _ = try failing.next() } }
      #expect(failure?.kind == .badData && failure?.place.contains(", block ") == true)
      failing.close()
      var runs: [[Delivered]] = []
      for workers in [1, 3] {
        let skipping = try loader(workers, .skip, 0.2)
        runs.append(try (0..<60).flatMap { _ in try skipping.next().delivered })
        #expect(skipping.skippedCount > 100)
        let closed = skipping.takeClosedEpochs()
        #expect(
          closed.count >= 2
            && closed.allSatisfy {
              $0.tally.skipped.count > 0
                && $0.tally.consumed + $0.tally.skipped == SetDigest(upTo: 1000)
            })
        skipping.close()
      }
      #expect(runs[0] == runs[1])
    }
  }

  /// A clock that jumps an hour, either way: nobody is replaced for it, nothing waits for it.
  @Test(.timeLimit(.minutes(5)), arguments: [3600, -3600]) func aClockThatJumps(seconds: Int64)
    async
  {
    await #expect(processExitsWith: .success) { [seconds = seconds as Int64] in
      cs_monotonic_jump(50_000_000, seconds * 1_000_000_000)
      let loader = try syntheticLoader(split(), batch: 64, workers: 2) {
        $0.workerTimeoutSeconds = 1
      }
      for k in 0..<20 {
        if k % 4 == 0 { usleep(100_000) }
        #expect(try loader.next().holdsRecords)
      }
      #expect(loader.takeWorkerEnds().isEmpty)
      #expect(loader.waitSeconds >= 0)
      // A real stall is found all the same.
      kill(loader.processes.workers[0], SIGSTOP)
      for _ in 0..<60 { #expect(try loader.next().holdsRecords) }
      #expect(loader.takeWorkerEnds().map(\.cause) == [.stalled])
      loader.close()
    }
  }

  /// The same while a worker takes its time over a block and the trainer waits for it: nothing is ended for it, no time is
  /// counted backwards.
  @Test(.timeLimit(.minutes(5)), arguments: [3600, -3600]) func aClockThatJumpsUnderASlowBlock(
    seconds: Int64
  ) async {
    await #expect(processExitsWith: .success) { [seconds = seconds as Int64] in
      alarm(40)
      var slow = split()
      let open = slow.open
      slow.open = {
        let reader = try open()
        var isFirst = true
        return BlockReader(read: reader.read) { block, buffer in
          if isFirst { usleep(1_200_000) }
          isFirst = false
          try reader.decode(block, buffer)
        }
      }
      cs_monotonic_jump(600_000_000, seconds * 1_000_000_000)
      let loader = try syntheticLoader(slow, batch: 64) { $0.workerTimeoutSeconds = 3 }
      try expectSequence(loader, slow, batch: 64, batches: 20)
      #expect(loader.takeWorkerEnds().isEmpty)
      #expect(loader.waitSeconds >= 0)
      let times = loader.workerTimes
      #expect(min(times.decodeSeconds, times.placeSeconds, times.fullSeconds) >= 0)
      #expect(max(times.placeSeconds, times.fullSeconds) < 3600)
      loader.close()
    }
  }

  /// Set back an hour while a worker hangs: the time-out is as long as ever.
  @Test(.timeLimit(.minutes(5))) func aClockSetBackUnderAStoppedWorker() async {
    await #expect(processExitsWith: .success) {
      alarm(40)
      cs_monotonic_jump(300_000_000, -3600 * 1_000_000_000)
      let loader = try syntheticLoader(split(), batch: 64) {
        $0.workerTimeoutSeconds = 1
        $0.faults = [InjectedFault(worker: 0, slot: 0, phase: .decode, signal: SIGSTOP)]
      }
      let start = monotonicSeconds()
      try expectSequence(loader, split(), batch: 64, batches: 20)
      #expect(monotonicSeconds() - start < 20)
      #expect(loader.takeWorkerEnds().map(\.cause) == [.stalled])
      loader.close()
    }
  }

  /// More shards than descriptors: those that are open make room.
  @Test(.timeLimit(.minutes(5))) func fewDescriptors() async {
    await #expect(processExitsWith: .success) {
      let folder = try TemporaryFolder()
      try SyntheticSplit.records(1000, blocksPerShard: 1, in: folder.path)
      var limit = rlimit(rlim_cur: 40, rlim_max: 40)
      #expect(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
      let loader = try Loader(
        LoaderOptions(directory: folder.path, batch: 50, workers: 2, seed: 5))
      var digest = SetDigest()
      for _ in 0..<20 { for sample in try loader.next().delivered { digest.add(sample.id) } }
      #expect(digest == SetDigest(upTo: 1000))
      #expect(loader.takeWorkerEnds().isEmpty)
      loader.close()
    }
  }

  /// None left at all: 75, and no process stays.
  @Test func noDescriptor() async {
    await #expect(processExitsWith: .success) {
      // None may be opened, whatever another thread closes.
      var limit = rlimit(rlim_cur: 0, rlim_max: 64)
      #expect(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
      let failure = #expect(throws: Failure.self) { try syntheticLoader(split(), batch: 64) }
      #expect(
        failure?.description == "loader: cannot watch the supervisor: Too many open files")
      #expect(failure?.kind == .tryAgain)
      #expect(waitpid(-1, nil, WNOHANG) == -1 && errno == ECHILD)
      limit.rlim_cur = 64
      setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
  }

  @Test func tooLittleAddressSpace() async {
    await #expect(processExitsWith: .success) {
      var limit = rlimit(rlim_cur: 1 << 28, rlim_max: 1 << 28)
      setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
      let large = ComputedSplit.records(count: 10_000_000, perBlock: 100_000)
      let failure = #expect(throws: Failure.self) {
        try syntheticLoader(large, batch: 64, workers: 16)
      }
      #expect(failure?.kind == .tryAgain && failure?.place == "loader")
      #expect(failure?.problem.hasSuffix("bytes of memory: Cannot allocate memory") == true)
      #expect(failure?.remedy == "Use fewer workers or a smaller batch.")
      #expect(waitpid(-1, nil, WNOHANG) == -1 && errno == ECHILD)
    }
  }

  /// Another file under a shard's name, as long and as sound but with other samples: who has the old one open reads on, a
  /// worker started later refuses the new one.
  @Test(.timeLimit(.minutes(5))) func replacedUnderARunningLoader() async {
    await #expect(processExitsWith: .success) {
      let swap = try ShardSwap()
      let loader = try swap.loader(shuffle: .window)
      for _ in 0..<10 { #expect(try swap.holds(loader.next())) }
      try swap.replace(shard: 0)
      try swap.replace(shard: 1)
      // Longer than what was in the ring.
      for _ in 0..<100 { #expect(try swap.holds(loader.next())) }
      kill(loader.processes.workers[0], SIGKILL)
      swap.expectRefusal(of: loader, anyOf: [0, 1])
    }
  }

  /// Replaced before a worker first opens it.
  @Test(.timeLimit(.minutes(5))) func replacedBeforeItIsOpened() async {
    await #expect(processExitsWith: .success) {
      let swap = try ShardSwap()
      let loader = try swap.loader(shuffle: .none)
      #expect(try swap.holds(loader.next()))
      try swap.replace(shard: 1)
      swap.expectRefusal(of: loader, anyOf: [1])
      #expect(loader.position == 496, "whole chunks of 16 that lay before it were delivered")
    }
  }

  @Test func kernelsCount() {
    #expect(MemoryKills.count(in: "pgfault 4\noom_kill 17\nx 1\n") == 17)
    #expect(MemoryKills.count(in: "low 0\noom 3\noom_kill 2\noom_group_kill 0\n") == 2)
    #expect(MemoryKills.count(in: "nothing\n") == nil)
  }
}

/// Two shards of noise, and two of other noise to put in their places.
private struct ShardSwap {
  private static let bytes = 512
  private let folder = try! TemporaryFolder()
  private let other = try! TemporaryFolder()
  private let manifest: Manifest

  init() throws {
    manifest = try SyntheticSplit.noise(
      bytes: Self.bytes, blocks: 1000, blocksPerShard: 500, in: folder.path)
    let their = try SyntheticSplit.noise(
      bytes: Self.bytes, blocks: 1000, blocksPerShard: 500, seed: 1, in: other.path)
    #expect(their.shards.map(\.bytes) == manifest.shards.map(\.bytes))
    #expect(their.shards.map(\.xxh128) != manifest.shards.map(\.xxh128))
  }

  func loader(shuffle: Shuffle) throws -> Loader {
    try Loader(
      LoaderOptions(directory: folder.path, batch: 16, seed: 5, shuffle: shuffle, slots: 1))
  }

  func replace(shard: Int) throws {
    let name = manifest.shards[shard].file
    try Files.read(other.file(name)).withUnsafeBytes {
      try Files.writeAtomically($0, to: folder.file(name))
    }
  }

  /// Whether all samples are those of the first noise.
  func holds(_ batch: Batch) -> Bool {
    (0..<batch.count).allSatisfy { i in
      let found = UnsafeRawBufferPointer(start: batch.input(0, of: i), count: Self.bytes)
      return found.elementsEqual(SyntheticSplit.noise(ofRecord: batch.id(of: i), bytes: Self.bytes))
    }
  }

  /// Takes batches until the loader refuses one of the shards.
  func expectRefusal(of loader: Loader, anyOf shards: [Int]) {
    let failure = #expect(throws: Failure.self) {
      for _ in 0..<500 {
        let batch = try loader.next()
        #expect(holds(batch))
      }
    }
    #expect(failure?.kind == .badData)
    #expect(
      shards.contains {
        failure?.place.hasPrefix("\(folder.file(manifest.shards[$0].file)), block ") == true
      }, "\(failure?.place ?? "")")
    #expect(
      failure?.problem
        == "expected the file that was there at the start, found another: it was replaced while in use"
    )
    loader.close()
  }
}
