// The directional derivatives of a block's forward and backward passes (Pearlmutter 1994, forward over reverse):
// with them the second-order term of eq. 2 costs two more passes and no graph of a graph. The decoder has no
// dropout, so neither do these.

import Experiments
import TensorCore

extension TransformerBlock {
  /// Runs the tangent xt [n, d] of the block's input through the block.
  ///
  /// - Returns: the tangent of the rows asked for: xt, overwritten, or the selected ones in scratch of the caller's.
  func tangent<R>(
    _ xt: Matrix<R>, _ kept: BlockActivations<R>, _ tangents: BlockTangents<R>, _ lane: Lane<R>
  ) -> Matrix<R> {
    let out = kept.shape.selected(xt, lane.scratch)
    let mark = lane.scratch.mark
    defer { lane.scratch.release(mark) }
    let yt = lane.scratch.matrix(xt.rows, size.width)
    let activated = lane.scratch.matrix(out.rows, size.hiddenWidth)
    // 1. attention
    norm1.tangent(xt, kept.norm1, tangents.norm1, into: yt, lane)
    keyValue.product(yt, into: tangents.inputs.keyValue, lane)
    query.product(kept.shape.selected(yt, lane.scratch), into: tangents.inputs.query, lane)
    kept.shape.tangent(
      tangents.inputs, kept.inputs, kept.shares!, tangents.shares, into: tangents.mixed,
      lane.scratch)
    proj.product(tangents.mixed, into: out, adding: 1, lane)
    // 2. MLP
    let zt = yt.prefix(out.rows)
    norm2.tangent(out, kept.norm2, tangents.norm2, into: zt, lane)
    fc1.product(zt, into: tangents.hidden, lane)
    R.geluTangent(kept.hidden.count, kept.hidden.base, tangents.hidden.base, activated.base)
    fc2.product(activated, into: out, adding: 1, lane)
    return out
  }

  /// The tangent of the input's adjoint from doutt, that of the output's (used up); adds the tangent of the weight
  /// gradients to the lane's gradient.
  func backwardTangent<R>(
    _ doutt: Matrix<R>, _ kept: BlockActivations<R>, _ adjoints: BlockAdjoints<R>,
    _ tangents: BlockTangents<R>, _ lane: Lane<R>
  ) -> Matrix<R> {
    let dxt = kept.shape.spread(lane.scratch, doutt)
    let mark = lane.scratch.mark
    defer { lane.scratch.release(mark) }
    backwardTangentMLP(doutt, kept, adjoints, tangents, lane)
    let (n, m, d) = (dxt.rows, doutt.rows, size.width)
    let mixed = lane.scratch.matrix(m, d)
    let inputs = AttentionInputs(
      query: lane.scratch.matrix(m, d), keyValue: lane.scratch.matrix(n, 2 * d))
    proj.backward(doutt, into: mixed, lane)
    proj.accumulateTangent(adjoints.branch, doutt, kept.mixed, tangents.mixed, lane)
    kept.shape.backwardTangent(
      adjoints.mixed, mixed, tangents.inputs, kept.inputs, kept.shares!, tangents.shares,
      into: inputs, lane.scratch)
    let y = lane.scratch.matrix(n, d)
    let yt = lane.scratch.matrix(n, d)
    norm1.again(kept.norm1, into: y, lane)
    norm1.tangentAgain(tangents.norm1, into: yt, lane)
    keyValue.accumulateTangent(adjoints.inputs.keyValue, inputs.keyValue, y, yt, lane)
    query.accumulateTangent(
      adjoints.inputs.query, inputs.query, kept.shape.selected(y, lane.scratch),
      kept.shape.selected(yt, lane.scratch), lane)
    backwardInputs(inputs, kept.shape, into: y, lane)
    kept.shape.place(doutt, in: dxt)
    norm1.backwardTangent(adjoints.norm1, y, kept.norm1, tangents.norm1, adding: dxt, lane)
    return dxt
  }

  /// The MLP's part: turns doutt into the tangent of the adjoint of norm2's input.
  private func backwardTangentMLP<R>(
    _ doutt: Matrix<R>, _ kept: BlockActivations<R>, _ adjoints: BlockAdjoints<R>,
    _ tangents: BlockTangents<R>, _ lane: Lane<R>
  ) {
    let (m, d, h) = (doutt.rows, size.width, size.hiddenWidth)
    let mark = lane.scratch.mark
    defer { lane.scratch.release(mark) }
    let activated = lane.scratch.matrix(m, h)
    let activatedTangent = lane.scratch.matrix(m, h)
    let hidden = lane.scratch.matrix(m, h)
    let hiddenTangent = lane.scratch.matrix(m, h)
    fc2.backward(doutt, into: hiddenTangent, lane)
    R.geluBackwardTangent(
      kept.hidden.count, kept.hidden.base, tangents.hidden.base, adjoints.activated.base,
      hiddenTangent.base, activated.base, activatedTangent.base, hidden.base)
    fc2.accumulateTangent(adjoints.output, doutt, activated, activatedTangent, lane)
    let y = lane.scratch.matrix(m, d)
    let yt = lane.scratch.matrix(m, d)
    norm2.again(kept.norm2, into: y, lane)
    norm2.tangentAgain(tangents.norm2, into: yt, lane)
    fc1.accumulateTangent(hidden, hiddenTangent, y, yt, lane)
    fc1.backward(hiddenTangent, into: y, lane)
    norm2.backwardTangent(adjoints.norm2, y, kept.norm2, tangents.norm2, adding: doutt, lane)
  }
}

/// What a block keeps of its tangent pass; n rows, m of them queries.
struct BlockTangents<R: Real> {
  let norm1: NormTangents<R>
  private(set) var inputs: AttentionInputs<R>
  /// As the shares lie.
  let shares: UnsafeMutablePointer<R>
  private(set) var mixed: Matrix<R>
  private(set) var norm2: NormTangents<R>
  private(set) var hidden: Matrix<R>

  init(
    samples: Int, tokens: Int, _ size: TransformerSize, _ allocate: (Int) -> UnsafeMutablePointer<R>
  ) {
    let n = samples * tokens
    func matrix(_ columns: Int) -> Matrix<R> { Matrix(allocate(n * columns), n, columns) }
    let shape = AttentionShape(
      samples: samples, tokens: tokens, heads: size.heads, headWidth: size.headWidth)
    norm1 = NormTangents(n, size.width, allocate)
    inputs = AttentionInputs(query: matrix(size.width), keyValue: matrix(2 * size.width))
    shares = allocate(n * size.heads * shape.shareStride)
    mixed = matrix(size.width)
    norm2 = NormTangents(n, size.width, allocate)
    hidden = matrix(size.hiddenWidth)
  }

  /// The same memory for a pass that is asked for some rows only.
  func limited(to queries: RowSelection) -> BlockTangents {
    var part = self
    part.inputs = inputs.prefix(queries: queries.count)
    part.mixed = mixed.prefix(queries.count)
    part.norm2 = norm2.prefix(queries.count)
    part.hidden = hidden.prefix(queries.count)
    return part
  }
}
