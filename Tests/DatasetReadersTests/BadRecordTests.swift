// --on-bad-record skip: what cannot be read is left out and listed, and everything behind it is read.

import Basics
import ShardFormat
import TestSupport
import Testing

@testable import DatasetReaders

@Suite struct BadRecordTests {
  private let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }
  private var source: RawSource { get throws { try RawSource(folder.path) } }

  private func decode(_ reader: any DatasetReader, part: Int = 0, shares: Int = 1) throws
    -> (rows: Int, skipped: [Int], problems: [String])
  {
    var skipped: [(row: Int, failure: Failure)] = []
    var count = 0
    for share in 0..<shares {
      let sink = try RecordSink(
        path: folder.file("part"), recordBytes: reader.recordBytes, skipsBadRecords: true)
      count = try reader.decode(
        part: part, share: RowShare(index: share, count: shares), into: sink
      ).rowCount
      try sink.flush()
      skipped += sink.skipped
    }
    skipped.sort { $0.row < $1.row }
    return (count, skipped.map(\.row), skipped.map(\.failure.problem))
  }

  /// Objects that are damaged in every way: wrong types, wrong grammar, half a string, a value that is no object.
  static let damaged = [
    #"{"primary": 7, "fold_label": 1, "x": ["]", {"y": "},"}]}"#,
    #"{"primary": "ACD" "fold_label": 1}"#,
    #"{"primary": "AC\qD", "fold_label": 1}"#,
    "{\"primary\": \"A\u{1}C\", \"fold_label\": 1}",
    #"{"primary": "ACD", "fold_label": "1", "more": [1, 2, {"a": "\"]"}]}"#,
    #"{"primary": "ACD"}"#,
    #"{"primary": "AC1", "fold_label": 2}"#,
    "17", #""text, with ] and {""#, "[1, [2, 3], {}]", "nul", "{]}"[...].dropLast(2) + #""a": }"#,
  ].map { String($0) }

  @Test(arguments: damaged, [1, 3])
  func jsonGoesOn(object: String, shares: Int) throws {
    let good = (0..<300).map { #"{"primary": "ACDE", "fold_label": \#($0 % 9)}"# }
    let objects = good[..<130] + [object] + good[130...] + [object]
    try put("[" + objects.joined(separator: ",") + "]", folder.file("remote_homology_train.json"))
    try put("[" + good[0] + "]", folder.file("remote_homology_valid.json"))
    let reader = try ProteinReader(source, .scop, ReaderOptions())
    let found = try decode(reader, shares: shares)
    #expect(found.rows == 302)
    #expect(found.skipped == [130, 301])
    let stopped = try failure { _ = try Decoded(reader, shares: shares) }
    #expect(stopped.kind == .badData && stopped.place.contains("remote_homology_train.json"))
  }

  /// What never ends cannot be passed over.
  @Test func aTruncatedFileStillStops() throws {
    try put(
      #"[{"primary": "ACDE", "fold_label": 1}, {"primary": "AC"#,
      folder.file("remote_homology_train.json"))
    try put("[]", folder.file("remote_homology_valid.json"))
    let reader = try ProteinReader(source, .scop, ReaderOptions())
    #expect(try failure { _ = try decode(reader) }.problem.contains("the end of a string"))
  }

  @Test func tables() throws {
    try put("x,y\n1,a\n2\n3,\n4,b\nmany,1,2,3\n5,a\n", folder.file("t.csv"))
    var options = ReaderOptions()
    options.choices.label = "y"
    options.choices.fraction = 0
    #expect(
      try failure { _ = try TableReader(source, options) }.problem == "expected 2 columns, found 1")
    options.skipsBadRecords = true
    let reader = try TableReader(source, options)
    let found = try decode(reader)
    #expect((found.rows, found.skipped) == (6, [1, 2, 4]))
    #expect(found.problems[1] == "expected a value of 'y', found none")
    let plan = try #require(try reader.splits(of: [PartContents(rowCount: 6)]).first)
    #expect(rows(plan) == [0, 3, 5])
    // Mean 10/3 of 1, 4, 5: what is left out does not count.
    #expect(reader.notes.contains { $0.contains("mean 3.33333") })
  }

  /// The split of the good rows does not depend on where bad ones stand among them.
  @Test func theSplitIsThatOfTheGoodRows() throws {
    let good = (0..<50).map { "\($0),c\($0 % 2)" }
    var options = ReaderOptions()
    options.choices.label = "y"
    options.skipsBadRecords = true
    func tested(_ lines: [String]) throws -> [String] {
      try put(([("x,y")] + lines).joined(separator: "\n"), folder.file("t.csv"))
      let plans = try TableReader(source, options).splits(of: [])
      return rows(plans.first { $0.split == "test" }).map { lines[Int($0)] }
    }
    let expected = try tested(good)
    #expect(expected.count == 10)
    #expect(try tested(["odd"] + good[..<20] + ["1,2,3"] + good[20...]) == expected)
  }

  @Test func sequencesAndJSONRows() throws {
    try put(
      #"[{"sequence":"AC","k":1},{"sequence":[1,2],"k":1},{"k":2},{"sequence":"GT"},{"sequence":"A","k":3},7,{"sequence":"C","k":2}]"#,
      folder.file("s.json"))
    var options = ReaderOptions()
    options.choices.label = "k"
    options.choices.fraction = 0
    options.skipsBadRecords = true
    let reader = try SequencesReader(source, options)
    let found = try decode(reader, shares: 2)
    #expect((found.rows, found.skipped) == (7, [1, 2, 3, 5]))
    // Each with its own reason.
    #expect(
      found.problems.dropLast() == [
        "expected one value in an array, found more",
        "expected a sequence in 'sequence', found none",
        "expected a value of 'k', found none",
      ])
    #expect(found.problems[3].contains("found '7,"), "\(found.problems[3])")
    #expect(try reader.splits(of: [])[0].task.names == ["1", "2", "3"])
  }
}
