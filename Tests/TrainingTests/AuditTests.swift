import Basics
import Experiments
import Foundation
import ShardFormat
import TestSupport
import Testing
import Training

/// Receipts of whole runs, and what an audit says of damaged ones.
@Suite struct AuditTests {
  /// Every epoch has one receipt, whatever was stopped and resumed between, and nothing after the resumed step stays.
  @Test func receiptsSurviveResumes() throws {
    let whole = try Bench()
    try whole.train()
    let parts = try Bench()
    for steps in [3, 4, 9, 15, 20] {
      try parts.train(resume: steps > 3, settings: ["steps=\(steps)"])
    }
    let audit = try RunAudit(run: parts.run, shards: nil)
    #expect(audit.problems == [])
    #expect(audit.epochsClosed == 6 && audit.samples == 60 && audit.step == 20)
    func receipts(_ bench: Bench) throws -> [EpochReceipt] {
      try bench.metrics().flatMap { $0.receipts ?? [] }
    }
    #expect(try receipts(parts) == receipts(whole))
    #expect(try receipts(whole).map(\.epoch) == [0, 1, 2, 3, 4, 5])
    #expect(try receipts(whole).allSatisfy { $0.hash == $0.manifestHash && $0.samples == 10 })
    #expect(try parts.bytes(step: 20) == whole.bytes(step: 20))
  }

  @Test func samplesLeftOutAreAccountedFor() throws {
    let bench = try Bench()
    try bench.train(settings: ["steps=7"]) { _, source in source.skipsEach = 2 }
    try bench.train(resume: true, settings: ["steps=20"]) { _, source in source.skipsEach = 2 }
    let audit = try RunAudit(run: bench.run, shards: nil)
    #expect(audit.problems == [] && audit.skipped == 40 && audit.epochsClosed == 10)
    let receipt = try #require(try bench.metrics().flatMap { $0.receipts ?? [] }.first)
    #expect(receipt.samples == 6 && receipt.skipped == 4 && receipt.hash != receipt.manifestHash)
  }

  /// A kill tears the last line; a resume would remove it.
  @Test func aTornLastLineIsNoProblem() throws {
    let bench = try Bench()
    try bench.train()
    let text = try Files.read(bench.directory.metrics) + Array("{\"step\":21,\"lo".utf8)
    try text.withUnsafeBytes { try Files.write($0, to: bench.directory.metrics) }
    #expect(try RunAudit(run: bench.run, shards: nil).problems == [])
  }

  /// (what is replaced in metrics.jsonl or state.json, by what, the problem that is named)
  @Test(arguments: [
    ("metrics", "\"epoch\":2,\"hash\":\"", "\"epoch\":2,\"hash\":\"0", "a hash is not 32"),
    (
      "metrics", "\"epoch\":2,\"hash\":\"", "\"epoch\":7,\"hash\":\"",
      "expected the receipt of epoch 2"
    ),
    ("metrics", "\"samples\":10", "\"samples\":9", "epoch 0: expected 10 samples, found 9"),
    ("metrics", "\"step\":6,", "\"step\":4,", "expected a step after 4, found 4"),
    ("metrics", "\"loss\":", "\"los\":", "no whole line"),
    (
      "metrics", "\"receipts\":[{\"epoch\":0,", "\"x\":[{\"epoch\":0,",
      "expected the receipt of epoch 0"
    ),
    (
      "state", "\"epoch\" : 6", "\"epoch\" : 5", "expected 0 samples of epoch 6, found 0 of epoch 5"
    ),
    ("state", "\"samples\" : 60", "\"samples\" : 59", "expected step 20 and 60 samples"),
  ]) func damageIsNamed(file: String, old: String, new: String, problem: String) throws {
    let bench = try Bench()
    try bench.train()
    let path =
      file == "metrics" ? bench.directory.metrics : bench.directory.checkpoint(step: 20).state
    let text = String(decoding: try Files.read(path), as: UTF8.self)
    let place = try #require(text.range(of: old), "\(text)")
    try Files.writeAtomically(text.replacingCharacters(in: place, with: new), to: path)
    let problems = try RunAudit(run: bench.run, shards: nil).problems
    #expect(problems.contains { $0.contains(problem) }, "\(problems)")
  }

  @Test func exchangedIdsChangeTheHash() {
    let whole = SetDigest(upTo: 100)
    var lost = SetDigest()
    for id in 0..<100 as Range<UInt64> { lost.add(id == 40 ? 41 : id) }
    #expect(lost.count == whole.count && lost != whole)
    var turned = SetDigest()
    for id in (0..<100 as Range<UInt64>).reversed() { turned.add(id) }
    #expect(turned == whole)
    #expect(SetDigest(count: 100, text: whole.text) == whole)
    #expect(SetDigest(count: 100, text: String(whole.text.dropLast())) == nil)
    #expect(SetDigest(count: 100, text: String(repeating: "g", count: 32)) == nil)
  }

  @Test func nothingToAuditIsMissing() throws {
    let failure = #expect(throws: Failure.self) { try RunAudit(run: "/nowhere", shards: nil) }
    #expect(failure?.kind == .missingInput)
  }

  /// Steps' time in one sentence: (read, decode, place, ring empty, compute, workers)
  @Test(
    arguments: [
      ((0.1, 0.2, 0.08, 0.0, 1.0, 2), "trainer-bound: workers idle 81%, one would do"),
      ((0.1, 0.6, 0.1, 0.01, 0.99, 1), "trainer-bound: workers idle 20%"),
      (
        (0.1, 0.8, 0.1, 0.5, 0.5, 1),
        "loader-bound: the trainer waits 50% of the time, workers busy 100% (80% of it decoding), try --workers 2"
      ),
      ((0, 0, 0, 0, 0, 1), "nothing was trained"),
    ] as [((Double, Double, Double, Double, Double, Int), String)])
  func verdicts(of step: (Double, Double, Double, Double, Double, Int), sentence: String) {
    let seconds = StepSeconds(
      read: step.0, decode: step.1, place: step.2, ringFull: 0, ringEmpty: step.3,
      compute: step.4, checkpoint: 0)
    #expect(seconds.verdict(workers: step.5) == sentence)
  }
}
