// A pre-norm Transformer block (Table 7): x += proj(attention(norm1(x))); x += fc2(gelu(fc1(norm2(x)))).
// Forward, backward and weight gradients here; the tangents of all three in TransformerBlock+Tangent.swift.

import Basics
import Experiments
import TensorCore

public struct TransformerBlock: Sendable {
  let size: TransformerSize
  let norm1: LayerNorm
  let qkv: Linear
  let proj: Linear
  let norm2: LayerNorm
  let fc1: Linear
  let fc2: Linear

  init(_ table: inout ParameterTable, _ name: String, _ size: TransformerSize) {
    self.size = size
    norm1 = LayerNorm(&table, name + ".norm1", width: size.width)
    qkv = Linear(&table, name + ".attn.qkv", from: size.width, to: 3 * size.width, bias: false)
    proj = Linear(&table, name + ".attn.proj", from: size.width, to: size.width)
    norm2 = LayerNorm(&table, name + ".norm2", width: size.width)
    fc1 = Linear(&table, name + ".mlp.fc1", from: size.width, to: size.hiddenWidth)
    fc2 = Linear(&table, name + ".mlp.fc2", from: size.hiddenWidth, to: size.width)
  }

  /// Runs the block on x [n, d] in place and keeps what the other passes need.
  func forward<R>(_ x: Matrix<R>, _ kept: BlockActivations<R>, dropout: Dropout?, _ lane: Lane<R>) {
    let mark = lane.scratch.mark
    defer { lane.scratch.release(mark) }
    let y = lane.scratch.matrix(x.rows, size.width)
    let activated = lane.scratch.matrix(x.rows, size.hiddenWidth)
    // 1. attention
    norm1(x, kept.norm1, into: y, lane)
    qkv.product(y, into: kept.qkv, lane)
    Attention.forward(kept.qkv, kept.shares, into: kept.mixed, kept.shape)
    close(branch: proj, kept.mixed, y, adding: x, dropout, .attention, lane)
    // 2. MLP
    norm2(x, kept.norm2, into: y, lane)
    fc1.product(y, into: kept.hidden, lane)
    R.gelu(x.rows, size.hiddenWidth, kept.hidden.base, lane.vector(fc1.bias!), activated.base)
    dropout?.apply(activated, .activation)
    close(branch: fc2, activated, y, adding: x, dropout, .output, lane)
  }

  /// x += dropout(input W^T + b), with y as scratch.
  private func close<R>(
    branch: Linear, _ input: Matrix<R>, _ y: Matrix<R>, adding x: Matrix<R>, _ dropout: Dropout?,
    _ site: Dropout.Site, _ lane: Lane<R>
  ) {
    guard let dropout else {
      R.addBias(x.rows, x.columns, lane.vector(branch.bias!), x.base)
      return branch.product(input, into: x, adding: 1, lane)
    }
    branch(input, into: y, lane)
    dropout.apply(y, site)
    R.axpy(x.count, 1, y.base, x.base)
  }

  /// Turns dx, the adjoint of the block's output, into that of its input, and fills the adjoints in between.
  func backward<R>(
    _ dx: Matrix<R>, _ kept: BlockActivations<R>, _ adjoints: BlockAdjoints<R>, dropout: Dropout?,
    _ lane: Lane<R>
  ) {
    // 2. MLP
    adjoints.output.copy(from: dx)
    dropout?.apply(adjoints.output, .output)
    fc2.backward(adjoints.output, into: adjoints.activated, lane)
    dropout?.apply(adjoints.activated, .activation)
    let mark = lane.scratch.mark
    defer { lane.scratch.release(mark) }
    let hidden = adjoints.hidden ?? lane.scratch.matrix(dx.rows, size.hiddenWidth)
    R.geluBackward(
      kept.hidden.count, kept.hidden.base, adjoints.activated.base, hidden.base, adjoints.gelu?.base
    )
    if let gelu = adjoints.gelu { dropout?.apply(gelu, .activation) }
    fc1.backward(hidden, into: adjoints.norm2, lane)
    norm2.backward(adjoints.norm2, kept.norm2, adding: dx, lane)
    // 1. attention
    adjoints.branch.copy(from: dx)
    dropout?.apply(adjoints.branch, .attention)
    proj.backward(adjoints.branch, into: adjoints.mixed, lane)
    Attention.backward(
      adjoints.mixed, kept.qkv, kept.shares, into: adjoints.qkv, kept.shape, lane.scratch)
    qkv.backward(adjoints.qkv, into: adjoints.norm1, lane)
    norm1.backward(adjoints.norm1, kept.norm1, adding: dx, lane)
  }

