// Axes that a person can read: ticks at 1, 2 or 5 times a power of ten, labels without noise.

import Basics
import Glibc

/// The ticks of one axis.
struct AxisTicks: Equatable {
  let values: [Double]
  let labels: [String]

  /// About `count` ticks within `low ... high`, at round numbers.
  init(low: Double, high: Double, count: Int) {
    let span = max(high - low, 1e-12)
    let rough = span / Double(max(count, 1))
    let power = pow(10, floor(log10(rough)))
    let step = power * ([1.0, 2, 5, 10].first { $0 * power >= rough * 0.999 } ?? 10)
    var values: [Double] = []
    var k = (low / step - 1e-9).rounded(.up)
    while k * step <= high + step * 1e-9 {
      values.append(k * step)
      k += 1
    }
    self.values = values
    labels = values.map { Self.label($0, step: step) }
  }

  /// As many digits as the step needs; thousands and millions by letter.
  static func label(_ value: Double, step: Double) -> String {
    let size = max(abs(value), step)
    if abs(value) < step * 1e-6 { return "0" }
    if size >= 1e6 { return trimmed(value / 1e6, step / 1e6) + "M" }
    if size >= 1e4 { return trimmed(value / 1e3, step / 1e3) + "k" }
    return trimmed(value, step)
  }

  private static func trimmed(_ value: Double, _ step: Double) -> String {
    let digits = max(0, Int((-log10(step) - 1e-9).rounded(.up)))
    return decimal(value, min(digits, 9))
  }
}
