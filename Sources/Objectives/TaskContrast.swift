// The task contrast (Algorithm 1, line 10; eqs. 3 and 4): NT-Xent between the pooled latents and their adapted twins.

import Experiments
import Glibc
import Networks
import TensorCore

/// Task contrastive loss over a batch, and its gradient.
///
/// Row i of the two pooled matrices comes from the same sample; the other 2B - 2 rows are its negatives. The two
/// batches pass the projector one after the other, each with its own batch-norm statistics.
final class TaskContrast<R: Real>: @unchecked Sendable {
  private let projector: Projector
  private let batch: Int
  private let temperature: R
  private let passes: [ProjectorPass<R>]
  /// mean(Z), mean(Z*) without the class token, [B, d]; then their adjoints.
  let pooled: [Matrix<R>]
  let pooledAdjoints: [Matrix<R>]
  /// h_psi of both batches, [2B, out], and the same with rows of length 1.
  private let projected: Matrix<R>
  private let directions: UnitRows<R>
  private let similarities: Matrix<R>
  private let memory: Storage<R>

  init(_ network: Network, batch: Int, temperature: R) {
    projector = network.projector
    self.batch = batch
    self.temperature = temperature
    passes = [
      ProjectorPass(network.projector, count: batch),
      ProjectorPass(network.projector, count: batch),
    ]
    let width = network.encoder.size.width
    let out = network.projector.outWidth
    memory = Storage(count: 4 * batch * width + 4 * batch * out + 2 * batch + 4 * batch * batch)
    var used = 0
    let base = memory.base
    func take(_ rows: Int, _ columns: Int) -> Matrix<R> {
      defer { used += rows * columns }
      return Matrix(base + used, rows, columns)
    }
    pooled = [take(batch, width), take(batch, width)]
    pooledAdjoints = [take(batch, width), take(batch, width)]
    projected = take(2 * batch, out)
    directions = UnitRows(unit: take(2 * batch, out), lengths: take(1, 2 * batch).base)
    similarities = take(2 * batch, 2 * batch)
  }

  /// The loss; leaves d(weight loss)/d(pooled) in `pooledAdjoints` and adds the projector's gradients. One lane
  /// carries each of the two batches.
  func gradient(weight: R, _ lanes: [Lane<R>], _ statistics: RunningStatistics<R>) -> Double {
    let workers = min(lanes.count, 2)
    inLanes(workers) { worker in
      for side in stride(from: worker, to: 2, by: workers) {
        projector.forward(pooled[side], passes[side], into: projected[half(side)], lanes[worker])
        directions.normalise(projected, half(side))
      }
    }
    for pass in passes { pass.update(statistics, rows: batch) }
    let loss = crossEntropy(weight: weight)
    inLanes(workers) { worker in
      for side in stride(from: worker, to: 2, by: workers) {
        directions.denormalise(projected, half(side))
        projector.backward(
          projected[half(side)], pooled[side], passes[side], into: pooledAdjoints[side],
          lanes[worker])
      }
    }
    return loss
  }

  private func half(_ side: Int) -> Range<Int> { side * batch..<(side + 1) * batch }

  /// Mean over the 2B anchors of the cross-entropy of similarity / tau, each one's positive its twin, itself left
  /// out; leaves the adjoint of the unit rows in `projected`.
  private func crossEntropy(weight: R) -> Double {
    let n = 2 * batch
    let unit = directions.unit
    multiply(unit, unit.transposed, into: similarities)
    for i in 0..<n { similarities.row(i)[i] = -R.greatestFiniteMagnitude / 4 }
    var loss = 0.0
    R.softmax(n, n, n, 1 / temperature, similarities.base)
    for i in 0..<n {
      let twin = (i + batch) % n
      let row = similarities.row(i)
      loss -= log(Double(row[twin]))
      row[i] = 0
      row[twin] -= 1
    }
    // The similarity matrix is symmetric: its adjoint acts from both sides.
    R.scale(n * n, weight / (R(n) * temperature), similarities.base)
    multiply(similarities, unit, into: projected)
    multiply(similarities.transposed, unit, into: projected, adding: 1)
    return loss / Double(n)
  }
}
