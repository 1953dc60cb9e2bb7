// The five protein sets from TAPE's JSON: tokens, labels, splits, and what is refused.

import Basics
import ShardFormat
import TestSupport
import Testing

@testable import DatasetReaders

@Suite struct ProteinReaderTests {
  private func tokens(_ record: UnsafeRawPointer) -> [UInt8] {
    (0..<128).map { record.load(fromByteOffset: $0, as: UInt8.self) }
  }

  private func pfam(_ rows: Range<Int>, clan: (Int) -> Int) -> String {
    let objects = rows.map { row in
      #"{"primary": "MSK\#(row % 2 == 0 ? "A" : "R")", "protein_length": 4, "clan": \#(clan(row)), "family": 7, "id": "\#(row)"}"#
    }
    return "[" + objects.joined(separator: ", ") + "]"
  }

  @Test func residues() throws {
    let record = UnsafeMutableRawPointer.allocate(byteCount: 128, alignment: 8)
    defer { record.deallocate() }
    try ProteinSet.store(residues: Array("MSKGEELFTX".utf8), at: { "" }, into: record)
    #expect(
      tokens(record) == [13, 16, 12, 8, 7, 7, 11, 14, 17, 0] + [UInt8](repeating: 0, count: 118))
    let long = ProteinSet.alphabet.joined() + String(repeating: "J", count: 110) + "?"
    try ProteinSet.store(residues: Array(long.utf8), at: { "" }, into: record)
    #expect(tokens(record) == (0..<26) + [UInt8](repeating: 25, count: 102))
    for letter in ["?", "m", "*", "-"] {
      let found = try failure {
        try ProteinSet.store(residues: Array("AB\(letter)".utf8), at: { "here" }, into: record)
      }
      #expect((found.kind, found.place) == (.badData, "here"))
      #expect(found.problem.hasPrefix("residue 2: expected a letter of X"))
    }
  }

  /// Classes are the ranks of the clans of train, in both halves; transfer is cut from permuted valid.
  @Test(arguments: [1, 3])
  func pfam(shares: Int) throws {
    let folder = try TemporaryFolder()
    let clans = [500, 3, 77, 12]
    try put(pfam(0..<2500) { clans[$0 % 4] }, folder.file("pfam/pfam_train.json"))
    try put(pfam(0..<100) { clans[$0 % 3] }, folder.file("pfam/pfam_valid.json"))
    let source = try RawSource(folder.path)
    let decoded = try Decoded(ProteinReader(source, .pfam, ReaderOptions()), shares: shares)
    #expect(decoded.plans.map(\.split) == ["pretrain", "train", "test"])
    #expect(try decoded.rows("pretrain").sorted() == Array(0..<2500))
    #expect(
      try Array(decoded.rows("train").prefix(4)) == [83, 53, 70, 45].map { Int32(2500 + $0) })
    #expect(try decoded.rows("train").count == 90)
    #expect(try Array(decoded.rows("test").suffix(3)) == [14, 92, 51].map { Int32(2500 + $0) })
    #expect(try decoded.rows("test").count == 9)
    let plan = try decoded.plan("train")
    #expect(plan.task.names == ["3", "12", "77", "500"])
    #expect(plan.labelCodes == [3, 12, 77, 500])
    #expect(tokens(decoded.records.record(2501)).prefix(5) == [13, 16, 12, 2, 0])
    // As stored: rank in place of the code.
    let stored = StoredSplit(
      plan, dataset: "pfam", statistics: [ChannelStatistics(mean: [], deviation: [])],
      provenance: Provenance(), decoded.records)
    let bytes = UnsafeMutableRawBufferPointer.allocate(
      byteCount: stored.layout.byteCount(ofBlock: 0), alignment: 8)
    defer { bytes.deallocate() }
    stored.fill(0, bytes)
    let rows = try decoded.rows("train")
    for sample in 0..<90 {
      let row = Int(rows[Int(stored.layout.storageOrder[UInt64(sample)])]) - 2500
      let label = bytes.loadUnaligned(fromByteOffset: 90 * 128 + 4 * sample, as: Int32.self)
      #expect(label == [3, 0, 2][row % 3])
    }
  }

  @Test func theLastRowsOfValid() throws {
    let count = ProteinSet.transferRows + 1000
    let permuted = pandasSample(count)
    let cut = HeadAndTail(count: ProteinSet.transferRows)
    #expect((cut.head.count, cut.tail.count) == (180_000, 19_999))
    let folder = try TemporaryFolder()
    let object = #"{"primary":"M","clan":1}"#
    let text = "[" + String(repeating: object + ",", count: count - 1) + object + "]"
    try put("[\(object)]", folder.file("pfam_train.json"))
    try put(text, folder.file("pfam_valid.json"))
    let decoded = try Decoded(ProteinReader(RawSource(folder.path), .pfam, ReaderOptions()))
    #expect(try decoded.rows("train").first == permuted[1000] + 1)
    #expect(try decoded.rows("test").last == permuted.last! + 1)
    #expect(try decoded.rows("train").count == 180_000)
    #expect(try decoded.rows("test").count == 19_999)
  }

  @Test func labelsFromElsewhere() throws {
    let folder = try TemporaryFolder()
    try put(pfam(0..<100) { [3, 12][$0 % 2] }, folder.file("pfam_valid.json"))
    try put("500\n3\n\n12\n", folder.file("clans.txt"))
    var options = ReaderOptions()
    let missing = try failure { _ = try ProteinReader(RawSource(folder.path), .pfam, options) }
    #expect(missing.kind == .missingInput)
    #expect(missing.problem.contains("--labels-from"))
    options.labelsFrom = folder.file("clans.txt")
    let decoded = try Decoded(ProteinReader(RawSource(folder.path), .pfam, options))
    #expect(decoded.reader.splitNames == ["train", "test"])
    #expect(try decoded.plan("test").task.names == ["3", "12", "500"])
    try put("3\n13\n", folder.file("clans.txt"))
    let stranger = try failure {
      _ = try Decoded(ProteinReader(RawSource(folder.path), .pfam, options))
    }
    #expect(stranger.kind == .badData)
    #expect(stranger.problem == "expected clans that --labels-from has, found clan 12")
    try put("3\nx\n", folder.file("clans.txt"))
    #expect(
      try failure { _ = try ProteinReader(RawSource(folder.path), .pfam, options) }.problem
        == "expected different whole numbers as classes, found 'x'")
  }

  @Test(arguments: ["scop", "secondary-structure", "stability", "fluorescence"])
  func labels(name: String) throws {
    let set = try #require(ProteinSet(rawValue: name))
    let folder = try TemporaryFolder()
    let values: (Int) -> String = { row in
      switch set {
      case .secondaryStructure: "[2, 1, 0]"
      case .scop: "\(row * 100)"
      default: "[\(row).5]"
      }
    }
    for (split, rows) in [("train", 10), ("valid", 4)] {
      let objects = (0..<rows).map {
        #"{"id": "x", "primary": "ACD", "\#(set.labelKey)": \#(values($0)), "valid_mask": [true]}"#
      }
      try put("[\(objects.joined(separator: ","))]", folder.file("\(set.stem)_\(split).json"))
    }
    let decoded = try Decoded(ProteinReader(RawSource(folder.path), set, ReaderOptions()))
    #expect(try decoded.rows("train") == pandasSample(10))
    #expect(try decoded.rows("test") == pandasSample(4).map { $0 + 10 })
    let label = decoded.records.record(7) + 128
    switch set {
    case .secondaryStructure:
      #expect(
        (0..<128).map { label.load(fromByteOffset: $0, as: UInt8.self) } == [2, 1, 0]
          + [UInt8](repeating: 3, count: 125))
      #expect(try decoded.plan("test").task.kind == "token-classes")
    case .scop: #expect(label.loadUnaligned(as: UInt16.self) == 700)
    default: #expect(label.loadUnaligned(as: Float.self) == 7.5)
    }
    #expect(try decoded.plan("train").fields[1] == set.labelField)
  }

  @Test(arguments: [
    ("scop", #"{"primary":"AC"}"#, "expected the keys primary and fold_label, found no fold_label"),
    ("scop", #"{"fold_label":1}"#, "expected the keys primary and fold_label, found no primary"),
    (
      "scop", #"{"primary":"AC","fold_label":1195}"#,
      "fold_label: expected a whole number below 1195, found 1195.0"
    ),
    (
      "scop", #"{"primary":"AC","fold_label":1.5}"#,
      "fold_label: expected a whole number below 1195, found 1.5"
    ),
    (
      "scop", #"{"primary":"","fold_label":1}"#,
      "primary: expected at least one residue, found none"
    ),
    (
      "stability", #"{"primary":"AC","stability_score":[]}"#,
      "stability_score: expected one number, found 0"
    ),
    (
      "stability", #"{"primary":"AC","stability_score":[1,2]}"#,
      "stability_score: expected one number, found 2"
    ),
    (
      "stability", #"{"primary":"AC","stability_score":[NaN]}"#,
      "stability_score: expected a finite number, found nan"
    ),
    (
      "secondary-structure", #"{"primary":"AC","ss3":[1]}"#,
      "ss3: expected 2 numbers, one a residue, found 1"
    ),
    (
      "secondary-structure", #"{"primary":"AC","ss3":[1,3]}"#,
      "ss3: expected 0, 1 or 2, found 3.0 at residue 1"
    ),
    (
      "scop", #"{"primary":"A#","fold_label":1}"#,
      "residue 1: expected a letter of XARNDCQEGHILKMFPSTWYVUOBZJ, found '#'"
    ),
  ])
  func badObjects(name: String, object: String, problem: String) throws {
    let set = try #require(ProteinSet(rawValue: name))
    let folder = try TemporaryFolder()
    let label = set == .secondaryStructure ? "[0]" : "1"
    let good = #"{"primary":"M","\#(set.labelKey)":\#(label)}"#
    try put("[\(good)]", folder.file("\(set.stem)_valid.json"))
    try put("[\(good),\(object)]", folder.file("\(set.stem)_train.json"))
    let found = try failure {
      _ = try Decoded(ProteinReader(RawSource(folder.path), set, ReaderOptions()))
    }
    #expect(found.kind == .badData)
    #expect(found.problem == problem)
    #expect(found.place.hasSuffix("_train.json, object 1 (byte \(good.utf8.count + 2))"))
  }

  // MARK: LMDB

  private func copy(_ name: String, _ path: String, _ folder: TemporaryFolder) throws {
    try put(try Files.read(TAPEFixture.path(name)), folder.file(path + "/data.mdb"))
  }

  /// Files that Python's lmdb, pickle and numpy wrote: by number, not in the order of the keys.
  @Test(arguments: [1, 3])
  func databases(shares: Int) throws {
    let folder = try TemporaryFolder()
    for half in ["train", "valid"] {
      try copy("tape_structure.mdb", "secondary_structure_\(half).lmdb", folder)
      try copy("tape_stability.mdb", "stability_\(half).lmdb", folder)
      try copy("tape_pfam.mdb", "pfam_\(half).lmdb", folder)
    }
    let source = try RawSource(folder.path)
    let structure = try Decoded(
      ProteinReader(source, .secondaryStructure, ReaderOptions()), shares: shares)
    #expect(structure.contents.map(\.rowCount) == [12, 12])
    for row in [0, 2, 10] {
      let residues = 10 + 17 * row
      let label = structure.records.record(row) + 128
      #expect(
        (0..<128).map { label.load(fromByteOffset: $0, as: UInt8.self) }
          == (0..<128).map { $0 < residues ? UInt8(($0 * $0 + row) % 3) : 3 })
    }
    let stability = try Decoded(ProteinReader(source, .stability, ReaderOptions()), shares: shares)
    #expect((stability.records.record(3) + 128).loadUnaligned(as: Float.self) == -0.25)
    let pfam = try Decoded(ProteinReader(source, .pfam, ReaderOptions()), shares: shares)
    #expect(try pfam.plan("test").task.names == ["3", "77", "500"])
    let residues = Array(tokens(pfam.records.record(11)).prefix(15))
    #expect(residues == [13, 16, 12, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0])
    #expect(pfam.reader.notes.count == 2)
  }

  @Test func damagedDatabases() throws {
    let folder = try TemporaryFolder()
    for half in ["train", "valid"] {
      try copy("tape_stability.mdb", "stability_\(half).lmdb", folder)
    }
    let path = folder.file("stability_train.lmdb/data.mdb")
    let whole = try Files.read(path)
    for count in [0, 100, 4096, whole.count - 4096, whole.count - 1] {
      try put(Array(whole[..<count]), path)
      let found = try failure {
        _ = try Decoded(ProteinReader(RawSource(folder.path), .stability, ReaderOptions()))
      }
      #expect(found.kind == .badData, "\(count): \(found)")
      #expect(found.place.hasPrefix(path), "\(count): \(found)")
    }
  }
}
