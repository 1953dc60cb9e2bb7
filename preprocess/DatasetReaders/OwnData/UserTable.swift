// The user's own rows, whatever they are written in: CSV or TSV (DelimitedTable), a JSON array of objects, FASTA, or
// one sequence a line. A row is a set of named texts.

import Basics
import Glibc

/// One row: the texts of the columns that were asked for.
struct UserRow {
  let number: Int
  /// In the order asked for; nil for a missing value.
  let values: [[UInt8]?]
  let place: String
  /// Why it cannot be read, where bad rows are asked for; the values are nil then.
  var failure: Failure?

  func text(_ column: Int) -> String? { values[column].map { String(decoding: $0, as: UTF8.self) } }

  /// The row as one that cannot be read.
  func failing(_ failure: Failure) -> UserRow {
    UserRow(
      number: number, values: values.map { _ in nil }, place: place, failure: failure)
  }
}

/// How the user's rows are written, as far as the files do not say it themselves.
struct RowLayout: Sendable {
  /// The first line of a delimited table names its columns.
  var hasNames = true
  /// The columns' names, where no line has them; else 1, 2, 3, ...
  var names: [String]?
  /// A row that cannot be read is given with its failure, instead of thrown.
  var givesBadRows = false

  init() {}

  init(_ options: ReaderOptions) {
    hasNames = options.hasHeader && options.columns == nil
    names = options.columns
    givesBadRows = options.skipsBadRecords
  }
}

enum UserTable {
  enum Format: Equatable, Sendable {
    case delimited, json, fasta, lines
  }

  /// By the name's end; nil for what is no table.
  static func format(of entry: RawEntry) -> Format? {
    let name = Files.name(of: entry.name).lowercased()
    let kinds: [([String], Format)] = [
      ([".csv", ".tsv"], .delimited), ([".json"], .json),
      ([".fasta", ".fa", ".faa", ".fna", ".ffn"], .fasta), ([".txt", ".seq"], .lines),
    ]
    return kinds.first { $0.0.contains(where: name.hasSuffix) }?.1
  }

  /// The column that holds the sequence, in formats that have no names for it.
  static let sequence = "sequence"

