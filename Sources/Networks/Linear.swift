// The linear map y = x W^T + b and the layer norm, as parts that the blocks put together. Weights are stored
// (out, in), as published.

import TensorCore

public struct Linear: Sendable {
  let weight: ParameterSlot
  let bias: ParameterSlot?
  /// Where the packed weight stands; nil: it is packed anew for each product.
  private(set) var packed: PackedSlot?

  init(
    _ table: inout ParameterTable, _ name: String, from inWidth: Int, to outWidth: Int,
    bias: Bool = true
  ) {
    weight = table.add(name + ".weight", outWidth, inWidth)
    self.bias = bias ? table.add(name + ".bias", outWidth) : nil
  }

  public var outWidth: Int { weight.rows }

  /// Where weight and bias stand in the flat buffer.
  public var parameters: Range<Int> {
    weight.offset..<weight.offset + weight.count + (bias?.count ?? 0)
  }

  /// A part of the outputs as a map of its own: rows of the same weights. Maps without a bias only.
  func outputs(_ range: Range<Int>) -> Linear { Linear(weight: weight.rows(range), bias: nil) }

  private init(weight: ParameterSlot, bias: ParameterSlot?) {
    (self.weight, self.bias) = (weight, bias)
  }

  /// The same map with a place among the packed weights: for maps that run several times a step.
  func packed(_ table: inout ParameterTable) -> Linear {
    var map = self
    map.packed = table.pack(weight)
    return map
  }

  /// y = x W^T, plus beta y; the bias is left to the caller, who fuses it. [n, in] to [n, out].
  func product<R>(_ x: Matrix<R>, into y: Matrix<R>, adding beta: R = 0, _ lane: Lane<R>) {
    if let panels = lane.panels(packed?.forward) {
      lane.scratch.multiply(x, packed: panels, into: y, adding: beta)
    } else {
      lane.scratch.multiply(x, lane.matrix(weight).transposed, into: y, adding: beta)
    }
  }

  /// y = x W^T + b.
  public func callAsFunction<R>(_ x: Matrix<R>, into y: Matrix<R>, _ lane: Lane<R>) {
    product(x, into: y, lane)
    if let bias { R.addBias(y.rows, y.columns, lane.vector(bias), y.base) }
  }

  /// dx = dy W, plus beta dx. [n, out] to [n, in].
  public func backward<R>(
    _ dy: Matrix<R>, into dx: Matrix<R>, adding beta: R = 0, _ lane: Lane<R>
  ) {
    if let panels = lane.panels(packed?.backward) {
      lane.scratch.multiply(dy, packed: panels, into: dx, adding: beta)
    } else {
      lane.scratch.multiply(dy, lane.matrix(weight), into: dx, adding: beta)
    }
  }

  /// dW += dy^T x, db += sum(dy).
  public func accumulate<R>(_ dy: Matrix<R>, _ x: Matrix<R>, _ lane: Lane<R>) {
    lane.scratch.multiply(dy.transposed, x, into: lane.slopeMatrix(weight), adding: 1)
    if let bias { R.columnSums(dy.rows, dy.columns, dy.base, lane.slope(bias)) }
  }

  /// The tangent of `accumulate`: dW += dyt^T x + dy^T xt, db += sum(dyt).
  func accumulateTangent<R>(
    _ dy: Matrix<R>, _ dyt: Matrix<R>, _ x: Matrix<R>, _ xt: Matrix<R>, _ lane: Lane<R>
  ) {
    accumulate(dyt, x, lane)
    lane.scratch.multiply(dy.transposed, xt, into: lane.slopeMatrix(weight), adding: 1)
  }
}

struct LayerNorm: Sendable {
  let weight: ParameterSlot
  let bias: ParameterSlot

  static let epsilon = 1e-5

  init(_ table: inout ParameterTable, _ name: String, width: Int) {
    weight = table.add(name + ".weight", width)
    bias = table.add(name + ".bias", width)
  }

