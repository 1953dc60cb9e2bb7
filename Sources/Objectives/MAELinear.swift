// The masked auto-encoder without a decoder (DABS 2.0; the paper's "MAE" row): some embeddings are blanked, and a linear
// head predicts their tokens from their latents. Values: mean l2 norm of the error; tokens: cross-entropy, logits by the
// embedding table.

import Experiments
import Networks
import TensorCore

public final class MAELinear<R: Real>: Objective, @unchecked Sendable {
  private let bench: Workbench<R>
  private let slices: WholeSlices<R>
  private let inputs: [InputSpecification]
  private let starts: [Int]
  /// Blanked tokens of each input in the batch, and what one of them counts.
  private var counts: [Int]
  private var weights: [Double]

  public init(_ bench: Workbench<R>) {
    self.bench = bench
    slices = WholeSlices(bench)
    inputs = bench.network.configuration.inputs
    starts = bench.network.configuration.tokenStarts
    counts = .init(repeating: 0, count: inputs.count)
    weights = bench.noWeights
  }

  public var trained: Range<Int> { 0..<bench.network.decoderStart }

  public func gradient() -> StepLoss {
    bench.begin()
    for k in inputs.indices { counts[k] = count(k) }
    bench.weigh(counts, factor: 1, into: &weights)
    let loss = slices.sum { pass, lane in
      let (embedded, latent, slope) = (pass.rows(lane), pass.rows(lane), pass.rows(lane))
      pass.embed(into: embedded, lane)
      bench.blank(pass, embedded)
      pass.encode(embedded, keys: bench.keys, into: latent, lane)
      slope.zero()
      var loss = 0.0
      for k in inputs.indices { loss += predict(k, pass, latent, adding: slope, lane) }
      pass.differentiate(slope, keys: bench.keys, into: embedded, lane)
      bench.blank(pass, embedded)
      pass.differentiate(embedded: embedded, lane)
      return loss
    }
    bench.mergeGradients()
    return StepLoss(loss: loss, reconstruction: loss)
  }

  /// The weighted distances of input k's blanked tokens; adds the adjoint of their latents.
  private func predict(
    _ k: Int, _ pass: WholePass<R>, _ latent: Matrix<R>, adding slope: Matrix<R>, _ lane: Lane<R>
  ) -> Double {
    let mark = lane.scratch.mark
    defer { lane.scratch.release(mark) }
    choose(k, pass)
    let count = pass.chosenRows.count
    let tokens = lane.scratch.matrix(count, latent.columns)
    let back = lane.scratch.matrix(count, latent.columns)
    R.gather(count, latent.columns, pass.chosenRows, latent.base, tokens.base)
    let sum: Double
    if let vocabulary = bench.network.encoder.vocabulary(k) {
      sum = vocabulary.crossEntropy(
        of: tokens, pass.chosenTargets, bench.tokens.identifiers(k), weight: R(weights[k]),
        into: back, accumulates: true, lane)
    } else {
      let head = bench.network.heads[k]!
      let predicted = lane.scratch.matrix(count, inputs[k].tokenWidth)
      rectify(tokens)
      head(tokens, into: predicted, lane)
      sum = distances(predicted, pass.chosenTargets, bench.tokens.patches(k), R(weights[k]))
      head.accumulate(predicted, tokens, lane)
      head.backward(predicted, into: back, lane)
      clear(back, where: tokens)
    }
    R.scatterAdd(count, latent.columns, pass.chosenRows, back.base, slope.base)
    return weights[k] * sum
  }

  /// The sum of the errors' lengths; leaves its slope, times the weight, in `predicted`. A length of 0 has none.
  private func distances(
    _ predicted: Matrix<R>, _ index: [Int32], _ targets: Matrix<R>, _ weight: R
  ) -> Double {
    var sum = 0.0
    for i in 0..<predicted.rows {
      let error = predicted.row(i)
      R.axpy(predicted.columns, -1, targets.row(Int(index[i])), error)
      let length = R.dot(predicted.columns, error, error).squareRoot()
      sum += length
      if length > 0 { R.scale(predicted.columns, weight / R(length), error) }
    }
    return sum
  }

  private func isOf(_ k: Int, _ token: Int32) -> Bool {
    token >= starts[k] && token < starts[k + 1]
  }

  private func count(_ k: Int) -> Int {
    var count = 0
    for sample in 0..<bench.batchSize {
      for token in bench.corrupted(sample) where isOf(k, token) { count += 1 }
    }
    return count
  }

  /// Finds the blanked tokens of input k: their rows of Z, and of the input's tokens in the batch.
  private func choose(_ k: Int, _ pass: WholePass<R>) {
    pass.chosenRows.removeAll(keepingCapacity: true)
    pass.chosenTargets.removeAll(keepingCapacity: true)
    for sample in pass.samples {
      let first = (sample - pass.samples.lowerBound) * (1 + pass.tokenCount) + 1
      for token in bench.corrupted(sample) where isOf(k, token) {
        pass.chosenRows.append(Int32(first) + token)
        pass.chosenTargets.append(Int32(sample * inputs[k].tokenCount - starts[k]) + token)
      }
    }
  }
}

/// ReLU in place.
@_specialize(where R == Float)
private func rectify<R: Real>(_ x: Matrix<R>) {
  for i in 0..<x.count where !(x.base[i] > 0) { x.base[i] = x.base[i].isNaN ? x.base[i] : 0 }
}

/// Its adjoint: zero where ReLU gave zero.
@_specialize(where R == Float)
private func clear<R: Real>(_ dx: Matrix<R>, where rectified: Matrix<R>) {
  for i in 0..<dx.count where rectified.base[i] == 0 { dx.base[i] = 0 }
}
