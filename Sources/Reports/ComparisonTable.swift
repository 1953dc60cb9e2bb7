// The result of an evaluation as a few lines of text: the random encoder's row above the trained one's.

import Basics
import Experiments

/// The table `metamae-eval` prints.
///
/// ```
/// pamap2, accuracy on 10,000 test samples, paper's linear probe on 50,000
///
///   encoder      accuracy   95% interval       best epoch
///   random         0.6981
///   MetaMAE        0.8930   0.8911 - 0.8949        0.8935
/// ```
/// - Parameter name: the objective of the trained encoder (`metamae`, ...); `random` gives one row only.
public func comparisonTable(_ record: EvaluationRecord, encoder name: String) -> String {
  let probe = probeTitle(record.probe)
  let metric = metricTitle(record.metric)
  var head = "\(record.dataset): \(metric) on \(thousands(record.testSamples)) test samples, "
  head += "\(probe) from \(thousands(record.trainSamples)) samples"
  if record.seeds > 1 { head += ", mean of \(record.seeds) seeds" }
  let hasEpochs = record.epochs > 0
  var rows = [
    [
      "encoder", metric, record.interval95 == nil ? "" : "95% interval",
      hasEpochs ? "best epoch" : "",
    ]
  ]
  let own = [
    encoderTitle(name), decimal(record.value, 4),
    record.interval95.map { "\(decimal($0[0], 4)) - \(decimal($0[1], 4))" } ?? "",
    hasEpochs ? decimal(record.best, 4) : "",
  ]
  if name != "random" { rows.append(["random", decimal(record.valueRandomInit, 4), "", ""]) }
  rows.append(own)
  let widths = (0..<4).map { c in rows.map { $0[c].count }.max()! }
  let lines = rows.map { row in
    var line = "  " + row[0].padded(to: widths[0])
    for c in 1..<4 where widths[c] > 0 {
      line += "   " + String(repeating: " ", count: widths[c] - row[c].count) + row[c]
    }
    while line.last == " " { line.removeLast() }
    return line
  }
  return head + "\n\n" + lines.joined(separator: "\n")
}

/// An objective as people write it.
public func encoderTitle(_ name: String) -> String {
  switch ObjectiveName(rawValue: name) {
  case .metamae: "MetaMAE"
  case .mae: "MAE (deep)"
  case .maeLinear: "MAE (linear)"
  case .emix: "e-Mix"
  case .shed: "ShED"
  case .capri: "Capri"
  case nil: name
  }
}

func metricTitle(_ metric: String) -> String {
  switch metric {
  case "weighted_f1": "weighted F1"
  case "spearman": "Spearman's rho"
  case "token_accuracy": "token accuracy"
  case "token_accuracy_unpadded": "token accuracy without padding"
  default: metric
  }
}
