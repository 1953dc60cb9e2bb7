// The encoder f: embedding of each input's kept tokens, position codes, class token, Transformer blocks, final norm.

import Basics
import Experiments
import TensorCore

/// Turns tokens of one input into rows of the encoder's width.
struct Embedding: Sendable {
  let input: InputSpecification
  /// (d, C, p, q), (d, C, p) or the table (V, d).
  let weight: ParameterSlot
  let bias: ParameterSlot?

  init(_ table: inout ParameterTable, _ name: String, _ input: InputSpecification, width: Int) {
    self.input = input
    switch input.kind {
    case .tokens:
      weight = table.add(name + ".proj.weight", input.vocabulary, width)
      bias = nil
    case .image, .series:
      weight = table.add(name + ".proj.weight", shape: [width, input.shape[0]] + input.patch)
      bias = table.add(name + ".proj.bias", width)
    }
  }
}

public struct Encoder: Sendable {
  public let inputs: [InputSpecification]
  public let size: TransformerSize
  let dropout: Float
  let embeddings: [Embedding]
  let classToken: ParameterSlot
  let blocks: [TransformerBlock]
  let norm: LayerNorm

  init(_ table: inout ParameterTable, _ model: ModelConfiguration) {
    inputs = model.inputs
    size = model.encoder
    dropout = model.dropout
    let several = model.inputs.count > 1
    embeddings = model.inputs.enumerated().map { k, input in
      Embedding(
        &table, several ? "patch_embed.\(k)" : "patch_embed", input, width: model.encoder.width)
    }
    classToken = table.add("cls_token", 1, 1, model.encoder.width)
    blocks = (0..<model.encoder.layers).map {
      TransformerBlock(&table, "encoder.\($0)", model.encoder)
    }
    norm = LayerNorm(&table, "norm_enc", width: model.encoder.width)
  }

  /// Encodes the pass's samples: Algorithm 1, line 6.
  ///
  /// - Parameters:
  ///   - order: [samples, T], the first `keptCount` entries of each row are the support set.
  ///   - keys: dropout keys of the samples; nil: no dropout.
  ///   - latent: receives Z, [samples (1 + kept), d], the class token's row first in each sample.
  public func forward<R>(
    _ batch: TokenBatch<R>, _ pass: EncoderPass<R>, order: UnsafePointer<Int32>,
    keys: UnsafePointer<RandomKey>?, into latent: Matrix<R>, _ lane: Lane<R>
  ) {
    let mark = lane.scratch.mark
    defer { lane.scratch.release(mark) }
    pass.place(order, inputs)
    let x = lane.scratch.matrix(latent.rows, size.width)
    code(pass, into: x, lane)
    embed(batch, pass, adding: x, lane)
    run(x, pass, keys, into: latent, lane)
  }

  /// Position codes, and the class token in its rows.
  func code<R>(_ pass: EncoderPass<R>, into x: Matrix<R>, _ lane: Lane<R>) {
    R.gather(x.rows, x.columns, pass.positionRows, pass.codes.base, x.base)
    for row in pass.classRows { R.axpy(size.width, 1, lane.vector(classToken), x.row(Int(row))) }
  }

  /// The blocks and the final norm on x, which is used up.
  func run<R>(
    _ x: Matrix<R>, _ pass: EncoderPass<R>, _ keys: UnsafePointer<RandomKey>?,
    into latent: Matrix<R>, _ lane: Lane<R>
  ) {
    pass.dropout(self, layer: 0, keys)?.apply(x, .embedding)
    for (l, block) in blocks.enumerated() {
      _ = block.forward(x, pass.blocks[l], dropout: pass.dropout(self, layer: l + 1, keys), lane)
    }
    norm(x, pass.norm, into: latent, lane)
  }

  /// x += the tokens' embeddings, in their rows.
  func embed<R>(
    _ batch: TokenBatch<R>, _ pass: EncoderPass<R>, adding x: Matrix<R>, _ lane: Lane<R>
  ) {
    for (k, embedding) in embeddings.enumerated() {
      let mark = lane.scratch.mark
      defer { lane.scratch.release(mark) }
      let count = pass.rows[k].count
      let rows = lane.scratch.matrix(count, size.width)
      if embedding.input.kind == .tokens {
        pass.look(up: k, batch)
        R.gather(count, size.width, pass.identifiers[k], lane.vector(embedding.weight), rows.base)
      } else {
        let patches = gather(batch, pass, k, lane)
        lane.scratch.multiply(patches, lane.matrix(embedding.weight).transposed, into: rows)
        R.addBias(count, size.width, lane.vector(embedding.bias!), rows.base)
      }
      R.scatterAdd(count, size.width, pass.rows[k], rows.base, x.base)
    }
  }

