// The table of a sweep as text: our number beside the paper's, each marked with what it took, each cell that was not run
// saying so.

import Basics
import Experiments

/// What `metamae-train sweep` prints: a block for each evaluated set.
///
/// ```
/// HIGGS: accuracy, in percent; pretrained on higgs
///
///   system        ours   95% interval   paper   steps            pretrained on
///   random       54.07              -    54.8   -                -
///   MetaMAE      58.66              -    71.5   50 of 100,000    9,720 of 8,910,000 samples
///   ShED             -              -       ?   not run: ...
/// ```
public func sweepText(_ table: SweepTable) -> String {
  var blocks = [table.title]
  for dataset in table.datasets { blocks.append(block(dataset, table)) }
  var legend: [String] = []
  if table.table != nil, table.cells.contains(where: { $0.paper == nil }) {
    legend.append("? the paper's number is not known here")
  }
  legend += table.notes
  if !legend.isEmpty { blocks.append(legend.joined(separator: "\n")) }
  return blocks.joined(separator: "\n\n")
}

private func block(_ dataset: String, _ table: SweepTable) -> String {
  let cells = table.rows.compactMap { table.cell($0, dataset) }
  let first = cells.lazy.flatMap(\.results).first
  let title = DatasetCatalogue.entry(dataset)?.title ?? dataset
  var head = title
  if let record = first?.record {
    head += ": \(metricTitle(record.metric))\(isPercent(record.metric) ? ", in percent" : "")"
    head +=
      ", \(probeTitle(record.probe)) from \(thousands(record.trainSamples)) samples, tested on "
      + thousands(record.testSamples)
  }
  var rows = [["system", "ours", "95% interval", "paper", "steps", "pretrained on"]]
  if table.table == nil { rows[0].remove(at: 3) }
  for cell in cells { rows.append(row(cell, table)) }
  let count = rows[0].count
  let widths = (0..<count).map { c in rows.map { c < $0.count ? $0[c].count : 0 }.max()! }
  let lines = rows.map { row -> String in
    var line = "  "
    for (c, text) in row.enumerated() {
      let isText = c == 0 || c >= count - 2
      line +=
        (c == 0 ? "" : "   ")
        + (isText
          ? text.padded(to: c == count - 1 ? 0 : widths[c])
          : String(repeating: " ", count: max(0, widths[c] - text.count)) + text)
    }
    while line.last == " " { line.removeLast() }
    return line
  }
  let problems = problems(cells)
  return
    ([head, ""] + lines + (problems.isEmpty ? [] : [""]) + problems.map { "  not run: " + $0 })
    .joined(separator: "\n")
}

private func row(_ cell: SweepCell, _ table: SweepTable) -> [String] {
  let figures = SweepFigures(cell)
  var row = [cell.row, figures.ours, figures.interval]
  if table.table != nil { row.append(figures.paper) }
  guard !cell.results.isEmpty else { return row + [figures.state, ""] }
  var steps = figures.steps
  if cell.seeds > 1 {
    steps += ", \(cell.results.count) of \(cell.seeds) seeds"
  }
  return row + [steps, figures.samples]
}

/// Each reason once, with the rows it holds for.
private func problems(_ cells: [SweepCell]) -> [String] {
  var reasons: [(text: String, rows: [String])] = []
  for cell in cells {
    guard let problem = cell.problem else { continue }
    if let index = reasons.firstIndex(where: { $0.text == problem }) {
      reasons[index].rows.append(cell.row)
    } else {
      reasons.append((problem, [cell.row]))
    }
  }
  return reasons.map {
    ($0.rows.count == cells.count ? "" : "\($0.rows.joined(separator: ", ")): ") + $0.text
  }
}

/// A cell's numbers as people read them.
struct SweepFigures {
  let cell: SweepCell

  init(_ cell: SweepCell) { self.cell = cell }

  private var metric: String {
    cell.results.first?.record.metric
      ?? DatasetCatalogue.entry(cell.dataset)?.metric?.rawValue ?? "accuracy"
  }
  private var scale: Double { isPercent(metric) ? 100 : 1 }
  private var digits: Int { isPercent(metric) ? 2 : 3 }

  /// Mean over the seeds; nil when none has run.
  var mean: Double? {
    cell.results.isEmpty
      ? nil : cell.results.reduce(0) { $0 + $1.record.value } / Double(cell.results.count)
  }

  var ours: String { mean.map { decimal($0 * scale, digits) } ?? "-" }

  var interval: String {
    let values = cell.results.map(\.record.value)
    let ends =
      values.count > 1
      ? SeedStatistics(values).interval95 : cell.results.first?.record.interval95
    guard let ends else { return "-" }
    return "\(decimal(ends[0] * scale, digits)) - \(decimal(ends[1] * scale, digits))"
  }

  /// As printed: percent with one digit, rho with two.
  var paper: String {
    cell.paper.map { decimal($0 * scale, isPercent(metric) ? 1 : 2) } ?? "?"
  }

  var steps: String {
    guard let result = cell.results.first, result.run != nil else { return "none" }
    return result.steps == PaperResults.steps
      ? thousands(result.steps)
      : "\(thousands(result.steps)) of the paper's \(thousands(PaperResults.steps))"
  }

  var samples: String {
    guard let result = cell.results.first, let count = result.pretrainingSamples else { return "-" }
    let set = result.pretrainedOn
    guard let whole = PaperResults.pretrainingSamples[set] else {
      return "\(set), \(thousands(count)) samples"
    }
    return "\(set), \(thousands(count))"
      + (count == whole ? " samples" : " of the paper's \(thousands(whole)) samples")
  }

  var state: String { cell.problem == nil ? "not run yet" : "not run" }
}

func isPercent(_ metric: String) -> Bool { metric != "spearman" }

func probeTitle(_ probe: String) -> String {
  switch probe {
  case "paper": "the paper's linear probe"
  case "lbfgs": "converged linear probe"
  case "knn": "nearest neighbours"
  default: "probe \(probe)"
  }
}
