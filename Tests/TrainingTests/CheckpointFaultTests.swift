import Basics
import CSystem
import Experiments
import Foundation
import Testing
import Training

/// Each write, sync and rename of a run struck once: killed in front of it, or told that the disk is full.
@Suite struct CheckpointFaultTests {
  private static let text =
    "dataset: fake\nsteps: 6\nbatch: 3\nsave_every: 3\nlog_every: 2\nkeep_checkpoints: 1\n"

  /// How many such calls a whole run makes.
  private func calls() throws -> Int {
    let bench = try Bench(Self.text)
    DiskFault.arm(after: 1_000_000, .fail(EIO))
    defer { DiskFault.disarm() }
    try bench.train()
    return 1_000_000 - (DiskFault.left ?? 0)
  }

  @Test(.timeLimit(.minutes(5))) func killedAtEachCallAndResumed() async throws {
    let whole = try Bench(Self.text)
    try whole.train()
    let expected = try whole.bytes(step: 6)
    var struck = 0
    while true {
      let bench = try Bench(Self.text)
      let (run, config, at) = (bench.run, bench.config, struck)
      var killed = true
      await #expect(processExitsWith: .success) {
        [run = run as String, config = config as String, at = at as Int] in
        let child = cs_fork_child()
        if child == 0 {
          DiskFault.arm(after: at, .kill)
          do { try Bench.train(run: run, config: config, resume: false) } catch { _exit(1) }
          _exit(7)
        }
        var status: Int32 = 0
        let end = cs_reap(child, 1, &status)
        guard end == 2 && status == SIGKILL || end == 1 && status == 7 else { exit(1) }
        if end == 1 { try Files.writeAtomically("", to: run + "/whole") }
      }
      if Files.exists(run + "/whole") {
        killed = false
        try Files.remove(run + "/whole")
      }
      let resume = Files.exists(bench.directory.configuration)
      try bench.train(resume: resume)
      #expect(try bench.bytes(step: 6) == expected, "killed at call \(struck)")
      #expect(try bench.tree() == whole.tree(), "killed at call \(struck)")
      #expect(try RunAudit(run: run, shards: nil).problems == [], "killed at call \(struck)")
      guard killed else { break }
      struck += 1
    }
    #expect(struck > 20, "\(struck) calls were struck")
  }

  /// (errno, exit code): what is whole stays whole, nothing half-written is taken for it, and the run goes on when there
  /// is room again.
  @Test(arguments: [(ENOSPC, 75), (EIO, 74), (EROFS, 74)] as [(Int32, Int32)])
  func failingAtEachCall(code: Int32, exitCode: Int32) async throws {
    await #expect(processExitsWith: .success) {
      [code = code as Int32, exitCode = exitCode as Int32] in
      let whole = try Bench(Self.text)
      try whole.train()
      let calls = try CheckpointFaultTests().calls()
      for at in 0..<calls {
        let bench = try Bench(Self.text)
        DiskFault.arm(after: at, .fail(code))
        let failure = #expect(throws: Failure.self, "call \(at)") { try bench.train() }
        DiskFault.disarm()
        #expect(failure?.kind.rawValue == exitCode, "call \(at): \(failure!)")
        #expect(
          failure?.problem.contains(String(cString: strerror(code))) == true
            || failure?.remedy?.contains(String(cString: strerror(code))) == true, "\(failure!)")
        try bench.train(resume: Files.exists(bench.directory.configuration))
        #expect(try bench.bytes(step: 6) == whole.bytes(step: 6), "call \(at)")
        #expect(try bench.tree() == whole.tree(), "call \(at)")
      }
      #expect(calls > 20)
    }
  }

  @Test func noLockFile() throws {
    let bench = try Bench(Self.text)
    try Files.createFolder(bench.directory.lock)
    let failure = #expect(throws: Failure.self) { try bench.train() }
    #expect(failure?.kind == .inputOutput)
    #expect(failure?.description == "\(bench.directory.lock): cannot create: Is a directory")
    #expect(try bench.tree() == [])
  }

  /// Needs a small file system of its own: root only.
  @Test(.enabled(if: getuid() == 0)) func aReadOnlyFileSystem() throws {
    let bench = try Bench(Self.text)
    try Files.createFolder(bench.run)
    guard mount("tmpfs", bench.run, "tmpfs", UInt(MS_RDONLY), "size=128k") == 0 else {
      return print("aReadOnlyFileSystem: not run, mounting is refused here")
    }
    defer { umount(bench.run) }
    let failure = #expect(throws: Failure.self) { try bench.train() }
    #expect(failure?.kind == .inputOutput)
    #expect(
      failure?.description == "\(bench.directory.lock): cannot create: Read-only file system")
  }
}
