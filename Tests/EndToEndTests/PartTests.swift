// A build in pieces: merged, it is the single build byte for byte; a piece that is missing, damaged or of another build
// is an error.

import Basics
import Foundation
import ShardFormat
import TestSupport
import Testing

@Suite struct PartTests {
  private let folder: TemporaryFolder
  private var raw: String { folder.file("raw") }

  init() throws {
    folder = try TemporaryFolder()
    try Files.createFolder(raw)
  }

  private func prep(_ words: [String]) throws -> ProgramRun {
    try ProgramRun("metamae-prep", words)
  }

  private func tree(_ path: String) throws -> [String: [UInt8]] {
    var found: [String: [UInt8]] = [:]
    func visit(_ folder: String, _ name: String) throws {
      for child in try Files.list(folder) {
        let below = folder + "/" + child
        if Files.isFolder(below) {
          try visit(below, name + child + "/")
        } else {
          found[name + child] = try Files.read(below)
        }
      }
    }
    try visit(path, "")
    return found
  }

  private func put(_ text: String, _ name: String) throws {
    try Array(text.utf8).withUnsafeBytes { try Files.write($0, to: raw + "/" + name) }
  }

  private func writeTable(rows: Int) throws {
    let lines = (0..<rows).map { "\(Double($0) / 3),\($0 % 7),c\($0 % 3)" }
    try put("x,y,label\n" + lines.joined(separator: "\n"), "t.csv")
  }

  private func writeSeries() throws {
    for subject in 1...3 {
      let lines = (0..<90).map { "\($0) \($0 / 31 + 1) \($0 * subject).5 \(subject)" }
      try put(lines.joined(separator: "\n"), "subject\(subject).dat")
    }
  }

  /// Record sets whose rows are divided, windowed sets whose files are, and trees; pieces built with different --jobs,
  /// in the same folder or in folders of their own.
  @Test(arguments: ["table", "series", "audio"], [1, 2, 3])
  func mergedPartsAreTheSingleBuild(dataset: String, count: Int) throws {
    var words = ["build-shards", "--dataset", dataset, "--raw", raw]
    switch dataset {
    case "table":
      try writeTable(rows: 1000)
      words += ["--label", "label", "--limit", "500"]
    case "series":
      try writeSeries()
      words += [
        "--format", "pamap2", "--window", "20", "--per-epoch", "40", "--test-subjects", "2",
      ]
    default:
      words[4] = GuideRow.root + "/data/own/spoken-digits"
      words += ["--pattern", "{digit}_{speaker}_{take}", "--label", "digit"]
    }
    let single = try prep(words + ["--out", folder.file("single")])
    #expect(single.code == 0, "\(single.messages)")
    for part in 1...count {
      for out in ["together", "apart\(part)"] {
        let run = try prep(
          words + ["--out", folder.file(out), "--part", "\(part)/\(count)", "--jobs", "\(part)"])
        #expect(run.code == 0, "\(run.messages)")
      }
    }
    let together = try prep(["merge", folder.file("together"), "--jobs", "2"])
    #expect(together.code == 0, "\(together.messages)")
    #expect(try tree(folder.file("together")) == tree(folder.file("single")))
    let apart = try prep(
      ["merge"] + (1...count).reversed().map { folder.file("apart\($0)") }
        + ["--out", folder.file("merged")])
    #expect(apart.code == 0, "\(apart.messages)")
    #expect(try tree(folder.file("merged")) == tree(folder.file("single")))
  }

  @Test func whatDoesNotFit() throws {
    try writeTable(rows: 1000)
    let words = ["build-shards", "--dataset", "table", "--raw", raw, "--out", folder.file("out")]
    for wrong in ["0/2", "3/2", "1", "1/0", "a/2", "1/2/3"] {
      let run = try prep(words + ["--part", wrong])
      #expect((run.code, run.messages.contains("expected I/N")) == (64, true), "\(run.messages)")
    }
    #expect(!Files.exists(folder.file("out")))
    #expect(try prep(words + ["--part", "1/2"]).code == 0)
    let again = try prep(words + ["--part", "1/2"])
    #expect(again.output.contains("already built"), "\(again.output)")
    let missing = try prep(["merge", folder.file("out")])
    #expect(missing.code == 66)
    #expect(missing.messages.contains("expected part 2 of 2"), "\(missing.messages)")
    #expect(try prep(words + ["--part", "2/2", "--limit", "5"]).code == 0)
    let other = try prep(["merge", folder.file("out")])
    #expect(other.code == 64, "\(other.messages)")
    try Files.remove(folder.file("out/table/part-2-of-2"))
    #expect(try prep(words + ["--part", "2/2"]).code == 0)
    // A flipped bit in a piece is found before anything is stored.
    let piece = folder.file("out/table/part-2-of-2/records-0")
    var bytes = try Files.read(piece)
    bytes[5] ^= 1
    try bytes.withUnsafeBytes { try Files.write($0, to: piece) }
    let damaged = try prep(["merge", folder.file("out")])
    #expect(damaged.code == 65)
    #expect(damaged.messages.contains("part-2-of-2/records-0: expected"), "\(damaged.messages)")
    bytes[5] ^= 1
    try bytes.withUnsafeBytes { try Files.write($0, to: piece) }
    // Other raw data than the pieces were made of.
    try writeTable(rows: 1001)
    #expect(try prep(["merge", folder.file("out")]).code == 64)
    try writeTable(rows: 1000)
    #expect(try prep(["merge", folder.file("out")]).code == 0)
    #expect(try Files.list(folder.file("out/table")) == ["test", "train"])
    #expect(try prep(["merge"]).code == 64)
    #expect(try prep(["merge", folder.file("no")]).code == 66)
  }

  @Test func dryRun() throws {
    try writeTable(rows: 1000)
    let run = try prep([
      "build-shards", "--dataset", "table", "--raw", raw, "--out", folder.file("out"), "--dry-run",
      "--json",
    ])
    #expect(run.code == 0, "\(run.messages)")
    struct Estimate: Decodable { let rawBytes, diskBytes, freeBytes: Int, seconds: Double }
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let estimate = try decoder.decode(Estimate.self, from: Data(run.output.utf8))
    #expect(estimate.rawBytes == (try Files.size(raw + "/t.csv")))
    #expect(estimate.seconds > 0 && estimate.diskBytes > 0)
    #expect(!Files.exists(folder.file("out")))
  }

  /// A part is checked by its checksums, beside whatever splits there are.
  @Test func verifyLooksAtParts() throws {
    try writeTable(rows: 400)
    let out = folder.file("out")
    let words = ["build-shards", "--dataset", "table", "--raw", raw, "--out", out]
    #expect(try prep(words + ["--part", "1/2"]).code == 0)
    let whole = try prep(["verify", out])
    #expect(whole.code == 0, "\(whole.messages)")
    #expect(whole.output.contains("part-1-of-2: 1 files of a part"), "\(whole.output)")
    let path = out + "/table/part-1-of-2/records-0"
    var bytes = try Files.read(path)
    bytes[bytes.count / 2] ^= 1
    try bytes.withUnsafeBytes { try Files.write($0, to: path) }
    let damaged = try prep(["verify", out])
    #expect(damaged.code == 65)
    #expect(damaged.messages.contains("records-0"), "\(damaged.messages)")
  }
}
