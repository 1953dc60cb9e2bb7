// Each reader on small files in the publisher's layout: the values, the splits, and what it refuses.

import Basics
import ShardFormat
import TestSupport
import Testing

@testable import DatasetReaders

@Suite struct SeriesReaderTests {
  @Test(
    arguments: [
      (
        [.nan, .nan, 1, .nan, .nan, 4, .nan, 8, .nan, .nan],
        [.nan, .nan, 1, 2, 3, 4, 6, 8, 8, 8]
      ),
      ([.nan, 104, .nan, .nan, .nan, 100, .nan], [.nan, 104, 103, 102, 101, 100, 100]),
      (
        [2.5, .nan, .nan, -1.5, .nan],
        [2.5, 1.1666666666666667, -0.16666666666666652, -1.5, -1.5]
      ),
      ([.nan, .nan], [.nan, .nan]), ([7], [7]),
    ] as [([Double], [Double])])
  func interpolation(column: [Double], expected: [Double]) {
    // Interleaved with a column that must stay as it is.
    var values: [Double] = []
    for value in column { values += [value, -1] }
    values.withUnsafeMutableBufferPointer {
      SeriesText.interpolate($0.baseAddress!, count: column.count, stride: 2)
    }
    for (i, value) in expected.enumerated() {
      #expect(values[2 * i].bitPattern == value.bitPattern || (value.isNaN && values[2 * i].isNaN))
      #expect(values[2 * i + 1] == -1)
    }
  }

