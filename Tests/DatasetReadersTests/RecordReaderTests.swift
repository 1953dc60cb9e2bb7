// TFRecord, protobuf Examples, and the sets read from them.

import Basics
import ShardFormat
import TestSupport
import Testing

@testable import DatasetReaders

@Suite struct TFRecordTests {
  @Test(arguments: [("123456789", UInt32(0xE306_9283)), ("", 0), ("a", 0xC1D0_4330)])
  func checksums(text: String, expected: UInt32) {
    #expect(Array(text.utf8).withUnsafeBytes { CRC32C.of($0) } == expected)
    for count in 0..<40 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 37 + 5) }
      #expect(bytes.withUnsafeBytes { CRC32C.masked($0) } == RecordFixture.crc(bytes))
    }
  }

  private func read(_ bytes: [UInt8]) throws -> [[UInt8]] {
    let folder = try TemporaryFolder()
    try put(bytes, folder.file("x.tfrecord"))
    let reader = try TFRecordReader(RawSource(folder.path).entries[0])
    var found: [[UInt8]] = []
    while let record = try reader.next() { found.append(Array(record)) }
    #expect(reader.offset == bytes.count)
    return found
  }

  @Test func records() throws {
    let records = [[], [1], [UInt8](repeating: 7, count: 3_000_000), [2, 3]]
    #expect(try read(RecordFixture.file(records)) == records)
    #expect(try read([]) == [])
  }

  /// Every byte of a record flipped, every cut: an error, at the record's offset.
  @Test func damage() throws {
    let whole = RecordFixture.file([[5, 6, 7], [8, 9, 10, 11]])
    for place in 19..<whole.count {
      var flipped = whole
      flipped[place] ^= 4
      for bytes in [flipped, Array(whole[..<(place + (place == 19 ? 1 : 0))])] {
        let found = try failure { _ = try read(bytes) }
        #expect(found.kind == .badData)
        #expect(found.place.hasSuffix("x.tfrecord, record 1, byte 19"), "\(found)")
      }
    }
  }

  /// A length that lies, with a right checksum, allocates nothing.
  @Test(arguments: [UInt64(1) << 26 + 1, .max, 1 << 25])
  func lyingLengths(length: UInt64) throws {
    let bytes = RecordFixture.little(length)
    let found = try failure {
      _ = try read(bytes + RecordFixture.little(RecordFixture.crc(bytes)) + [1, 2])
    }
    #expect(found.kind == .badData)
    #expect(found.problem.contains(length > 1 << 26 ? "a length of" : "found 14 to the end"))
  }
}

@Suite struct ExampleRecordTests {
  @Test(arguments: [true, false])
  func features(packed: Bool) throws {
    let bytes = RecordFixture.example([
      ("seq", .bytes(Array("ACGT".utf8))), ("label", .integers([-3], packed: packed)),
      ("values", .floats([1.5, -2, .pi], packed: packed)),
      ("two", .integers([1, 2], packed: packed)),
    ])
    try bytes.withUnsafeBytes { bytes in
      let example = try ExampleRecord(bytes, at: "x")
      #expect(try Array(example.bytes("seq")) == Array("ACGT".utf8))
      #expect(try example.integer("label") == -3)
      var floats = [Float](repeating: 0, count: 3)
      try example.floats("values", count: 3) { floats[$0] = $1 }
      #expect(floats == [1.5, -2, .pi])
      for (name, problem) in [
        ("two", "feature 'two': expected one integer, found 2"),
        ("seq", "feature 'seq': expected an integer, found a list of another type"),
        (
          "absent",
          "feature 'absent': expected an integer, found no such feature among 'seq', 'label', 'values', 'two'"
        ),
      ] {
        let found = try failure { _ = try example.integer(name) }
        #expect(found.problem == problem)
      }
      let count = try failure { try example.floats("values", count: 2) { _, _ in } }
      #expect(count.problem == "feature 'values': expected 2 floats, found 3")
    }
  }

