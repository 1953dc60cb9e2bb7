// `scripts/reproduce` as a user would try it: raw data in, a table out; killed at any moment it goes on, and ends in the
// numbers of a run that was left alone.

import Basics
import Experiments
import Foundation
import TestSupport
import Testing

@Suite struct SweepTests {
  private let folder: TemporaryFolder
  private static let root = FileManager.default.currentDirectoryPath
  /// Networks that train in a second.
  private static let small = [
    "encoder.width=16", "encoder.heads=2", "encoder.layers=1", "decoder.width=8",
    "decoder.heads=2", "decoder.layers=1", "projector.hidden=12", "projector.out=6", "batch=16",
    "threads=2", "save_every=2",
  ].flatMap { ["--set", $0] }

  init() throws { folder = try TemporaryFolder() }

  /// A folder of raw data by name, with rows in the publisher's layout of HIGGS.
  private func rawData() throws -> String {
    let raw = folder.file("raw")
    try Files.createFolder(raw + "/higgs")
    var stream = RandomStream(RandomKey(seed: 4, "collisions"))
    let rows = (0..<2000).map { _ -> String in
      let label = stream.below(2)
      let values = (0..<28).map { _ in decimal(stream.normal() + Double(label), 6) }
      return "\(label).0," + values.joined(separator: ",")
    }
    try Files.writeAtomically(
      rows.joined(separator: "\n") + "\n", to: raw + "/higgs/HIGGS.csv")
    return raw
  }

  private func words(_ table: String, _ more: [String]) -> [String] {
    let programs = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path
    return ["METAMAE_BIN=\(programs)", Self.root + "/scripts/reproduce", table] + more
  }

  private func table1(_ raw: String, out: String) -> [String] {
    words(
      "table1",
      [
        "--datasets", "higgs", "--steps", "6", "--raw", raw, "--out", folder.file(out), "--probe",
        "lbfgs",
      ] + Self.small)
  }

  private func results(_ out: String) throws -> [SweepResult] {
    try JSONDecoder().decode(
      [SweepResult].self, from: Data(try Files.read(folder.file(out) + "/results.json")))
  }

  /// Processes that name the folder.
  private func strays() throws -> [String] {
    try Files.list("/proc").filter { Int($0) != nil }.compactMap { name in
      guard let line = try? Files.read("/proc/\(name)/cmdline") else { return nil }
      let text = String(decoding: line.map { $0 == 0 ? 32 : $0 }, as: UTF8.self)
      return text.contains(folder.file("killed")) ? text : nil
    }
  }

