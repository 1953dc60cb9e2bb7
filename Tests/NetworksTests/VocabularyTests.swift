// The vocabulary's logits exist for some rows at a time and its gradient is added some words at a time: the result is
// that of one piece.

import Basics
import Experiments
import TensorCore
import Testing

@testable import Networks

@Suite struct VocabularyTests {
  private static let words = 1100
  private static let rows = 13
  private static let network = Network(
    ModelConfiguration(
      inputs: [InputSpecification(kind: .tokens, shape: [4], vocabulary: words)],
      encoder: TransformerSize(width: 8, heads: 2, layers: 1),
      decoder: TransformerSize(width: 4, heads: 1, layers: 1), projectorHidden: 4, projectorOut: 4))

  private struct Found {
    var loss = 0.0
    /// <the rows' adjoints, the direction of the tangents>
    var slopeAlong = 0.0
    /// The rows' adjoints, their tangents, and the table's gradient after each of the two.
    var numbers: [[Double]] = []
  }

  /// - Parameters:
  ///   - rowsAtOnce: nil: as many as the vocabulary takes by itself, here all.
  ///   - shift: added to the last number of that word's row of the table.
  private func run(rowsAtOnce: Int?, shift: (word: Int, by: Double)? = nil) throws -> Found {
    let network = Self.network
    let parameters = ParameterBuffer<Double>(network.table)
    let gradient = ParameterBuffer<Double>(network.table)
    network.initialise(parameters, seed: 4)
    if let shift { parameters.base[8 * shift.word + 7] += shift.by }
    let lane = Lane(weights: parameters, gradient: gradient, scratch: Arena())
    var vocabulary = try #require(network.encoder.vocabulary(0))
    if let rowsAtOnce { vocabulary.logitCount = rowsAtOnce * Self.words }
    var stream = RandomStream(RandomKey(seed: 8, "rows"))
    let memory = (0..<4).map { _ in Storage<Double>(count: Self.rows * 8) }
    let matrices = memory.map { Matrix($0.base, Self.rows, 8) }
    for i in 0..<2 * Self.rows * 8 { memory[i % 2].base[i / 2] = 3 * stream.normal() }
    let index = (0..<Self.rows).map { Int32(2 * (Self.rows - 1 - $0)) }
    let ids = (0..<2 * Self.rows).map { _ in Int32(stream.below(Self.words)) }
    let loss = vocabulary.crossEntropy(
      of: matrices[0], index, ids, weight: 0.3, into: matrices[2], accumulates: true, lane)
    let first = Array(gradient.storage.buffer)
    vocabulary.crossEntropyTangent(
      of: matrices[0], along: matrices[1], index, ids, weight: 0.3, into: matrices[3], lane)
    return withExtendedLifetime(memory) {
      Found(
        loss: loss,
        slopeAlong: Double.dot(Self.rows * 8, memory[1].base, memory[2].base),
        numbers: [
          Array(memory[2].buffer), Array(memory[3].buffer), first, Array(gradient.storage.buffer),
        ])
    }
  }

  @Test(arguments: [1, 2, 5, 13])
  func piecesAddUp(rowsAtOnce: Int) throws {
    let (whole, parts) = (try run(rowsAtOnce: nil), try run(rowsAtOnce: rowsAtOnce))
    #expect(abs(whole.loss - parts.loss) < 1e-10)
    for (a, b) in zip(whole.numbers, parts.numbers) {
      #expect(zip(a, b).allSatisfy { abs($0 - $1) < 1e-12 })
      #expect(a.contains { abs($0) > 1e-3 })
    }
    #expect(whole.numbers[2] != whole.numbers[3])
  }

  /// The table's gradient, first and second order, at words on both sides of the pieces' ends.
  @Test(arguments: [0, 511, 512, 1023, 1024, 1099])
  func tableAgreesWithDifferences(word: Int) throws {
    let (up, down) = (
      try run(rowsAtOnce: 5, shift: (word, 1e-5)), try run(rowsAtOnce: 5, shift: (word, -1e-5))
    )
    let found = try run(rowsAtOnce: 5)
    let at = 8 * word + 7
    let first = 0.3 * (up.loss - down.loss) / 2e-5
    #expect(abs(found.numbers[2][at] - first) < 1e-8)
    let second = (up.slopeAlong - down.slopeAlong) / 2e-5
    #expect(abs(found.numbers[3][at] - found.numbers[2][at] - second) < 1e-8)
    #expect(abs(first) > 1e-5 && abs(second) > 1e-6)
  }

  /// Whatever the vocabulary, the logits at hand take no more than 16 MB in Float, or one row.
  @Test(arguments: [(30_522, 137), (26, 161_319), (10_000_000, 1)])
  func logitsAreBounded(words: Int, rows: Int) {
    var table = ParameterTable()
    #expect(Vocabulary(table.add("table", words, 4)).tileRows == rows)
  }
}
