// The directional derivatives of a block's forward and backward passes (Pearlmutter 1994, forward over reverse):
// with them the second-order term of eq. 2 costs two more passes and no graph of a graph. The decoder has no
// dropout, so neither do these.

import Experiments
import TensorCore

extension TransformerBlock {
  /// Runs the tangent xt [n, d] of the block's input through the block, in place.
  func tangent<R>(
    _ xt: Matrix<R>, _ kept: BlockActivations<R>, _ tangents: BlockTangents<R>, _ lane: Lane<R>
  ) {
    let mark = lane.scratch.mark
    defer { lane.scratch.release(mark) }
    let yt = lane.scratch.matrix(xt.rows, size.width)
    let activated = lane.scratch.matrix(xt.rows, size.hiddenWidth)
    // 1. attention
    norm1.tangent(xt, kept.norm1, tangents.norm1, into: yt, lane)
    qkv.product(yt, into: tangents.qkv, lane)
    Attention.tangent(
      tangents.qkv, kept.qkv, kept.shares, tangents.shares, into: tangents.mixed, kept.shape)
    proj.product(tangents.mixed, into: xt, adding: 1, lane)
    // 2. MLP
    norm2.tangent(xt, kept.norm2, tangents.norm2, into: yt, lane)
    fc1.product(yt, into: tangents.hidden, lane)
    R.geluTangent(kept.hidden.count, kept.hidden.base, tangents.hidden.base, activated.base)
    fc2.product(activated, into: xt, adding: 1, lane)
  }

  /// Turns dxt, the tangent of the output's adjoint, into that of the input's, and adds the tangent of the weight
  /// gradients to the lane's gradient.
  func backwardTangent<R>(
    _ dxt: Matrix<R>, _ kept: BlockActivations<R>, _ adjoints: BlockAdjoints<R>,
    _ tangents: BlockTangents<R>,
    _ lane: Lane<R>
  ) {
    let (n, d, h) = (dxt.rows, size.width, size.hiddenWidth)
    let mark = lane.scratch.mark
    defer { lane.scratch.release(mark) }
    let y = lane.scratch.matrix(n, d)
    let yt = lane.scratch.matrix(n, d)
    let dyt = lane.scratch.matrix(n, d)
    // 2. MLP
    let activated = lane.scratch.matrix(n, h)
    let activatedTangent = lane.scratch.matrix(n, h)
    let hidden = lane.scratch.matrix(n, h)
    let hiddenTangent = lane.scratch.matrix(n, h)
    fc2.backward(dxt, into: hiddenTangent, lane)
    R.geluBackwardTangent(
      kept.hidden.count, kept.hidden.base, tangents.hidden.base, adjoints.activated.base,
      hiddenTangent.base,
      activated.base, activatedTangent.base, hidden.base)
    fc2.accumulateTangent(adjoints.output, dxt, activated, activatedTangent, lane)
    norm2.again(kept.norm2, into: y, lane)
    norm2.tangentAgain(tangents.norm2, into: yt, lane)
    fc1.accumulateTangent(hidden, hiddenTangent, y, yt, lane)
    fc1.backward(hiddenTangent, into: dyt, lane)
    norm2.backwardTangent(adjoints.norm2, dyt, kept.norm2, tangents.norm2, adding: dxt, lane)
    // 1. attention
    let mixedTangent = lane.scratch.matrix(n, d)
    let qkvTangent = lane.scratch.matrix(n, 3 * d)
    proj.backward(dxt, into: mixedTangent, lane)
    proj.accumulateTangent(adjoints.branch, dxt, kept.mixed, tangents.mixed, lane)
    Attention.backwardTangent(
      adjoints.mixed, mixedTangent, kept.qkv, tangents.qkv, kept.shares, tangents.shares,
      into: qkvTangent,
      kept.shape, lane.scratch)
    norm1.again(kept.norm1, into: y, lane)
    norm1.tangentAgain(tangents.norm1, into: yt, lane)
    qkv.accumulateTangent(adjoints.qkv, qkvTangent, y, yt, lane)
    qkv.backward(qkvTangent, into: dyt, lane)
    norm1.backwardTangent(adjoints.norm1, dyt, kept.norm1, tangents.norm1, adding: dxt, lane)
  }
}

/// What a block keeps of its tangent pass.
struct BlockTangents<R: Real> {
  let norm1: NormTangents<R>
  let qkv: Matrix<R>
  let shares: Matrix<R>
  let mixed: Matrix<R>
  let norm2: NormTangents<R>
  let hidden: Matrix<R>

  init(
    samples: Int, tokens: Int, _ size: TransformerSize, _ allocate: (Int) -> UnsafeMutablePointer<R>
  ) {
    let n = samples * tokens
    func matrix(_ columns: Int) -> Matrix<R> { Matrix(allocate(n * columns), n, columns) }
    norm1 = NormTangents(n, size.width, allocate)
    qkv = matrix(3 * size.width)
    shares = Matrix(
      allocate(samples * size.heads * tokens * tokens), samples * size.heads, tokens * tokens)
    mixed = matrix(size.width)
    norm2 = NormTangents(n, size.width, allocate)
    hidden = matrix(size.hiddenWidth)
  }
}