  /// `rows` lines of each activity; the first channel counts lines, the others are constants of the subject.
  private func subject(_ number: Int, _ activities: [(id: Int, rows: Int)], channels: Int) -> String
  {
    var lines: [String] = []
    for (id, rows) in activities {
      for _ in 0..<rows {
        let values = (1..<channels).map { " \(number)\($0)" }.joined()
        lines.append("\(Double(lines.count) / 100) \(id) \(lines.count)\(values)")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func options(window: Int, test: [Int]) -> ReaderOptions {
    var options = ReaderOptions()
    (options.format, options.window, options.perEpoch, options.testSubjects) = (
      "pamap2", window, 100, test
    )
    return options
  }

  @Test func pamap2() throws {
    let folder = try TemporaryFolder()
    for number in 101...109 {
      // Activity 4 in two bouts around the transient 0; 24 is too short by one row; 9 is no class.
      try put(
        subject(
          number, [(0, 5), (4, 200), (0, 3), (4, 150), (24, 320), (1, 321), (9, 400)], channels: 52),
        folder.file("PAMAP2_Dataset/Protocol/subject\(number).dat"))
    }
    try put("1 2 3\n", folder.file("PAMAP2_Dataset/Optional/subject101.dat"))
    let decoded = try Decoded(PAMAP2Reader(RawSource(folder.path)))
    #expect(decoded.plans.map(\.split) == ["pretrain", "train", "test"])
    guard case .windows(let train, let sampling) = try decoded.plan("train").content,
      case .windows(let test, let drawn) = try decoded.plan("test").content,
      case .windows(let pretrain, let free) = try decoded.plan("pretrain").content
    else { return #expect(Bool(false), "expected windows") }
    #expect(pretrain == train)
    #expect(
      train.map(\.group) == [101, 102, 103, 104, 107, 108, 109].flatMap { ["\($0)", "\($0)"] })
    #expect(test.map(\.group) == ["105", "105", "106", "106"])
    #expect(train.prefix(2).map(\.label) == [0, 3], "lying, walking")
    #expect(train.prefix(2).map(\.rowCount) == [321, 350])
    #expect((sampling.perEpoch, sampling.fixed, sampling.length) == (50_000, true, 320))
    #expect((free.perEpoch, free.fixed) == (50_000, false))
    #expect((drawn.perEpoch, drawn.fixed) == (10_000, true))
    #expect(drawn.preceding == [.init(rowCounts: train.map(\.rowCount), count: 50_000)])
    let walking = decoded.records.record(train[1].firstRow).assumingMemoryBound(to: Float.self)
    #expect((walking[0], walking[1], walking[51]) == (5, 1011, 10151))
    #expect(walking[200 * 52] == 208, "the second bout follows the first")
    let plan = try decoded.plan("train")
    #expect(plan.task.names[11] == "rope jumping")
    #expect(plan.inputs[0].shape == [52, 320])
    #expect(!plan.isNormalised)
  }

  @Test func generic() throws {
    let folder = try TemporaryFolder()
    for number in [1, 2, 30] {
      try put(
        subject(number, [(7, 11), (0, 50), (3, 12), (5, 10)], channels: 3),
        folder.file("subject\(number).dat"))
    }
    let decoded = try Decoded(
      SeriesReader(RawSource(folder.path), options(window: 10, test: [2])))
    let plan = try decoded.plan("train")
    #expect(plan.task.names == ["3", "5", "7"], "ids other than 0, ascending, short ones included")
    #expect(plan.inputs[0].shape == [3, 10])
    #expect(plan.isNormalised)
    guard case .windows(let segments, let sampling) = plan.content else { return }
    #expect(segments.map(\.label) == [0, 2, 0, 2], "exactly a window long is too short")
    #expect(segments.map(\.group) == ["1", "1", "30", "30"])
    #expect(sampling.perEpoch == 100)
  }

  @Test func missingValues() throws {
    let folder = try TemporaryFolder()
    let lines = (0..<8).map { i in
      "\(i) \(i < 2 ? 0 : 1) \([2, 5].contains(i) ? "\(i * 10)" : "NaN")"
    }
    try put(lines.joined(separator: "\n"), folder.file("subject1.dat"))
    try put(lines.joined(separator: "\n"), folder.file("subject2.dat"))
    let decoded = try Decoded(
      SeriesReader(RawSource(folder.path), options(window: 3, test: [2])))
    let values = decoded.records.record(0).assumingMemoryBound(to: Float.self)
    #expect((0..<6).map { values[$0] } == [20, 30, 40, 50, 50, 50])
    // A used activity that begins before the first value cannot be filled.
    try put(
      lines.map { $0.replacing(" 0 ", with: " 1 ") }.joined(separator: "\n"),
      folder.file("subject2.dat"))
    let broken = try failure {
      _ = try Decoded(SeriesReader(RawSource(folder.path), options(window: 3, test: [2])))
    }
    #expect(broken.kind == .badData)
    #expect(broken.place.hasSuffix("subject2.dat, line 1"))
    #expect(broken.problem.contains("column 3"))
  }

  @Test(arguments: [
    ("1 1 2\n1 1 2 3\n", "line 2", "expected 3 columns, found 4"),
    ("1 1 2\n1 1\n", "line 2", "expected 3 columns, found 2"),
    ("1 1 2\n1 1 x2\n", "line 2", "column 3: expected a number, found 'x2'"),
    ("1 1 2\n1 1.5 2\n", "line 2", "column 2: expected an activity id, found '1.5'"),
    ("1 NaN 2\n", "line 1", "column 2: expected an activity id, found 'NaN'"),
  ])
  func badLines(text: String, line: String, problem: String) throws {
    let folder = try TemporaryFolder()
    try put(text, folder.file("subject2.dat"))
    try put("1 1 2\n", folder.file("subject1.dat"))
    let found = try failure {
      _ = try Decoded(SeriesReader(RawSource(folder.path), options(window: 1, test: [2])))
    }
    #expect(found.kind == .badData)
    #expect(found.place.hasSuffix("subject2.dat, \(line)"))
    #expect(found.problem == problem)
  }

  @Test func subjectsThatAreNotThere() throws {
    let folder = try TemporaryFolder()
    try put("1 1 2\n", folder.file("subject1.dat"))
    for test in [[], [3], [1]] {
      let found = try failure {
        _ = try SeriesReader(RawSource(folder.path), options(window: 1, test: test))
      }
      #expect(found.kind == .usage)
    }
  }

  /// datasets.md section 4: 66 segments of 10,000 lines.
  @Test func fixedWindows() {
    let manifest = Manifest(
      dataset: "pamap2", split: "train",
      inputs: [InputDescription(kind: "series", shape: [52, 320], patch: [5])],
      fields: [Field("input.0", .float32, [52])], task: .none, transforms: [Transform()],
      sampleCount: 660_000, samplesPerBlock: 100,
      sampling: Sampling(length: 320, perEpoch: 8, fixed: true),
      segments: (0..<66).map {
        Segment(rowCount: 10_000, firstBlock: 100 * $0, label: 0, group: "")
      }, provenance: Provenance())
    let expected = [
      (44, 3264), (9, 7891), (21, 5874), (36, 6744), (12, 705), (39, 2222), (37, 537), (9, 6036),
    ]
    #expect(manifest.fixedWindows() == expected.map { .init(segment: $0, start: $1) })
  }
}

@Suite struct HIGGSReaderTests {
  /// Row r: label r mod 2, feature f = r + f / 100.
  private func table(_ rows: Int) -> String {
    var text = ""
    for row in 0..<rows {
      text += "\(Double(row % 2))e+00"
      for feature in 0..<28 { text += ",\(Double(row) + Double(feature) / 100)" }
      text += "\n"
    }
    return text
  }

  @Test(arguments: [1, 3])
  func readsAndSplits(shares: Int) throws {
    let folder = try TemporaryFolder()
    try put(table(3000), folder.file("HIGGS.csv"))
    let decoded = try Decoded(HIGGSReader(RawSource(folder.path)), shares: shares)
    #expect(decoded.contents[0].rowCount == 3000)
    for row in [0, 1, 1023, 1024, 2999] {
      let record = decoded.records.record(row)
      for (position, feature) in HIGGSReader.order.enumerated() {
        let value = record.loadUnaligned(fromByteOffset: 4 * position, as: Float.self)
        #expect(value == Float(Double(row) + Double(feature) / 100))
      }
      #expect(record.load(fromByteOffset: 112, as: UInt8.self) == UInt8(row % 2))
    }
    // Delivered order, 2,700 + 300, each permuted, 2,430 of the first; 270 + 29 of the second.
    let delivered = DeliveredOrder.rows(3000, split: "train", shards: 64)
    #expect(
      try decoded.rows("pretrain").prefix(3).map { $0 }
        == [1339, 1222, 1106].map { delivered[$0] })
    let transfer = pandasSample(300)
    #expect(try decoded.rows("train") == transfer.prefix(270).map { delivered[2700 + Int($0)] })
    #expect(try decoded.rows("test") == transfer.suffix(29).map { delivered[2700 + Int($0)] })
    #expect(try decoded.rows("pretrain").count == 2430)
    #expect(try decoded.plan("test").task.names == ["background", "signal"])
  }

  @Test func featureOrderIsASCII() {
    let jets = (1...4).flatMap { jet in ["pt", "eta", "phi", "b-tag"].map { "jet_\(jet)_\($0)" } }
    let names =
      ["lepton_pT", "lepton_eta", "lepton_phi", "missing_energy_magnitude", "missing_energy_phi"]
      + jets + ["m_jj", "m_jjj", "m_lv", "m_jlv", "m_bb", "m_wbb", "m_wwbb"]
    let sorted = names.indices.sorted { names[$0].utf8.lexicographicallyPrecedes(names[$1].utf8) }
    #expect(HIGGSReader.order == sorted)
  }

  /// `first`, then `count` times ",2", then `last`.
  private func line(_ first: String, _ count: Int, _ last: String) -> String {
    first + String(repeating: ",2", count: count) + last
  }

  @Test(arguments: [
    ("1.0", 1, "", "expected 29 columns, found 2"),
    ("1", 29, "", "expected 29 columns, found 30"),
    ("1", 27, ",x", "column 29: expected a number, found 'x'"),
    ("1,", 27, "", "column 2: expected a number, found ''"),
    ("2", 28, "", "column 1: expected the label 0 or 1, found 2.0"),
  ])
  func badLines(first: String, count: Int, last: String, problem: String) throws {
    let folder = try TemporaryFolder()
    try put(table(3) + line(first, count, last) + "\n", folder.file("HIGGS.csv"))
    let found = try failure { _ = try Decoded(HIGGSReader(RawSource(folder.path))) }
    #expect(found.kind == .badData)
    #expect(found.place.hasSuffix("HIGGS.csv, line 4"))
    #expect(found.problem == problem)
  }
}

@Suite struct CIFAR10ReaderTests {
  private func folder(records: Int) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for (k, file) in CIFAR10Reader.files.enumerated() {
      var bytes: [UInt8] = []
      for record in 0..<records {
        bytes.append(UInt8((k + record) % 10))
        bytes += (0..<3072).map { UInt8(truncatingIfNeeded: $0 * 7 + $0 / 1024 + record + k) }
      }
      try put(bytes, folder.file("cifar-10-batches-bin/\(file)"))
    }
    return folder
  }

  @Test(arguments: [1, 2])
  func reads(shares: Int) throws {
    let folder = try folder(records: 7)
    let decoded = try Decoded(CIFAR10Reader(RawSource(folder.path)), shares: shares)
    #expect(try decoded.rows("train") == Array(0..<35))
    #expect(try decoded.rows("test") == Array(35..<42))
    let record = decoded.records.record(8)
    #expect(record.load(fromByteOffset: 3072, as: UInt8.self) == 2)
    // Second batch, second record: all of its bytes, channel after channel.
    #expect(
      (0..<3072).map { record.load(fromByteOffset: $0, as: UInt8.self) }
        == (0..<3072).map { UInt8(truncatingIfNeeded: $0 * 7 + $0 / 1024 + 2) })
    #expect(try decoded.plan("test").transforms == [Transform(scale: [1 / 255])])
  }

