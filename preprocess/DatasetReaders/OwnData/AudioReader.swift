// --dataset audio: the user's own recordings, of any rate, as log-mel pictures. Labels, groups and the test part from
// the folder, from the file's name by a pattern, or from a table with a column of paths.

import Basics
import ShardFormat

struct AudioReader: FileTreeReader {
  /// Seconds of a clip unless --seconds says otherwise.
  static let standardSeconds = 2.0
  static let (bands, frames) = (64, 128)
  private static let suffixes = [".wav", ".flac", ".ogg", ".aiff", ".aif", ".au", ".mp3"]

  let dataset: String
  let tree: FileTree
  let tables: [RawEntry]
  let notes: [String]
  let recordBytes: Int
  var splitNames: [String]? { survey.splits.map(\.name) }
  private let survey: UserSurvey
  private let labels: [String]
  private let rate: Int
  private let shape: LogMel.Shape
  private let mel: SharedLogMel

  /// Made once in each process; a forked copy is its own.
  private final class SharedLogMel: @unchecked Sendable {
    lazy var mel = LogMel(rate: rate, shape)
    private let rate: Int
    private let shape: LogMel.Shape
    init(_ rate: Int, _ shape: LogMel.Shape) { (self.rate, self.shape) = (rate, shape) }
  }

  init(_ source: RawSource, _ options: ReaderOptions) throws {
    dataset = options.name ?? "audio"
    var choices = options.choices
    let rows = try AudioRows(source, options)
    if choices.label == nil, options.pattern == nil, options.index == nil, rows.folderCount > 1 {
      choices.label = AudioRows.folder
    }
    let columns = try UserSurvey.columns(choices)
    for column in columns where !rows.columns.contains(column) {
      throw UserTable.noColumn(column, rows.columns, source.path)
    }
    let files = rows.entries.map { source.entries[Int($0)] }
    survey = try UserSurvey(choices, files: files, place: source.path) { body in
      for (number, values) in rows.values.enumerated() {
        let row = UserRow(
          number: number, values: columns.map { values[$0].map { Array($0.utf8) } },
          place: files[number].place)
        try body(number, row)
      }
    }
    labels = choices.label.map { label in rows.values.map { $0[label]! } } ?? []
    tree = FileTree(
      listing: source.entries, entries: rows.entries, name: Files.name(of: source.path))
    tables = rows.table.map { [$0] } ?? []
    let first = try AudioFile.read(files[0], keeping: 1)
    rate = options.rate ?? first.rate
    let seconds = options.seconds ?? Self.standardSeconds
    shape = Self.shape(rate: rate, seconds: seconds)
    recordBytes = shape.byteCount
    mel = SharedLogMel(rate, shape)
    notes =
      survey.notes + [
        "log-mel of the first \(seconds) seconds at \(rate) Hz: \(shape.bands) bands,"
          + " \(shape.frames) frames of \(shape.frameLength) samples, \(shape.hop) apart; decibels,"
          + " at most 80 below the loudest"
      ]
  }

  /// Frames of about 64 ms, spread over the clip.
  static func shape(rate: Int, seconds: Double) -> LogMel.Shape {
    let length = max(1, Int((Double(rate) * seconds).rounded()))
    var frameLength = 16
    while Double(2 * frameLength) <= 0.09 * Double(rate) { frameLength *= 2 }
    return LogMel.Shape(
      bands: bands, frames: frames, length: length, frameLength: frameLength,
      hop: max(1, (length + frames - 2) / (frames - 1)), isSquared: false)
  }

  func decode(_ bytes: UnsafeRawBufferPointer, row: Int, into record: UnsafeMutableRawPointer)
    throws
  {
    let place = tree.place(row)
    let seconds = Double(shape.length) / Double(rate)
    // Enough of any rate up to 1 MHz; what a resampler needs behind the end is little.
    let most = Int(min(seconds + 0.1, 3600) * 1_000_000)
    let clip = try AudioFile.read(bytes, place: place, keeping: most, seconds: seconds + 0.1)
    mel.mel.compute(
      try Resampler.resample(clip.head, from: clip.rate, to: rate, place: place), into: record)
  }

