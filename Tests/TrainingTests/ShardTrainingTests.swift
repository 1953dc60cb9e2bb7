import Basics
import Experiments
import Foundation
import ShardFormat
import TestSupport
import Testing

/// The built program on small shards: any number of workers, killed and resumed, the same checkpoint bytes.
@Suite struct ShardTrainingTests {
  private func bench() throws -> Bench {
    let bench = try Bench(TrainingBench.configuration)
    try SyntheticSplit.records(40, in: bench.folder + "/shards/synthetic/pretrain")
    return bench
  }

  private func start(_ bench: Bench, _ arguments: [String]) throws -> (Process, Pipe, Pipe) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
      .deletingLastPathComponent().appendingPathComponent("metamae-train")
    process.arguments = ["--run", bench.run, "--shards", bench.folder + "/shards"] + arguments
    let (out, err) = (Pipe(), Pipe())
    (process.standardOutput, process.standardError) = (out, err)
    try process.run()
    return (process, out, err)
  }

  @discardableResult
  private func run(_ bench: Bench, _ arguments: [String], code: Int32 = 0) throws -> (
    String, String
  ) {
    let (process, out, err) = try start(bench, arguments)
    let text = String(decoding: out.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let messages = String(decoding: err.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == code, "\(messages)")
    return (text, messages)
  }

  @Test(.timeLimit(.minutes(1))) func workersDoNotChangeTheBytes() throws {
    let one = try bench()
    let (text, messages) = try run(one, ["--config", one.config, "--workers", "1"])
    #expect(text.contains("synthetic, metamae: step 12, loss "))
    #expect(messages.contains("checkpoints: "))
    #expect(messages.contains("-bound: "))
    for workers in ["2", "5"] {
      let other = try bench()
      try run(other, ["--config", other.config, "--workers", workers])
      #expect(try one.bytes(step: 12) == other.bytes(step: 12), "\(workers) workers")
      #expect(try one.metrics().map(\.loss) == other.metrics().map(\.loss))
    }
    let resolved = try RunConfiguration.resolve(file: one.directory.configuration, settings: [])
    #expect(resolved.split == "pretrain")
    #expect(resolved.patch == [[2, 2], [1]])
    #expect(resolved.vocabulary == 405)
  }

  @Test(.timeLimit(.minutes(1))) func killedAndResumedEqualsNeverStopping() throws {
    let whole = try bench()
    try run(whole, ["--config", whole.config])
    let killed = try bench()
    var arguments = ["--config", killed.config]
    for step in [2, 5, 9] {
      let (process, _, _) = try start(killed, arguments)
      while process.isRunning && !Files.exists(killed.directory.checkpoint(step: step).state) {
        usleep(500)
      }
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      arguments = ["--resume", "--workers", "\(step)"]
    }
    let (_, messages) = try run(killed, arguments)
    #expect(messages.contains("going on after step "))
    #expect(try whole.bytes(step: 12) == killed.bytes(step: 12))
    #expect(try whole.tree() == killed.tree())
    #expect(try whole.metrics().map(\.loss) == killed.metrics().map(\.loss))
    #expect(
      try whole.metrics().map(\.receipts) == killed.metrics().map(\.receipts),
      "the receipts of a killed run")
    let audit = try audit(killed, ["--shards", killed.folder + "/shards"])
    #expect(audit.code == 0)
    #expect(
      audit.output
        == "\(killed.run): step 12, 72 samples, 0 left out, 1 epochs closed, each sample once; "
        + "3 checkpoints whole\n")
  }

  private func audit(_ bench: Bench, _ arguments: [String] = []) throws -> ProgramRun {
    try ProgramRun("metamae-train", ["audit", "--run", bench.run] + arguments)
  }

  @Test(.timeLimit(.minutes(1))) func aFailedAuditIsBadData() throws {
    let bench = try bench()
    try run(bench, ["--config", bench.config])
    let path = bench.directory.metrics
    let text = String(decoding: try Files.read(path), as: UTF8.self)
    let cut = text.split(separator: "\n").filter { !$0.contains("receipts") }
    try Files.writeAtomically(cut.joined(separator: "\n") + "\n", to: path)
    let result = try audit(bench)
    #expect(result.code == 65)
    #expect(result.output == "expected 1 receipts up to step 12, found 0\n")
    #expect(
      result.messages
        == "metamae-train: \(bench.run): expected a run whose receipts hold, found 1 problems; "
        + "the first: expected 1 receipts up to step 12, found 0\n")
    let json = try audit(bench, ["--json"])
    #expect(json.code == 65 && json.output.contains("\"epochs_closed\" : 0"))
  }

  @Test(.timeLimit(.minutes(1)), arguments: [SIGINT, SIGTERM])
  func aStopSignalSaves(signal: Int32) throws {
    let bench = try bench()
    let (process, _, err) = try start(
      bench, ["--config", bench.config, "--set", "steps=5000", "--set", "save_every=0"])
    while process.isRunning && !Files.exists(bench.directory.metrics) { usleep(500) }
    kill(process.processIdentifier, signal)
    let messages = String(decoding: err.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 130)
    #expect(messages.contains("stopped on request after step "))
    #expect(try Files.list(bench.directory.checkpoints).count == 1)
  }

  /// `metamae-train ... | tee log` and ^C: the reader of the messages leaves first, and the step is saved all the same.
  @Test(.timeLimit(.minutes(1))) func aStopSignalSavesThoughNobodyReads() throws {
    let bench = try bench()
    let (process, out, err) = try start(
      bench, ["--config", bench.config, "--set", "steps=5000", "--set", "save_every=0"])
    while process.isRunning && !Files.exists(bench.directory.metrics) { usleep(500) }
    try out.fileHandleForReading.close()
    try err.fileHandleForReading.close()
    kill(process.processIdentifier, SIGINT)
    process.waitUntilExit()
    #expect(process.terminationReason == .exit)
    #expect(process.terminationStatus == 130)
    #expect(try Files.list(bench.directory.checkpoints).count == 1)
  }

  @Test func dryRunAndJSON() throws {
    let bench = try bench()
    let (plan, _) = try run(bench, ["--config", bench.config, "--dry-run"])
    #expect(plan.contains("\npatch: [[2, 2], [1]]\n"))
    #expect(!Files.exists(bench.run))
    let (text, _) = try run(bench, ["--config", bench.config, "--set", "steps=2", "--json"])
    let summary = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
    #expect(summary?["step"] as? Int == 2)
    #expect(summary?["checkpoint"] as? String == bench.directory.checkpoint(step: 2).folder)
  }

  /// (what is done to the shards, exit code, what is said)
  @Test(
    .timeLimit(.minutes(1)),
    arguments: [
      ("flip", 65, "The shard is damaged."), ("cut", 65, "shard-0000"),
      ("manifest", 65, "manifest.json"),
      ("remove", 66, "expected a split 'pretrain' or 'train', found no folder"),
    ] as [(String, Int32, String)])
  func damagedShards(how: String, code: Int32, message: String) throws {
    let bench = try bench()
    let folder = bench.folder + "/shards/synthetic/pretrain"
    let shard = folder + "/shard-00000.mdb"
    var bytes = try Files.read(shard)
    switch how {
    case "flip":
      for place in stride(from: 8192, to: bytes.count, by: 64) { bytes[place] ^= 1 }
    case "cut": bytes.removeLast(bytes.count / 2)
    case "manifest": try Files.writeAtomically("{", to: folder + "/manifest.json")
    default: try Files.remove(folder)
    }
    if Files.isFolder(folder) { try bytes.withUnsafeBytes { try Files.write($0, to: shard) } }
    let (_, messages) = try run(bench, ["--config", bench.config], code: code)
    #expect(messages.contains(message), "\(messages)")
  }
}
