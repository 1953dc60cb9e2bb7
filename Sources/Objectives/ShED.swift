// ShED (shuffled embedding detection; DABS 1.0): some embeddings of a sample trade places before position codes are
// added, and each token's latent tells whether its own did.

import Networks
import TensorCore

public final class ShED<R: Real>: Objective, @unchecked Sendable {
  private let bench: Workbench<R>
  private let slices: WholeSlices<R>
  private let head: Linear
  /// 1 where a token of the batch was moved, [B T]; and each row's own number.
  private let moved: UnsafeMutableBufferPointer<Int32>
  private let rows: [Int32]

  public init(_ bench: Workbench<R>) {
    self.bench = bench
    slices = WholeSlices(bench)
    head = bench.network.heads[0]!
    let count = bench.batchSize * bench.draws.tokenCount
    moved = .allocate(capacity: count)
    rows = Array(0..<Int32(count))
  }

  deinit { moved.deallocate() }

  public var trained: Range<Int> { 0..<bench.network.decoderStart }

  public func gradient() -> StepLoss {
    bench.begin()
    let loss = slices.sum { pass, lane in
      let (embedded, latent, slope) = (pass.rows(lane), pass.rows(lane), pass.rows(lane))
      pass.embed(into: embedded, lane)
      for sample in pass.samples {
        trade(bench.corrupted(sample), pass.tokens(of: sample, in: embedded), lane)
      }
      pass.encode(embedded, keys: bench.keys, into: latent, lane)
      let loss = tell(pass, latent, into: slope, lane)
      pass.differentiate(slope, keys: bench.keys, into: embedded, lane)
      for sample in pass.samples {
        tradeBack(bench.corrupted(sample), pass.tokens(of: sample, in: embedded), lane)
      }
      pass.differentiate(embedded: embedded, lane)
      return loss
    }
    bench.mergeGradients()
    return StepLoss(loss: loss)
  }

  /// Cross-entropy of moved or not, a mean over all tokens of the batch.
  private func tell(
    _ pass: WholePass<R>, _ latent: Matrix<R>, into slope: Matrix<R>, _ lane: Lane<R>
  ) -> Double {
    let tokens = pass.tokenLatents(latent, lane)
    let logits = lane.scratch.matrix(tokens.rows, 2)
    head(tokens, into: logits, lane)
    let first = pass.samples.lowerBound * pass.tokenCount
    mark(pass.samples)
    let weight = 1 / Double(rows.count)
    let sum = rows.withUnsafeBufferPointer {
      R.crossEntropy(
        tokens.rows, 2, $0.baseAddress! + first, moved.baseAddress!, R(weight), logits.base, nil)
    }
    head.accumulate(logits, tokens, lane)
    head.backward(logits, into: tokens, lane)
    pass.spread(tokens, into: slope)
    return weight * sum
  }

  private func mark(_ samples: Range<Int>) {
    let tokenCount = bench.draws.tokenCount
    for sample in samples {
      let own = moved.baseAddress! + sample * tokenCount
      own.update(repeating: 0, count: tokenCount)
      for token in bench.corrupted(sample) { own[Int(token)] = 1 }
    }
  }

  /// The place of entry k of `places` takes what stood at entry k - 1's, the first what stood at the last's.
  private func trade(_ places: UnsafeBufferPointer<Int32>, _ rows: Matrix<R>, _ lane: Lane<R>) {
    let spare = keep(places.last!, rows, lane)
    for k in stride(from: places.count - 1, to: 0, by: -1) {
      copy(rows.row(Int(places[k - 1])), to: rows.row(Int(places[k])), rows.columns)
    }
    copy(spare, to: rows.row(Int(places.first!)), rows.columns)
  }

  /// The transpose, which is the inverse.
  private func tradeBack(_ places: UnsafeBufferPointer<Int32>, _ rows: Matrix<R>, _ lane: Lane<R>) {
    let spare = keep(places.first!, rows, lane)
    for k in 1..<places.count {
      copy(rows.row(Int(places[k])), to: rows.row(Int(places[k - 1])), rows.columns)
    }
    copy(spare, to: rows.row(Int(places.last!)), rows.columns)
  }

  /// A copy of one row in scratch, until the slice is done.
  private func keep(_ row: Int32, _ rows: Matrix<R>, _ lane: Lane<R>) -> UnsafeMutablePointer<R> {
    let spare = lane.scratch.take(rows.columns)
    copy(rows.row(Int(row)), to: spare, rows.columns)
    return spare
  }

  private func copy(
    _ from: UnsafeMutablePointer<R>, to: UnsafeMutablePointer<R>, _ count: Int
  ) {
    to.update(from: from, count: count)
  }
}