  /// y = gamma xhat + beta; keeps xhat and the reciprocal deviation of each row.
  func callAsFunction<R>(
    _ x: Matrix<R>, _ kept: NormActivations<R>, into y: Matrix<R>, _ lane: Lane<R>
  ) {
    R.layernorm(
      x.rows, x.columns, x.base, lane.vector(weight), lane.vector(bias), R(Self.epsilon),
      kept.normalised.base,
      kept.reciprocal, y.base)
  }

  /// y once more.
  func again<R>(_ kept: NormActivations<R>, into y: Matrix<R>, _ lane: Lane<R>) {
    R.layernormAgain(
      y.rows, y.columns, kept.normalised.base, lane.vector(weight), lane.vector(bias), y.base)
  }

  /// yt once more.
  func tangentAgain<R>(_ kept: NormTangents<R>, into yt: Matrix<R>, _ lane: Lane<R>) {
    R.layernormAgain(yt.rows, yt.columns, kept.normalised.base, lane.vector(weight), nil, yt.base)
  }

  /// dx += the adjoint through the norm.
  func backward<R>(
    _ dy: Matrix<R>, _ kept: NormActivations<R>, adding dx: Matrix<R>, _ lane: Lane<R>
  ) {
    R.layernormBackward(
      dy.rows, dy.columns, dy.base, kept.normalised.base, kept.reciprocal, lane.vector(weight),
      dx.base)
  }

  func accumulate<R>(_ dy: Matrix<R>, _ kept: NormActivations<R>, _ lane: Lane<R>) {
    R.layernormAccumulate(
      dy.rows, dy.columns, dy.base, kept.normalised.base, lane.slope(weight), lane.slope(bias))
  }

  func tangent<R>(
    _ xt: Matrix<R>, _ kept: NormActivations<R>, _ tangents: NormTangents<R>, into yt: Matrix<R>,
    _ lane: Lane<R>
  ) {
    R.layernormTangent(
      xt.rows, xt.columns, xt.base, kept.normalised.base, kept.reciprocal, lane.vector(weight),
      tangents.normalised.base, tangents.relative, yt.base)
  }

  /// dxt += the tangent of `backward`; adds the tangent of `accumulate` to the gradient.
  func backwardTangent<R>(
    _ dy: Matrix<R>, _ dyt: Matrix<R>, _ kept: NormActivations<R>, _ tangents: NormTangents<R>,
    adding dxt: Matrix<R>, _ lane: Lane<R>
  ) {
    R.layernormBackwardTangent(
      dy.rows, dy.columns, dy.base, dyt.base, kept.normalised.base, tangents.normalised.base,
      kept.reciprocal,
      tangents.relative, lane.vector(weight), dxt.base, lane.slope(weight), lane.slope(bias))
  }
}

/// What a layer norm keeps of its forward pass: xhat [n, d] and r [n].
struct NormActivations<R: Real> {
  let normalised: Matrix<R>
  let reciprocal: UnsafeMutablePointer<R>

  init(_ rows: Int, _ width: Int, _ allocate: (Int) -> UnsafeMutablePointer<R>) {
    normalised = Matrix(allocate(rows * width), rows, width)
    reciprocal = allocate(rows)
  }

  init(normalised: Matrix<R>, reciprocal: UnsafeMutablePointer<R>) {
    self.normalised = normalised
    self.reciprocal = reciprocal
  }

  func prefix(_ rows: Int) -> NormActivations {
    NormActivations(normalised: normalised.prefix(rows), reciprocal: reciprocal)
  }
}

/// What it keeps of its tangent pass: the tangent of xhat [n, d] and rho = r' / r [n].
struct NormTangents<R: Real> {
  let normalised: Matrix<R>
  let relative: UnsafeMutablePointer<R>

  init(_ rows: Int, _ width: Int, _ allocate: (Int) -> UnsafeMutablePointer<R>) {
    normalised = Matrix(allocate(rows * width), rows, width)
    relative = allocate(rows)
  }

  private init(normalised: Matrix<R>, relative: UnsafeMutablePointer<R>) {
    self.normalised = normalised
    self.relative = relative
  }

  func prefix(_ rows: Int) -> NormTangents {
    NormTangents(normalised: normalised.prefix(rows), relative: relative)
  }
}
