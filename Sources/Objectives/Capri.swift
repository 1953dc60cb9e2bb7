// Capri (contrastive prediction of blanked embeddings; DABS 2.0): some embeddings of a sample are blanked, and each
// token's prediction finds its own embedding among all of its sample's.

import Networks
import TensorCore

public final class Capri<R: Real>: Objective, @unchecked Sendable {
  private let bench: Workbench<R>
  private let slices: WholeSlices<R>
  private let head: Linear
  /// 0 ..< T: token t's class is t.
  private let classes: [Int32]

  /// Of the dot products; no hyperparameter of the paper.
  private static var temperature: Double { 0.07 }

  public init(_ bench: Workbench<R>) {
    self.bench = bench
    slices = WholeSlices(bench)
    head = bench.network.heads[0]!
    classes = Array(0..<Int32(bench.draws.tokenCount))
  }

  public var trained: Range<Int> { 0..<bench.network.decoderStart }

  public func gradient() -> StepLoss {
    bench.begin()
    let loss = slices.sum { pass, lane in
      let (embedded, blanked, latent) = (pass.rows(lane), pass.rows(lane), pass.rows(lane))
      let (slope, matched) = (pass.rows(lane), pass.rows(lane))
      pass.embed(into: embedded, lane)
      blanked.copy(from: embedded)
      bench.blank(pass, blanked)
      pass.encode(blanked, keys: bench.keys, into: latent, lane)
      let loss = match(pass, latent, embedded, into: slope, matched, lane)
      pass.differentiate(slope, keys: bench.keys, into: blanked, lane)
      bench.blank(pass, blanked)
      R.axpy(blanked.count, 1, matched.base, blanked.base)
      pass.differentiate(embedded: blanked, lane)
      return loss
    }
    bench.mergeGradients()
    return StepLoss(loss: loss)
  }

  /// Cross-entropy of each token's prediction against the embeddings of its sample, a mean over all tokens of the
  /// batch; leaves the adjoints of latents and embeddings.
  private func match(
    _ pass: WholePass<R>, _ latent: Matrix<R>, _ embedded: Matrix<R>, into slope: Matrix<R>,
    _ embeddedSlope: Matrix<R>, _ lane: Lane<R>
  ) -> Double {
    let count = pass.tokenCount
    let tokens = pass.tokenLatents(latent, lane)
    let predicted = lane.scratch.matrix(tokens.rows, tokens.columns)
    let logits = lane.scratch.matrix(count, count)
    head(tokens, into: predicted, lane)
    R.scale(predicted.count, R(1 / Self.temperature), predicted.base)
    let weight = 1 / Double(bench.batchSize * count)
    var sum = 0.0
    embeddedSlope.zero()
    for (local, sample) in pass.samples.enumerated() {
      let own = predicted[local * count..<(local + 1) * count]
      let candidates = pass.tokens(of: sample, in: embedded)
      lane.scratch.multiply(own, candidates.transposed, into: logits)
      sum += R.crossEntropy(count, count, classes, classes, R(weight), logits.base, nil)
      lane.scratch.multiply(
        logits.transposed, own, into: pass.tokens(of: sample, in: embeddedSlope))
      lane.scratch.multiply(logits, candidates, into: own)
    }
    R.scale(predicted.count, R(1 / Self.temperature), predicted.base)
    head.accumulate(predicted, tokens, lane)
    head.backward(predicted, into: tokens, lane)
    pass.spread(tokens, into: slope)
    return weight * sum
  }
}

extension Workbench {
  /// Sets the rows of the chosen tokens to zero: embeddings on the way in, their adjoints on the way back.
  func blank(_ pass: WholePass<R>, _ rows: Matrix<R>) {
    for sample in pass.samples {
      let own = pass.tokens(of: sample, in: rows)
      for token in corrupted(sample) { R.zero(own.columns, own.row(Int(token))) }
    }
  }
}