  func splits(of contents: [PartContents]) throws -> [SplitPlan] {
    let shape = [1, shape.bands, shape.frames]
    return survey.splits.map { name, rows in
      var columns: [UInt8] = []
      if let field = survey.labels.field {
        columns = [UInt8](repeating: 0, count: rows.count * field.byteCount)
        columns.withUnsafeMutableBytes { bytes in
          for (place, row) in rows.enumerated() {
            survey.labels.store(
              labels[Int(row)], into: bytes.baseAddress! + place * field.byteCount)
          }
        }
      }
      return SplitPlan(
        split: name, inputs: [InputDescription(kind: "image", shape: shape, patch: [8, 8])],
        fields: [Field("input.0", .float32, shape)] + [survey.labels.field].compactMap { $0 },
        task: survey.labels.task, transforms: [Transform()], isNormalised: true,
        content: .records(rows), columns: columns)
    }
  }
}

/// The recordings below a folder with what is said about each.
private struct AudioRows {
  static let folder = "folder"

  var entries: [Int32] = []
  var values: [[String: String]] = []
  var table: RawEntry?
  var columns: [String]
  let folderCount: Int

  init(_ source: RawSource, _ options: ReaderOptions) throws {
    let pattern = try options.pattern.map { try NamePattern($0) }
    var files: [(name: String, entry: Int)] = []
    for entry in source.entries.indices {
      let name = source.entries.name(at: entry)
      guard AudioReader.isAudio(name) else { continue }
      files.append((name, entry))
    }
    guard !files.isEmpty else { throw source.missing("*.wav or *.flac", "audio") }
    files.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    columns = [Self.folder, "file"] + (pattern?.fields ?? [])
    func facts(_ name: String) throws -> [String: String] {
      let path = name.split(separator: "/")
      let stem = String(path.last!.prefix(upTo: path.last!.lastIndex(of: ".")!))
      var facts = ["file": stem]
      if path.count > 1 { facts[Self.folder] = String(path[path.count - 2]) }
      guard let pattern else { return facts }
      guard let found = pattern.match(stem) else {
        throw Failure(
          .badData, at: source.path + "/" + name,
          "expected a name like \(options.pattern!), found '\(stem)'",
          remedy: "Move the file away, or choose another --pattern.")
      }
      return facts.merging(found) { $1 }
    }
    folderCount = Set(files.map { Files.parent(of: $0.name) }).count
    guard let index = options.index else {
      for file in files {
        entries.append(Int32(file.entry))
        values.append(try facts(file.name))
      }
      return
    }
    let table = try source.require(Files.name(of: index), of: "audio")
    self.table = table
    let names = try UserTable.columns(table, .delimited)
    guard let path = ["path", "file", "filename", "file_name", "wav"].first(where: names.contains)
    else { throw UserTable.noColumn("path", names, table.place) }
    columns += names
    let byPath = FilePaths(source.entries, suffixes: AudioReader.allSuffixes)
    try UserTable.forEachRow(table, .delimited, columns: [path] + names) { row in
      guard let text = row.text(0), let entry = byPath.entry(text) else {
        throw Failure(
          .missingInput, at: row.place,
          "expected the recording '\(row.text(0) ?? "")', found no such file")
      }
      var said = try facts(source.entries.name(at: entry))
      for (k, name) in names.enumerated() { said[name] = row.text(k + 1) }
      entries.append(Int32(entry))
      values.append(said)
    }
  }
}

extension AudioReader {
  fileprivate static var allSuffixes: [String] { suffixes }

  fileprivate static func isAudio(_ name: String) -> Bool {
    suffixes.contains(where: name.lowercased().hasSuffix)
      && !(name.split(separator: "/").last?.hasPrefix(".") ?? true)
  }
}
