// Tables of text: fields separated by commas, semicolons or tabs, whichever the first line has most of, or by spaces
// where it has none of them; with a line of names or without.

import Basics

final class DelimitedTable {
  let names: [String]
  private let entry: RawEntry
  private let lines: LineReader
  private let givesBadRows: Bool
  /// nil: runs of white space.
  private let separator: UInt8?
  /// Each line ends with a semicolon that separates nothing.
  private let endsWithSemicolon: Bool
  /// The first line, where it is a row.
  private var first: [UInt8]?

  /// - Throws: badData for an empty file; usage for another number of names than there are columns.
  init(_ entry: RawEntry, _ layout: RowLayout) throws {
    self.entry = entry
    givesBadRows = layout.givesBadRows
    lines = try LineReader(entry)
    guard let line = try lines.next(), !line.isEmpty else {
      let what = layout.hasNames ? "a line of column names" : "lines of values"
      throw Failure(.badData, at: entry.place, "expected \(what), found none")
    }
    var header = Array(line)
    if header.starts(with: [0xEF, 0xBB, 0xBF]) { header.removeFirst(3) }
    let semicolon = UInt8(ascii: ";")
    let marks = [UInt8(ascii: ","), UInt8(ascii: "\t"), semicolon]
    let counts = marks.map { mark in (mark, header.filter { $0 == mark }.count) }
    let best = counts.max { $0.1 < $1.1 }!
    separator = best.1 > 0 ? best.0 : layout.hasNames ? UInt8(ascii: ",") : nil
    endsWithSemicolon = !layout.hasNames && separator != semicolon && header.last == semicolon
    guard !layout.hasNames else {
      names = Self.fields(header, separator, false).map { String(decoding: $0, as: UTF8.self) }
      return
    }
    let count = Self.fields(header, separator, endsWithSemicolon).count
    if let given = layout.names, given.count != count {
      throw Failure(
        .usage, at: "--columns",
        "expected the names of \(count) columns of \(entry.place), found \(given.count)")
    }
    names = layout.names ?? (1...count).map { String($0) }
    first = header
  }

  /// Bytes of the lines so far.
  var consumed: Int { lines.consumed }

  private static func fields(_ line: [UInt8], _ separator: UInt8?, _ endsWithSemicolon: Bool)
    -> [ArraySlice<UInt8>]
  {
    var line = line
    if endsWithSemicolon, line.last == UInt8(ascii: ";") { line.removeLast() }
    guard let separator else { return line.split { $0 == 0x20 || $0 == 0x09 } }
    return CSVLine.fields(line, separator)
  }

  /// Calls `body` with every row, once.
  /// - Returns: how many there are.
  func forEachRow(_ columns: [String], _ body: (UserRow) throws -> Void) throws -> Int {
    let places = try columns.map { column in
      guard let place = names.firstIndex(of: column) else {
        throw UserTable.noColumn(column, names, "\(entry.place), line 1")
      }
      return place
    }
    var number = 0
    while let line = try next() {
      if line.isEmpty { continue }
      let fields = Self.fields(line, separator, endsWithSemicolon)
      let place = "\(entry.place), line \(lines.number)"
      var values: [[UInt8]?]
      var problem: Failure?
      if fields.count == names.count {
        values = places.map { place in
          let value = CSVLine.unescaped(fields[place])
          return UserTable.missing.contains(value) ? nil : value
        }
      } else {
        values = places.map { _ in nil }
        problem = Failure(
          .badData, at: place, "expected \(names.count) columns, found \(fields.count)",
          remedy: Failure.skipRemedy)
      }
      if let problem, !givesBadRows { throw problem }
      try body(UserRow(number: number, values: values, place: place, failure: problem))
      number += 1
    }
    return number
  }

  private func next() throws -> [UInt8]? {
    if let line = first {
      first = nil
      return line
    }
    return try lines.next().map { Array($0) }
  }
}

extension Failure {
  static let skipRemedy = "Mend the file, or build with --on-bad-record skip."
}
