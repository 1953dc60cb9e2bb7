// A pre-norm Transformer block (Table 7): x += proj(attention(norm1(x))); x += fc2(gelu(fc1(norm2(x)))).
// Forward, backward and weight gradients here; the tangents of all three in TransformerBlock+Tangent.swift. Where only
// some rows of the output are asked for, queries, MLP and norm2 are computed for those alone.

import Basics
import Experiments
import TensorCore

public struct TransformerBlock: Sendable {
  let size: TransformerSize
  let norm1: LayerNorm
  /// The first third of the published qkv weight, and the rest of it.
  let query: Linear
  let keyValue: Linear
  let proj: Linear
  let norm2: LayerNorm
  let fc1: Linear
  let fc2: Linear

  init(_ table: inout ParameterTable, _ name: String, _ size: TransformerSize) {
    self.size = size
    norm1 = LayerNorm(&table, name + ".norm1", width: size.width)
    let qkv = Linear(&table, name + ".attn.qkv", from: size.width, to: 3 * size.width, bias: false)
    query = qkv.outputs(0..<size.width).packed(&table)
    keyValue = qkv.outputs(size.width..<3 * size.width).packed(&table)
    proj = Linear(&table, name + ".attn.proj", from: size.width, to: size.width).packed(&table)
    norm2 = LayerNorm(&table, name + ".norm2", width: size.width)
    fc1 = Linear(&table, name + ".mlp.fc1", from: size.width, to: size.hiddenWidth).packed(&table)
    fc2 = Linear(&table, name + ".mlp.fc2", from: size.hiddenWidth, to: size.width).packed(&table)
  }

  /// Runs the block on x [n, d] and keeps what the other passes need.
  ///
  /// - Returns: the rows asked for: x, overwritten, or the selected ones in scratch of the caller's.
  func forward<R>(
    _ x: Matrix<R>, _ kept: BlockActivations<R>, dropout: Dropout?, _ lane: Lane<R>
  ) -> Matrix<R> {
    let out = kept.shape.selected(x, lane.scratch)
    let mark = lane.scratch.mark
    defer { lane.scratch.release(mark) }
    let y = lane.scratch.matrix(x.rows, size.width)
    let activated = lane.scratch.matrix(out.rows, size.hiddenWidth)
    // 1. attention
    norm1(x, kept.norm1, into: y, lane)
    keyValue.product(y, into: kept.inputs.keyValue, lane)
    query.product(kept.shape.selected(y, lane.scratch), into: kept.inputs.query, lane)
    kept.shape.forward(kept.inputs, kept.shares, into: kept.mixed, lane.scratch)
    let z = y.prefix(out.rows)
    close(branch: proj, kept.mixed, z, adding: out, dropout, .attention, lane)
    // 2. MLP
    norm2(out, kept.norm2, into: z, lane)
    fc1.product(z, into: kept.hidden, lane)
    R.gelu(out.rows, size.hiddenWidth, kept.hidden.base, lane.vector(fc1.bias!), activated.base)
    dropout?.apply(activated, .activation)
    close(branch: fc2, activated, z, adding: out, dropout, .output, lane)
    return out
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

  /// The adjoint of the block's input from dout, that of its output (used up); fills the adjoints in between.
  func backward<R>(
    _ dout: Matrix<R>, _ kept: BlockActivations<R>, _ adjoints: BlockAdjoints<R>,
    dropout: Dropout?, _ lane: Lane<R>
  ) -> Matrix<R> {
    let dx = kept.shape.spread(lane.scratch, dout)
    let mark = lane.scratch.mark
    defer { lane.scratch.release(mark) }
    // 2. MLP
    adjoints.output.copy(from: dout)
    dropout?.apply(adjoints.output, .output)
    fc2.backward(adjoints.output, into: adjoints.activated, lane)
    dropout?.apply(adjoints.activated, .activation)
    let hidden = adjoints.hidden ?? lane.scratch.matrix(dout.rows, size.hiddenWidth)
    R.geluBackward(
      kept.hidden.count, kept.hidden.base, adjoints.activated.base, hidden.base, adjoints.gelu?.base
    )
    if let gelu = adjoints.gelu { dropout?.apply(gelu, .activation) }
    fc1.backward(hidden, into: adjoints.norm2, lane)
    norm2.backward(adjoints.norm2, kept.norm2, adding: dout, lane)
    // 1. attention
    adjoints.branch.copy(from: dout)
    dropout?.apply(adjoints.branch, .attention)
    proj.backward(adjoints.branch, into: adjoints.mixed, lane)
    kept.shape.backward(
      adjoints.mixed, kept.inputs, kept.shares, into: adjoints.inputs, lane.scratch)
    backwardInputs(adjoints.inputs, kept.shape, into: adjoints.norm1, lane)
    kept.shape.place(dout, in: dx)
    norm1.backward(adjoints.norm1, kept.norm1, adding: dx, lane)
    return dx
  }

  /// dy [n, d], the adjoint of norm1's output, from those of queries, keys and values.
  func backwardInputs<R>(
    _ inputs: AttentionInputs<R>, _ shape: AttentionShape, into dy: Matrix<R>, _ lane: Lane<R>
  ) {
    keyValue.backward(inputs.keyValue, into: dy, lane)
    guard let queries = shape.queries else {
      return query.backward(inputs.query, into: dy, adding: 1, lane)
    }
    let mark = lane.scratch.mark
    defer { lane.scratch.release(mark) }
    let chosen = lane.scratch.matrix(queries.count, size.width)
    query.backward(inputs.query, into: chosen, lane)
    R.scatterAdd(queries.count, size.width, queries.rows, chosen.base, dy.base)
  }

  /// Adds the block's weight gradients, after `backward` with adjoints that keep `hidden` and `gelu`.
  func accumulate<R>(_ kept: BlockActivations<R>, _ adjoints: BlockAdjoints<R>, _ lane: Lane<R>) {
    guard let hidden = adjoints.hidden, let gelu = adjoints.gelu else {
      preconditionFailure("weight gradients need the adjoints of a full backward pass")
    }
    let mark = lane.scratch.mark
    defer { lane.scratch.release(mark) }
    let y = lane.scratch.matrix(kept.norm1.normalised.rows, size.width)
    let z = y.prefix(kept.hidden.rows)
    fc2.accumulate(adjoints.output, gelu, lane)
    norm2.again(kept.norm2, into: z, lane)
    fc1.accumulate(hidden, z, lane)
    norm2.accumulate(adjoints.norm2, kept.norm2, lane)
    proj.accumulate(adjoints.branch, kept.mixed, lane)
    norm1.again(kept.norm1, into: y, lane)
    keyValue.accumulate(adjoints.inputs.keyValue, y, lane)
    query.accumulate(adjoints.inputs.query, kept.shape.selected(y, lane.scratch), lane)
    norm1.accumulate(adjoints.norm1, kept.norm1, lane)
  }
}

extension AttentionShape {
  /// The rows asked for: x itself, or a copy of the selected ones in scratch.
  func selected<R>(_ x: Matrix<R>, _ scratch: Arena<R>) -> Matrix<R> {
    guard let queries else { return x }
    let chosen = scratch.matrix(queries.count, x.columns)
    R.gather(queries.count, x.columns, queries.rows, x.base, chosen.base)
    return chosen
  }

