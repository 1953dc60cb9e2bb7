// Rows scaled to length 1, and the way back of their adjoints: both contrasts compare directions.

import TensorCore

struct UnitRows<R: Real> {
  /// The rows at length 1.
  let unit: Matrix<R>
  /// What they were divided by, at least 1e-12.
  let lengths: UnsafeMutablePointer<R>

  func normalise(_ x: Matrix<R>, _ rows: Range<Int>) {
    for i in rows {
      let length = max(R(R.dot(unit.columns, x.row(i), x.row(i)).squareRoot()), 1e-12)
      lengths[i] = length
      for j in 0..<unit.columns { unit.row(i)[j] = x.row(i)[j] / length }
    }
  }

  /// Through the normalisation: d = (g - u <g, u>) / length, in place of g.
  func denormalise(_ slope: Matrix<R>, _ rows: Range<Int>) {
    for i in rows {
      let (g, u) = (slope.row(i), unit.row(i))
      let along = R(R.dot(unit.columns, g, u))
      for j in 0..<unit.columns { g[j] = (g[j] - u[j] * along) / lengths[i] }
    }
  }
}
