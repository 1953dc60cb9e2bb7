// The files of --dataset series: a row for each moment, from tables of text or .npy arrays.

import Basics

/// One row of a recording.
struct Moment {
  /// The values of label, group and what is tested on, as far as they are asked for; nil for a missing one.
  var key: [[UInt8]?]
  /// A channel each; NaN where there is none. Empty unless asked for.
  var values: [Double]
  var place: String
  var failure: Failure?
  /// A line that could not be taken apart: its key is not known.
  var isTorn: Bool
}

struct Recordings: Sendable {
  let files: [RawEntry]
  /// Columns of label, group and what is tested on.
  let special: [String]
  let channels: [String]
  private let layout: RowLayout
  private let isArray: Bool
  /// Of an array: how many columns it has, and which of them each channel is.
  private let columnCount: Int
  private let places: [Int]
  /// What each file's name says, and the folder.
  private let facts: [[String: String]]

  private static let mostChannels = 65_536

  init(_ source: RawSource, _ options: ReaderOptions) throws {
    layout = RowLayout(options)
    special = try UserSurvey.columns(options.choices)
    let chosen = source.entries(of: options)
    // A table beside a README is what is meant.
    let kinds = [[".csv", ".tsv"], [".npy"], [".txt", ".dat", ".data"]]
    let found = kinds.lazy.map { suffixes in
      chosen.filter { entry in
        suffixes.contains(where: Files.name(of: entry.name).lowercased().hasSuffix)
      }
    }.first { !$0.isEmpty }
    guard let found else {
      throw source.missing(options.files ?? "*.csv, *.tsv, *.npy, *.txt or *.dat", "series")
    }
    files = found
    isArray = Files.name(of: found[0].name).lowercased().hasSuffix(".npy")
    let pattern = try options.pattern.map { try NamePattern($0) }
    facts = try found.map { entry in
      let path = entry.name.split(separator: "/")
      let stem = path.last!.lastIndex(of: ".").map { String(path.last![..<$0]) } ?? ""
      var facts = ["file": stem]
      if path.count > 1 { facts[UserFiles.folder] = String(path[path.count - 2]) }
      guard let pattern else { return facts }
      guard let said = pattern.match(stem) else {
        throw Failure(
          .badData, at: entry.place,
          "expected a name like \(options.pattern!), found '\(stem)'",
          remedy: "Choose the files with --files, or another --pattern.")
      }
      return facts.merging(said) { $1 }
    }
    let columns =
      try isArray
      ? Self.names(of: NPYRows(found[0]), options)
      : UserTable.columns(found[0], .delimited, layout)
    let said = Set(facts.flatMap(\.keys)).subtracting(columns).sorted()
    for name in special + options.drop where !columns.contains(name) && !said.contains(name) {
      throw UserTable.noColumn(name, columns + said, found[0].place)
    }
    let (special, drop) = (special, options.drop)
    channels = columns.filter { !special.contains($0) && !drop.contains($0) && !$0.isEmpty }
    let wanted = channels
    columnCount = columns.count
    places = columns.indices.filter { wanted.contains(columns[$0]) }
    guard (1...Self.mostChannels).contains(channels.count) else {
      throw Failure(
        .usage, at: found[0].place,
        "expected 1 to \(Self.mostChannels) columns besides label and groups, found"
          + " \(channels.count)")
    }
  }

  private static func names(of rows: NPYRows, _ options: ReaderOptions) throws -> [String] {
    guard rows.header.shape.count <= 2 else {
      throw Failure(
        .badData, at: rows.place,
        "expected an array of rows x channels, found shape \(rows.header.shape)",
        remedy: "Samples that are cut already: --dataset npz.")
    }
    let count = rows.elementCount
    guard count <= mostChannels else { return [String](repeating: "", count: count) }
    if let given = options.columns {
      guard given.count == count else {
        throw Failure(
          .usage, at: "--columns",
          "expected the names of \(count) columns of \(rows.place), found \(given.count)")
      }
      return given
    }
    return (1...count).map { String($0) }
  }

  /// Calls `body` with each row of a file.
  func forEachRow(
    _ part: Int, withValues: Bool, progress: @escaping (Int) -> Void = { _ in },
    _ body: (Moment) throws -> Void
  ) throws {
    if isArray { return try forEachArrayRow(part, withValues, progress, body) }
    let entry = files[part]
    let columns = try UserTable.columns(entry, .delimited, layout)
    let inTable = special.filter(columns.contains)
    let fixed = special.map { name in
      inTable.contains(name) ? nil : facts[part][name].map { Array($0.utf8) }
    }
    let wanted = inTable + (withValues ? channels : [])
    try UserTable.forEachRow(entry, .delimited, layout, columns: wanted, progress: progress) {
      row in
      var next = 0
      let key = zip(special, fixed).map { name, said -> [UInt8]? in
        guard inTable.contains(name) else { return said }
        defer { next += 1 }
        return row.values[next]
      }
      var moment = Moment(
        key: key, values: [], place: row.place, failure: row.failure, isTorn: row.failure != nil)
      if withValues { fill(&moment, row.values[inTable.count...]) }
      if let failure = moment.failure, !layout.givesBadRows { throw failure }
      try body(moment)
    }
  }

  private func fill(_ moment: inout Moment, _ texts: ArraySlice<[UInt8]?>) {
    moment.values.reserveCapacity(channels.count)
    for (channel, text) in texts.enumerated() {
      guard let text else {
        moment.values.append(.nan)
        continue
      }
      let number = TableColumn.number(text)
      if number == nil, moment.failure == nil {
        moment.failure = Failure(
          .badData, at: moment.place,
          "column '\(channels[channel])': expected a number, found"
            + " '\(String(decoding: text.prefix(40), as: UTF8.self))'",
          remedy: "Leave the column out with --drop. " + Failure.skipRemedy)
      }
      moment.values.append(number ?? .nan)
    }
  }

  private func forEachArrayRow(
    _ part: Int, _ withValues: Bool, _ progress: @escaping (Int) -> Void,
    _ body: (Moment) throws -> Void
  ) throws {
    let rows = try NPYRows(files[part])
    let type = rows.header.type
    guard rows.elementCount == columnCount, type.number(rows.zero, at: 0) != nil else {
      throw Failure(
        .badData, at: rows.place,
        "expected rows of \(columnCount) numbers as the first file has, found shape"
          + " \(rows.header.shape) of \(type.kind)\(type.size)")
    }
    let key = special.map { facts[part][$0].map { Array($0.utf8) } }
    var reported = 0
    while let row = try rows.next() {
      var moment = Moment(
        key: key, values: [], place: "\(rows.place), row \(rows.count - 1)", failure: nil,
        isTorn: false)
      if withValues {
        for place in places {
          let value = type.number(row, at: place * type.size)!
          if value.isInfinite {
            moment.failure = Failure(
              .badData, at: moment.place, "column \(place + 1): expected a number, found \(value)",
              remedy: Failure.skipRemedy)
          }
          moment.values.append(value)
        }
        if let failure = moment.failure, !layout.givesBadRows { throw failure }
      }
      try body(moment)
      if rows.consumed - reported > 1 << 20 {
        progress(rows.consumed - reported)
        reported = rows.consumed
      }
    }
  }
}