  /// Cut or flipped anywhere: read, or a typed error.
  @Test func damage() throws {
    let whole = RecordFixture.example([
      ("seq", .bytes(Array("ACGT".utf8))), ("label", .integers([1 << 40])),
    ])
    for place in whole.indices {
      for bit in 0..<8 {
        var bytes = whole
        bytes[place] ^= 1 << UInt8(bit)
        for bytes in [bytes, Array(whole[..<place])] {
          bytes.withUnsafeBytes { bytes in
            do {
              let example = try ExampleRecord(bytes, at: "x")
              _ = try example.bytes("seq")
              _ = try example.integer("label")
            } catch {
              #expect((error as? Failure)?.kind == .badData)
            }
          }
        }
      }
    }
  }
}

@Suite struct RecordSetsTests {
  /// The letters of row `row`.
  private func letters(_ row: Int) -> [UInt8] {
    let bases = Array("ACGT".utf8)
    return (0..<250).map { bases[(row + $0 * $0) % 4] }
  }

  private func genomics(_ rows: Range<Int>, label: Int = 0) -> [UInt8] {
    RecordFixture.file(
      rows.map { row in
        RecordFixture.example([
          ("domain", .bytes(Array("in".utf8))), ("label", .integers([label + row % 10])),
          ("seq", .bytes(letters(row))), ("seq_info", .bytes([])),
        ])
      })
  }

