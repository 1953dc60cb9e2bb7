import Basics
import Experiments
import Foundation
import Testing

@testable import Reports

@Suite struct SweepReportTests {
  private func result(_ row: String, seed: Int, _ value: Double, run: String?) -> SweepResult {
    var record = exampleRecord(value: value)
    record.dataset = "higgs"
    record.interval95 = nil
    return SweepResult(
      key: "\(row)\(seed)", row: row, dataset: "higgs", pretrainedOn: "higgs", seed: seed,
      steps: run == nil ? 0 : 50, run: run, pretrainingSamples: run == nil ? nil : 9720,
      record: record)
  }

  private func table(_ name: String? = "1") -> SweepTable {
    SweepTable(
      title: "Table 1: <one>", table: name, rows: ["random", "MetaMAE", "ShED", "Capri"],
      datasets: ["higgs"],
      cells: [
        SweepCell(
          row: "random", dataset: "higgs", seeds: 2,
          results: [result("random", seed: 0, 0.5, run: nil)], paper: 0.548),
        SweepCell(
          row: "MetaMAE", dataset: "higgs", seeds: 2,
          results: [
            result("MetaMAE", seed: 0, 0.6, run: "runs/a"),
            result("MetaMAE", seed: 1, 0.62, run: "runs/b"),
          ], paper: 0.715),
        SweepCell(row: "ShED", dataset: "higgs", seeds: 1, problem: "needs <the> raw data"),
        SweepCell(row: "Capri", dataset: "higgs"),
      ], notes: ["a note"])
  }

  @Test func textMarksEachNumber() {
    let text = sweepText(table())
    for part in [
      "HIGGS: accuracy, in percent, the paper's linear probe from 50,000 samples, tested on 10,000",
      "  random    50.00", "54.8   none, 1 of 2 seeds", "  MetaMAE   61.00   48.29 - 73.71    71.5",
      "50 of the paper's 100,000, 2 of 2 seeds   higgs, 9,720 of the paper's 8,910,000 samples",
      "not run: ShED: needs <the> raw data", "Capri         -", "not run yet",
      "? the paper's number is not known here", "a note",
    ] { #expect(text.contains(part), "\(part) is missing in\n\(text)") }
    #expect(!sweepText(table(nil)).contains("paper  "))
  }

  @Test func pageHoldsTableCurvesAndLinks() throws {
    let folder = try ScratchFolder()
    try Files.createFolder(folder.path + "/runs/a")
    var lines = exampleMetrics(steps: 500)
    for i in lines.indices where i % 5 == 0 {
      lines[i].readings.probe = ProbeReading(
        dataset: "higgs", metric: "accuracy", value: 0.5 + Double(i) / 200, probe: "lbfgs",
        trainSamples: 100, testSamples: 50)
    }
    try Files.writeAtomically(
      try lines.map { try $0.line() }.joined(), to: folder.path + "/runs/a/metrics.jsonl")
    try SweepReport(table(), in: folder.path).write()
    let html = String(decoding: try Files.read(folder.path + "/report.html"), as: UTF8.self)
    for part in [
      "Table 1: &lt;one&gt;", "71.5", "61.00", "href=\"runs/a/report.html\"",
      "href=\"runs/b/report.html\"", "needs &lt;the&gt; raw data", "Online probe", "<polyline",
      "3 of 6 runs are done",
    ] { #expect(html.contains(part), "\(part) is missing") }
    #expect(!html.contains("http:") && !html.contains("<script") && !html.contains("nan"))
    #expect(
      html.matches(of: #/<(div|figure|table|tr|td|span)[ >]/#).count
        == html.matches(of: #/<\/(div|figure|table|tr|td|span)>/#).count)
  }

  @Test func confusionCountsAndIsKept() throws {
    let matrix = ConfusionMatrix(
      dataset: "higgs", probe: "lbfgs", classes: 3, names: ["a<b", "c"],
      labels: [0, 0, 1, 2, 2], predicted: [0, 1, 1, 2, 0])
    #expect(matrix.counts == [[1, 1, 0], [0, 1, 0], [1, 0, 1]])
    let folder = try ScratchFolder()
    try matrix.save(run: folder.path)
    try matrix.save(run: folder.path)
    #expect(try ConfusionMatrix.load(run: folder.path) == [matrix])
    let html = RunReport(title: "x", confusions: [matrix]).html()
    #expect(html.contains("a&lt;b") && html.contains("--share:50%") && html.contains(">2<"))
    let large = ConfusionMatrix(
      dataset: "scop", probe: "paper", classes: 41, names: [], labels: [], predicted: [])
    #expect(large.figure().contains("41 classes: too many to draw"))
  }

  @Test func timeIsSplit() {
    var records = exampleMetrics(steps: 50)
    for i in records.indices {
      records[i].secondsAStep = StepSeconds(
        read: 0.1, decode: 0.3, place: 0, ringFull: 0.6, ringEmpty: 0.25, compute: 0.7,
        checkpoint: 0.05)
    }
    let html = TimeSplit(records: records).figure()
    for part in [
      "1.00 s a step", "computing 70.0%", "waiting for data 25.0%", "saving 5.0%", "decoding 30.0%",
      "waiting for a free slot 60.0%",
    ] { #expect(html.contains(part), "\(part): \(html)") }
    #expect(!html.contains("measuring"))
    #expect(TimeSplit(records: exampleMetrics(steps: 50)).figure().isEmpty)
  }
}