  /// Room for all rows where `chosen` has the selected ones: `chosen` itself when that is all.
  func spread<R>(_ scratch: Arena<R>, _ chosen: Matrix<R>) -> Matrix<R> {
    queries == nil ? chosen : scratch.matrix(samples * tokens, chosen.columns)
  }

  /// Fills what `spread` gave: the selected rows, zeros elsewhere.
  func place<R>(_ chosen: Matrix<R>, in all: Matrix<R>) {
    guard let queries else { return }
    all.zero()
    R.scatterAdd(queries.count, chosen.columns, queries.rows, chosen.base, all.base)
  }
}

/// What a block keeps of its forward pass over n = samples x tokens rows, m of them queries.
struct BlockActivations<R: Real> {
  private(set) var shape: AttentionShape
  let norm1: NormActivations<R>
  private(set) var inputs: AttentionInputs<R>
  /// softmax(q k^T), sample by sample, head by head: [queries, share stride] each. Nil: not kept, for they are large
  /// and cheap to make again; the tangent passes need them.
  let shares: UnsafeMutablePointer<R>?
  /// The heads' outputs side by side, [m, d].
  private(set) var mixed: Matrix<R>
  private(set) var norm2: NormActivations<R>
  /// fc1's output, bias included, before GELU, [m, 2 d].
  private(set) var hidden: Matrix<R>

  init(
    samples: Int, tokens: Int, _ size: TransformerSize, keepsShares: Bool,
    _ allocate: (Int) -> UnsafeMutablePointer<R>
  ) {
    let n = samples * tokens
    func matrix(_ columns: Int) -> Matrix<R> { Matrix(allocate(n * columns), n, columns) }
    shape = AttentionShape(
      samples: samples, tokens: tokens, heads: size.heads, headWidth: size.headWidth)
    norm1 = NormActivations(n, size.width, allocate)
    inputs = AttentionInputs(query: matrix(size.width), keyValue: matrix(2 * size.width))
    shares = keepsShares ? allocate(n * size.heads * shape.shareStride) : nil
    mixed = matrix(size.width)
    norm2 = NormActivations(n, size.width, allocate)
    hidden = matrix(size.hiddenWidth)
  }

  /// The same memory for a pass that is asked for some rows only.
  func limited(to queries: RowSelection) -> BlockActivations {
    var part = self
    part.shape.queries = queries
    part.inputs = inputs.prefix(queries: queries.count)
    part.mixed = mixed.prefix(queries.count)
    part.norm2 = norm2.prefix(queries.count)
    part.hidden = hidden.prefix(queries.count)
    return part
  }
}

/// The adjoints inside a block, named after the value they belong to; n rows, m of them queries.
struct BlockAdjoints<R: Real> {
  /// fc2's output, [m, d].
  private(set) var output: Matrix<R>
  /// GELU's output, [m, 2 d].
  private(set) var activated: Matrix<R>
  /// GELU's input; only kept for weight gradients.
  private(set) var hidden: Matrix<R>?
  /// Not an adjoint: GELU's output once more, for fc2's weight gradient.
  private(set) var gelu: Matrix<R>?
  /// norm2's output, [m, d].
  private(set) var norm2: Matrix<R>
  /// proj's output, [m, d].
  private(set) var branch: Matrix<R>
  /// The heads' outputs, [m, d].
  private(set) var mixed: Matrix<R>
  private(set) var inputs: AttentionInputs<R>
  /// norm1's output, [n, d].
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
    inputs = AttentionInputs(query: matrix(size.width), keyValue: matrix(2 * size.width))
    norm1 = matrix(size.width)
  }

  /// The same memory for a pass that is asked for some rows only.
  func limited(to queries: RowSelection) -> BlockAdjoints {
    var part = self
    part.output = output.prefix(queries.count)
    part.activated = activated.prefix(queries.count)
    part.hidden = hidden?.prefix(queries.count)
    part.gelu = gelu?.prefix(queries.count)
    part.norm2 = norm2.prefix(queries.count)
    part.branch = branch.prefix(queries.count)
    part.mixed = mixed.prefix(queries.count)
    part.inputs = inputs.prefix(queries: queries.count)
    return part
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
