// report.html of a sweep: each set's table beside the paper's with a bar for every system, the runs' curves over each
// other, and links to the runs' own reports. One file that loads nothing.

import Basics
import Experiments

public struct SweepReport: Sendable {
  let table: SweepTable
  let folder: String

  /// - Parameter folder: the sweep's.
  public init(_ table: SweepTable, in folder: String) {
    self.table = table
    self.folder = folder
  }

  public func write() throws {
    try Files.writeAtomically(try html(), to: folder + "/report.html")
  }

  public func html() throws -> String {
    let done = table.cells.reduce(0) { $0 + $1.results.count }
    let wanted = table.cells.reduce(0) { $0 + $1.seeds }
    let blocks = try table.datasets.map { try block($0) }
    let notes = table.notes.map { "<p class=\"note\">\(escaped($0))</p>" }
    return """
      <!doctype html>
      <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
      <title>\(escaped(table.title)) · MetaMAE</title>
      <style>
      \(reportStyle)
      </style></head><body>
      <header><h1>\(escaped(table.title))</h1><p class="soft">\(done) of \(wanted) runs are done</p></header>
      \(blocks.joined(separator: "\n"))
      \(notes.joined())
      <footer>metamae \(metamaeVersion)</footer>
      </body></html>

      """
  }

  private func block(_ dataset: String) throws -> String {
    let cells = table.rows.compactMap { table.cell($0, dataset) }
    let title = DatasetCatalogue.entry(dataset)?.title ?? dataset
    var subtitle = "nothing has run"
    if let record = cells.lazy.flatMap(\.results).first?.record {
      subtitle =
        "\(metricTitle(record.metric)), \(probeTitle(record.probe)) from \(thousands(record.trainSamples)) samples, tested on \(thousands(record.testSamples))"
    }
    let hasPaper = table.table != nil
    var head = "<th>system</th><th class=\"wide\"></th><th class=\"number\">ours</th>"
    if hasPaper { head += "<th class=\"number\">paper</th>" }
    head +=
      "<th class=\"number\">95% interval</th><th>steps</th><th>pretrained on</th><th>runs</th>"
    let rows = cells.map { row($0, hasPaper: hasPaper, of: cells) }
    return """
      <h2>\(escaped(title)) <small>\(escaped(subtitle))</small></h2>
      <figure class="card scroll"><table><tr>\(head)</tr>\(rows.joined())</table></figure>
      \(try curves(cells))
      """
  }

  private func row(_ cell: SweepCell, hasPaper: Bool, of cells: [SweepCell]) -> String {
    let figures = SweepFigures(cell)
    let best = cells.compactMap { SweepFigures($0).mean }.max()
    let most = max(best ?? 0, cells.compactMap(\.paper).max() ?? 0, 1e-9)
    func percent(_ value: Double?) -> String { decimal(100 * max(0, value ?? 0) / most, 1) }
    let mark = cell.paper.map { "<u style=\"left:\(percent($0))%\" title=\"the paper\"></u>" } ?? ""
    let bar =
      "<div class=\"gauge\"><i style=\"width:\(percent(figures.mean))%\"></i>\(mark)</div>"
    var text =
      "<tr><td>\(escaped(cell.row))</td><td class=\"wide\">\(bar)</td><td class=\"number\(figures.mean == best && best != nil ? " best" : "")\">\(figures.ours)</td>"
    if hasPaper { text += "<td class=\"number soft\">\(figures.paper)</td>" }
    guard !cell.results.isEmpty else {
      let reason = cell.problem.map { "not run: \($0)" } ?? "not run yet"
      return text
        + "<td></td><td colspan=\"3\" class=\"reason soft\">\(escaped(reason))</td></tr>"
    }
    let links = cell.results.compactMap { result in
      result.run.map { "<a href=\"\(escaped($0))/report.html\">seed \(result.seed)</a>" }
    }
    return text + """
      <td class="number">\(figures.interval)</td><td>\(escaped(figures.steps))</td>\
      <td>\(escaped(figures.samples))</td><td>\(links.joined(separator: " "))</td></tr>
      """
  }

