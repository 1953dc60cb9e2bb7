// e-Mix (embedding mixing; DABS 1.0): each sample's embeddings are mixed with a partner's, and what the encoder makes of
// the mixture is as near to the clean samples it came from as their shares. Samples meet, so the encoder runs twice over
// the whole batch, mixed and clean, before anything goes back.

import Basics
import Glibc
import Networks
import TensorCore

public final class EMix<R: Real>: Objective, @unchecked Sendable {
  private let bench: Workbench<R>
  private let contrast: MixContrast<R>
  private let slices: [[Slice]]
  /// The embeddings of the whole batch, [B (1 + T), d].
  private let embedded: Matrix<R>
  private let storage: Storage<R>
  /// Dropout of the clean pass falls elsewhere than that of the mixed one.
  private let cleanKeys: UnsafeMutableBufferPointer<RandomKey>

  /// A slice of the batch on its two ways through the encoder.
  private struct Slice {
    let mixed: WholePass<R>
    let clean: WholePass<R>
  }

  public init(_ bench: Workbench<R>) {
    self.bench = bench
    let tokenCount = bench.draws.tokenCount
    let width = bench.network.encoder.size.width
    let rows = bench.batchSize * (1 + tokenCount)
    contrast = MixContrast(bench)
    storage = Storage(count: rows * width)
    embedded = Matrix(storage.base, rows, width)
    cleanKeys = .allocate(capacity: bench.batchSize)
    slices = bench.slices(encoderTokens: tokenCount).map {
      $0.map {
        Slice(
          mixed: WholePass(bench, samples: $0.samples), clean: WholePass(bench, samples: $0.samples)
        )
      }
    }
  }

  deinit { cleanKeys.deallocate() }

  public var trained: Range<Int> { 0..<bench.network.decoderStart }

  public func gradient() -> StepLoss {
    bench.begin()
    for sample in 0..<bench.batchSize { cleanKeys[sample] = bench.keys[sample].child(1) }
    bench.inEachLane { index, lane in
      for slice in slices[index] { slice.clean.embed(into: rows(slice.clean), lane) }
    }
    bench.gather([embedded])
    bench.inEachLane { index, lane in
      for slice in slices[index] {
        encode(slice.mixed, mixed: true, lane)
        encode(slice.clean, mixed: false, lane)
      }
    }
    bench.gather(contrast.pooled)
    let loss = bench.once(contrast.head.parameters) { contrast.gradient(bench.lanes[0]) }
    bench.inEachLane { index, lane in
      for slice in slices[index] { differentiate(slice, lane) }
    }
    bench.mergeGradients()
    return StepLoss(loss: loss)
  }

  private func encode(_ pass: WholePass<R>, mixed: Bool, _ lane: Lane<R>) {
    let mark = lane.scratch.mark
    defer { lane.scratch.release(mark) }
    let latent = pass.rows(lane)
    if mixed {
      let mixture = pass.rows(lane)
      mix(pass, into: mixture)
      pass.encode(mixture, keys: bench.keys, into: latent, lane)
    } else {
      pass.encode(rows(pass), keys: UnsafePointer(cleanKeys.baseAddress!), into: latent, lane)
    }
    pool(pass, latent, into: contrast.pooled[mixed ? 0 : 1])
  }

  /// lambda e + (1 - lambda) the partner's.
  private func mix(_ pass: WholePass<R>, into mixture: Matrix<R>) {
    let count = (1 + pass.tokenCount) * mixture.columns
    mixture.copy(from: rows(pass))
    for (local, sample) in pass.samples.enumerated() {
      let own = mixture.base + local * count
      let share = R(bench.draws.mix[sample])
      R.scale(count, share, own)
      R.axpy(count, 1 - share, embedded.base + Int(bench.draws.partner[sample]) * count, own)
    }
  }

  /// Back through both passes: the partner's embeddings are taken as given.
  private func differentiate(_ slice: Slice, _ lane: Lane<R>) {
    let mark = lane.scratch.mark
    defer { lane.scratch.release(mark) }
    let (latentSlope, mixed) = (slice.mixed.rows(lane), slice.mixed.rows(lane))
    let clean = rows(slice.clean)
    unpool(slice.mixed, contrast.pooled[0], into: latentSlope)
    slice.mixed.differentiate(latentSlope, keys: bench.keys, into: mixed, lane)
    unpool(slice.clean, contrast.pooled[1], into: latentSlope)
    slice.clean.differentiate(
      latentSlope, keys: UnsafePointer(cleanKeys.baseAddress!), into: clean, lane)
    let count = (1 + slice.clean.tokenCount) * clean.columns
    for (local, sample) in slice.clean.samples.enumerated() {
      R.axpy(
        count, R(bench.draws.mix[sample]), mixed.base + local * count, clean.base + local * count)
    }
    slice.clean.differentiate(embedded: clean, lane)
  }

