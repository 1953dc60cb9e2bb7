// report.html of a run directory: what was run, how it went, what the probe says, what the decoder makes of hidden
// tokens. One file that loads nothing; every part that is missing says so.

import Basics
import Experiments
import Foundation

/// All a report shows.
public struct RunReport: Sendable {
  public var title: String
  public var metrics: MetricsLog
  /// The text of config.yaml; empty when there is none.
  public var configuration: String
  public var evaluations: [EvaluationRecord]
  public var reconstructions: [Reconstruction]
  public var confusions: [ConfusionMatrix]

  public init(
    title: String, metrics: MetricsLog = MetricsLog(), configuration: String = "",
    evaluations: [EvaluationRecord] = [], reconstructions: [Reconstruction] = [],
    confusions: [ConfusionMatrix] = []
  ) {
    self.title = title
    self.metrics = metrics
    self.configuration = configuration
    self.evaluations = evaluations
    self.reconstructions = reconstructions
    self.confusions = confusions
  }

  /// What a run directory holds so far; absent files are empty parts.
  /// - Throws: missing input when there is no such folder; bad data for saved reconstructions that can't be read.
  public init(run path: String) throws {
    guard Files.isFolder(path) else {
      throw Failure(.missingInput, at: path, "expected a run directory, found none")
    }
    let run = RunDirectory(path)
    let hasConfiguration = Files.exists(run.configuration)
    self.init(
      title: Files.name(of: path), metrics: try MetricsLog(path: run.metrics),
      configuration: hasConfiguration
        ? String(decoding: try Files.read(run.configuration), as: UTF8.self) : "",
      evaluations: try EvaluationLog.load(run: path),
      reconstructions: try Reconstruction.load(run: path),
      confusions: try ConfusionMatrix.load(run: path))
  }

  /// Makes the run directory's report from what it holds.
  public static func write(run path: String) throws {
    try Files.writeAtomically(
      try RunReport(run: path).html(), to: RunDirectory(path).report)
  }

  // MARK: the page

  public func html() -> String {
    """
    <!doctype html>
    <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
    <title>\(escaped(title)) · MetaMAE</title>
    <style>
    \(reportStyle)
    </style></head><body>
    <header><h1>\(escaped(title))</h1><p class="soft">\(escaped(subtitle))</p></header>
    \(tiles)
    \(notes)
    \(curves)
    \(TimeSplit(records: metrics.records).figure())
    \(probes)
    \(confusions.map { $0.figure() }.joined())
    \(pictures)
    \(settings)
    <footer>metamae \(metamaeVersion)</footer>
    </body></html>

    """
  }

  /// `key: value` at the top level of the configuration.
  private func setting(_ key: String) -> String? {
    for line in configuration.split(separator: "\n") where line.hasPrefix(key + ":") {
      let value = line.dropFirst(key.count + 1).split(separator: "#").first ?? ""
      let text = value.trimmingCharacters(in: .whitespaces)
      return text.isEmpty ? nil : text.trimmingCharacters(in: ["\"", "'"])
    }
    return nil
  }

  private var subtitle: String {
    let parts = [
      setting("objective").map(encoderTitle), setting("dataset").map { "on \($0)" },
      setting("steps").map { "\($0) steps" }, setting("batch").map { "of \($0) samples" },
      setting("seed").map { "seed \($0)" },
    ]
    let known = parts.compactMap { $0 }
    return known.isEmpty ? "No configuration found." : known.joined(separator: " · ")
  }

  private var tiles: String {
    guard let last = metrics.records.last else { return "" }
    let records = metrics.records
    let time = records.reduce(0) { $0 + ($1.seconds.isFinite ? $1.seconds : 0) }
    let waiting = records.reduce(0) { $0 + ($1.waitSeconds.isFinite ? $1.waitSeconds : 0) }
    let rates = records.map(\.samplesPerSecond).filter(\.isFinite).sorted()
    var tiles = [(thousands(last.step), "steps done"), ("\(last.epoch)", "whole epochs")]
    let smooth = LineChart.smoothed(metrics.series { $0.loss })
    if let loss = smooth.last { tiles.append((significant(loss.y), "loss at the end")) }
    if !rates.isEmpty {
      tiles.append((thousands(Int(rates[rates.count / 2])), "samples a second"))
    }
    if time > 0 {
      tiles.append((duration(time), "logged time"))
      tiles.append((decimal(100 * waiting / time, 2) + "%", "spent waiting for data"))
    }
    let cells = tiles.map { "<div class=\"tile\"><b>\(escaped($0))</b><span>\($1)</span></div>" }
    return "<section class=\"tiles\">\(cells.joined())</section>"
  }

  private var notes: String {
    let count = metrics.unreadableLines
    guard count > 0 else { return "" }
    return
      "<p class=\"note\">\(count) line\(count == 1 ? "" : "s") of metrics.jsonl could not be read and \(count == 1 ? "is" : "are") left out.</p>"
  }