  @Test func aTruncatedBatch() throws {
    let folder = try folder(records: 2)
    let path = folder.file("cifar-10-batches-bin/data_batch_3.bin")
    try put(Array(try Files.read(path).dropLast(10)), path)
    let found = try failure { _ = try CIFAR10Reader(RawSource(folder.path)) }
    #expect(found.kind == .badData)
    #expect(found.place == path)
    #expect(found.problem.contains("expected a multiple of 3073 bytes"))
    #expect(found.problem.contains("found 6136 bytes"))
  }

  @Test func aBadLabelAndAMissingBatch() throws {
    let folder = try folder(records: 2)
    let path = folder.file("cifar-10-batches-bin/test_batch.bin")
    var bytes = try Files.read(path)
    bytes[3073] = 10
    try put(bytes, path)
    let label = try failure { _ = try Decoded(CIFAR10Reader(RawSource(folder.path))) }
    #expect(label.place.hasSuffix("test_batch.bin, record 1"))
    try Files.remove(path)
    let missing = try failure { _ = try CIFAR10Reader(RawSource(folder.path)) }
    #expect(missing.kind == .missingInput)
  }
}

@Suite struct GenomicsReaderTests {
  private func table(_ rows: Int, firstLabel: Int = 0) -> String {
    var text = ",domain,label,seq,seq_info\n"
    let bases = ["A", "C", "G", "T"]
    for row in 0..<rows {
      let letters = (0..<250).map { bases[(row + $0) % 4] }.joined()
      text += "\(row),b'in',\(firstLabel + row % 10),b'\(letters)',\"b'x, y'\"\n"
    }
    return text
  }

