// --dataset series: windows of rows with one label and group, missing values, layouts of the files.

import Basics
import ShardFormat
import TestSupport
import Testing

@testable import DatasetReaders

@Suite struct WindowsReaderTests {
  private let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }
  private var source: RawSource { get throws { try RawSource(folder.path) } }

  private func floats(_ decoded: Decoded, _ row: Int, _ count: Int) -> [Float] {
    (0..<count).map {
      decoded.records.record(row).loadUnaligned(fromByteOffset: 4 * $0, as: Float.self)
    }
  }

  /// Rows 0...: a a a a a b b b a a a; windows of 3, 1 apart, within the runs alone.
  @Test func windowsStayWithinARun() throws {
    let labels = Array("aaaaabbbaaa")
    let lines = labels.enumerated().map { "\($0),\(10 * $0),\($1),s1\n" }
    try put("x,y,what,who\n" + lines.joined(), folder.file("one.csv"))
    try put(
      "x,y,what,who\n100,1,b,s2\n101,1,b,s2\n102,1,b,s2\n103,1,b,s2\n", folder.file("two.csv"))
    var options = ReaderOptions()
    options.window = 3
    options.stride = 1
    options.choices.label = "what"
    options.choices.test = "who=s2"
    let decoded = try Decoded(WindowsReader(source, options))
    #expect(decoded.contents.map(\.rowCount) == [5, 2])
    #expect(try decoded.plan("train").task.names == ["a", "b"])
    #expect(try decoded.plan("train").inputs[0].shape == [2, 3])
    #expect((try decoded.rows("train"), try decoded.rows("test")) == ([0, 1, 2, 3, 4], [5, 6]))
    let starts = (0..<7).map { floats(decoded, $0, 1)[0] }
    #expect(starts == [0, 1, 2, 5, 8, 100, 101])
    #expect(floats(decoded, 3, 6) == [5, 6, 7, 50, 60, 70])
    let label = (0..<7).map { decoded.records.record($0).load(fromByteOffset: 24, as: UInt8.self) }
    #expect(label == [0, 0, 0, 1, 0, 1, 1])
    options.stride = nil
    #expect(try Decoded(WindowsReader(source, options)).contents.map(\.rowCount) == [3, 1])
    options.stride = 5
    #expect(try Decoded(WindowsReader(source, options)).contents.map(\.rowCount) == [3, 1])
    options.choices.label = nil
    // 'what' is a channel then, and no number.
    let word = try failure { _ = try Decoded(WindowsReader(source, options)) }
    #expect(word.problem == "column 'what': expected a number, found 'a'")
  }

  @Test func missingValues() throws {
    try put("x,y\n,1\n2,\n,\n5,4\n6,5\n", folder.file("one.csv"))
    var options = ReaderOptions()
    options.window = 5
    options.choices.fraction = 0
    let decoded = try Decoded(WindowsReader(source, options))
    #expect(floats(decoded, 0, 10) == [2, 2, 3.5, 5, 6, 1, 2, 3, 4, 5])
    try put("x,y\n,1\n,2\n,3\n5,4\n6,5\n", folder.file("one.csv"))
    options.window = 3
    let none = try failure { _ = try Decoded(WindowsReader(source, options)) }
    #expect(none.problem == "expected a value of 'x' in the 3 rows up to here, found none")
    #expect(none.place.hasSuffix("one.csv, line 4"))
  }

  /// The publisher's text of WISDM: no names, a semicolon at each line's end, a key beside it.
  @Test func withoutNames() throws {
    try put("walking = A\n", folder.file("activity_key.txt"))
    try put("1600,A,1.5,2;\n1600,A,-2,3e1;\n1600,B,3,4;\n", folder.file("data_1600.txt"))
    try put("7 1 1\n7 2 1\n", folder.file("other.dat"))
    var options = ReaderOptions()
    options.files = "data_*"
    options.columns = ["who", "what", "x", "y"]
    options.window = 2
    options.choices.label = "what"
    options.choices.fraction = 0
    let decoded = try Decoded(WindowsReader(source, options))
    // The subject is a number, and so a channel unless it is said to be something else.
    #expect(floats(decoded, 0, 6) == [1600, 1600, 1.5, -2, 2, 30])
    options.drop = ["who"]
    #expect(floats(try Decoded(WindowsReader(source, options)), 0, 4) == [1.5, -2, 2, 30])
    options.columns = ["what", "x", "y"]
    options.drop = []
    let few = try failure { _ = try WindowsReader(source, options) }
    #expect(few.problem.hasPrefix("expected the names of 4 columns"))
    options = ReaderOptions()
    options.files = "other.dat"
    options.hasHeader = false
    options.window = 2
    options.choices.fraction = 0
    options.choices.label = "1"
    #expect(floats(try Decoded(WindowsReader(source, options)), 0, 4) == [1, 2, 1, 1])
  }

  @Test func arrays() throws {
    let values = (0..<24).map { Float($0) }
    try put(ArrayFixture.floats([8, 3], values), folder.file("walk-7.npy"))
    try put(ArrayFixture.floats([8, 3], values.map { -$0 }), folder.file("rest-8.npy"))
    var options = ReaderOptions()
    options.pattern = "{what}-{who}"
    options.choices.label = "what"
    options.choices.test = "who=8"
    options.window = 4
    options.drop = ["2"]
    let decoded = try Decoded(WindowsReader(source, options))
    #expect((try decoded.rows("train"), try decoded.rows("test")) == ([2, 3], [0, 1]))
    #expect(try decoded.plan("train").task.names == ["rest", "walk"])
    #expect(floats(decoded, 3, 8) == [12, 15, 18, 21, 14, 17, 20, 23])
    try put(ArrayFixture.floats([8, 2], Array(values.prefix(16))), folder.file("run-9.npy"))
    let other = try failure { _ = try Decoded(WindowsReader(source, options)) }
    #expect(other.problem.hasPrefix("expected rows of 3 numbers as the first file has"))
  }

  /// A bad line or word makes the windows bad that hold it, and no others.
  @Test func badRows() throws {
    var lines = (0..<12).map { "\($0),a\n" }
    lines[4] = "oh,a\n"
    lines[10] = "10\n"
    try put("x,what\n" + lines.joined(), folder.file("one.csv"))
    var options = ReaderOptions()
    options.window = 3
    options.choices.label = "what"
    options.choices.fraction = 0
    let stopped = try failure { _ = try Decoded(WindowsReader(source, options)) }
    #expect(stopped.problem == "expected 2 columns, found 1")
    #expect(stopped.place.hasSuffix("one.csv, line 12"))
    options.skipsBadRecords = true
    let reader = try WindowsReader(source, options)
    let sink = try RecordSink(
      path: folder.file("part"), recordBytes: reader.recordBytes, skipsBadRecords: true)
    let contents = try reader.decode(part: 0, share: .all, into: sink)
    #expect(contents.rowCount == 4)
    #expect(sink.skipped.map(\.row) == [1, 3])
    #expect(sink.skipped[0].failure.problem == "column 'x': expected a number, found 'oh'")
    #expect(sink.skipped[0].failure.place.hasSuffix("one.csv, line 6"))
    #expect(sink.skipped[1].failure.problem == "expected 2 columns, found 1")
    #expect(sink.skipped[1].failure.place.hasSuffix("one.csv, line 12"))
  }

  @Test func options() throws {
    try put("x\n1\n", folder.file("one.csv"))
    var options = ReaderOptions()
    options.perEpoch = 3
    #expect(
      try failure { _ = try WindowsReader(source, options) }.problem.hasPrefix(
        "belongs to --format pamap2"))
    options = ReaderOptions()
    #expect(
      try failure { _ = try WindowsReader(source, options) }.problem
        == "expected at least one row, found none", "no window fits")
    options.choices.label = "xx"
    #expect(try failure { _ = try WindowsReader(source, options) }.problem.contains("'xx'"))
  }
}
