// The decoder g: from a latent to the reconstruction of all tokens, its loss over a selection of them, and the
// first and second derivatives in the latent that Algorithm 1 asks for. The last block's output, the final norm and the
// heads are computed for the selected tokens alone.

import Basics
import Experiments
import TensorCore

public struct Decoder: Sendable {
  public let inputs: [InputSpecification]
  public let size: TransformerSize
  let latentWidth: Int
  let embed: Linear
  let maskToken: ParameterSlot
  let blocks: [TransformerBlock]
  let norm: LayerNorm
  let heads: [Linear]
  /// The embedding tables of token inputs: the logits are head(x) times the table, transposed.
  public let vocabularies: [Vocabulary?]

  init(_ table: inout ParameterTable, _ model: ModelConfiguration, _ encoder: Encoder) {
    inputs = model.inputs
    size = model.decoder
    latentWidth = model.encoder.width
    embed = Linear(&table, "decoder_embed", from: model.encoder.width, to: model.decoder.width)
    maskToken = table.add("mask_token", 1, 1, model.decoder.width)
    blocks = (0..<model.decoder.layers).map {
      TransformerBlock(&table, "decoder.\($0)", model.decoder)
    }
    norm = LayerNorm(&table, "norm_dec", width: model.decoder.width)
    let several = model.inputs.count > 1
    heads = model.inputs.enumerated().map { k, input in
      Linear(
        &table, several ? "decoder_head.\(k)" : "decoder_head", from: model.decoder.width,
        to: input.kind == .tokens ? model.encoder.width : input.tokenWidth)
    }
    vocabularies = model.inputs.indices.map(encoder.vocabulary)
  }

  /// The decoder's predictions for the pass's selection, into `pass.predictions`: patch values, or the rows that the
  /// vocabulary makes logits of.
  ///
  /// - Parameter latent: [samples (1 + kept), d]; must stay as it is while the pass is differentiated.
  public func predict<R>(from latent: Matrix<R>, _ pass: DecoderPass<R>, _ lane: Lane<R>) {
    let mark = lane.scratch.mark
    defer { lane.scratch.release(mark) }
    pass.latent = latent
    let n = pass.samples.count * pass.tokens
    // 1. mask tokens fill the gaps, the order is restored, codes are added
    let embedded = lane.scratch.matrix(latent.rows, size.width)
    embed(latent, into: embedded, lane)
    var x = lane.scratch.matrix(n, size.width)
    R.assemble(n, size.width, pass.source, embedded.base, lane.vector(maskToken), x.base)
    R.addBias(pass.samples.count, pass.tokens * size.width, pass.codes.base, x.base)
    // 2. blocks
    for (l, block) in blocks.enumerated() {
      x = block.forward(x, pass.activations(l), dropout: nil, lane)
    }
    // 3. heads of the selected tokens
    let selection = pass.selection
    let chosen = lane.scratch.matrix(selection.count, size.width)
    let y = lane.scratch.matrix(selection.count, size.width)
    R.gather(selection.count, size.width, selection.order, x.base, chosen.base)
    norm(chosen, pass.norm.prefix(selection.count), into: y, lane)
    for (k, head) in heads.enumerated() {
      let part = selection.part(k)
      head(y[part], into: pass.predictions[k].prefix(part.count), lane)
    }
  }

  /// The reconstruction loss (eq. 1) of the predictions from `latent` at the pass's selection; leaves its slope in
  /// `pass.slopes`. For `gradient`, those of the embedding tables are added to the lane's here already, since logits do
  /// not last.
  ///
  /// - Returns: the selection's weighted sum of token distances over this pass's samples.
  public func loss<R>(
    of latent: Matrix<R>, _ batch: TokenBatch<R>, _ pass: DecoderPass<R>, _ lane: Lane<R>
  ) -> Double {
    predict(from: latent, pass, lane)
    var total = 0.0
    for (k, input) in inputs.enumerated() {
      let part = pass.selection.part(k)
      let predicted = pass.predictions[k].prefix(part.count)
      let weight = pass.selection.weights[k]
      let targets = pass.selection.targets + part.lowerBound
      let sum =
        vocabularies[k].map {
          $0.crossEntropy(
            of: predicted, targets, batch.identifiers(k), weight: R(weight),
            into: pass.slopes[k].prefix(part.count), accumulates: !pass.keepsAdjoints, lane)
        }
        ?? R.squaredError(
          part.count, input.tokenWidth, targets, batch.patches(k).base, R(weight), predicted.base)
      total += weight * sum
    }
    return total
  }