  private var curves: String {
    guard !metrics.records.isEmpty else {
      return "<h2>Training</h2><p class=\"none\">Nothing is logged yet.</p>"
    }
    var charts = [LineChart("Loss", points: metrics.series { $0.loss })]
    let reconstruction = metrics.series { $0.reconstruction }
    let contrast = metrics.series { $0.contrast }
    if !reconstruction.isEmpty {
      charts.append(LineChart("Reconstruction", points: reconstruction, colour: "two"))
    }
    if !contrast.isEmpty { charts.append(LineChart("Contrast", points: contrast, colour: "three")) }
    charts.append(
      LineChart(
        "Throughput", unit: "samples/s", points: metrics.series { $0.samplesPerSecond },
        fromZero: true))
    charts += [
      LineChart(
        "Online probe"
          + (metrics.records.compactMap(\.readings.probe).last.map {
            ": \(metricTitle($0.metric)) on \($0.dataset)"
          } ?? ""), points: metrics.series { $0.readings.probe?.value }),
      LineChart(
        "Feature rank", points: metrics.series { $0.readings.featureRank }, colour: "two",
        fromZero: true),
      LineChart(
        "Gradient norm", points: metrics.series { $0.readings.gradientNorm }, colour: "three"),
      LineChart(
        "Learning rate", points: metrics.series { $0.readings.learningRate }, colour: "two",
        fromZero: true),
    ].filter { !$0.points.isEmpty }
    return "<h2>Training</h2><div class=\"charts\">\(charts.map { $0.figure() }.joined())</div>"
  }

  private var probes: String {
    if evaluations.isEmpty {
      return
        "<h2>Linear evaluation</h2><p class=\"none\">None yet: metamae-eval --run RUN --shards DIR --report</p>"
    }
    let rows = evaluations.map { record in
      let interval =
        record.interval95.map { "\(decimal($0[0], 4)) – \(decimal($0[1], 4))" } ?? "one seed"
      let isBetter = record.value > record.valueRandomInit
      return """
        <tr><td>\(escaped(record.dataset))</td><td>\(escaped(record.probe))</td><td>\(escaped(metricTitle(record.metric)))</td>\
        <td class="number">\(decimal(record.valueRandomInit, 4))</td>\
        <td class="number\(isBetter ? " best" : "")">\(decimal(record.value, 4))</td>\
        <td class="number soft">\(published(record))</td>\
        <td class="number">\(interval)</td><td class="number">\(decimal(record.best, 4))</td>\
        <td class="number">\(thousands(record.trainSamples)) / \(thousands(record.testSamples))</td>\
        <td>\(escaped(record.checkpoint.map(shortCheckpoint) ?? "initial"))</td></tr>
        """
    }
    return """
      <h2>Linear evaluation</h2><figure class="card scroll"><table><tr><th>dataset</th><th>probe</th><th>metric</th>\
      <th class="number">random encoder</th><th class="number">this encoder</th><th class="number">paper, 100,000 steps</th><th class="number">95% interval</th>\
      <th class="number">best epoch</th><th class="number">train / test</th><th>checkpoint</th></tr>\(rows.joined())</table></figure>
      """
  }

  /// The paper's number for this system and set, where it is known.
  private func published(_ record: EvaluationRecord) -> String {
    setting("objective").flatMap {
      PaperResults.value(table: nil, system: $0, dataset: record.dataset)
    }.map { decimal($0, record.metric == "spearman" ? 2 : 3) } ?? "–"
  }

  private var pictures: String {
    if reconstructions.isEmpty { return "" }
    return "<h2>Reconstructions</h2>" + reconstructions.map { $0.figure() }.joined()
  }

  private var settings: String {
    if configuration.isEmpty {
      return "<h2>Configuration</h2><p class=\"none\">config.yaml is not there.</p>"
    }
    let lines = configuration.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      if line.drop(while: { $0 == " " }).hasPrefix("#") { return "<s>\(escaped(String(line)))</s>" }
      guard let colon = line.firstIndex(of: ":") else { return escaped(String(line)) }
      return "<u>\(escaped(String(line[..<colon])))</u>\(escaped(String(line[colon...])))"
    }
    return
      "<h2>Configuration</h2><figure class=\"card\"><pre>\(lines.joined(separator: "\n"))</pre></figure>"
  }

  private func shortCheckpoint(_ path: String) -> String {
    Files.name(of: path) == "model.safetensors"
      ? Files.name(of: Files.parent(of: path)) : Files.name(of: path)
  }
}

/// 12345 as 12,345.
func thousands(_ value: Int) -> String {
  var digits = String(abs(value))
  var place = digits.endIndex
  while digits.distance(from: digits.startIndex, to: place) > 3 {
    place = digits.index(place, offsetBy: -3)
    digits.insert(",", at: place)
  }
  return (value < 0 ? "-" : "") + digits
}

private func duration(_ seconds: Double) -> String {
  if seconds < 60 { return significant(seconds) + " s" }
  let whole = Int(seconds.rounded())
  return seconds < 3600
    ? "\(whole / 60) min \(whole % 60) s" : "\(whole / 3600) h \(whole % 3600 / 60) min"
}