  /// The kept patches of input k, values in the order of the stored weights (channel first).
  private func gather<R>(_ batch: TokenBatch<R>, _ pass: EncoderPass<R>, _ k: Int, _ lane: Lane<R>)
    -> Matrix<R>
  {
    let patches = lane.scratch.matrix(pass.rows[k].count, inputs[k].tokenWidth)
    R.gatherReordered(
      patches.rows, patches.columns, pass.tokens[k], batch.orders[k], batch.patches(k).base,
      patches.base)
    return patches
  }

  /// Adds the gradients of all encoder parameters.
  ///
  /// - Parameter dLatent: the adjoint of Z; used up.
  public func backward<R>(
    _ dLatent: Matrix<R>, _ batch: TokenBatch<R>, _ pass: EncoderPass<R>,
    keys: UnsafePointer<RandomKey>?,
    _ lane: Lane<R>
  ) {
    let mark = lane.scratch.mark
    defer { lane.scratch.release(mark) }
    let dx = lane.scratch.matrix(dLatent.rows, size.width)
    runBackward(dLatent, pass, keys, into: dx, lane)
    embedBackward(dx, batch, pass, lane)
  }

  /// The adjoint of what `run` was given; adds the gradients of blocks, norm and class token.
  func runBackward<R>(
    _ dLatent: Matrix<R>, _ pass: EncoderPass<R>, _ keys: UnsafePointer<RandomKey>?,
    into dx: Matrix<R>, _ lane: Lane<R>
  ) {
    let mark = lane.scratch.mark
    defer { lane.scratch.release(mark) }
    dx.zero()
    norm.backward(dLatent, pass.norm, adding: dx, lane)
    norm.accumulate(dLatent, pass.norm, lane)
    let adjoints = BlockAdjoints<R>(rows: dx.rows, size, forWeights: true, lane.scratch.take)
    for l in blocks.indices.reversed() {
      _ = blocks[l].backward(
        dx, pass.blocks[l], adjoints, dropout: pass.dropout(self, layer: l + 1, keys), lane)
      blocks[l].accumulate(pass.blocks[l], adjoints, lane)
    }
    pass.dropout(self, layer: 0, keys)?.apply(dx, .embedding)
    R.indexedSums(pass.classRows.count, size.width, pass.classRows, dx.base, lane.slope(classToken))
  }

  /// Adds the gradients of the embeddings' weights from the adjoint of the rows they were added to.
  func embedBackward<R>(
    _ dx: Matrix<R>, _ batch: TokenBatch<R>, _ pass: EncoderPass<R>, _ lane: Lane<R>
  ) {
    for (k, embedding) in embeddings.enumerated() {
      let inner = lane.scratch.mark
      defer { lane.scratch.release(inner) }
      let count = pass.rows[k].count
      let rows = lane.scratch.matrix(count, size.width)
      R.gather(count, size.width, pass.rows[k], dx.base, rows.base)
      if embedding.input.kind == .tokens {
        R.scatterAdd(
          count, size.width, pass.identifiers[k], rows.base, lane.slope(embedding.weight))
      } else {
        let patches = gather(batch, pass, k, lane)
        lane.scratch.multiply(
          rows.transposed, patches, into: lane.slopeMatrix(embedding.weight), adding: 1)
        R.columnSums(count, size.width, rows.base, lane.slope(embedding.bias!))
      }
    }
  }
}

/// The memory of one encoder pass over a fixed range of the batch's samples; reused step after step.
public final class EncoderPass<R: Real>: @unchecked Sendable {
  /// Which samples of the batch the pass is about; the count is fixed, `move` shifts the range.
  public private(set) var samples: Range<Int>
  public let keptCount: Int
  let blocks: [BlockActivations<R>]
  let norm: NormActivations<R>
  let codes: Storage<R>
  private let memory: Storage<R>

