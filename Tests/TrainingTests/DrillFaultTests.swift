import Basics
import Foundation
import Testing
import Training

/// The built program under what can befall it: message, exit code, what is left, and that the run ends in the calm bytes.
@Suite(.serialized) struct DrillFaultTests {
  private func bench() throws -> TrainingBench { try TrainingBench() }

  private var longer: [String] {
    ["--set", "steps=400", "--set", "save_every=0", "--set", "log_every=20"]
  }

  /// The bytes of a calm run of 400 steps.
  private func calm(_ bench: TrainingBench) throws -> [[UInt8]] {
    let run = try bench.launch(bench.start + longer + ["--workers", "1"]).end()
    #expect(run.code == 0, "\(run.messages)")
    return try bench.bench.bytes(step: 400)
  }

  /// Resumes to the end, compares with a calm run, and audits.
  private func finish(_ struck: TrainingBench, _ what: String) throws {
    let end = try struck.launch(struck.go + longer + ["--workers", "3"]).end()
    #expect(end.code == 0, "\(what): \(end.messages)")
    #expect(try struck.bench.bytes(step: 400) == calm(try bench()), "\(what)")
    let audit = try struck.launch(["audit", "--run", struck.run, "--shards", struck.shards]).end()
    #expect(audit.code == 0, "\(what): \(audit.output)")
  }