  @Test(.timeLimit(.minutes(5))) func killedAndResumedEqualsNeverStopping() throws {
    let raw = try rawData()
    let start = ProcessInfo.processInfo.systemUptime
    let whole = try ProgramRun("/usr/bin/env", table1(raw, out: "whole"))
    let seconds = ProcessInfo.processInfo.systemUptime - start
    #expect(whole.code == 0, "\(whole.messages)")
    let rows = [
      "random", "e-Mix", "ShED", "Capri", "MAE (linear)", "MAE (deep)", "MetaMAE",
    ]
    #expect(try results("whole").map(\.row) == rows)
    #expect(whole.output.hasPrefix("Table 1: pretrained and judged on the same set\n\nHIGGS"))
    for row in rows { #expect(whole.output.contains("\n  \(row)"), "\(row)") }
    for text in ["71.5", "54.8", "6 of the paper's 100,000", "1,620 of the paper's 8,910,000"] {
      #expect(whole.output.contains(text), "\(text): \(whole.output)")
    }
    let page = String(
      decoding: try Files.read(folder.file("whole") + "/report.html"), as: UTF8.self)
    #expect(page.contains("71.5") && page.contains("e-Mix"))

    var kills = 0
    // Shares of the undisturbed run's time, less than the whole of it together.
    for share in [0.01, 0.06, 0.12, 0.18, 0.24] {
      let delay = share * seconds
      let part = try ProgramRun("/usr/bin/env", table1(raw, out: "killed"), killAfter: delay)
      kills += part.signal == SIGKILL ? 1 : 0
      usleep(300_000)
      #expect(try strays().isEmpty, "after \(delay) s")
    }
    #expect(kills >= 3)
    let end = try ProgramRun("/usr/bin/env", table1(raw, out: "killed"))
    #expect(end.code == 0, "\(end.messages)")
    #expect(end.output == whole.output)
    #expect(try results("killed").map(\.record.value) == results("whole").map(\.record.value))
    #expect(try results("killed").map(\.key) == results("whole").map(\.key))
    for result in try results("whole") {
      guard let run = result.run else { continue }
      let models = try ["whole", "killed"].map {
        try Files.read(
          RunDirectory(folder.file($0) + "/" + run).checkpoint(step: 6).model)
      }
      #expect(models[0] == models[1], "\(result.row)")
    }
    // Nothing is left to do: no program is started again.
    let again = try ProgramRun("/usr/bin/env", table1(raw, out: "killed"))
    #expect(again.code == 0 && again.output == whole.output)
    #expect(!again.messages.contains("training"))
  }

  @Test(.timeLimit(.minutes(2))) func aStopSavesAndGoesOn() throws {
    let raw = try rawData()
    let out = folder.file("killed")
    let arguments = words(
      "table1",
      [
        "--datasets=higgs", "--rows", "MetaMAE", "random", "--steps", "100000", "--raw", raw,
        "--out", out,
      ] + Self.small)
    let stopped = try ProgramRun("/usr/bin/env", arguments) { pid in
      // Once it trains.
      for _ in 0..<4000 {
        let runs = (try? Files.list(out + "/runs/higgs")) ?? []
        let saved = runs.contains { Files.exists("\(out)/runs/higgs/\($0)/checkpoints") }
        if saved { break }
        usleep(5000)
      }
      kill(pid, SIGTERM)
    }
    #expect(stopped.code == 130, "\(stopped.messages)")
    #expect(stopped.messages.contains("stopped on request; what is done is kept"))
    #expect(stopped.messages.contains("the step is saved"))
    #expect(try strays().isEmpty)
    #expect(try results("killed").map(\.row) == ["random"])
  }

  /// A set whose raw data is absent says what is needed; the others run all the same.
  @Test(.timeLimit(.minutes(2))) func absentDataIsNamed() throws {
    let raw = try rawData()
    let run = try ProgramRun(
      "/usr/bin/env",
      words(
        "table1",
        [
          "--datasets", "higgs", "pamap2", "--rows", "random,MetaMAE", "--steps", "2", "--raw",
          "higgs=\(raw)/higgs/HIGGS.csv", "--out", folder.file("out"),
        ] + Self.small))
    #expect(run.code == 66)
    #expect(run.output.contains("\n  random       -"), "\(run.output)")
    #expect(
      run.output.contains(
        "not run: needs the raw data of pamap2 (PAMAP2_Dataset/Protocol/subject101.dat"),
      "\(run.output)")
    #expect(run.output.contains("give --raw DIR"))
    #expect(try results("out").map(\.dataset) == ["higgs", "higgs"])
  }

  @Test(
    arguments: [
      ("table9", [], "what this table of the paper varies is not written down"),
      ("tabel1", [], "expected table1, table2, table4, table6, table15, figure2 or a sweep file"),
      ("table1", ["--datasets", "higs"], "found 'higs'\n  Did you mean higgs?"),
      ("table1", ["--rows", "MetaMA"], "found 'MetaMA'\n  Did you mean MetaMAE?"),
      ("table1", ["--set", "stepps=3"], "unknown key 'stepps'\n  Did you mean 'steps'?"),
      ("table1", ["--stepz", "3"], "unknown option --stepz\n  Did you mean --steps?"),
      ("table1", ["--seeds", "0"], "--seeds: expected a whole number 1 to 1000, found '0'"),
    ] as [(String, [String], String)])
  func mistakesAreNamed(_ table: String, _ more: [String], _ message: String) throws {
    let run = try ProgramRun(
      "/usr/bin/env", words(table, more + ["--out", folder.file("out")]))
    #expect(run.code == 64)
    #expect(run.messages.contains(message), "\(run.messages)")
    #expect(!Files.exists(folder.file("out")))
  }

  /// Seeds give a mean with an interval; the same folder serves another table's same runs.
  @Test(.timeLimit(.minutes(3))) func seedsAndSharedRuns() throws {
    let raw = try rawData()
    let common =
      ["--datasets", "higgs", "--steps", "2", "--raw", raw, "--out", folder.file("out")]
      + Self.small
    let one = try ProgramRun(
      "/usr/bin/env", words("table1", common + ["--rows", "MetaMAE", "--seeds", "3"]))
    #expect(one.code == 0, "\(one.messages)")
    let found = try results("out")
    #expect(found.map(\.seed) == [0, 1, 2] && Set(found.map(\.record.value)).count > 1)
    #expect(one.output.contains("3 of 3 seeds"), "\(one.output)")
    let other = try ProgramRun(
      "/usr/bin/env",
      words("table4", common + ["--rows", "MAE (deep)", "+ task contrast (MetaMAE)"]))
    #expect(other.code == 0, "\(other.messages)")
    // MetaMAE with seed 0 was there: it is evaluated for this table and not trained again.
    #expect(
      other.messages.contains("nothing left to do") || !other.messages.contains("metamae, seed"))
    #expect(
      try Files.list(folder.file("out") + "/runs/higgs").filter { !$0.contains(".") }.count == 4)
  }
}
