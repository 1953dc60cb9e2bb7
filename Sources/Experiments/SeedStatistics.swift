// Mean and 95% interval over seeds.

/// Student's t interval of the mean of a few numbers.
public struct SeedStatistics: Equatable, Sendable {
  public let mean: Double
  /// Mean -+ t(0.975, n - 1) s / sqrt(n); nil for one number, which says nothing of the spread.
  public let interval95: [Double]?

  /// - Precondition: not empty.
  public init(_ values: [Double]) {
    precondition(!values.isEmpty, "the mean of nothing")
    let n = Double(values.count)
    let mean = values.reduce(0, +) / n
    self.mean = mean
    guard values.count > 1 else {
      interval95 = nil
      return
    }
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    let half = Self.quantile(values.count - 1) * (squares / (n - 1) / n).squareRoot()
    interval95 = [mean - half, mean + half]
  }

  /// The 0.975 quantile of Student's t: a table to 30 degrees of freedom, then the first terms of its expansion
  /// around the normal's (within 2e-4).
  static func quantile(_ freedom: Int) -> Double {
    let table = [
      12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281, 2.2010,
      2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860, 2.0796, 2.0739,
      2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423,
    ]
    if freedom <= table.count { return table[freedom - 1] }
    let z = 1.959964
    let v = Double(freedom)
    return z + (z * z * z + z) / (4 * v) + (5 * z * z * z * z * z + 16 * z * z * z + 3 * z)
      / (96 * v * v)
  }
}