  /// Values that mean: none.
  static let missing: Set<[UInt8]> = Set(
    ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?"].map { Array($0.utf8) })

  /// The names of a delimited table's columns, or of the first object's keys.
  static func columns(_ entry: RawEntry, _ format: Format, _ layout: RowLayout = .init()) throws
    -> [String]
  {
    switch format {
    case .delimited: return try DelimitedTable(entry, layout).names
    case .json:
      let json = try JSONReader(entry)
      var names: [String] = []
      struct Enough: Error {}
      do {
        try json.forEachElement {
          try json.forEachMember { key in
            names.append(String(decoding: key, as: UTF8.self))
            try json.skip()
          }
          throw Enough()
        }
      } catch is Enough {}
      return names
    case .fasta: return [sequence, "id"]
    case .lines: return [sequence]
    }
  }

  /// Calls `body` with every row in file order.
  /// - Parameters:
  ///   - columns: wanted; a name that a whole table lacks is an error, one that a row lacks a missing value.
  ///   - progress: told the bytes read, now and then.
  /// - Returns: how many rows there are.
  @discardableResult
  static func forEachRow(
    _ entry: RawEntry, _ format: Format, _ layout: RowLayout = .init(), columns: [String],
    progress: @escaping (Int) -> Void = { _ in },
    _ body: (UserRow) throws -> Void
  ) throws -> Int {
    var meter = Meter(progress)
    switch format {
    case .delimited:
      let table = try DelimitedTable(entry, layout)
      return try table.forEachRow(columns) { row in
        try body(row)
        meter.at(table.consumed)
      }
    case .json: return try json(entry, layout, columns, &meter, body)
    case .fasta: return try fasta(entry, columns, &meter, body)
    case .lines:
      let lines = try LineReader(entry)
      var number = 0
      while let line = try lines.next() {
        let text = Array(line)
        if text.isEmpty { continue }
        let values = columns.map { $0 == sequence ? text : nil }
        try body(
          UserRow(number: number, values: values, place: "\(entry.place), line \(lines.number)"))
        number += 1
        meter.at(lines.consumed)
      }
      return number
    }
  }

  private struct Meter {
    private let progress: (Int) -> Void
    private var reported = 0
    init(_ progress: @escaping (Int) -> Void) { self.progress = progress }

    mutating func at(_ offset: Int) {
      guard offset - reported > 1 << 20 else { return }
      progress(offset - reported)
      reported = offset
    }
  }

  static func noColumn(_ name: String, _ names: [String], _ place: String) -> Failure {
    let hint = nearest(to: name, among: names).map { "Did you mean \($0)?" }
    return Failure(
      .usage, at: place,
      "expected a column '\(name)', found \(names.prefix(12).joined(separator: ", "))",
      remedy: hint)
  }

  // MARK: JSON

  private static func json(
    _ entry: RawEntry, _ layout: RowLayout, _ columns: [String], _ meter: inout Meter,
    _ body: (UserRow) throws -> Void
  ) throws -> Int {
    let json = try JSONReader(entry)
    let keys = columns.map { Array($0.utf8) }
    let none = [[UInt8]?](repeating: nil, count: columns.count)
    var seen = [Bool](repeating: false, count: columns.count)
    var number = 0
    var (values, place, problem) = (none, "", Failure?.none)
    // The rows' own code runs outside, so that its failures are not taken for those of the file.
    while try json.nextElement(
      isFirst: number == 0,
      {
        (values, problem) = (none, nil)
        place = "\(entry.place), object \(number) (byte \(json.offset))"
        try json.forEachMember { key in
          guard let column = keys.firstIndex(where: { $0.elementsEqual(key) }) else {
            return try json.skip()
          }
          seen[column] = true
          values[column] = try json.scalar()
        }
      },
      bad: { failure in
        guard layout.givesBadRows else { throw failure }
        (values, problem) = (none, failure)
      })
    {
      try body(UserRow(number: number, values: values, place: place, failure: problem))
      number += 1
      meter.at(json.offset)
    }
    try json.finish()
    if let absent = seen.firstIndex(of: false), number > 0 {
      throw noColumn(columns[absent], try Self.columns(entry, .json, layout), entry.place)
    }
    return number
  }

  // MARK: FASTA

  /// Header `>ID KEY=VALUE word ...`: columns are `id`, the keys, or the number of a word, from 1.
  private static func fasta(
    _ entry: RawEntry, _ columns: [String], _ meter: inout Meter, _ body: (UserRow) throws -> Void
  ) throws -> Int {
    let lines = try LineReader(entry)
    var header: (text: String, place: String)?
    var letters: [UInt8] = []
    var number = 0
    func flush() throws {
      guard let (text, place) = header else { return }
      let values = columns.map { $0 == sequence ? letters : headerValue($0, text) }
      try body(UserRow(number: number, values: values, place: place))
      number += 1
      letters.removeAll(keepingCapacity: true)
    }
    while let line = try lines.next() {
      if line.first == UInt8(ascii: ">") {
        try flush()
        header = (
          String(decoding: line.dropFirst(), as: UTF8.self), "\(entry.place), line \(lines.number)"
        )
      } else if !line.isEmpty, line[0] != UInt8(ascii: ";") {
        guard header != nil else {
          throw Failure(
            .badData, at: "\(entry.place), line \(lines.number)",
            "expected a header that begins with '>', found none before a sequence")
        }
        letters.append(contentsOf: line.filter { $0 != 0x20 && $0 != 0x09 })
        guard letters.count <= 1 << 28 else {
          throw Failure(
            .badData, at: header!.place, "expected a sequence of at most \(1 << 28) letters")
        }
      }
      meter.at(lines.consumed)
    }
    try flush()
    return number
  }

  private static func headerValue(_ column: String, _ header: String) -> [UInt8]? {
    let words = header.split { $0 == " " || $0 == "\t" || $0 == "|" }
    if column == "id" { return words.first.map { Array($0.utf8) } }
    if let number = Int(column) {
      return number >= 1 && number <= words.count ? Array(words[number - 1].utf8) : nil
    }
    return words.first { $0.hasPrefix(column + "=") }.map {
      Array($0.dropFirst(column.count + 1).utf8)
    }
  }
}