  @Test func readsAndSplits() throws {
    let folder = try TemporaryFolder()
    try put(table(100), folder.file("genomicsPretrain.csv"))
    try put(table(100), folder.file("genomicsTransferID.csv"))
    try put(table(100, firstLabel: 60), folder.file("genomicsTransferOOD.csv"))
    let source = try RawSource(folder.path)
    let pretraining = try Decoded(GenomicsReader(source, .pretraining))
    #expect(pretraining.plans.map(\.split) == ["pretrain"])
    #expect(try pretraining.rows("pretrain").count == 90)
    #expect(
      try pretraining.rows("pretrain").prefix(8) == [83, 53, 70, 45, 44, 39, 22, 80])
    let transfer = try Decoded(GenomicsReader(source, .inDistribution), shares: 2)
    #expect(try transfer.rows("train").count == 90)
    #expect(try transfer.rows("test").suffix(3) == [14, 92, 51])
    #expect(try transfer.rows("test").count == 9)
    let record = transfer.records.record(3)
    #expect((0..<5).map { record.load(fromByteOffset: $0, as: UInt8.self) } == [3, 0, 1, 2, 3])
    #expect(record.load(fromByteOffset: 250, as: UInt8.self) == 3)
    let foreign = try Decoded(GenomicsReader(source, .outOfDistribution))
    #expect(foreign.records.record(7).load(fromByteOffset: 250, as: UInt8.self) == 57)
    let task = try foreign.plan("train").task
    #expect((task.classes, task.names.count) == (60, 60))
    #expect((task.names[0], task.names[59]) == ("Actinoplanes", "Terriglobus"))
  }

  /// datasets.md 2.7, which follows from counts and shard numbers.
  @Test func publishedSplits() {
    let train = PermutedTable(DeliveredOrder.rows(100_000, split: "validation", shards: 1)[...])
    #expect(train.head.prefix(6) == [19845, 5773, 37228, 31659, 42621, 88480])
    #expect(train.tail.prefix(3) == [94109, 31676, 91424])
    #expect(train.tail.last == 14234)
    let foreign = PermutedTable(
      DeliveredOrder.rows(600_000, split: "validation_ood", shards: 2)[...])
    #expect(foreign.head.prefix(6) == [54005, 247059, 93862, 117874, 210307, 239361])
    #expect(foreign.tail.prefix(3) == [238447, 256224, 35270])
    #expect(foreign.tail.last == 411674)
  }

  @Test func badRows() throws {
    let good = table(5)
    let spoiled: [(String, String, String)] = [
      (
        good.replacing("1,b'in',1,b'CGTA", with: "1,b'in',1,b'CGNA"), "line 3",
        "row 1, position 2: expected A, C, G or T, found 'N'"
      ),
      (
        good.replacing("1,b'in',1,b'CGTA", with: "1,b'in',1,b'CGA"), "line 3",
        "row 1: expected 250 letters, found 249"
      ),
      (good.replacing("2,b'in',2,", with: "2,b'in',"), "line 4", "expected 5 columns, found 4"),
      (
        good.replacing("2,b'in',2,", with: "2,b'in',12,"), "line 4",
        "expected a label of 0 to 9, found '12'"
      ),
      (
        good.replacing(",seq,", with: ",sequence,"), "line 1",
        "expected columns named label and seq, found ',domain,label,sequence,seq_info'"
      ),
    ]
    for (text, line, problem) in spoiled {
      let folder = try TemporaryFolder()
      try put(text, folder.file("genomicsPretrain.csv"))
      let found = try failure {
        _ = try Decoded(GenomicsReader(RawSource(folder.path), .pretraining))
      }
      #expect(found.kind == .badData)
      #expect(found.place.hasSuffix("genomicsPretrain.csv, \(line)"))
      #expect(found.problem == problem)
    }
  }
}

@Suite struct RegistryTests {
  @Test func names() throws {
    let found = try failure { _ = try DatasetRegistry.entry("higs", ReaderOptions()) }
    #expect(found.kind == .usage)
    #expect(found.remedy == "Did you mean higgs?")
    var options = ReaderOptions()
    options.window = 5
    #expect(throws: Failure.self) { try DatasetRegistry.entry("pamap2", options) }
    #expect(throws: Never.self) { try DatasetRegistry.entry("series", options) }
  }
}
