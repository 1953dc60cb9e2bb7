// Which of the user's rows are trained on and which are tested on.

import Basics

enum UserSplit {
  /// What a share of the rows is tested on when nothing else is said.
  static let standardFraction = 0.2

  /// - Parameters:
  ///   - groups: the group of each row, as numbers 0, 1, ... in the order of first appearance.
  ///   - fraction: of the rows; the nearest number of whole groups.
  /// - Returns: whether each row is tested on. The same for any order of the groups' names, jobs and parts.
  static func byFraction(_ groups: [Int32], fraction: Double, seed: Int) throws -> [Bool] {
    let groupCount = Int(groups.max() ?? -1) + 1
    var sizes = [Int](repeating: 0, count: groupCount)
    for group in groups { sizes[Int(group)] += 1 }
    let wanted = Int((fraction * Double(groups.count)).rounded())
    let order = KeyedPermutation(
      count: UInt64(max(groupCount, 1)), key: RandomKey(seed: UInt64(seed), "test part"))
    var isTested = [Bool](repeating: false, count: groupCount)
    var count = 0
    for place in 0..<groupCount where count < wanted {
      let group = Int(order[UInt64(place)])
      // A group is taken when that brings the count nearer to what is wanted.
      guard abs(count + sizes[group] - wanted) < wanted - count else { continue }
      isTested[group] = true
      count += sizes[group]
    }
    guard fraction == 0 || (count > 0 && count < groups.count) else {
      throw Failure(
        .badData, at: "--fraction",
        "expected groups that divide into about \(fraction) and the rest, found \(groupCount) of"
          + " them", remedy: "Choose another --fraction or --group-by.")
    }
    return groups.map { isTested[Int($0)] }
  }

  private static let trainWords: Set<String> = ["train", "training"]
  private static let testWords: Set<String> = [
    "test", "testing", "valid", "validation", "val", "dev",
  ]

  /// What a file's path says: true for a part to test on, false to train on, nil for nothing.
  static func named(_ path: String) -> Bool? {
    var found: Bool?
    for component in path.lowercased().split(separator: "/").reversed() where found == nil {
      let words = component.split { !$0.isLetter }.map(String.init)
      if words.contains(where: trainWords.contains) { found = false }
      if words.contains(where: testWords.contains) { found = true }
    }
    return found
  }

  /// The split that the files' names give; nil unless each file says a part and both parts are there.
  static func named(_ files: [RawEntry]) -> [Bool]? {
    let said = files.map { named($0.name) }
    guard said.contains(true), said.contains(false), !said.contains(where: { $0 == nil }) else {
      return nil
    }
    return said.map { $0! }
  }
}

/// A first pass over the user's rows: how many, their labels, and what is tested on.
struct UserSurvey: Sendable {
  let labels: LabelTable
  /// One for each row over all parts.
  let isTest: [Bool]
  /// Rows over all parts that cannot be used, where those are to be skipped: they are in no part.
  let bad: [Int: Failure]
  /// Row number of each part's first row.
  let firstRows: [Int]
  let notes: [String]

  /// Columns that the pass needs, of `columns` and of the choices.
  static func columns(_ choices: UserChoices) throws -> [String] {
    [choices.label, choices.groupBy, try choices.testedValues()?.column].compactMap { $0 }
  }