  /// Adds the block's weight gradients, after `backward` with adjoints that keep `hidden` and `gelu`.
  func accumulate<R>(_ kept: BlockActivations<R>, _ adjoints: BlockAdjoints<R>, _ lane: Lane<R>) {
    guard let hidden = adjoints.hidden, let gelu = adjoints.gelu else {
      preconditionFailure("weight gradients need the adjoints of a full backward pass")
    }
    let mark = lane.scratch.mark
    defer { lane.scratch.release(mark) }
    let y = lane.scratch.matrix(kept.qkv.rows, size.width)
    fc2.accumulate(adjoints.output, gelu, lane)
    norm2.again(kept.norm2, into: y, lane)
    fc1.accumulate(hidden, y, lane)
    norm2.accumulate(adjoints.norm2, kept.norm2, lane)
    proj.accumulate(adjoints.branch, kept.mixed, lane)
    norm1.again(kept.norm1, into: y, lane)
    qkv.accumulate(adjoints.qkv, y, lane)
    norm1.accumulate(adjoints.norm1, kept.norm1, lane)
  }
}

/// What a block keeps of its forward pass over n = samples x tokens rows.
struct BlockActivations<R: Real> {
  let shape: AttentionShape
  let norm1: NormActivations<R>
  /// q, k, v side by side, [n, 3 d].
  let qkv: Matrix<R>
  /// softmax(q k^T), [samples heads, tokens tokens].
  let shares: Matrix<R>
  /// The heads' outputs side by side, [n, d].
  let mixed: Matrix<R>
  let norm2: NormActivations<R>
  /// fc1's output, bias included, before GELU, [n, 2 d].
  let hidden: Matrix<R>

  init(
    samples: Int, tokens: Int, _ size: TransformerSize, _ allocate: (Int) -> UnsafeMutablePointer<R>
  ) {
    let n = samples * tokens
    func matrix(_ columns: Int) -> Matrix<R> { Matrix(allocate(n * columns), n, columns) }
    shape = AttentionShape(
      samples: samples, tokens: tokens, heads: size.heads, headWidth: size.headWidth)
    norm1 = NormActivations(n, size.width, allocate)
    qkv = matrix(3 * size.width)
    shares = Matrix(
      allocate(samples * size.heads * tokens * tokens), samples * size.heads, tokens * tokens)
    mixed = matrix(size.width)
    norm2 = NormActivations(n, size.width, allocate)
    hidden = matrix(size.hiddenWidth)
  }
}

/// The adjoints inside a block, named after the value they belong to.
struct BlockAdjoints<R: Real> {
  /// fc2's output, [n, d].
  let output: Matrix<R>
  /// GELU's output, [n, 2 d].
  let activated: Matrix<R>
  /// GELU's input; only kept for weight gradients.
  let hidden: Matrix<R>?
  /// Not an adjoint: GELU's output once more, for fc2's weight gradient.
  let gelu: Matrix<R>?
  /// norm2's output.
  let norm2: Matrix<R>
  /// proj's output.
  let branch: Matrix<R>
  /// The heads' outputs.
  let mixed: Matrix<R>
  let qkv: Matrix<R>
  /// norm1's output.
  let norm1: Matrix<R>

  init(
    rows n: Int, _ size: TransformerSize, forWeights: Bool,
    _ allocate: (Int) -> UnsafeMutablePointer<R>
  ) {
    func matrix(_ columns: Int) -> Matrix<R> { Matrix(allocate(n * columns), n, columns) }
    output = matrix(size.width)
    activated = matrix(size.hiddenWidth)
    hidden = forWeights ? matrix(size.hiddenWidth) : nil
    gelu = forWeights ? matrix(size.hiddenWidth) : nil
    norm2 = matrix(size.width)
    branch = matrix(size.width)
    mixed = matrix(size.width)
    qkv = matrix(3 * size.width)
    norm1 = matrix(size.width)
  }
}

/// Dropout of one pass through one layer: which values fall is a hash of (sample's key, layer, site, position), so
/// the backward pass finds the same ones and nothing is stored.
public struct Dropout {
  enum Site: UInt64 { case embedding, attention, activation, output }

  let chance: Float
  let layer: Int
  /// One key a sample of the slice.
  let keys: UnsafePointer<RandomKey>
  let samples: Int

  /// Drops and scales x [samples tokens, d] in place; its own transpose, so it serves both directions.
  func apply<R>(_ x: Matrix<R>, _ site: Site) {
    let count = x.count / samples
    let threshold = UInt32(Double(chance) * 0x1p32)
    let scale = 1 / (1 - R(chance))
    for sample in 0..<samples {
      let key = keys[sample].child(UInt64(layer) << 8 | site.rawValue)
      R.dropout(
        count, UInt32(truncatingIfNeeded: key.bits), threshold, scale, x.base + sample * count)
    }
  }
}
