// The user's own data: rows of every format, labels, splits, statistics of the training part alone.

import Basics
import Glibc
import ShardFormat
import TestSupport
import Testing

@testable import DatasetReaders

@Suite struct UserTableTests {
  private func rows(_ text: String, _ name: String, _ columns: [String]) throws -> [[String?]] {
    let folder = try TemporaryFolder()
    try put(text, folder.file(name))
    let entry = try RawSource(folder.path).entries[0]
    var found: [[String?]] = []
    let count = try UserTable.forEachRow(
      entry, try #require(UserTable.format(of: entry)), columns: columns
    ) { row in
      #expect(row.number == found.count)
      found.append(columns.indices.map(row.text))
    }
    #expect(count == found.count)
    return found
  }

  @Test func formats() throws {
    let expected: [[String?]] = [["x", "AC"], [nil, "GT,A"], ["y \"z\"", "A"]]
    #expect(
      try rows("b,a\nAC,x\n\"GT,A\",NA\nA,\"y \"\"z\"\"\"\n", "t.csv", ["a", "b"]) == expected)
    #expect(
      try rows("b;a\r\nAC; x \r\n\"GT,A\";\r\nA;\"y \"\"z\"\"\"", "t.csv", ["a", "b"]) == expected)
    #expect(
      try rows("\u{FEFF}b\ta\nAC\tx\nGT,A\t?\nA\ty \"z\"\n", "t.tsv", ["a", "b"]) == expected)
    #expect(
      try rows(
        #"[{"a":"x","b":["AC"]},{"b":"GT,A","a":null},{"c":{"d":[1]},"a":"y \"z\"","b":"A"}]"#,
        "t.json", ["a", "b"]) == expected)
    #expect(
      try rows(#"[{"n":1.5},{"n":[-2e1]},{"n":NaN}]"#, "t.json", ["n"]) == [
        ["1.5"], ["-2e1"], [nil],
      ])
    #expect(
      try rows(
        ">p1 loc=x|k=2\nAC\n\n> p2 loc=\nGT\n A\n", "t.fasta", ["id", "loc", "sequence", "3"])
        == [["p1", "x", "AC", "k=2"], ["p2", "", "GTA", nil]])
    #expect(try rows("AC\n\nGTA", "t.txt", ["sequence"]) == [["AC"], ["GTA"]])
  }

  @Test(arguments: [
    ("t.csv", "b\n1\n", "expected a column 'a', found b", Failure.Kind.usage),
    ("t.csv", "a,b\n1\n", "expected 2 columns, found 1", .badData),
    ("t.csv", "", "expected a line of column names, found none", .badData),
    ("t.json", #"[{"b":1}]"#, "expected a column 'a', found b", .usage),
    ("t.json", #"[{"a":[1,2]}]"#, "expected one value in an array, found more", .badData),
    (
      "t.fasta", "AC\n>a\n", "expected a header that begins with '>', found none before a sequence",
      .badData
    ),
  ])
  func mistakes(name: String, text: String, problem: String, kind: Failure.Kind) throws {
    let found = try failure { _ = try rows(text, name, ["a"]) }
    #expect((found.problem, found.kind) == (problem, kind))
  }
}

@Suite struct UserSplitTests {
  @Test(
    arguments: [
      ("a/gb1_train.json", false), ("gb1_valid.json", true), ("test/1.wav", true),
      ("x/training/9.wav", false),
      ("contest/1.wav", nil), ("strain.csv", nil), ("train/validated.csv", false),
      ("deep/dev-1.csv", true),
    ] as [(String, Bool?)])
  func names(path: String, isTest: Bool?) { #expect(UserSplit.named(path) == isTest) }

  /// Groups stay whole, the share is near, other seeds give other parts, the same seed the same.
  @Test func groups() throws {
    let groups = (0..<1000).map { Int32($0 % 23) }
    let split = try UserSplit.byFraction(groups, fraction: 0.3, seed: 5)
    for group in 0..<23 {
      #expect(Set(zip(groups, split).filter { $0.0 == Int32(group) }.map(\.1)).count == 1)
    }
    #expect((280...320).contains(split.filter { $0 }.count))
    #expect(try UserSplit.byFraction(groups, fraction: 0.3, seed: 5) == split)
    #expect(try UserSplit.byFraction(groups, fraction: 0.3, seed: 6) != split)
    let rows = try UserSplit.byFraction((0..<500).map { Int32($0) }, fraction: 0.1, seed: 0)
    #expect(rows.filter { $0 }.count == 50)
    #expect(try UserSplit.byFraction([0, 1], fraction: 0, seed: 0) == [false, false])
    #expect(throws: Failure.self) { try UserSplit.byFraction([0, 0, 0], fraction: 0.3, seed: 0) }
  }

  @Test func labels() throws {
    let ten = try LabelTable(["10", "9", "-1"], task: nil, place: "")
    #expect((ten.kind, ten.names) == (.classes, ["-1", "9", "10"]))
    #expect(try LabelTable(["1.5", "2"], task: nil, place: "").kind == .regression)
    #expect(try LabelTable(["1", "2"], task: "regression", place: "").kind == .regression)
    #expect(try LabelTable(["b", "a", "10"], task: nil, place: "").names == ["10", "a", "b"])
    #expect(try LabelTable(["1.5", "2"], task: "classes", place: "").names == ["1.5", "2"])
    #expect(throws: Failure.self) { try LabelTable(["a"], task: "regression", place: "") }
  }

  @Test func patterns() throws {
    let pattern = try NamePattern("{digit}_{speaker}_{take}")
    #expect(pattern.match("7_jackson_3") == ["digit": "7", "speaker": "jackson", "take": "3"])
    #expect(pattern.match("7_jackson_3_b") == ["digit": "7", "speaker": "jackson", "take": "3_b"])
    #expect(pattern.match("7jackson3") == nil)
    #expect(pattern.match("_jackson_3") == nil)
    #expect(try NamePattern("rec-{a}.x").match("rec-1.x") == ["a": "1"])
    for wrong in ["", "abc", "{a}{b}", "{a", "{}", "{a}_{a}"] {
      #expect(try failure { _ = try NamePattern(wrong) }.kind == .usage)
    }
  }
}

@Suite struct OwnDataReaderTests {
  private let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }
  private var source: RawSource { get throws { try RawSource(folder.path) } }

  @Test(arguments: [1, 3])
  func sequences(shares: Int) throws {
    let rows = (0..<5000).map { "s\($0 % 7),\($0 % 3 == 0 ? "GATTACA" : "CAT"),\($0 % 5)" }
    try put("subject,sequence,kind\n" + rows.joined(separator: "\n"), folder.file("x.csv"))
    var options = ReaderOptions()
    options.choices.label = "kind"
    options.choices.groupBy = "subject"
    let decoded = try Decoded(SequencesReader(source, options), shares: shares)
    let plan = try decoded.plan("train")
    #expect(plan.inputs[0].alphabet == ["·", "A", "C", "G", "T"])
    #expect((plan.inputs[0].vocabulary, plan.inputs[0].shape) == (5, [7]))
    #expect(plan.task.names == ["0", "1", "2", "3", "4"])
    let record = decoded.records.record(4)
    #expect(
      (0..<8).map { record.load(fromByteOffset: $0, as: UInt8.self) } == [2, 1, 4, 0, 0, 0, 0, 4])
    let (train, test) = (try decoded.rows("train"), try decoded.rows("test"))
    #expect(train.count + test.count == 5000)
    #expect(Set(train.map { $0 % 7 }).isDisjoint(with: test.map { $0 % 7 }))
    #expect((600...1500).contains(test.count))
    options.alphabet = "XACGT"
    options.length = 2
    let given = try Decoded(SequencesReader(source, options))
    #expect(
      (0..<2).map { given.records.record(0).load(fromByteOffset: $0, as: UInt8.self) } == [3, 1])
    options.alphabet = "XACG"
    options.length = 3
    let wrong = try failure { _ = try Decoded(SequencesReader(source, options)) }
    #expect(wrong.problem == "letter 2: expected one of XACG, found 'T'")
    #expect(wrong.place.hasSuffix("x.csv, line 2"))
  }

  @Test func table() throws {
    // Column "twice" is 2 in the training part and wild in the test part, which must not matter.
    var text = "id,side,x,twice,colour,y\n"
    for row in 0..<40 {
      let isTest = row % 4 == 0
      text +=
        "r\(row),\(isTest ? "b" : "a"),\(row % 5 == 3 ? "" : String(row)),\(isTest ? 1000 : 2),"
      text +=
        "\(isTest && row % 8 == 0 ? "green" : row % 2 == 0 ? "red" : "blue"),\(Double(row) / 2)\n"
    }
    try put(text, folder.file("x.csv"))
    var options = ReaderOptions()
    options.choices.label = "y"
    options.choices.test = "side=b"
    options.drop = ["id"]
    let decoded = try Decoded(TableReader(source, options), shares: 2)
    #expect(try decoded.plan("test").task.kind == "regression")
    #expect(try decoded.rows("test") == (0..<10).map { Int32(4 * $0) })
    // x, x is missing, twice, colour=blue, colour=red.
    #expect(try decoded.plan("train").inputs[0].shape == [1, 5])
    let known = (0..<40).filter { $0 % 4 != 0 && $0 % 5 != 3 }.map(Double.init)
    let mean = known.reduce(0, +) / Double(known.count)
    let deviation = (known.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(known.count))
      .squareRoot()
    func values(_ row: Int) -> [Float] {
      (0..<6).map {
        decoded.records.record(row).loadUnaligned(fromByteOffset: 4 * $0, as: Float.self)
      }
    }
    #expect(abs(Double(values(7)[0]) - (7 - mean) / deviation) < 1e-6)
    #expect(Array(values(7)[1...]) == [0, 0, 1, 0, 3.5])
    #expect(Array(values(13)[0..<5]) == [0, 1, 0, 1, 0])
    #expect(Array(values(8)[1...]) == [1, 998, 0, 0, 4], "a colour that training has not seen")
    options.drop = ["idd"]
    #expect(try failure { _ = try TableReader(source, options) }.remedy == "Did you mean id?")
    options.drop = []
    let many = (0..<100).map { "n\($0),1" }
    try put("name,v\n" + many.joined(separator: "\n"), folder.file("x.csv"))
    let wide = try failure { _ = try TableReader(source, ReaderOptions()) }
    #expect(wide.problem.hasPrefix("column 'name': expected numbers, or at most 64 categories"))
  }

  /// 128 frames: their middles reach from the first sample to the last one, at most one hop further.
  @Test(arguments: [(12_700, 100), (12_701, 101), (16_000, 126), (1, 1)])
  func framesSpreadOverTheClip(length: Int, hop: Int) {
    let shape = AudioReader.shape(rate: length, seconds: 1)
    #expect((shape.length, shape.hop, shape.frames, shape.bands) == (length, hop, 128, 64))
    #expect(shape.hop * 127 >= length - 1)
  }

  @Test func audio() throws {
    for (speaker, rate) in [("ann", 8000), ("bob", 16_000), ("cat", 8000)] {
      for digit in 0..<3 {
        let samples = (0..<rate / 2).map { n in
          Int16(8000 * sin(2 * Double.pi * Double(n) * Double(300 + 100 * digit) / Double(rate)))
        }
        try put(AudioFixture.wav(samples, rate: rate), folder.file("r/\(digit)_\(speaker).wav"))
      }
    }
    var options = ReaderOptions()
    options.pattern = "{digit}_{speaker}"
    options.choices.label = "digit"
    options.choices.test = "speaker=bob"
    options.seconds = 0.5
    let reader = try AudioReader(source, options)
    let plans = try reader.splits(of: [PartContents(rowCount: 9)])
    #expect(plans.map(\.split) == ["train", "test"])
    #expect(plans[1].columns == [0, 1, 2])
    #expect(plans[0].inputs[0].shape == [1, 64, 128])
    // The same tone at either rate is the same picture: bob's is resampled to 8 kHz.
    let walk = FileWalk(reader.tree.listing, mostBytes: 1 << 20)
    func picture(_ row: Int) throws -> [Float] {
      var values = [Float](repeating: 0, count: 64 * 128)
      try values.withUnsafeMutableBytes {
        try reader.decode(
          walk.bytes(of: Int(reader.tree.entries[row])), row: row, into: $0.baseAddress!)
      }
      return values
    }
    let rows = (0..<9).map { Files.name(of: reader.tree.entry($0).name) }
    let (ann, bob) = (
      try #require(rows.firstIndex(of: "1_ann.wav")), try #require(rows.firstIndex(of: "1_bob.wav"))
    )
    let (a, b) = (try picture(ann), try picture(bob))
    let middle = (0..<64).map { $0 * 128 + 60 }
    let loudest = middle.max { a[$0] < a[$1] }!
    #expect(loudest == middle.max { b[$0] < b[$1] }!)
    #expect(abs(a[loudest] - b[loudest]) < 0.1)
    options.choices.label = "digitt"
    #expect(try failure { _ = try AudioReader(source, options) }.remedy == "Did you mean digit?")
    options = ReaderOptions()
    try put(
      "path,word\nr/0_ann.wav,zero\n1_bob.wav,one\nr/2_cat.wav,two\nr/1_cat.wav,one\nr/0_cat.wav,zero",
      folder.file("list.csv"))
    options.index = "list.csv"
    options.choices.label = "word"
    let listed = try AudioReader(source, options)
    #expect(listed.tree.count == 5)
    #expect(
      try listed.splits(of: [PartContents(rowCount: 5)])[0].task.names == ["one", "two", "zero"])
  }
}
