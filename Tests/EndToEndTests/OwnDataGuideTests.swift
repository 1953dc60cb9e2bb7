// docs/your-data.md: every command in its tables, as it stands, gives the counts beside it, and shards that train.

import Basics
import Foundation
import ShardFormat
import TestSupport
import Testing

struct GuideRow: Sendable, CustomTestStringConvertible {
  var folder: String
  var words: [String]
  var train: Int
  var test: Int
  var testDescription: String { words.joined(separator: " ") }

  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path

  /// The rows of the guide's tables that have a command.
  static let all: [GuideRow] = {
    let bytes = (try? Files.read(root + "/docs/your-data.md")) ?? []
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").compactMap { line in
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      guard cells.count == 4, cells[1].hasPrefix("`metamae-prep "), let train = Int(cells[2]),
        let test = Int(cells[3])
      else { return nil }
      return GuideRow(
        folder: cells[0].trimmingCharacters(in: ["`"]),
        words: cells[1].trimmingCharacters(in: ["`"]).split(separator: " ").map(String.init),
        train: train, test: test)
    }
  }()
}

@Suite struct OwnDataGuideTests {
  private func expect(_ row: GuideRow, raw: String) throws {
    let folder = try TemporaryFolder()
    var words = Array(row.words.dropFirst())
    words[try #require(words.firstIndex(of: "--raw")) + 1] = raw
    words[try #require(words.firstIndex(of: "--out")) + 1] = folder.file("shards")
    let run = try ProgramRun("metamae-prep", words)
    #expect(run.code == 0, "\(run.messages)")
    let name = words[
      try #require(words.firstIndex(of: "--name") ?? words.firstIndex(of: "--dataset")) + 1]
    let train = try Manifest(directory: folder.file("shards/\(name)/train"))
    let test = try Manifest(directory: folder.file("shards/\(name)/test"))
    #expect((train.sampleCount, test.sampleCount) == (row.train, row.test))
    #expect(try ProgramRun("metamae-prep", ["verify", folder.file("shards")]).code == 0)
    try expectTraining(name, in: folder, isLabelled: train.task.kind != "none")
  }

  /// Two steps of a small MetaMAE, and the probe where there are labels.
  private func expectTraining(_ name: String, in folder: TemporaryFolder, isLabelled: Bool) throws {
    try Files.writeAtomically(smallModel(name, batch: 4), to: folder.file("small.yaml"))
    let shards = ["--shards", folder.file("shards"), "--run", folder.file("run")]
    let training = try ProgramRun(
      "metamae-train", ["--config", folder.file("small.yaml"), "--workers", "1"] + shards)
    #expect(training.code == 0, "\(training.messages)")
    #expect(training.output.contains("\(name), metamae: step 2, loss "), "\(training.output)")
    guard isLabelled else { return }
    let evaluation = try ProgramRun("metamae-eval", shards + ["--probe", "lbfgs"])
    #expect(evaluation.code == 0, "\(evaluation.messages)")
  }

  @Test func theGuideHasRows() {
    #expect(GuideRow.all.filter { $0.folder.hasPrefix("data/own/") }.count >= 6)
    #expect(GuideRow.all.filter { !$0.folder.hasPrefix("data/own/") }.count >= 8)
  }

  @Test(arguments: GuideRow.all.filter { $0.folder.hasPrefix("data/own/") })
  func counts(row: GuideRow) throws { try expect(row, raw: GuideRow.root + "/" + row.folder) }

  @Test(
    .enabled(if: ProcessInfo.processInfo.environment["METAMAE_DATA"] != nil),
    arguments: GuideRow.all.filter { !$0.folder.hasPrefix("data/own/") })
  func countsOfWholeSets(row: GuideRow) throws {
    let data = ProcessInfo.processInfo.environment["METAMAE_DATA"] ?? ""
    try expect(row, raw: data + "/" + row.folder)
  }
}