  // Index lists of the current step. Rows are rows of x, [samples (1 + kept)]; per input: those rows, the tokens'
  // rows in the batch, and for token inputs their integers.
  private(set) var classRows: [Int32] = []
  private(set) var positionRows: [Int32] = []
  private(set) var rows: [[Int32]]
  private(set) var tokens: [[Int32]]
  private(set) var identifiers: [[Int32]]

  public var rowCount: Int { samples.count * (1 + keptCount) }

  /// - Parameter codes: the encoder's position codes, [1 + T, d].
  public init(
    _ encoder: Encoder, samples: Range<Int>, keptCount: Int, codes: Storage<R>,
    keepsActivations: Bool = true
  ) {
    self.samples = samples
    self.keptCount = keptCount
    self.codes = codes
    let size = encoder.size
    let (count, tokenCount) = (samples.count, 1 + keptCount)
    let planned = Plan.memory { (allocate: (Int) -> UnsafeMutablePointer<R>) in
      // Frozen features need no history: all layers then share one layer's memory.
      let first = BlockActivations(
        samples: count, tokens: tokenCount, size, keepsShares: false, allocate)
      let blocks = (0..<size.layers).map { l in
        l == 0 || !keepsActivations
          ? first
          : BlockActivations(
            samples: count, tokens: tokenCount, size, keepsShares: false, allocate)
      }
      return (blocks, NormActivations(count * tokenCount, size.width, allocate))
    }
    (blocks, norm) = planned.result
    memory = planned.memory
    rows = encoder.inputs.map { _ in [] }
    tokens = rows
    identifiers = rows
    let capacity = samples.count * (1 + keptCount)
    classRows.reserveCapacity(samples.count)
    positionRows.reserveCapacity(capacity)
    for k in rows.indices {
      rows[k].reserveCapacity(capacity)
      tokens[k].reserveCapacity(capacity)
      identifiers[k].reserveCapacity(capacity)
    }
  }

  /// Puts the memory to the service of other samples, as many as before.
  public func move(to samples: Range<Int>) {
    precondition(
      samples.count == self.samples.count, "a pass is made for \(self.samples.count) samples")
    self.samples = samples
  }

  /// Finds the place of each kept token.
  func place(_ order: UnsafePointer<Int32>, _ inputs: [InputSpecification]) {
    classRows.removeAll(keepingCapacity: true)
    positionRows.removeAll(keepingCapacity: true)
    for k in rows.indices {
      rows[k].removeAll(keepingCapacity: true)
      tokens[k].removeAll(keepingCapacity: true)
    }
    let tokenCount = inputs.reduce(0) { $0 + $1.tokenCount }
    var row: Int32 = 0
    for sample in samples {
      classRows.append(row)
      positionRows.append(0)
      row += 1
      let kept = order + (sample - samples.lowerBound) * tokenCount
      for j in 0..<keptCount {
        var token = Int(kept[j])
        positionRows.append(Int32(1 + token))
        var k = 0
        while token >= inputs[k].tokenCount {
          token -= inputs[k].tokenCount
          k += 1
        }
        rows[k].append(row)
        tokens[k].append(Int32(sample * inputs[k].tokenCount + token))
        row += 1
      }
    }
  }

  func look(up k: Int, _ batch: TokenBatch<R>) {
    identifiers[k].removeAll(keepingCapacity: true)
    let all = batch.identifiers(k)
    for token in tokens[k] { identifiers[k].append(all[Int(token)]) }
  }

  func dropout(_ encoder: Encoder, layer: Int, _ keys: UnsafePointer<RandomKey>?)
    -> Dropout?
  {
    guard let keys, encoder.dropout > 0 else { return nil }
    return Dropout(chance: encoder.dropout, layer: layer, keys: keys, samples: samples.count)
  }
}

/// Lays out memory in two runs of the same code: the first counts, the second hands out.
enum Plan {
  static func memory<R: Real, Result>(
    _ build: ((Int) -> UnsafeMutablePointer<R>) -> Result
  ) -> (result: Result, memory: Storage<R>) {
    var total = 0
    let nowhere = UnsafeMutablePointer<R>(bitPattern: 64)!
    _ = build { count in
      total += (count + 15) & ~15
      return nowhere
    }
    let memory = Storage<R>(count: total)
    var used = 0
    let result = build { count in
      defer { used += (count + 15) & ~15 }
      return memory.base + used
    }
    return (result, memory)
  }
}