  /// Of the first seed of each row: probe where the runs have probed, and loss.
  private func curves(_ cells: [SweepCell]) throws -> String {
    var probes: [(name: String, points: [ChartPoint])] = []
    var losses: [(name: String, points: [ChartPoint])] = []
    for cell in cells {
      guard let run = cell.results.first?.run else { continue }
      let log = try MetricsLog(path: RunDirectory(folder + "/" + run).metrics)
      probes.append((cell.row, log.series { $0.readings.probe?.value }))
      losses.append((cell.row, LineChart.smoothed(log.series { $0.loss })))
    }
    let charts = [
      CurveChart(title: "Online probe", curves: probes),
      CurveChart(title: "Loss, each in its own terms", curves: losses),
    ].filter { $0.curves.contains { $0.points.count > 1 } }
    if charts.isEmpty { return "" }
    return "<div class=\"charts\">\(charts.map { $0.figure() }.joined())</div>"
  }
}

/// Several curves over the same steps, told apart by colour and by name.
struct CurveChart {
  var title: String
  var curves: [(name: String, points: [ChartPoint])]

  func figure() -> String {
    let shown = curves.enumerated().filter { !$0.element.points.isEmpty }
    let all = shown.flatMap { $0.element.points }
    guard let left = all.map(\.x).min(), let right = all.map(\.x).max(),
      let low = all.map(\.y).min(), let high = all.map(\.y).max()
    else { return "" }
    let (width, height) = (560.0, 250.0)
    let pad = max((high - low) * 0.06, 1e-6)
    func px(_ x: Double) -> Double { 52 + (x - left) / max(right - left, 1) * (width - 72) }
    func py(_ y: Double) -> Double {
      12 + (height - 46) * (1 - (y - low + pad) / (high - low + 2 * pad))
    }
    var svg =
      "<svg viewBox=\"0 0 560 250\" role=\"img\" aria-label=\"\(escaped(title)) over steps\">\n"
    let vertical = AxisTicks(low: low - pad, high: high + pad, count: 5)
    for (value, label) in zip(vertical.values, vertical.labels) {
      let y = decimal(py(value), 1)
      svg +=
        "<line class=\"grid\" x1=\"52\" x2=\"540\" y1=\"\(y)\" y2=\"\(y)\"/><text class=\"tick\" x=\"44\" y=\"\(y)\" dy=\"0.32em\" text-anchor=\"end\">\(label)</text>\n"
    }
    let horizontal = AxisTicks(low: left, high: right, count: 6)
    for (value, label) in zip(horizontal.values, horizontal.labels) {
      svg +=
        "<text class=\"tick\" x=\"\(decimal(px(value), 1))\" y=\"232\" text-anchor=\"middle\">\(label)</text>\n"
    }
    svg +=
      "<line class=\"axis\" x1=\"52\" x2=\"540\" y1=\"216\" y2=\"216\"/><text class=\"tick\" x=\"540\" y=\"247\" text-anchor=\"end\">step</text>\n"
    for (index, curve) in shown {
      let points = LineChart.thinned(curve.points).map {
        decimal(px($0.x), 1) + "," + decimal(py($0.y), 1)
      }
      svg +=
        "<polyline class=\"curve own t\(index % 8)\" points=\"\(points.joined(separator: " "))\"/>\n"
    }
    let keys = shown.map {
      "<span class=\"key t\($0.offset % 8)\"><i class=\"own\"></i>\(escaped($0.element.name))</span>"
    }
    return
      "<figure class=\"card\"><figcaption><b>\(escaped(title))</b></figcaption>\(svg)</svg><div class=\"keys\">\(keys.joined())</div></figure>\n"
  }
}