  /// - Parameters:
  ///   - files: the parts, for what their names say.
  ///   - skipsBadRows: whether rows that cannot be read or lack a label are left out instead of thrown.
  ///   - forEachRow: calls its body for each row of all parts in order, with the part and the values of `columns`.
  init(
    _ choices: UserChoices, files: [RawEntry], place: String, skipsBadRows: Bool = false,
    forEachRow: ((Int, UserRow) throws -> Void) throws -> Void
  ) throws {
    let tested = try choices.testedValues()
    var labels: Set<String> = []
    var groups: [Int32] = []
    var groupNumbers: [String: Int32] = [:]
    var isListed: [Bool] = []
    var parts: [Int] = []
    var bad: [Int: Failure] = [:]
    var rowCounts = [Int](repeating: 0, count: files.count)
    // The arrays above hold good rows only; these are their numbers over all parts.
    var goodRows: [Int] = []
    var number = 0
    func take(_ part: Int, _ row: UserRow) throws {
      if let failure = row.failure { throw failure }
      var next = 0
      func value(_ name: String?) throws -> String? {
        guard let name else { return nil }
        defer { next += 1 }
        guard let text = row.text(next) else {
          throw Failure(
            .badData, at: row.place, "expected a value of '\(name)', found none",
            remedy: "Labels, groups and what --test names may not be missing; or build with"
              + " --on-bad-record skip.")
        }
        return text
      }
      let label = try value(choices.label)
      let group = try value(choices.groupBy)
      let testedText = try value(tested?.column)
      if let label { labels.insert(label) }
      if let group {
        let fresh = Int32(groupNumbers.count)
        groups.append(groupNumbers[group, default: fresh])
        groupNumbers[group] = groups.last!
      } else {
        groups.append(Int32(groups.count))
      }
      if let testedText { isListed.append(tested!.values.contains(testedText)) }
      parts.append(part)
      goodRows.append(number)
    }
    try forEachRow { part, row in
      do {
        try take(part, row)
      } catch let failure as Failure where failure.kind == .badData && skipsBadRows {
        bad[number] = failure
      }
      number += 1
      rowCounts[part] += 1
    }
    self.bad = bad
    firstRows = rowCounts.reduce(into: [0]) { $0.append($0.last! + $1) }
    guard !groups.isEmpty else {
      throw Failure(.badData, at: place, "expected at least one row, found none")
    }
    self.labels =
      choices.label == nil
      ? .none : try LabelTable(labels, task: choices.task, place: place)
    let found: [Bool]
    if tested != nil {
      found = isListed
      notes = ["test part: \(choices.test!)"]
      try Self.requireWholeGroups(groups, isListed, choices, groupNumbers)
    } else if choices.fraction == nil, choices.groupBy == nil, let named = UserSplit.named(files) {
      found = parts.map { named[$0] }
      notes = ["train and test as the files' names say"]
    } else {
      let fraction = choices.fraction ?? UserSplit.standardFraction
      found = try UserSplit.byFraction(groups, fraction: fraction, seed: choices.seed ?? 0)
      let what = choices.groupBy.map { "whole groups of '\($0)'" } ?? "rows"
      notes = ["test part: \(what), about \(fraction) of all, drawn with seed \(choices.seed ?? 0)"]
    }
    guard !bad.isEmpty else {
      isTest = found
      return
    }
    var isTest = [Bool](repeating: false, count: number)
    for (row, isTested) in zip(goodRows, found) { isTest[row] = isTested }
    self.isTest = isTest
  }

  private static func requireWholeGroups(
    _ groups: [Int32], _ isTest: [Bool], _ choices: UserChoices, _ names: [String: Int32]
  ) throws {
    guard let column = choices.groupBy else { return }
    var side: [Int32: Bool] = [:]
    for (group, isTested) in zip(groups, isTest) {
      guard side[group] ?? isTested == isTested else {
        let name = names.first { $0.value == group }!.key
        throw Failure(
          .usage, at: "--test", "expected '\(column)' \(name) on one side, found it on both",
          remedy: "Name a column in --test that does not divide the groups.")
      }
      side[group] = isTested
    }
  }

  /// Row numbers of each part that has rows, in order.
  var splits: [(name: String, rows: [Int32])] {
    [("train", false), ("test", true)].map { name, side in
      (name, isTest.indices.filter { isTest[$0] == side && bad[$0] == nil }.map { Int32($0) })
    }.filter { !$0.1.isEmpty }
  }

  /// Fills the record of a part's row, or leaves it out when the first pass found it bad.
  func attempt(
    part: Int, row: Int, into sink: RecordSink, _ fill: (UnsafeMutableRawPointer) throws -> Void
  ) throws {
    try sink.attempt(row) { record in
      if let failure = bad[firstRows[part] + row] { throw failure }
      try fill(record)
    }
  }
}
