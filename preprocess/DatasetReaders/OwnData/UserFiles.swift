// The user's own files, one record each or several: what is said about each by its folder, by its name and a pattern,
// or by a table with a column of paths; and the rows' labels and split that follow from it.

import Basics
import ShardFormat

/// The files below a source that a reader takes, row by row.
struct UserFiles {
  static let folder = "folder"
  /// Names that a table's column of paths may have.
  static let pathNames = ["path", "file", "filename", "file_name", "image", "wav"]

  /// Place in the listing of each row's file.
  private(set) var entries: [Int32] = []
  /// What is said about each row.
  private(set) var values: [[String: String]] = []
  private(set) var table: RawEntry?
  private(set) var columns: [String]
  private(set) var folderCount = 0
  private let source: RawSource
  private let pattern: NamePattern?
  private let patternText: String

  /// - Parameters:
  ///   - suffixes: of the files that count, lower case.
  ///   - what: files of that kind, for messages.
  /// - Throws: missingInput without any; badData for a name that does not fit `--pattern`.
  init(
    _ source: RawSource, _ options: ReaderOptions, suffixes: [String], what: String,
    of dataset: String
  ) throws {
    self.source = source
    pattern = try options.pattern.map { try NamePattern($0) }
    patternText = options.pattern ?? ""
    columns = [Self.folder, "file"] + (pattern?.fields ?? [])
    var files: [(name: String, entry: Int)] = []
    for entry in source.entries.indices {
      let name = source.entries.name(at: entry)
      guard suffixes.contains(where: name.lowercased().hasSuffix),
        !Files.name(of: name).hasPrefix("."), options.files.map({ options.takes(name, $0) }) ?? true
      else { continue }
      files.append((name, entry))
    }
    guard !files.isEmpty else { throw source.missing(options.files ?? what, dataset) }
    if let index = options.index {
      let table = try source.require(Files.name(of: index), of: dataset)
      let paths = FilePaths(source.entries, suffixes: suffixes)
      try read(table, paths, RowLayout(options))
      return
    }
    files.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    folderCount = Set(files.map { Files.parent(of: $0.name) }).count
    for file in files {
      entries.append(Int32(file.entry))
      values.append(try facts(file.name))
    }
  }

  /// What a file's path says.
  private func facts(_ name: String) throws -> [String: String] {
    let path = name.split(separator: "/")
    let stem = String(path.last!.prefix(upTo: path.last!.lastIndex(of: ".")!))
    var facts = ["file": stem]
    if path.count > 1 { facts[Self.folder] = String(path[path.count - 2]) }
    guard let pattern else { return facts }
    guard let found = pattern.match(stem) else {
      throw Failure(
        .badData, at: source.path + "/" + name,
        "expected a name like \(patternText), found '\(stem)'",
        remedy: "Choose the files with --files, or another --pattern.")
    }
    return facts.merging(found) { $1 }
  }

  /// The rows of a table instead: each names its file, and a file may be named more than once.
  private mutating func read(_ table: RawEntry, _ paths: FilePaths, _ layout: RowLayout) throws {
    let format = UserTable.format(of: table) ?? .delimited
    self.table = table
    let names = try UserTable.columns(table, format, layout)
    guard let path = Self.pathNames.first(where: names.contains) else {
      throw UserTable.noColumn("path", names, table.place)
    }
    columns += names
    let source = source
    try UserTable.forEachRow(table, format, columns: [path] + names) { row in
      guard let text = row.text(0), let entry = paths.entry(text) else {
        throw Failure(
          .missingInput, at: row.place,
          "expected the file '\(row.text(0) ?? "")' below \(source.path), found no such file")
      }
      var said = try facts(source.entries.name(at: entry))
      for (k, name) in names.enumerated() { said[name] = row.text(k + 1) }
      entries.append(Int32(entry))
      values.append(said)
    }
    guard !entries.isEmpty else {
      throw Failure(.badData, at: table.place, "expected at least one row, found none")
    }
  }
}

/// Rows that are files: their tree, labels and split.
struct UserTree: Sendable {
  let tree: FileTree
  let tables: [RawEntry]
  let survey: UserSurvey
  /// Of each row; empty without labels.
  private let labels: [String?]

  /// - Throws: usage for a column that is not there; what `UserSurvey` throws.
  init(_ files: UserFiles, _ source: RawSource, _ choices: UserChoices, skipsBadRows: Bool) throws {
    let columns = try UserSurvey.columns(choices)
    for column in columns where !files.columns.contains(column) {
      throw UserTable.noColumn(column, files.columns, source.path)
    }
    let entries = files.entries.map { source.entries[Int($0)] }
    survey = try UserSurvey(
      choices, files: entries, place: source.path, skipsBadRows: skipsBadRows
    ) { body in
      for (number, values) in files.values.enumerated() {
        let row = UserRow(
          number: number, values: columns.map { values[$0].map { Array($0.utf8) } },
          place: entries[number].place)
        try body(number, row)
      }
    }
    labels = choices.label.map { label in files.values.map { $0[label] } } ?? []
    tree = FileTree(
      listing: source.entries, entries: files.entries, name: Files.name(of: source.path))
    tables = files.table.map { [$0] } ?? []
  }

  var splitNames: [String] { survey.splits.map(\.name) }

  /// The label of a row as stored.
  func label(_ row: Int32) -> [UInt8] {
    guard let field = survey.labels.field else { return [] }
    var bytes = [UInt8](repeating: 0, count: field.byteCount)
    bytes.withUnsafeMutableBytes {
      survey.labels.store(labels[Int(row)]!, into: $0.baseAddress!)
    }
    return bytes
  }

  /// The first file that `read` makes something of, files that it refuses as badData passed over where they are skipped.
  func first<Found>(skipping: Bool, _ read: (UnsafeRawBufferPointer, Int) throws -> Found) throws
    -> Found
  {
    let walk = FileWalk(tree.listing, mostBytes: 1 << 28)
    var problem: Failure?
    for row in tree.runs().order.map({ Int($0) }) {
      do {
        return try read(try walk.bytes(of: Int(tree.entries[row])), row)
      } catch let failure as Failure where failure.kind == .badData && skipping {
        problem = problem ?? failure
      }
    }
    throw problem!
  }
}
