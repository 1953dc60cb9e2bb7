// A token input's vocabulary as classes: the logits of a row are its products with all rows of the embedding table. With
// tens of thousands of words they are far larger than everything else, so they exist for a few rows at a time, and what
// is wanted of them (loss, slope, the table's gradient) is taken while they do.

import Experiments
import TensorCore

public struct Vocabulary: Sendable {
  /// (V, d).
  let table: ParameterSlot

  /// Logits that are there at the same time at most, if they are more than one row's: 16 MB of floats.
  var logitCount = 1 << 22
  var tileRows: Int { max(1, logitCount / table.rows) }

  init(_ table: ParameterSlot) { self.table = table }

  /// Calls `body` with tiles of rows and room for `copies` times their logits.
  private func inTiles<R>(
    of count: Int, copies: Int, _ lane: Lane<R>, _ body: (Range<Int>, Matrix<R>) -> Void
  ) {
    for first in stride(from: 0, to: count, by: tileRows) {
      let mark = lane.scratch.mark
      defer { lane.scratch.release(mark) }
      let rows = first..<min(first + tileRows, count)
      body(rows, lane.scratch.matrix(copies * rows.count, table.rows))
    }
  }

  /// The logits of rows [n, d], all at once: [n, V].
  public func logits<R>(of rows: Matrix<R>, into logits: Matrix<R>, _ lane: Lane<R>) {
    lane.scratch.multiply(rows, lane.matrix(table).transposed, into: logits)
  }

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
    var sum = 0.0
    inTiles(of: rows.rows, copies: 1, lane) { tile, memory in
      logits(of: rows[tile], into: memory, lane)
      sum += R.crossEntropy(
        tile.count, table.rows, index + tile.lowerBound, ids, weight, memory.base, nil)
      lane.scratch.multiply(memory, lane.matrix(table), into: slope[tile])
      if accumulates { accumulate(memory, rows[tile], lane) }
    }
    return sum
  }

  /// The tangent of `crossEntropy`'s slope along `tangent` of the rows, [n, d] each; adds that of the table's gradient to
  /// the lane's. The logits are made once more, which costs less than keeping them.
  func crossEntropyTangent<R>(
    of rows: Matrix<R>, along tangent: Matrix<R>, _ index: UnsafePointer<Int32>,
    _ ids: UnsafePointer<Int32>, weight: R, into slopeTangent: Matrix<R>, _ lane: Lane<R>
  ) {
    inTiles(of: rows.rows, copies: 2, lane) { tile, memory in
      let (count, width) = (tile.count, rows.columns)
      // 1. logits and their tangents in one product
      let both = lane.scratch.matrix(2 * count, width)
      both.prefix(count).copy(from: rows[tile])
      both[count..<2 * count].copy(from: tangent[tile])
      logits(of: both, into: memory, lane)
      // 2. shares, the tangent of the slope in the logits, and that slope
      let (shares, tangents) = (memory.prefix(count), memory[count..<2 * count])
      R.softmax(count, table.rows, table.rows, 1, shares.base)
      R.crossEntropyTangent(count, table.rows, shares.base, weight, tangents.base)
      R.scale(shares.count, weight, shares.base)
      for i in 0..<count { shares.row(i)[Int(ids[Int(index[tile.lowerBound + i])])] -= weight }
      // 3. back to the rows; the slope meets the rows' tangent in the table's gradient, and its tangent the rows
      lane.scratch.multiply(tangents, lane.matrix(table), into: slopeTangent[tile])
      both.prefix(count).copy(from: tangent[tile])
      both[count..<2 * count].copy(from: rows[tile])
      accumulate(memory, both, lane)
    }
  }

  /// The table's gradient += slope^T rows, some words at a time, so that both stay in cache.
  private func accumulate<R>(_ slope: Matrix<R>, _ rows: Matrix<R>, _ lane: Lane<R>) {
    let gradient = lane.slopeMatrix(table)
    for first in stride(from: 0, to: table.rows, by: 512) {
      let words = first..<min(first + 512, table.rows)
      let part = Matrix(slope.base + first, slope.rows, words.count, stride: slope.stride)
      lane.scratch.multiply(part.transposed, rows, into: gradient[words], adding: 1)
    }
  }
}

extension Encoder {
  /// The vocabulary of input k; nil unless it is one of tokens.
  public func vocabulary(_ k: Int) -> Vocabulary? {
    embeddings[k].input.kind == .tokens ? Vocabulary(embeddings[k].weight) : nil
  }
}
