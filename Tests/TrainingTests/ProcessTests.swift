import Basics
import CSystem
import Experiments
import Foundation
import Testing
import Training

/// What needs a process of its own: kills, stop signals, a second trainer, a full disk. Each child is an exit test.
@Suite struct ProcessTests {
  /// Killed at a random instant again and again, and resumed each time: the same bytes as never stopping.
  @Test(.timeLimit(.minutes(2)), arguments: [1, 2] as [UInt64])
  func killedAnywhereAndResumedEqualsNeverStopping(seed: UInt64) async throws {
    let text = "dataset: fake\nsteps: 60\nbatch: 3\nsave_every: 1\nseed: \(seed)\n"
    let whole = try Bench(text)
    try whole.train(width: 2000)
    let killed = try Bench(text)
    let (run, config) = (killed.run, killed.config)
    var stream = RandomStream(RandomKey(seed: seed, "kill"))
    for _ in 0..<12 where !Files.exists(killed.directory.checkpoint(step: 60).state) {
      let delay = UInt32(stream.below(100_000))
      await #expect(processExitsWith: .signal(SIGKILL)) {
        [run = run as String, config = config as String, delay = delay as UInt32] in
        let resume = Files.exists(run + "/config.yaml")
        Thread.detachNewThread {
          usleep(delay)
          kill(getpid(), SIGKILL)
        }
        try Bench.train(run: run, config: resume ? nil : config, resume: resume, width: 2000)
        kill(getpid(), SIGKILL)
      }
    }
    try killed.train(resume: true, width: 2000)
    #expect(try killed.bytes(step: 60) == whole.bytes(step: 60))
    #expect(try killed.tree() == whole.tree())
    let losses = try whole.metrics().map { [Double($0.step), $0.loss] }
    #expect(try killed.metrics().map { [Double($0.step), $0.loss] } == losses)
  }

  /// To the process, not to this thread: Dispatch's threads block signals. Returns when it has arrived.
  private static func send(_ signal: Int32) {
    kill(getpid(), signal)
    while cs_stop_requested() == 0 { usleep(100) }
  }

  @Test(arguments: [SIGINT, SIGTERM]) func aStopSignalSavesAndLeaves(signal: Int32) async throws {
    let bench = try Bench()
    let (run, config) = (bench.run, bench.config)
    await #expect(processExitsWith: .exitCode(130)) {
      [run = run as String, config = config as String, signal = signal as Int32] in
      try StopSignals.install()
      do {
        try Bench.train(run: run, config: config, resume: false) { learner, _ in
          learner.atStep = { if $0 == 6 { Self.send(signal) } }
        }
      } catch let failure as Failure {
        let expected =
          "\(run): stopped on request after step 7 of 20; the step is saved\n"
          + "  Go on with: metamae-train --resume --run \(run) --shards DIR"
        exit(failure.description == expected ? failure.kind.rawValue : 1)
      }
    }
    #expect(try Files.list(bench.directory.checkpoints) == ["step-5", "step-7"])
    try bench.train(resume: true)
    let whole = try Bench()
    try whole.train()
    #expect(try bench.bytes(step: 20) == whole.bytes(step: 20))
  }

  @Test func aSecondSignalLeavesAtOnce() async throws {
    let bench = try Bench()
    let (run, config) = (bench.run, bench.config)
    await #expect(processExitsWith: .exitCode(130)) {
      [run = run as String, config = config as String] in
      try StopSignals.install()
      try Bench.train(run: run, config: config, resume: false) { learner, _ in
        learner.atStep = {
          guard $0 == 6 else { return }
          Self.send(SIGTERM)
          kill(getpid(), SIGTERM)
          sleep(9)
        }
      }
    }
    #expect(try Files.list(bench.directory.checkpoints) == ["step-5"])
  }

  /// While one process trains, others are told who it is, whether they would start or resume.
  @Test(.timeLimit(.minutes(1))) func twoRunsOnOneDirectory() async throws {
    let bench = try Bench()
    let (run, config) = (bench.run, bench.config)
    await #expect(processExitsWith: .exitCode(0)) {
      [run = run as String, config = config as String] in
      let parent = getpid()
      try Bench.train(run: run, config: config, resume: false) { learner, _ in
        learner.atStep = { step in
          guard step == 6 else { return }
          for resume in [false, true] {
            let child = cs_fork_child()
            if child == 0 {
              do {
                try Bench.train(run: run, config: resume ? nil : config, resume: resume)
              } catch let failure as Failure {
                let expected =
                  "\(run): the run directory is in use by process \(parent)\n"
                  + "  Wait until it ends, or choose another --run."
                _exit(failure.description == expected ? failure.kind.rawValue : 1)
              } catch {}
              _exit(2)
            }
            var status: Int32 = 0
            guard cs_reap(child, 1, &status) == 1, status == 75 else { exit(100 + status) }
          }
        }
      }
      exit(0)
    }
    let whole = try Bench()
    try whole.train()
    #expect(try bench.bytes(step: 20) == whole.bytes(step: 20))
  }

  /// A worker that outlives a killed trainer for a moment does not keep the directory locked.
  @Test func aForkedChildDoesNotHoldTheLock() async throws {
    let bench = try Bench()
    let (run, config) = (bench.run, bench.config)
    await #expect(processExitsWith: .signal(SIGKILL)) {
      [run = run as String, config = config as String] in
      try Bench.train(run: run, config: config, resume: false) { learner, _ in
        learner.atStep = { step in
          guard step == 6 else { return }
          if fork() == 0 {
            sleep(3)
            _exit(0)
          }
          kill(getpid(), SIGKILL)
        }
      }
    }
    try bench.train(resume: true)
  }

  /// Needs a small file system of its own: root only.
  @Test(.enabled(if: getuid() == 0)) func aFullDiskKeepsTheOldCheckpoint() async throws {
    let bench = try Bench(
      "dataset: fake\nsteps: 20\nbatch: 3\nsave_every: 5\nkeep_checkpoints: 9\n")
    try Files.createFolder(bench.run)
    guard mount("tmpfs", bench.run, "tmpfs", 0, "size=128k") == 0 else { return }
    defer { umount(bench.run) }
    let failure = #expect(throws: Failure.self) { try bench.train(width: 2000) }
    #expect(failure?.kind == .tryAgain)
    #expect(failure?.problem.hasSuffix("No space left on device") == true, "\(failure!)")
    let names = try Files.list(bench.directory.checkpoints)
    #expect(names == ["step-5"], "what was whole stays, what was not is gone")
    _ = try Checkpoint(bench.directory.checkpoint(step: 5))
  }
}
