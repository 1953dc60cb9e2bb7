// higgs: datasets.md section 5. Rows of label and 28 features, stored in the ASCII order of the feature names, in the
// order in which TensorFlow Datasets delivers them, cut twice by 90/10.

import Basics
import Glibc
import ShardFormat

struct HIGGSReader: DatasetReader {
  /// Position k of a sample is source feature `order[k]`: the ASCII order of the names.
  static let order = [
    8, 6, 7, 5, 12, 10, 11, 9, 16, 14, 15, 13, 20, 18, 19, 17, 1, 0, 2, 25, 21, 22, 24, 23, 26, 27,
    3, 4,
  ]
  static let columns = 29

  let dataset = "higgs"
  let parts: [RawEntry]
  let recordBytes = 28 * 4 + 1
  let partsAreDivisible = true
  let decodedShare = 0.3
  let canSkipRecords = true
  let notes = [
    "features stand in the ASCII order of their names; splits follow TensorFlow Datasets' order"
  ]

  /// Names of the features in the publisher's order.
  static let names =
    [
      "lepton_pT", "lepton_eta", "lepton_phi", "missing_energy_magnitude", "missing_energy_phi",
    ] + (1...4).flatMap { jet in ["pt", "eta", "phi", "b-tag"].map { "jet_\(jet)_\($0)" } }
    + ["m_jj", "m_jjj", "m_lv", "m_jlv", "m_bb", "m_wbb", "m_wwbb"]
  /// The second format: TensorFlow Datasets' records; nil for the publisher's table.
  private let records: TFDSRecords?

  init(_ source: RawSource) throws {
    let table = source.find(["HIGGS.csv"])["HIGGS.csv"]
    records = table == nil ? try TFDSRecords(source, name: "higgs", split: "train") : nil
    guard let parts = records?.files ?? table.map({ [$0] }) else {
      throw source.missing("HIGGS.csv", "higgs")
    }
    self.parts = parts
  }

  func decode(part: Int, share: RowShare, into sink: RecordSink) throws -> PartContents {
    if records != nil { return try decode(records: parts[part], share, into: sink) }
    let lines = try LineReader(parts[part])
    var place = [Int](repeating: 0, count: 28)
    for (position, feature) in Self.order.enumerated() { place[feature] = position }
    var row = 0
    var reported = 0
    while let line = try lines.next() {
      if line.isEmpty { continue }
      if share.holds(row) {
        try sink.attempt(row) { try decode(line, number: lines.number, place, into: $0) }
      }
      row += 1
      if lines.consumed - reported > 1 << 20 {
        sink.hasRead(lines.consumed - reported)
        reported = lines.consumed
      }
    }
    return PartContents(rowCount: row)
  }

  private func decode(
    _ line: UnsafeBufferPointer<UInt8>, number: Int, _ place: [Int],
    into record: UnsafeMutableRawPointer
  ) throws {
    let base = line.baseAddress!
    var i = 0
    var column = 0
    while i <= line.count {
      let (value, length) = DecimalText.number(at: base + i)
      let end = i + length
      guard column < Self.columns, length > 0, value.isFinite,
        end == line.count || base[end] == UInt8(ascii: ",")
      else { throw complaint(line, number) }
      if column == 0 {
        guard value == 0 || value == 1 else {
          throw Failure(
            .badData, at: "\(parts[0].place), line \(number)",
            "column 1: expected the label 0 or 1, found \(value)")
        }
        record.storeBytes(of: UInt8(value), toByteOffset: 112, as: UInt8.self)
      } else {
        record.storeBytes(
          of: Float(value), toByteOffset: 4 * place[column - 1], as: Float.self)
      }
      column += 1
      i = end + 1
    }
    guard column == Self.columns else { throw complaint(line, number) }
  }

  /// One record a row: 29 lists of one float, by name.
  private func decode(records file: RawEntry, _ share: RowShare, into sink: RecordSink) throws
    -> PartContents
  {
    let reader = try TFRecordReader(file)
    let sorted = Self.order.map { Self.names[$0] }
    var reported = 0
    while let bytes = try reader.next(isWanted: share.holds) {
      let row = reader.count - 1
      if share.holds(row) {
        try sink.attempt(row) { record in
          let example = try ExampleRecord(bytes, at: reader.spot)
          for (position, name) in sorted.enumerated() {
            try example.floats(name, count: 1) { _, value in
              record.storeBytes(of: value, toByteOffset: 4 * position, as: Float.self)
            }
          }
          var label = Float.nan
          try example.floats("class_label", count: 1) { label = $1 }
          let values = (0..<28).map { record.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
          guard values.allSatisfy(\.isFinite), label == 0 || label == 1 else {
            throw Failure(
              .badData, at: reader.spot,
              "expected finite features and the class_label 0 or 1, found \(label) and \(values)")
          }
          record.storeBytes(of: UInt8(label), toByteOffset: 112, as: UInt8.self)
        }
      }
      if reader.offset - reported > 1 << 20 {
        sink.hasRead(reader.offset - reported)
        reported = reader.offset
      }
    }
    return PartContents(rowCount: reader.count)
  }

  /// What is wrong with a line: its number of columns, else the word that is no number.
  private func complaint(_ line: UnsafeBufferPointer<UInt8>, _ number: Int) -> Failure {
    let place = "\(parts[0].place), line \(number)"
    let words = line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map {
      String(decoding: $0.prefix(40), as: UTF8.self)
    }
    guard words.count == Self.columns else {
      return Failure(
        .badData, at: place, "expected \(Self.columns) columns, found \(words.count)")
    }
    let column = words.firstIndex { !(Double($0)?.isFinite ?? false) } ?? 0
    return Failure(
      .badData, at: place, "column \(column + 1): expected a number, found '\(words[column])'")
  }

  func splits(of contents: [PartContents]) throws -> [SplitPlan] {
    try records?.check(contents)
    let delivered =
      records?.delivered(contents)
      ?? DeliveredOrder.rows(contents[0].rowCount, split: "train", shards: 64)
    let tables = HeadAndTail(first: delivered.count)
    let pretraining = PermutedTable(delivered[tables.head])
    let transfer = PermutedTable(delivered[tables.tail])
    return try [
      plan("pretrain", pretraining.head), plan("train", transfer.head), plan("test", transfer.tail),
    ]
  }

  private func plan(_ split: String, _ rows: [Int32]) throws -> SplitPlan {
    try requireRecords(rows, split, parts[0])
    return SplitPlan(
      split: split, inputs: [InputDescription(kind: "series", shape: [1, 28], patch: [1])],
      fields: [Field("input.0", .float32, [1, 28]), Field("label", .uint8, [])],
      task: TaskDescription(
        kind: "classes", classes: 2, names: ["background", "signal"], metric: "accuracy"),
      transforms: [Transform()], content: .records(rows))
  }
}