  /// Means over all rows of each sample, the class token's among them.
  private func pool(_ pass: WholePass<R>, _ latent: Matrix<R>, into pooled: Matrix<R>) {
    let tokens = 1 + pass.tokenCount
    for (local, sample) in pass.samples.enumerated() {
      let mean = pooled.row(sample)
      R.zero(latent.columns, mean)
      R.columnSums(tokens, latent.columns, latent.row(local * tokens), mean)
      R.scale(latent.columns, 1 / R(tokens), mean)
    }
  }

  private func unpool(_ pass: WholePass<R>, _ pooled: Matrix<R>, into slope: Matrix<R>) {
    let tokens = 1 + pass.tokenCount
    slope.zero()
    for (local, sample) in pass.samples.enumerated() {
      for token in 0..<tokens {
        R.axpy(
          slope.columns, 1 / R(tokens), pooled.row(sample), slope.row(local * tokens + token))
      }
    }
  }

  /// The slice's rows of the batch's embeddings.
  private func rows(_ pass: WholePass<R>) -> Matrix<R> {
    let tokens = 1 + pass.tokenCount
    return embedded[pass.samples.lowerBound * tokens..<pass.samples.upperBound * tokens]
  }
}

/// Cross-entropy of cosine similarity / 0.2 between mixed and clean samples, the classes the clean ones: a sample's own
/// counts lambda, its partner's 1 - lambda.
private final class MixContrast<R: Real> {
  /// Means of the mixed and of the clean latents, [B, d]; then their adjoints.
  let pooled: [Matrix<R>]
  private let bench: Workbench<R>
  let head: Linear
  private let projected: [Matrix<R>]
  private let directions: [UnitRows<R>]
  private let similarities: Matrix<R>
  private let memory: [Storage<R>]

  private static var temperature: Double { 0.2 }

  init(_ bench: Workbench<R>) {
    self.bench = bench
    let head = bench.network.heads[0]!
    self.head = head
    let (batch, width) = (bench.batchSize, bench.network.encoder.size.width)
    var memory: [Storage<R>] = []
    func matrix(_ rows: Int, _ columns: Int) -> Matrix<R> {
      memory.append(Storage(count: rows * columns))
      return Matrix(memory.last!.base, rows, columns)
    }
    pooled = [matrix(batch, width), matrix(batch, width)]
    projected = [matrix(batch, head.outWidth), matrix(batch, head.outWidth)]
    directions = (0..<2).map { _ in
      UnitRows(unit: matrix(batch, head.outWidth), lengths: matrix(1, batch).base)
    }
    similarities = matrix(batch, batch)
    self.memory = memory
  }

  /// The loss; leaves its slopes in `pooled` and adds the head's gradient.
  func gradient(_ lane: Lane<R>) -> Double {
    let all = 0..<bench.batchSize
    for side in 0..<2 {
      head(pooled[side], into: projected[side], lane)
      directions[side].normalise(projected[side], all)
    }
    multiply(directions[0].unit, directions[1].unit.transposed, into: similarities)
    let loss = crossEntropy()
    multiply(similarities, directions[1].unit, into: projected[0])
    multiply(similarities.transposed, directions[0].unit, into: projected[1])
    for side in 0..<2 {
      directions[side].denormalise(projected[side], all)
      head.accumulate(projected[side], pooled[side], lane)
      head.backward(projected[side], into: pooled[side], lane)
    }
    return loss
  }

  /// Mean over the batch; leaves the adjoint of the similarities in them.
  private func crossEntropy() -> Double {
    let batch = bench.batchSize
    R.softmax(batch, batch, batch, R(1 / Self.temperature), similarities.base)
    var loss = 0.0
    for i in 0..<batch {
      let (row, share) = (similarities.row(i), bench.draws.mix[i])
      let partner = Int(bench.draws.partner[i])
      loss -= Double(share) * log(Double(row[i])) + Double(1 - share) * log(Double(row[partner]))
      row[i] -= R(share)
      row[partner] -= R(1 - share)
    }
    R.scale(batch * batch, R(1 / (Double(batch) * Self.temperature)), similarities.base)
    return loss / Double(batch)
  }
}
