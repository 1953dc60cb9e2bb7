// A curve over steps as inline SVG: the values faint, their running mean bold, axes with round ticks. Colours are
// the page's CSS variables, so it follows light and dark.

import Basics

struct ChartPoint: Equatable {
  var x: Double
  var y: Double
}

/// One curve with its axes.
struct LineChart {
  var title: String
  var unit: String
  var points: [ChartPoint]
  /// CSS class of the curve: `one`, `two`, `three`.
  var colour = "one"
  /// The y axis starts at zero (rates, shares); a loss shows its own range.
  var fromZero = false

  private let width = 560.0
  private let height = 250.0
  private let left = 52.0
  private let right = 20.0
  private let top = 12.0
  private let bottom = 34.0

  init(
    _ title: String, unit: String = "", points: [ChartPoint], colour: String = "one",
    fromZero: Bool = false
  ) {
    self.title = title
    self.unit = unit
    self.points = points
    self.colour = colour
    self.fromZero = fromZero
  }

  func svg() -> String {
    let smooth = Self.smoothed(points)
    let (xs, ys) = (range(points.map(\.x), padded: 0), valueRange)
    let inner = (width: width - left - right, height: height - top - bottom)
    func px(_ x: Double) -> Double { left + (x - xs.low) / (xs.high - xs.low) * inner.width }
    func py(_ y: Double) -> Double {
      top + inner.height * (1 - (y - ys.low) / (ys.high - ys.low))
    }
    func path(_ points: [ChartPoint]) -> String {
      Self.thinned(points).map { decimal(px($0.x), 1) + "," + decimal(py($0.y), 1) }.joined(
        separator: " ")
    }
    var svg = """
      <svg viewBox="0 0 \(Int(width)) \(Int(height))" role="img" aria-label="\(escaped(title)) over steps">

      """
    let vertical = AxisTicks(low: ys.low, high: ys.high, count: 5)
    for (value, label) in zip(vertical.values, vertical.labels) {
      let y = decimal(py(value), 1)
      svg += """
        <line class="grid" x1="\(left)" x2="\(width - right)" y1="\(y)" y2="\(y)"/>\
        <text class="tick" x="\(left - 8)" y="\(y)" dy="0.32em" text-anchor="end">\(label)</text>

        """
    }
    let horizontal = AxisTicks(low: xs.low, high: xs.high, count: 6)
    for (value, label) in zip(horizontal.values, horizontal.labels) {
      svg += """
        <text class="tick" x="\(decimal(px(value), 1))" y="\(height - bottom + 16)" text-anchor="middle">\(label)</text>

        """
    }
    svg += """
      <line class="axis" x1="\(left)" x2="\(width - right)" y1="\(height - bottom)" y2="\(height - bottom)"/>
      <text class="tick" x="\(width - right)" y="\(height - 3)" text-anchor="end">step</text>

      """
    // A viewport of its own cuts off what a spike has beyond the axis.
    svg += """
      <svg x="\(left)" y="\(top - 4)" width="\(inner.width + right)" height="\(inner.height + 4)" \
      viewBox="\(left) \(top - 4) \(inner.width + right) \(inner.height + 4)">

      """
    if points != smooth {
      svg += "<polyline class=\"raw \(colour)\" points=\"\(path(points))\"/>\n"
    }
    if smooth.count == 1 {
      let (x, y) = (decimal(px(smooth[0].x), 1), decimal(py(smooth[0].y), 1))
      svg += "<circle class=\"dot \(colour)\" cx=\"\(x)\" cy=\"\(y)\" r=\"3.5\"/>\n"
    } else {
      svg += "<polyline class=\"curve \(colour)\" points=\"\(path(smooth))\"/>\n"
    }
    return svg + "</svg></svg>\n"
  }

  /// The card of the chart: heading, first and last value, curve; a word instead when there is nothing to draw.
  func figure() -> String {
    guard let last = Self.smoothed(points).last else {
      return
        "<figure class=\"card\"><figcaption><b>\(escaped(title))</b></figcaption><p class=\"none\">not logged</p></figure>\n"
    }
    let suffix = unit.isEmpty ? "" : " " + escaped(unit)
    return """
      <figure class="card"><figcaption><b>\(escaped(title))</b><span>\(significant(last.y))\(suffix)</span></figcaption>
      \(svg())</figure>

      """
  }

  private func range(_ values: [Double], padded share: Double) -> (low: Double, high: Double) {
    let (low, high) = (values.min() ?? 0, values.max() ?? 1)
    if high > low { return (low - share * (high - low), high + share * (high - low)) }
    let half = max(abs(low) * 0.1, 0.5)
    return (low - half, high + half)
  }

  /// The middle 99% of the values: one spike doesn't flatten the rest.
  private var valueRange: (low: Double, high: Double) {
    let sorted = points.map(\.y).sorted()
    let cut = sorted.count / 200
    let kept = sorted.isEmpty ? [] : [sorted[cut], sorted[sorted.count - 1 - cut]]
    var bounds = range(kept, padded: 0.06)
    if fromZero { bounds.low = min(0, bounds.low) }
    return bounds
  }

  /// Running mean over about a fortieth of the points on each side; short logs stay as they are. At the start the
  /// window shrinks (the curve is steep there), at the end a line through the last window goes on (no lag).
  static func smoothed(_ points: [ChartPoint]) -> [ChartPoint] {
    let (count, reach) = (points.count, points.count / 40)
    if reach == 0 { return points }
    var sums = [0.0]
    for point in points { sums.append(sums.last! + point.y) }
    var smooth = points
    for i in 0..<count - reach {
      let r = min(reach, i)
      smooth[i].y = (sums[i + r + 1] - sums[i - r]) / Double(2 * r + 1)
    }
    let (middle, size) = (count - 1 - reach, Double(2 * reach + 1))
    let slope =
      (-reach...reach).reduce(0.0) { $0 + Double($1) * points[middle + $1].y }
      / (size * (size * size - 1) / 12)
    for i in count - reach..<count { smooth[i].y = smooth[middle].y + slope * Double(i - middle) }
    return smooth
  }

  /// At most 1200 points: of each bucket the lowest and the highest, so that spikes stay visible.
  static func thinned(_ points: [ChartPoint]) -> [ChartPoint] {
    if points.count <= 1200 { return points }
    var kept: [ChartPoint] = []
    for bucket in 0..<600 {
      let part = points[bucket * points.count / 600..<(bucket + 1) * points.count / 600]
      let low = part.min { $0.y < $1.y }!
      let high = part.max { $0.y < $1.y }!
      kept.append(contentsOf: low.x <= high.x ? [low, high] : [high, low])
    }
    return kept
  }
}

/// Text safe inside HTML and attribute quotes.
func escaped(_ text: String) -> String {
  var out = ""
  for character in text {
    switch character {
    case "&": out += "&amp;"
    case "<": out += "&lt;"
    case ">": out += "&gt;"
    case "\"": out += "&quot;"
    default: out.append(character)
    }
  }
  return out
}
