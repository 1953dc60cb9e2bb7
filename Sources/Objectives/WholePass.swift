// What the baselines share: some samples with all their tokens on the way from embeddings through the encoder and back,
// and the slices of a batch so encoded.

import Basics
import Experiments
import Networks
import TensorCore

/// The encoder over every token of a fixed number of samples; the rows of a sample are the class token's and T others.
final class WholePass<R: Real>: @unchecked Sendable {
  let tokenCount: Int
  private let bench: Workbench<R>
  private let encoding: EncoderPass<R>
  /// All tokens in their own order, for each sample.
  private let order: [Int32]
  /// The rows of the tokens, without the class token's.
  let tokenRows: [Int32]
  /// For the objective's use: rows of Z, and what they are aimed at; room for all tokens.
  var chosenRows: [Int32] = []
  var chosenTargets: [Int32] = []

  var samples: Range<Int> { encoding.samples }
  var rowCount: Int { encoding.rowCount }
  private var encoder: Encoder { bench.network.encoder }

  init(_ bench: Workbench<R>, samples: Range<Int>) {
    self.bench = bench
    let count = bench.network.configuration.tokenCount
    tokenCount = count
    order = samples.flatMap { _ in 0..<Int32(count) }
    tokenRows = (0..<Int32(samples.count)).flatMap { sample in
      let first = sample * Int32(1 + count) + 1
      return first..<first + Int32(count)
    }
    encoding = EncoderPass(
      bench.network.encoder, samples: samples, keptCount: count, codes: bench.encoderCodes)
    chosenRows.reserveCapacity(tokenRows.count)
    chosenTargets.reserveCapacity(tokenRows.count)
  }

  /// Puts the memory to the service of other samples, as many as before.
  func move(to samples: Range<Int>) { encoding.move(to: samples) }

  /// Scratch of [samples (1 + T), d].
  func rows(_ lane: Lane<R>) -> Matrix<R> { lane.scratch.matrix(rowCount, encoder.size.width) }

  /// The tokens' rows of one sample of the pass, by its place in the batch.
  func tokens(of sample: Int, in rows: Matrix<R>) -> Matrix<R> {
    let first = (sample - samples.lowerBound) * (1 + tokenCount) + 1
    return rows[first..<first + tokenCount]
  }

  /// The embeddings of all tokens; the class token's rows are zero.
  func embed(into embedded: Matrix<R>, _ lane: Lane<R>) {
    encoder.embed(bench.tokens, encoding, order: order, into: embedded, lane)
  }

  /// Z from what has become of the embeddings.
  func encode(
    _ embedded: Matrix<R>, keys: UnsafePointer<RandomKey>, into latent: Matrix<R>, _ lane: Lane<R>
  ) {
    encoder.forward(
      embedded: embedded, encoding, order: order, keys: keys + samples.lowerBound, into: latent,
      lane)
  }

  /// From the adjoint of Z (used up) to that of what `encode` was given.
  func differentiate(
    _ slope: Matrix<R>, keys: UnsafePointer<RandomKey>, into embeddedSlope: Matrix<R>,
    _ lane: Lane<R>
  ) {
    encoder.backward(
      slope, encoding, keys: keys + samples.lowerBound, into: embeddedSlope, lane)
  }

  /// Adds the gradients of the embeddings' weights.
  func differentiate(embedded slope: Matrix<R>, _ lane: Lane<R>) {
    encoder.backward(embedded: slope, bench.tokens, encoding, lane)
  }

  /// The tokens' latents side by side, [samples T, d], in scratch.
  func tokenLatents(_ latent: Matrix<R>, _ lane: Lane<R>) -> Matrix<R> {
    let y = lane.scratch.matrix(tokenRows.count, latent.columns)
    R.gather(tokenRows.count, latent.columns, tokenRows, latent.base, y.base)
    return y
  }

  /// Puts the adjoints of `tokenLatents` where they belong; the class token has none.
  func spread(_ slope: Matrix<R>, into latentSlope: Matrix<R>) {
    latentSlope.zero()
    R.scatterAdd(tokenRows.count, slope.columns, tokenRows, slope.base, latentSlope.base)
  }
}

/// For objectives whose samples do not meet: a lane's slices of the batch, one after the other in one pass's memory.
final class WholeSlices<R: Real>: @unchecked Sendable {
  private let slices: [[Range<Int>]]
  private let passes: [[WholePass<R>]]
  private let sums: [LossTally]
  private let bench: Workbench<R>

  init(_ bench: Workbench<R>) {
    self.bench = bench
    slices = bench.slices(encoderTokens: bench.network.configuration.tokenCount).map {
      $0.map(\.samples)
    }
    passes = slices.map { own in
      Set(own.map(\.count)).sorted().map { WholePass(bench, samples: 0..<$0) }
    }
    sums = slices.map { _ in LossTally() }
  }

  /// Sums what `body` returns for each slice, lane by lane; the lanes run at the same time.
  func sum(_ body: (WholePass<R>, Lane<R>) -> Double) -> Double {
    bench.inEachLane { index, lane in
      sums[index].clear()
      for samples in slices[index] {
        let mark = lane.scratch.mark
        defer { lane.scratch.release(mark) }
        sums[index].query += body(pass(for: samples, index), lane)
      }
    }
    return bench.total(sums)
  }

  private func pass(for samples: Range<Int>, _ index: Int) -> WholePass<R> {
    for pass in passes[index] where pass.samples.count == samples.count {
      pass.move(to: samples)
      return pass
    }
    preconditionFailure("no pass was made for \(samples.count) samples")
  }
}

extension Workbench {
  /// How many tokens of a sample ShED moves, Capri and the linear MAE blank: the first of its mask order.
  var corruptedCount: Int { settings.corruptedCount(of: network.configuration.tokenCount) }

  /// The tokens of a sample that are moved or blanked.
  func corrupted(_ sample: Int) -> UnsafeBufferPointer<Int32> {
    UnsafeBufferPointer(start: draws.order + sample * draws.tokenCount, count: corruptedCount)
  }

  /// Dropout keys of the whole batch.
  var keys: UnsafePointer<RandomKey> { UnsafePointer(dropoutKeys.baseAddress!) }
}