  /// Four shards of 25 interleave sixteen at a time: 0-15, 25-40, 50-65, 75-90, then the rest of each.
  @Test(arguments: [1, 3])
  func interleaved(shares: Int) throws {
    let folder = try TemporaryFolder()
    for k in 0..<4 {
      try put(
        genomics((25 * k)..<(25 * k + 25)),
        folder.file("genomics_ood/0.0.1/genomics_ood-train.tfrecord-0000\(k)-of-00004"))
    }
    let decoded = try Decoded(
      GenomicsReader(RawSource(folder.path), .pretraining), shares: shares)
    var delivered: [Int32] = []
    for k in 0..<4 { delivered += (Int32(25 * k)..<Int32(25 * k + 16)).map { $0 } }
    for k in 0..<4 { delivered += (Int32(25 * k + 16)..<Int32(25 * k + 25)).map { $0 } }
    let expected = pandasSample(100).prefix(90).map { delivered[Int($0)] }
    #expect(try decoded.rows("pretrain") == expected)
    for row in [0, 30, 99] {
      let record = decoded.records.record(row)
      let bases = Array("ACGT".utf8)
      #expect(
        (0..<250).map { bases[Int(record.load(fromByteOffset: $0, as: UInt8.self))] }
          == letters(row))
      #expect(record.load(fromByteOffset: 250, as: UInt8.self) == UInt8(row % 10))
    }
  }

  @Test func whatIsNotWhole() throws {
    let folder = try TemporaryFolder()
    let name = { (k: Int) in folder.file("genomics_ood-validation_ood.tfrecord-0000\(k)-of-00002") }
    try put(genomics(0..<20, label: 10), name(0))
    let missing = try failure {
      _ = try GenomicsReader(RawSource(folder.path), .outOfDistribution)
    }
    #expect(missing.kind == .missingInput)
    #expect(missing.problem.contains("genomics_ood-validation_ood.tfrecord-00001-of-00002"))
    try put(genomics(20..<40, label: 10), name(1))
    let lengths = { (text: String) in
      #"{"name": "genomics_ood", "splits": [{"name": "validation_ood", "shardLengths": \#(text)}]}"#
    }
    try put(lengths(#"["20", "20"]"#), folder.file("dataset_info.json"))
    #expect(
      try Decoded(GenomicsReader(RawSource(folder.path), .outOfDistribution)).plans.count == 2)
    try put(lengths(#"["20", "21"]"#), folder.file("dataset_info.json"))
    let short = try failure {
      _ = try Decoded(GenomicsReader(RawSource(folder.path), .outOfDistribution))
    }
    #expect(short.problem == "expected 21 records as dataset_info.json says, found 20")
    #expect(short.place == name(1))
  }

  /// The text files that the published records are made of: the same delivered order from the rows' numbers.
  @Test func text() throws {
    let folder = try TemporaryFolder()
    let genera = GenomicsReader.genera
    let rows = (0..<100).map { row in
      "\(genera[row % 10])\t\(String(decoding: letters(row), as: UTF8.self))\tin\tx, y"
    }
    try put(
      "label\tseq\tdomain\tseq_info\n" + rows.joined(separator: "\n"),
      folder.file("between_2011-2016_in_val.txt"))
    let decoded = try Decoded(GenomicsReader(RawSource(folder.path), .inDistribution))
    let delivered = DeliveredOrder.rows(100, split: "validation", shards: 1)
    #expect(
      try decoded.rows("test") == pandasSample(100).suffix(9).map { delivered[Int($0)] })
    #expect(decoded.records.record(7).load(fromByteOffset: 250, as: UInt8.self) == 7)
    try put(
      "label\tseq\nBacilus\t\(String(decoding: letters(0), as: UTF8.self))",
      folder.file("between_2011-2016_in_val.txt"))
    let wrong = try failure {
      _ = try Decoded(GenomicsReader(RawSource(folder.path), .inDistribution))
    }
    #expect(wrong.problem == "expected a genus of Bacillus to Yersinia, found 'Bacilus'")
    #expect(wrong.place.hasSuffix("val.txt, line 2"))
  }

  /// The authors' own records: digits, their codes by name.
  @Test func authorsRecords() throws {
    let folder = try TemporaryFolder()
    let top = "llr_ood_genomics/between_2011-2016_ood_val"
    func records(_ rows: Range<Int>, _ separator: String = " ") -> [UInt8] {
      RecordFixture.file(
        rows.map { row in
          let digits = (0..<250).map { String((row + $0) % 4) }.joined(separator: separator)
          return RecordFixture.example([
            ("x", .bytes(Array(digits.utf8))), ("y", .integers([100 + row % 2])),
            ("z", .bytes([])),
          ])
        })
    }
    try put(records(0..<12), folder.file("\(top)/a-00000-of-00010.tfrecord"))
    try put(records(12..<20), folder.file("\(top)/a-00001-of-00010.tfrecord"))
    try put(
      #"{"Terriglobus": 100, "Advenella": 101, "E": 5}"#, folder.file("\(top)/label_dict.json"))
    let decoded = try Decoded(GenomicsReader(RawSource(folder.path), .outOfDistribution))
    #expect(try decoded.rows("train") == pandasSample(20).prefix(18).map { $0 })
    let record = decoded.records.record(13)
    #expect((0..<4).map { record.load(fromByteOffset: $0, as: UInt8.self) } == [1, 2, 3, 0])
    #expect(record.load(fromByteOffset: 250, as: UInt8.self) == 1)
    #expect(decoded.records.record(12).load(fromByteOffset: 250, as: UInt8.self) == 59)
    try put(records(0..<12, ","), folder.file("\(top)/a-00000-of-00010.tfrecord"))
    let wrong = try failure {
      _ = try Decoded(GenomicsReader(RawSource(folder.path), .outOfDistribution))
    }
    #expect(wrong.problem == "byte 1 of x: expected digits 0 to 3 with spaces between, found ','")
  }

  @Test func higgs() throws {
    let folder = try TemporaryFolder()
    func records(_ rows: Range<Int>) -> [UInt8] {
      RecordFixture.file(
        rows.map { row in
          RecordFixture.example(
            HIGGSReader.names.enumerated().map { ($1, .floats([Float(row) + Float($0) / 100])) }
              + [("class_label", .floats([Float(row % 2)]))])
        })
    }
    for (k, rows) in [0..<100, 100..<200].enumerated() {
      try put(records(rows), folder.file("higgs/2.0.0/higgs-train.tfrecord-0000\(k)-of-00002"))
    }
    let decoded = try Decoded(HIGGSReader(RawSource(folder.path)), shares: 2)
    let record = decoded.records.record(150)
    for (position, feature) in HIGGSReader.order.enumerated() {
      #expect(
        record.loadUnaligned(fromByteOffset: 4 * position, as: Float.self)
          == 150 + Float(feature) / 100)
    }
    #expect(decoded.records.record(151).load(fromByteOffset: 112, as: UInt8.self) == 1)
    let delivered = DeliveredOrder.interleaved((0..<200).map { Int32($0) }, lengths: [100, 100])
    let transfer = pandasSample(20).map { delivered[180 + Int($0)] }
    #expect(try decoded.rows("train") == Array(transfer.prefix(18)))
  }
}
