// A control group whose memory a worker uses up: the kernel kills the worker, and that is what is said.

import Basics
import CSystem
import Glibc
import Testing

@testable import DataLoading

/// A control group below this process's own, with a limit of memory. Its parents are left as they are.
struct MemoryGroup: Codable, Sendable {
  /// Why there cannot be one here.
  struct Unavailable: Error { let reason: String }
  let folder: String
  let parent: String

  init(limitBytes: Int) throws {
    let folders = ControlGroup.folders("memory")
    guard
      let (parent, limits) =
        folders.version1.first(where: { Files.exists($0 + "/memory.limit_in_bytes") }).map({
          ($0, ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"])
        })
        ?? folders.version2.first(where: { Files.exists($0 + "/cgroup.subtree_control") }).map({
          ($0, ["memory.max", "memory.swap.max"])
        })
    else { throw Unavailable(reason: "no control groups are mounted") }
    self.parent = parent
    folder = "\(parent)/metamae-test-\(getpid())"
    guard mkdir(folder, 0o755) == 0 else {
      throw Unavailable(
        reason: "\(parent): no group may be made: \(String(cString: strerror(errno)))")
    }
    for (file, bytes) in zip(
      limits, limits[0] == "memory.max" ? [limitBytes, 0] : [limitBytes, limitBytes])
    {
      if !Files.exists("\(folder)/\(file)") && file == limits[0] {
        remove()
        throw Unavailable(reason: "\(parent): its groups have no memory controller")
      }
      guard write("\(bytes)", to: "\(folder)/\(file)") || file != limits[0] else {
        let reason = String(cString: strerror(errno))
        remove()
        throw Unavailable(reason: "\(folder)/\(file): no limit may be set: \(reason)")
      }
    }
  }

  /// Puts this process, and whom it forks from now on, into the group.
  func enter() -> Bool { write("\(getpid())", to: folder + "/cgroup.procs") }

  func leave() -> Bool { write("\(getpid())", to: parent + "/cgroup.procs") }

  /// Removes the group once its last process is gone; up to two seconds.
  @discardableResult func remove() -> Bool {
    for _ in 0..<200 {
      if rmdir(folder) == 0 || errno == ENOENT { return true }
      usleep(10_000)
    }
    return false
  }

  private func write(_ text: String, to path: String) -> Bool {
    let descriptor = open(path, O_WRONLY)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return text.withCString { Glibc.write(descriptor, $0, strlen($0)) } == text.utf8.count
  }
}

/// A computed split one of whose blocks takes a gigabyte to decode, as often as `lives` says.
private func greedySplit(lives: UInt32) -> Split {
  var split = ComputedSplit.records(count: 1003, perBlock: 10)
  let open = split.open
  nonisolated(unsafe) let eaten = cs_shared_alloc(4096)!.assumingMemoryBound(to: UInt32.self)
  split.open = {
    var reader = try open()
    let decode = reader.decode
    reader.decode = { block, buffer in
      if block == 77, cs_add(eaten, 1) < lives {
        let count = 1 << 30
        let memory = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 4096)
        for at in stride(from: 0, to: count, by: 4096) {
          memory.storeBytes(of: 1, toByteOffset: at, as: UInt8.self)
        }
        memory.deallocate()
      }
      try decode(block, buffer)
    }
    return reader
  }
  return split
}

@Suite("Loader: a control group's memory", .serialized) struct ControlGroupFaultTests {
  /// Replaced, with its cause, and the same bytes; a SIGKILL by hand in the same group is no want of memory; a worker
  /// that needs more each time stops the run with 75.
  @Test(.timeLimit(.minutes(5))) func aWorkerThatOutgrowsIt() async throws {
    let group: MemoryGroup
    do {
      group = try MemoryGroup(limitBytes: 128 << 20)
    } catch let problem as MemoryGroup.Unavailable {
      return print("aWorkerThatOutgrowsIt: not run: \(problem.reason)")
    }
    await #expect(processExitsWith: .success) { [group = group as MemoryGroup] in
      #expect(group.enter())
      let split = greedySplit(lives: 1)
      let loader = try syntheticLoader(split, batch: 64, workers: 2)
      try expectSequence(loader, split, batch: 64, batches: 60)
      let ends = loader.takeWorkerEnds()
      #expect(ends.map(\.cause) == [.outOfMemory])
      #expect(
        ends.first?.description.contains(
          "was killed for want of memory (the machine's or its control group's) before its slot ")
          == true)
      for _ in 0..<2 {
        usleep(600_000)
        kill(loader.processes.workers[1], SIGKILL)
        for _ in 0..<40 { #expect(try loader.next().holdsRecords) }
      }
      #expect(loader.takeWorkerEnds().map(\.cause) == [.signal(SIGKILL), .signal(SIGKILL)])
      loader.close()

      let greedy = try syntheticLoader(greedySplit(lives: .max), batch: 64, workers: 2)
      let failure = #expect(throws: Failure.self) { while true { _ = try greedy.next() } }
      #expect(failure?.kind == .tryAgain)
      #expect(
        failure?.problem
          == "was ended by SIGKILL for want of memory (the machine's or its control group's), "
          + "6 times within a minute and nothing delivered between")
      #expect(greedy.takeWorkerEnds().allSatisfy { $0.cause == .outOfMemory })
      let processes = greedy.processes
      greedy.close()
      #expect(!([processes.supervisor] + processes.workers).contains(where: isRunning))
      #expect(group.leave())
    }
    #expect(group.remove(), "\(group.folder) is left")
  }
}
