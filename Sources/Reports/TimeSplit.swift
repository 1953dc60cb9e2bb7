// Where a run's time went, as two bars: the trainer's, and its workers' beside it.

import Basics
import Experiments

struct TimeSplit {
  let records: [MetricsRecord]

  /// Nothing where no line says it.
  func figure() -> String {
    let known = records.filter { $0.secondsAStep != nil && $0.seconds.isFinite && $0.seconds > 0 }
    guard !known.isEmpty else { return "" }
    let all = known.reduce(0) { $0 + $1.seconds }
    /// A part's share, lines weighed by their time.
    func mean(_ part: (StepSeconds) -> Double) -> Double {
      known.reduce(0) { $0 + part($1.secondsAStep!) * $1.seconds } / all
    }
    let trainer = [
      ("computing", mean(\.compute), "one"), ("waiting for data", mean(\.ringEmpty), "two"),
      ("saving", mean(\.checkpoint), "three"), ("measuring", mean { $0.measure ?? 0 }, "four"),
    ]
    let workers = [
      ("decoding", mean(\.decode), "one"), ("placing", mean(\.place), "four"),
      ("reading", mean(\.read), "three"), ("waiting for a free slot", mean(\.ringFull), "idle"),
    ]
    let step = trainer.reduce(0) { $0 + $1.1 }
    return """
      <figure class="card wide"><figcaption><b>Time</b><span>\(significant(step)) s a step</span></figcaption>
      \(bar("trainer", trainer))\(bar("workers", workers))</figure>

      """
  }

  private func bar(_ name: String, _ parts: [(String, Double, String)]) -> String {
    let total = parts.reduce(0) { $0 + $1.1 }
    guard total > 0 else { return "" }
    let shown = parts.filter { $0.1 / total >= 0.0005 }
    let cells = shown.map {
      "<i class=\"\($0.2)\" style=\"flex-grow:\(decimal(1000 * $0.1 / total, 1))\"></i>"
    }
    let keys = shown.map {
      "<span class=\"key\"><i class=\"box \($0.2)\"></i>\($0.0) \(decimal(100 * $0.1 / total, 1))%</span>"
    }
    return
      "<div class=\"split\"><span>\(name)</span><div class=\"bar\">\(cells.joined())</div><div class=\"keys\">\(keys.joined())</div></div>"
  }
}
