// A token input's vocabulary as classes: the logits of a row are its products with all rows of the embedding table. With
// tens of thousands of words they are far larger than everything else, so they exist for a few rows at a time.

import Experiments
import TensorCore

public struct Vocabulary: Sendable {
  /// (V, d).
  let table: ParameterSlot

  /// Rows whose logits are there at the same time: 16 MB of floats, or one row.
  private func tiles(_ count: Int) -> StrideTo<Int> {
    stride(from: 0, to: count, by: tileRows)
  }

  private var tileRows: Int { max(1, (1 << 22) / table.rows) }

  /// Cross-entropy of rows [n, d] against the integers ids[index[i]].
  ///
  /// - Parameters:
  ///   - weight: what one row counts in the slopes.
  ///   - slope: receives the adjoint of the rows, [n, d].
  ///   - accumulates: whether the table's gradient is added to the lane's.
  /// - Returns: the sum over the rows, without weight.
  public func crossEntropy<R>(
    of rows: Matrix<R>, _ index: UnsafePointer<Int32>, _ ids: UnsafePointer<Int32>, weight: R,
    into slope: Matrix<R>, accumulates: Bool, _ lane: Lane<R>
  ) -> Double {
    let mark = lane.scratch.mark
    defer { lane.scratch.release(mark) }
    let memory = lane.scratch.matrix(min(tileRows, rows.rows), table.rows)
    var sum = 0.0
    for first in tiles(rows.rows) {
      let tile = first..<min(first + tileRows, rows.rows)
      let logits = memory.prefix(tile.count)
      lane.scratch.multiply(rows[tile], lane.matrix(table).transposed, into: logits)
      sum += R.crossEntropy(
        tile.count, table.rows, index + first, ids, weight, logits.base, nil)
      lane.scratch.multiply(logits, lane.matrix(table), into: slope[tile])
      guard accumulates else { continue }
      lane.scratch.multiply(
        logits.transposed, rows[tile], into: lane.slopeMatrix(table), adding: 1)
    }
    return sum
  }
}

extension Encoder {
  /// The vocabulary of input k; nil unless it is one of tokens.
  public func vocabulary(_ k: Int) -> Vocabulary? {
    embeddings[k].input.kind == .tokens ? Vocabulary(table: embeddings[k].weight) : nil
  }
}
