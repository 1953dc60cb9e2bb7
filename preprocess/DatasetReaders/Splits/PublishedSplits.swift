// How the benchmark cuts a table into parts (datasets.md 2.3 and 2.4): pandas' seeded shuffle, then head and tail.

import Basics

/// pandas' `DataFrame.sample(frac=1, random_state=seed)`: new row k is old row `result[k]`.
func pandasSample(_ count: Int, seed: UInt32 = 42) -> [Int32] {
  var generator = MersenneTwister(numpySeed: seed)
  return generator.permutation(count)
}

/// The 90/10 cut: the first ceil(0.9 N) records, and the last floor((1 - 0.9) N) as the official code cuts or all the
/// others.
struct HeadAndTail: Equatable {
  let head: Range<Int>
  let tail: Range<Int>

  /// In doubles 1 - 0.9 is a little less than 0.1, so one record often belongs to neither part.
  init(count: Int) {
    head = 0..<Int((0.9 * Double(count)).rounded(.up))
    let size = Int(((1 - 0.9) * Double(count)).rounded(.down))
    tail = (count - size)..<count
  }

  /// The first cut of a set that is cut twice: nothing is dropped.
  init(first count: Int) {
    head = 0..<Int((0.9 * Double(count)).rounded(.up))
    tail = head.upperBound..<count
  }
}

/// A table after its seeded shuffle and cut.
struct PermutedTable {
  let head: [Int32]
  let tail: [Int32]

  /// - Parameter rows: row numbers in the order of the table.
  init(_ rows: ArraySlice<Int32>) {
    let permuted = pandasSample(rows.count).map { rows[rows.startIndex + Int($0)] }
    let cut = HeadAndTail(count: rows.count)
    head = Array(permuted[cut.head])
    tail = Array(permuted[cut.tail])
  }
}

/// The 80/20 cut of the per-class and per-speaker splits: the first int(0.8 n) train, the rest test.
func fourFifths(_ count: Int) -> Int { Int(0.8 * Double(count)) }

/// - Throws: badData for a split without records.
func requireRecords(_ rows: [Int32], _ split: String, _ file: RawEntry) throws {
  guard rows.isEmpty else { return }
  throw Failure(
    .badData, at: file.place,
    "expected enough rows for each split, found too few: \(split) would be empty")
}