  @Test(.timeLimit(.minutes(2))) func supervisorKilled() throws {
    let bench = try bench()
    let run = try bench.launch(bench.start + longer + ["--workers", "2"])
    let family = try #require(run.family(workers: 2))
    while run.process.isRunning && !Files.exists(bench.bench.directory.metrics) { usleep(500) }
    kill(family.supervisor, SIGKILL)
    let end = try run.end()
    #expect(end.code == 75)
    #expect(
      end.messages.contains(
        "metamae-train: loader supervisor (process \(family.supervisor)): "
          + "the process that looks after the workers has died\n"), "\(end.messages)")
    #expect(haveEnded(family.workers))
    #expect(try Files.list(bench.bench.directory.checkpoints).count == 1, "it saved first")
    try finish(bench, "supervisor killed")
  }

  @Test(.timeLimit(.minutes(2))) func trainerKilled() throws {
    let bench = try bench()
    let run = try bench.launch(
      bench.start + ["--set", "steps=400", "--set", "save_every=20", "--workers", "3"])
    let family = try #require(run.family(workers: 3))
    while run.process.isRunning
      && !Files.isFolder(bench.bench.directory.checkpoint(step: 20).folder)
    { usleep(500) }
    kill(run.pid, SIGKILL)
    #expect(try run.end().code == -SIGKILL)
    #expect(haveEnded([family.supervisor] + family.workers))
    try finish(bench, "trainer killed")
  }

  /// Workers killed and stopped by hand while it trains: one more life each, said so, the same bytes.
  @Test(.timeLimit(.minutes(2)), arguments: [SIGKILL, SIGSTOP])
  func workersStruck(signal: Int32) throws {
    let bench = try bench()
    let run = try bench.launch(
      bench.start + longer + ["--workers", "2", "--worker-timeout", "0.3"])
    let family = try #require(run.family(workers: 2))
    for worker in family.workers { kill(worker, signal) }
    let end = try run.end()
    #expect(end.code == 0, "\(end.messages)")
    // Stopped while its ring was full and never needed again, a worker may go unnoticed.
    if signal == SIGKILL {
      #expect(end.messages.contains("was ended by SIGKILL before its slot"), "\(end.messages)")
    }
    #expect(haveEnded([family.supervisor] + family.workers))
    try finish(bench, "workers got \(signal)")
  }

  /// ^C at any moment, once or twice: 130 or the signal itself before it is caught, and nothing is lost.
  @Test(.timeLimit(.minutes(3))) func interruptedAtAnyMoment() throws {
    let bench = try bench()
    var stream = RandomStream(RandomKey(seed: 2, "interrupts"))
    for round in 0..<10 {
      let run = try bench.launch(bench.go + longer)
      usleep(UInt32(stream.below(round < 5 ? 40_000 : 300_000)))
      let family = children(of: run.pid)
      kill(run.pid, SIGINT)
      if round % 2 == 1 {
        usleep(UInt32(stream.below(3000)))
        kill(run.pid, SIGINT)
      }
      let end = try run.end()
      #expect([130, -SIGINT, 0].contains(end.code), "round \(round): \(end.code) \(end.messages)")
      #expect(haveEnded(family))
      if Files.isFolder(bench.run) && !Files.exists(bench.bench.directory.configuration) {
        #expect(
          try Files.list(bench.run).allSatisfy { $0 == ".lock" || $0.hasSuffix(".unfinished") })
      }
    }
    try finish(bench, "interrupted")
  }

  /// Two trainers on one shard folder do not know of each other.
  @Test(.timeLimit(.minutes(2))) func twoTrainersOnOneShardFolder() throws {
    let (one, two) = (try bench(), try bench())
    let words = ["--config", two.bench.config, "--run", two.run, "--shards", one.shards]
    let (first, second) = (
      try one.launch(one.start + longer), try one.launch(words + longer + ["--workers", "1"])
    )
    #expect(try first.end().code == 0)
    #expect(try second.end().code == 0)
    #expect(try one.bench.bytes(step: 400) == two.bench.bytes(step: 400))
  }

  @Test(.timeLimit(.minutes(1))) func aRunDirectoryInUse() throws {
    let bench = try bench()
    let run = try bench.launch(bench.start + ["--set", "steps=100000", "--set", "save_every=0"])
    while run.process.isRunning && !Files.exists(bench.bench.directory.metrics) { usleep(500) }
    for words in [bench.start, bench.resume] {
      let end = try bench.launch(words).end()
      #expect(end.code == 75)
      #expect(
        end.messages.contains(
          "\(bench.run): the run directory is in use by process \(run.pid)\n"
            + "  Wait until it ends, or choose another --run.\n"), "\(end.messages)")
    }
    kill(run.pid, SIGTERM)
    #expect(try run.end().code == 130)
  }

  /// (descriptors, whether it can work)
  @Test(.timeLimit(.minutes(1)), arguments: [(14, true), (4, false)])
  func fewDescriptors(limit: Int, works: Bool) throws {
    let bench = try bench()
    let end = try bench.launch(
      bench.start + ["--workers", "1"],
      wrapped: ["sh", "-c", "ulimit -n \(limit); exec \"$0\" \"$@\""]
    ).end()
    if works {
      #expect(end.code == 0, "\(end.messages)")
    } else {
      #expect(end.code == 75, "\(end.messages)")
      #expect(end.messages.contains("Too many open files"), "\(end.messages)")
    }
  }

  /// The parameters of a large model are asked for after the loader's processes run.
  @Test(.timeLimit(.minutes(1))) func noMemoryForTheModel() throws {
    let bench = try bench()
    let end = try bench.launch(
      bench.start + [
        "--workers", "1", "--set", "encoder.width=4096", "--set", "encoder.layers=12",
      ],
      wrapped: ["sh", "-c", "ulimit -v 3000000; exec \"$0\" \"$@\""]
    ).end()
    #expect(end.code == 75, "\(end.messages)")
    let words = end.messages.split(separator: "\n").suffix(2)
    #expect(
      words.first?.contains(
        #/^metamae-train: memory: expected \d+ bytes more, found Cannot allocate memory$/#)
        == true, "\(end.messages)")
    #expect(words.last == "  Use a smaller batch or model, or raise the limit (ulimit -v).")
    #expect(!Files.exists(bench.bench.directory.checkpoints))
  }

  /// A container's small /dev/shm is not used at all. Needs a mount of its own: root only.
  @Test(.timeLimit(.minutes(1)), .enabled(if: getuid() == 0)) func twoMegabytesOfSharedMemory()
    throws
  {
    let bench = try bench()
    let end = try bench.launch(
      bench.start + ["--workers", "2"],
      wrapped: [
        "unshare", "-m", "sh", "-c",
        "mount -t tmpfs -o size=2m tmpfs /dev/shm || exit 99; \"$0\" \"$@\"; code=$?; "
          + "test -z \"$(ls -A /dev/shm)\" || exit 98; exit $code",
      ]
    ).end()
    if end.code == 99 || end.code == 1 && end.messages.contains("unshare") {
      return print("twoMegabytesOfSharedMemory: not run, mounting is refused here")
    }
    #expect(end.code == 0, "\(end.messages)")
  }

  /// Chaos asked for on the command line ends in the calm bytes.
  @Test(.timeLimit(.minutes(2))) func chaos() throws {
    let bench = try bench()
    let end = try bench.launch(
      bench.start + longer + [
        "--workers", "2", "--worker-timeout", "0.3", "--chaos",
        "kill-worker:0.05,stall-worker:0.005",
      ]
    ).end()
    #expect(end.code == 0, "\(end.messages)")
    #expect(end.messages.contains("; it was replaced"), "\(end.messages)")
    try finish(bench, "chaos")
  }

  @Test(.timeLimit(.minutes(1))) func flippedBitsStopOrAreSkipped() throws {
    let bench = try bench()
    let words = ["--workers", "2", "--chaos", "flip-bit:0.5"]
    let end = try bench.launch(bench.start + words).end()
    #expect(end.code == 65)
    #expect(end.messages.contains("shard-0000") && end.messages.contains(", block "))
    let (one, two) = (try self.bench(), try self.bench())
    for (skipping, workers) in [(one, "1"), (two, "3")] {
      let end = try skipping.launch(
        skipping.start + [
          "--workers", workers, "--on-bad-block", "skip", "--chaos", "flip-bit:0.5",
        ]
      ).end()
      #expect(end.code == 0, "\(end.messages)")
      #expect(end.messages.contains("samples left out so far with damaged blocks"))
      #expect(try skipping.launch(["audit", "--run", skipping.run]).end().code == 0)
    }
    #expect(try one.bench.bytes(step: 12) == two.bench.bytes(step: 12))
    #expect(try one.bench.metrics().map(\.receipts) == two.bench.metrics().map(\.receipts))
  }

  /// The doctor: every line, one JSON document, and what it says of a place that cannot be written.
  @Test(.timeLimit(.minutes(1))) func doctor() throws {
    let bench = try bench()
    let end = try bench.launch(["doctor", "--run", bench.run]).end()
    #expect(end.code == 0, "\(end.output)\(end.messages)")
    for name in [
      "cores", "memory", "descriptors", "processes", "shared memory", "BLAS", "numbers",
      "file system", "file operations",
    ] { #expect(end.output.contains("\n\(name) ") || end.output.hasPrefix("\(name) "), "\(name)") }
    #expect(end.output.hasSuffix("\nusable\n"))
    let json = try bench.launch(["doctor", "--json"]).end()
    let report = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
    #expect(json.code == 0 && report?["usable"] as? Bool == true)
    let bad = try bench.launch(["doctor", "--run", "/proc/none"]).end()
    #expect(bad.code == 75)
    #expect(bad.output.contains("not usable: a run directory cannot be here: choose another"))
    let few = try bench.launch(
      ["doctor"], wrapped: ["sh", "-c", "ulimit -n 16; exec \"$0\" \"$@\""]
    ).end()
    #expect(few.code == 75)
    #expect(few.output.contains("not usable: expected 32 at least: raise it with ulimit -n"))
  }

  /// A mixture of two sets: exact on resume, for any workers, audited against both manifests.
  @Test(.timeLimit(.minutes(2))) func mixture() throws {
    func mixed() throws -> TrainingBench {
      let bench = try TrainingBench("mixture: synthetic:2,other:1\n")
      try FileManager.default.createDirectory(
        atPath: bench.shards + "/other", withIntermediateDirectories: true)
      try FileManager.default.copyItem(
        atPath: bench.shards + "/synthetic/pretrain", toPath: bench.shards + "/other/pretrain")
      return bench
    }
    let (whole, parts) = (try mixed(), try mixed())
    #expect(
      try whole.launch(whole.start + ["--set", "steps=60", "--workers", "1"]).end().code == 0)
    for steps in [13, 14, 40, 60] {
      let end = try parts.launch(
        parts.go + ["--set", "steps=\(steps)", "--workers", "\(1 + steps % 3)"]
      ).end()
      #expect(end.code == 0, "\(end.messages)")
    }
    #expect(try whole.bench.bytes(step: 60) == parts.bench.bytes(step: 60))
    let audit = try parts.launch(["audit", "--run", parts.run, "--shards", parts.shards]).end()
    #expect(audit.code == 0, "\(audit.output)")
    // 360 places: 240 of one set, 120 of the other, 40 samples each.
    #expect(audit.output.contains("9 epochs closed"), "\(audit.output)")
    let wrong = try TrainingBench("mixture: other:1\n")
    let end = try wrong.launch(wrong.start).end()
    #expect(end.code == 64)
    #expect(
      end.messages.contains(
        "mixture: expected synthetic, the run's dataset, among the sets, found other"))
  }
}
