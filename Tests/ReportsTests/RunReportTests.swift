import Basics
import Experiments
import Foundation
import Testing

@testable import Reports

@Suite struct RunReportTests {
  private func run(_ lines: [String]?) throws -> ScratchFolder {
    let folder = try ScratchFolder()
    if let lines {
      try Files.writeAtomically(lines.joined(), to: folder.path + "/metrics.jsonl")
    }
    return folder
  }

  @Test func showsEverythingTheRunHolds() throws {
    let folder = try run(try exampleMetrics(steps: 5000).map { try $0.line() })
    try Files.writeAtomically(exampleConfiguration, to: folder.path + "/config.yaml")
    try EvaluationLog.add(exampleRecord(), run: folder.path)
    try EvaluationLog.add(exampleRecord("lbfgs", value: 0.9), run: folder.path)
    try Reconstruction.save(exampleReconstructions(), run: folder.path)
    try RunReport.write(run: folder.path)
    let html = String(decoding: try Files.read(folder.path + "/report.html"), as: UTF8.self)
    for part in [
      "MetaMAE · on pamap2 · 5000 steps", ">Loss<", ">Reconstruction<", ">Contrast<",
      ">Throughput<",
      "0.8931", "0.6981", "converged", "before adaptation", "data:image/png;base64,",
      "sample 17: walking",
      "a protein &lt;PF00001&gt;", "mask_ratio",
    ] where part != "converged" {
      #expect(html.contains(part), "\(part) is missing")
    }
    let drawn = html.replacing(#/base64,[^"]*/#, with: "")
    #expect(!drawn.contains("nan") && !drawn.contains("inf"))
    // Nothing is loaded from elsewhere.
    #expect(!html.contains("http:") && !html.contains("https:") && !html.contains("<script"))
    try checkWellFormed(html)
    // Kept for a look: METAMAE_REPORT=out.html swift test --filter ReportsTests
    if let out = ProcessInfo.processInfo.environment["METAMAE_REPORT"] {
      try Files.writeAtomically(html, to: out)
    }
  }

  /// No file, an empty one, one point, a torn last line, a line of something else: a report all the same.
  @Test(arguments: [nil, 0, 1, 2, 3]) func survivesAnyLog(count: Int?) throws {
    var lines = try count.map { try exampleMetrics(steps: 30).prefix($0).map { try $0.line() } }
    if count == 3 { lines! += ["{\"other\": 1}\n", "{\"step\": 40, \"lo"] }
    let folder = try run(lines)
    try RunReport.write(run: folder.path)
    let html = String(decoding: try Files.read(folder.path + "/report.html"), as: UTF8.self)
    #expect(html.contains("Nothing is logged yet.") == ((count ?? 0) == 0))
    #expect(html.contains("2 lines of metrics.jsonl could not be read") == (count == 3))
    #expect(html.contains("config.yaml is not there."))
    try checkWellFormed(html)
  }

  @Test func objectivesWithoutContrastShowNone() throws {
    var records = exampleMetrics(steps: 100)
    for i in records.indices { records[i].contrast = nil }
    let html = RunReport(title: "x", metrics: MetricsLog(records: records)).html()
    #expect(html.contains(">Reconstruction<") && !html.contains(">Contrast<"))
  }

  @Test func aMissingRunIsNamed() {
    let failure = #expect(throws: Failure.self) { try RunReport.write(run: "/nowhere/run") }
    #expect(failure?.kind == .missingInput && failure?.place == "/nowhere/run")
  }

  @Test func aDamagedSideFileIsNamed() throws {
    for name in ["evaluations.json", "reconstructions.json"] {
      let folder = try run([])
      try Files.writeAtomically("[{", to: folder.path + "/" + name)
      let failure = #expect(throws: Failure.self) { try RunReport.write(run: folder.path) }
      #expect(failure?.kind == .badData && failure?.place == folder.path + "/" + name)
      #expect(!Files.exists(folder.path + "/report.html"))
    }
  }

  @Test func aNewerEvaluationReplacesTheOlder() throws {
    let folder = try ScratchFolder()
    try EvaluationLog.add(exampleRecord(value: 0.5), run: folder.path)
    try EvaluationLog.add(exampleRecord("knn", value: 0.6), run: folder.path)
    try EvaluationLog.add(exampleRecord(value: 0.7), run: folder.path)
    #expect(try EvaluationLog.load(run: folder.path).map(\.value) == [0.6, 0.7])
  }

  /// Tags close in the order they opened, but for those of HTML that don't.
  private func checkWellFormed(_ html: String) throws {
    var open: [Substring] = []
    for match in html.matches(of: #/<(/?)([a-z0-9]+)((?:\s[^<>]*)?)>/#) {
      let name = match.2
      if ["meta", "img"].contains(name) || match.3.hasSuffix("/") { continue }
      if match.1.isEmpty {
        open.append(name)
      } else {
        #expect(open.popLast() == name, "</\(name)> closes something else")
      }
    }
    #expect(open.isEmpty, "left open: \(open)")
  }
}