  /// The gradient of the loss in the latent alone (line 8), keeping what `directionalDerivative` needs.
  public func slope<R>(of pass: DecoderPass<R>, into dLatent: Matrix<R>, _ lane: Lane<R>) {
    precondition(pass.keepsAdjoints, "a pass that keeps its adjoints is needed")
    let mark = lane.scratch.mark
    defer { lane.scratch.release(mark) }
    var dx = backwardHeads(pass, lane)
    for l in blocks.indices.reversed() {
      dx = blocks[l].backward(dx, pass.activations(l), pass.adjoints(l), dropout: nil, lane)
    }
    R.gather(pass.embedded.rows, size.width, pass.placed, dx.base, pass.embedded.base)
    embed.backward(pass.embedded, into: dLatent, lane)
  }

  /// The gradient of the loss in the latent; those of the decoder's parameters are added to the lane's gradient.
  public func gradient<R>(of pass: DecoderPass<R>, into dLatent: Matrix<R>, _ lane: Lane<R>) {
    precondition(!pass.keepsAdjoints, "a pass for gradients is needed")
    let mark = lane.scratch.mark
    defer { lane.scratch.release(mark) }
    var dx = backwardHeads(pass, lane)
    accumulateHeads(pass, lane)
    let shared = BlockAdjoints<R>(
      rows: pass.samples.count * pass.tokens, size, forWeights: true, lane.scratch.take)
    for l in blocks.indices.reversed() {
      let (kept, adjoints) = (pass.activations(l), pass.limited(shared, l))
      dx = blocks[l].backward(dx, kept, adjoints, dropout: nil, lane)
      blocks[l].accumulate(kept, adjoints, lane)
    }
    R.indexedSums(pass.absentCount, size.width, pass.absent, dx.base, lane.slope(maskToken))
    R.gather(pass.embedded.rows, size.width, pass.placed, dx.base, pass.embedded.base)
    embed.accumulate(pass.embedded, pass.latent!, lane)
    embed.backward(pass.embedded, into: dLatent, lane)
  }

  /// From the distances' slopes to the adjoint of the last block's output, the selected rows.
  private func backwardHeads<R>(_ pass: DecoderPass<R>, _ lane: Lane<R>) -> Matrix<R> {
    let selection = pass.selection
    let dy = pass.normed.prefix(selection.count)
    let dx = lane.scratch.matrix(selection.count, size.width)
    let mark = lane.scratch.mark
    defer { lane.scratch.release(mark) }
    for (k, head) in heads.enumerated() {
      let part = selection.part(k)
      head.backward(pass.slopes[k].prefix(part.count), into: dy[part], lane)
    }
    let chosen = lane.scratch.matrix(selection.count, size.width)
    chosen.zero()
    norm.backward(dy, pass.norm.prefix(selection.count), adding: chosen, lane)
    dx.zero()
    R.scatterAdd(selection.count, size.width, selection.order, chosen.base, dx.base)
    return dx
  }

  private func accumulateHeads<R>(_ pass: DecoderPass<R>, _ lane: Lane<R>) {
    let selection = pass.selection
    let mark = lane.scratch.mark
    defer { lane.scratch.release(mark) }
    let kept = pass.norm.prefix(selection.count)
    let y = lane.scratch.matrix(selection.count, size.width)
    norm.again(kept, into: y, lane)
    for (k, head) in heads.enumerated() {
      let part = selection.part(k)
      head.accumulate(pass.slopes[k].prefix(part.count), y[part], lane)
    }
    norm.accumulate(pass.normed.prefix(selection.count), kept, lane)
  }

