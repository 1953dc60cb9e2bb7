// One row of a genomics file, whatever its format, to a record of 250 tokens and a class.

import Basics
import Foundation
import ShardFormat

struct GenomicsRows: Sendable {
  enum Format: Sendable {
    enum Labels: Sendable { case codes, names }

    case text(separator: UInt8, labels: Labels)
    /// Features of these names; `codes` translates the file's codes, when they are its own.
    case records(sequence: String, label: String, codes: [Int: Int]?)
  }

  private let table: GenomicsReader.Table
  private let format: Format

  init(_ table: GenomicsReader.Table, _ format: Format) {
    (self.table, self.format) = (table, format)
  }

  var isPublishersText: Bool {
    if case .text(_, .names) = format { return true }
    return false
  }

  func decode(_ part: RawEntry, share: RowShare, into sink: RecordSink) throws -> PartContents {
    switch format {
    case .text(let separator, let labels):
      try decode(text: part, separator, labels, share, into: sink)
    case .records(let sequence, let label, let codes):
      try decode(records: part, sequence, label, codes, share, into: sink)
    }
  }

  // MARK: Text

  private func decode(
    text part: RawEntry, _ separator: UInt8, _ labels: Format.Labels, _ share: RowShare,
    into sink: RecordSink
  ) throws -> PartContents {
    let place = part.place
    let lines = try LineReader(part)
    guard let header = try lines.next() else {
      throw Failure(.badData, at: place, "expected a line of column names, found an empty file")
    }
    let names = CSVLine.fields(header, separator).map { String(decoding: $0, as: UTF8.self) }
    guard let sequence = names.firstIndex(of: "seq"), let label = names.firstIndex(of: "label")
    else {
      throw Failure(
        .badData, at: "\(place), line 1",
        "expected columns named label and seq, found '\(names.joined(separator: ",").prefix(80))'")
    }
    var row = 0
    var reported = 0
    while let line = try lines.next() {
      if line.isEmpty { continue }
      if share.holds(row) {
        let fields = CSVLine.fields(line, separator)
        let spot = "\(place), line \(lines.number)"
        try sink.attempt(row) { record in
          guard fields.count == names.count else {
            throw Failure(
              .badData, at: spot, "expected \(names.count) columns, found \(fields.count)")
          }
          try Self.store(CSVLine.unwrapped(fields[sequence]), row: row, at: spot, into: record)
          let text = String(decoding: CSVLine.unwrapped(fields[label]), as: UTF8.self)
          store(
            labels == .names ? try code(ofName: text, at: spot) : try code(text, at: spot),
            into: record)
        }
      }
      row += 1
      if lines.consumed - reported > 1 << 20 {
        sink.hasRead(lines.consumed - reported)
        reported = lines.consumed
      }
    }
    return PartContents(rowCount: row)
  }

  private func code(_ text: String, at place: String) throws -> Int {
    guard let code = Int(text), table.codes.contains(code) else {
      throw Failure(
        .badData, at: place,
        "expected a label of \(table.codes.lowerBound) to \(table.codes.upperBound - 1), found '\(text)'"
      )
    }
    return code
  }

  private func code(ofName name: String, at place: String) throws -> Int {
    guard let rank = table.names.firstIndex(of: name) else {
      throw Failure(
        .badData, at: place,
        "expected a genus of \(table.names.first!) to \(table.names.last!), found '\(name)'")
    }
    return rank + table.codes.lowerBound
  }

  // MARK: Records

  private func decode(
    records part: RawEntry, _ sequence: String, _ label: String, _ codes: [Int: Int]?,
    _ share: RowShare, into sink: RecordSink
  ) throws -> PartContents {
    let reader = try TFRecordReader(part)
    var reported = 0
    var digits: [UInt8] = []
    while let bytes = try reader.next(isWanted: share.holds) {
      let row = reader.count - 1
      if share.holds(row) {
        try sink.attempt(row) { record in
          let example = try ExampleRecord(bytes, at: reader.spot)
          let letters = try example.bytes(sequence)
          if codes == nil {
            try Self.store(letters, row: row, at: reader.spot, into: record)
          } else {
            try Self.letters(ofDigits: letters, at: reader.spot, into: &digits)
            try Self.store(digits, row: row, at: reader.spot, into: record)
          }
          let found = try example.integer(label)
          let known = codes.map { $0[found] } ?? found
          store(try code("\(known ?? found)", at: reader.spot), into: record)
        }
      }
      if reader.offset - reported > 1 << 20 {
        sink.hasRead(reader.offset - reported)
        reported = reader.offset
      }
    }
    return PartContents(rowCount: reader.count)
  }

  /// "0 3 2" to "ATG".
  private static func letters(
    ofDigits text: UnsafeRawBufferPointer, at place: String, into letters: inout [UInt8]
  ) throws {
    letters.removeAll(keepingCapacity: true)
    let bases = Array("ACGT".utf8)
    for (i, byte) in text.enumerated() where i % 2 == 0 || byte != UInt8(ascii: " ") {
      let digit = byte &- UInt8(ascii: "0")
      guard i % 2 == 0, digit < 4 else {
        throw Failure(
          .badData, at: place,
          "byte \(i) of x: expected digits 0 to 3 with spaces between, found"
            + " '\(String(decoding: [byte], as: UTF8.self))'")
      }
      letters.append(bases[Int(digit)])
    }
  }

  /// The authors' record files of a table, and how their codes translate to ours.
  static func authors(_ source: RawSource, _ table: GenomicsReader.Table) throws
    -> (files: [RawEntry], codes: [Int: Int])?
  {
    let files = source.entries.filter { entry in
      entry.name.hasSuffix(".tfrecord")
        && entry.name.split(separator: "/").dropLast().contains(table.publishers[...])
    }.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    guard !files.isEmpty else { return nil }
    let entry = try source.require("label_dict.json", of: table.dataset)
    let bytes = try entry.contents(atMost: 1 << 20)
    guard let named = try? JSONDecoder().decode([String: Int].self, from: Data(bytes)) else {
      throw Failure(
        .badData, at: entry.place, "expected an object of names and codes, found another content")
    }
    var codes: [Int: Int] = [:]
    for (rank, name) in table.names.enumerated() {
      if let code = named[name] { codes[code] = rank + table.codes.lowerBound }
    }
    return (files, codes)
  }

  // MARK: Both

  /// The letters, with or without Python's b'...' around them, as tokens.
  private static func store(
    _ letters: some Collection<UInt8>, row: Int, at place: String,
    into record: UnsafeMutableRawPointer
  ) throws {
    let length = GenomicsReader.length
    guard letters.count == length else {
      throw Failure(
        .badData, at: place, "row \(row): expected \(length) letters, found \(letters.count)")
    }
    for (position, letter) in letters.enumerated() {
      let token: UInt8
      switch letter {
      case UInt8(ascii: "A"): token = 0
      case UInt8(ascii: "C"): token = 1
      case UInt8(ascii: "G"): token = 2
      case UInt8(ascii: "T"): token = 3
      default:
        throw Failure(
          .badData, at: place,
          "row \(row), position \(position): expected A, C, G or T, found"
            + " '\(String(decoding: [letter], as: UTF8.self))'")
      }
      record.storeBytes(of: token, toByteOffset: position, as: UInt8.self)
    }
  }

  private func store(_ code: Int, into record: UnsafeMutableRawPointer) {
    record.storeBytes(
      of: UInt8(code - table.codes.lowerBound), toByteOffset: GenomicsReader.length, as: UInt8.self)
  }
}