  /// The directional derivative of `slope`, and of the parameter gradients, along `direction` in the latent: adds
  /// H direction to `dLatent`, and d/dphi <slope, direction> to the lane's gradient (method.md, "The second-order
  /// part, cheaply"). Call after `slope` on the same pass.
  public func directionalDerivative<R>(
    of pass: DecoderPass<R>, along direction: Matrix<R>, _ batch: TokenBatch<R>,
    _ tangents: DecoderTangents<R>, adding dLatent: Matrix<R>, _ lane: Lane<R>
  ) {
    let mark = lane.scratch.mark
    defer { lane.scratch.release(mark) }
    let n = pass.samples.count * pass.tokens
    // 1. forward
    let embedded = lane.scratch.matrix(direction.rows, size.width)
    embed.product(direction, into: embedded, lane)
    var xt = lane.scratch.matrix(n, size.width)
    R.assemble(n, size.width, pass.source, embedded.base, nil, xt.base)
    for (l, block) in blocks.enumerated() {
      xt = block.tangent(xt, pass.activations(l), pass.limited(tangents.blocks[l], l), lane)
    }
    // 2. heads, there and back
    tangentHeads(pass, batch, xt, lane)
    // 3. backward
    for l in blocks.indices.reversed() {
      xt = blocks[l].backwardTangent(
        xt, pass.activations(l), pass.adjoints(l), pass.limited(tangents.blocks[l], l), lane)
    }
    R.indexedSums(pass.absentCount, size.width, pass.absent, xt.base, lane.slope(maskToken))
    R.gather(embedded.rows, size.width, pass.placed, xt.base, embedded.base)
    embed.accumulateTangent(pass.embedded, embedded, pass.latent!, direction, lane)
    embed.backward(embedded, into: dLatent, adding: 1, lane)
  }

  /// Takes the tangent xt of the last block's output through norm, heads and distances, and turns it into the
  /// tangent of that output's adjoint.
  private func tangentHeads<R>(
    _ pass: DecoderPass<R>, _ batch: TokenBatch<R>, _ xt: Matrix<R>, _ lane: Lane<R>
  ) {
    let selection = pass.selection
    let count = selection.count
    let mark = lane.scratch.mark
    defer { lane.scratch.release(mark) }
    let kept = pass.norm.prefix(count)
    let tangents = NormTangents<R>(count, size.width, lane.scratch.take)
    let chosen = lane.scratch.matrix(count, size.width)
    let y = lane.scratch.matrix(count, size.width)
    let yt = lane.scratch.matrix(count, size.width)
    let dyt = lane.scratch.matrix(count, size.width)
    R.gather(count, size.width, selection.order, xt.base, chosen.base)
    norm.tangent(chosen, kept, tangents, into: yt, lane)
    norm.again(kept, into: y, lane)
    for (k, head) in heads.enumerated() {
      let inner = lane.scratch.mark
      defer { lane.scratch.release(inner) }
      let part = selection.part(k)
      let weight = R(selection.weights[k])
      let slope = pass.slopes[k].prefix(part.count)
      let tangent = lane.scratch.matrix(part.count, slope.columns)
      head.product(yt[part], into: tangent, lane)
      if let vocabulary = vocabularies[k] {
        let slopeTangent = lane.scratch.matrix(part.count, slope.columns)
        vocabulary.crossEntropyTangent(
          of: pass.predictions[k].prefix(part.count), along: tangent,
          selection.targets + part.lowerBound, batch.identifiers(k), weight: weight,
          into: slopeTangent, lane)
        tangent.copy(from: slopeTangent)
      } else {
        R.scale(tangent.count, 2 * weight / R(inputs[k].tokenWidth), tangent.base)
      }
      head.accumulateTangent(slope, tangent, y[part], yt[part], lane)
      head.backward(tangent, into: dyt[part], lane)
    }
    chosen.zero()
    norm.backwardTangent(pass.normed.prefix(count), dyt, kept, tangents, adding: chosen, lane)
    xt.zero()
    R.scatterAdd(count, size.width, selection.order, chosen.base, xt.base)
  }
}
