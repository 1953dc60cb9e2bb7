// --dataset sequences: the user's own token sequences, from FASTA, CSV, TSV, JSON (an array of objects) or text with
// one a line. The first letters of a sequence, padded; ids in the order of the alphabet.

import Basics
import ShardFormat

struct SequencesReader: DatasetReader {
  /// A sample's letters unless --length says otherwise: the longest sequence, but no more than this.
  static let standardLength = 512
  /// Shown for padding when the alphabet is found in the data.
  static let padding = "·"

  let dataset: String
  let parts: [RawEntry]
  let recordBytes: Int
  let partsAreDivisible = true
  let canSkipRecords = true
  let decodedShare = 2.0
  let notes: [String]
  var splitNames: [String]? { survey.splits.map(\.name) }
  private let formats: [UserTable.Format]
  private let length: Int
  private let alphabet: [String]
  private let tokens: [UInt8]
  private let column: String
  private let choices: UserChoices
  private let layout: RowLayout
  private let survey: UserSurvey

  init(_ source: RawSource, _ options: ReaderOptions) throws {
    dataset = options.name ?? "sequences"
    let choices = options.choices
    self.choices = choices
    let layout = RowLayout(options)
    self.layout = layout
    let found = source.entries(of: options).compactMap { entry in
      UserTable.format(of: entry).map { (entry, $0) }
    }
    // A table beside a README or a list of names is what is meant.
    let best = [.fasta, .json, .delimited, .lines].first { kind in found.contains { $0.1 == kind } }
    let taken = found.filter { $0.1 == best }
    guard !taken.isEmpty else {
      throw source.missing(options.files ?? "*.fasta, *.json, *.csv, *.tsv or *.txt", "sequences")
    }
    parts = taken.map(\.0)
    formats = taken.map(\.1)
    column = try Self.column(options, parts[0], formats[0], layout)
    let (parts, formats, column) = (parts, formats, column)
    var letters: Set<UInt8> = []
    var longest = 0
    var shortest = Int.max
    survey = try UserSurvey(
      choices, files: parts, place: source.path, skipsBadRows: options.skipsBadRecords
    ) { body in
      let wanted = try UserSurvey.columns(choices) + [column]
      for part in parts.indices {
        try UserTable.forEachRow(parts[part], formats[part], layout, columns: wanted) { row in
          guard let sequence = row.values.last!, !sequence.isEmpty else {
            let none = Failure(
              .badData, at: row.place, "expected a sequence in '\(column)', found none",
              remedy: Failure.skipRemedy)
            guard options.skipsBadRecords else { throw row.failure ?? none }
            return try body(part, row.failing(row.failure ?? none))
          }
          letters.formUnion(sequence)
          longest = max(longest, sequence.count)
          shortest = min(shortest, sequence.count)
          try body(part, row)
        }
      }
    }
    length = options.length ?? min(longest, Self.standardLength)
    alphabet = try Self.alphabet(options.alphabet, letters)
    tokens = Self.tokens(alphabet)
    recordBytes = length + (survey.labels.field?.byteCount ?? 0)
    notes =
      survey.notes + [
        "the first \(length) letters of sequences of \(shortest) to \(longest); shorter ones are"
          + " padded with id 0 ('\(alphabet[0])')"
      ]
  }

  private static func column(
    _ options: ReaderOptions, _ entry: RawEntry, _ format: UserTable.Format, _ layout: RowLayout
  ) throws -> String {
    let names = try UserTable.columns(entry, format, layout)
    if let given = options.sequence {
      guard names.contains(given) else { throw UserTable.noColumn(given, names, entry.place) }
      return given
    }
    guard let usual = [UserTable.sequence, "primary", "seq"].first(where: names.contains) else {
      throw Failure(
        .usage, at: entry.place,
        "expected a column sequence, primary or seq, found"
          + " \(names.prefix(12).joined(separator: ", "))",
        remedy: "Name the column of the sequences with --sequence.")
    }
    return usual
  }

  /// Letters by id: as given (id 0 pads), or padding and then what the data has, ascending.
  private static func alphabet(_ given: String?, _ found: Set<UInt8>) throws -> [String] {
    if let given {
      let letters = given.map { String($0) }
      guard given.utf8.count == letters.count, Set(letters).count == letters.count,
        letters.count >= 2
      else {
        throw Failure(
          .usage, at: "--alphabet", "expected two or more different ASCII letters, found '\(given)'"
        )
      }
      return letters
    }
    if let odd = found.first(where: { $0 >= 128 || $0 < 0x20 }) {
      throw Failure(
        .badData, at: "--dataset sequences", "expected ASCII letters, found the byte \(odd)")
    }
    return [padding] + found.sorted().map { String(decoding: [$0], as: UTF8.self) }
  }

  private static func tokens(_ alphabet: [String]) -> [UInt8] {
    var table = [UInt8](repeating: 255, count: 256)
    for (token, letter) in alphabet.enumerated() where letter.utf8.count == 1 {
      table[Int(letter.utf8.first!)] = UInt8(token)
    }
    return table
  }

  func decode(part: Int, share: RowShare, into sink: RecordSink) throws -> PartContents {
    let wanted = [column] + (choices.label.map { [$0] } ?? [])
    let count = try UserTable.forEachRow(
      parts[part], formats[part], layout, columns: wanted, progress: sink.hasRead
    ) { row in
      guard share.holds(row.number) else { return }
      try survey.attempt(part: part, row: row.number, into: sink) { try store(row, into: $0) }
    }
    return PartContents(rowCount: count)
  }

  private func store(_ row: UserRow, into record: UnsafeMutableRawPointer) throws {
    let letters = row.values[0]!
    for position in 0..<length {
      var token: UInt8 = 0
      if position < letters.count {
        token = tokens[Int(letters[position])]
        guard token < 255 else {
          throw Failure(
            .badData, at: row.place,
            "letter \(position): expected one of \(alphabet.joined()), found"
              + " '\(String(decoding: [letters[position]], as: UTF8.self))'")
        }
      }
      record.storeBytes(of: token, toByteOffset: position, as: UInt8.self)
    }
    if choices.label != nil { survey.labels.store(row.text(1)!, into: record + length) }
  }

  func splits(of contents: [PartContents]) throws -> [SplitPlan] {
    survey.splits.map { name, rows in
      SplitPlan(
        split: name,
        inputs: [
          InputDescription(
            kind: "tokens", shape: [length], patch: [1], vocabulary: alphabet.count,
            alphabet: alphabet)
        ],
        fields: [Field("input.0", .uint8, [length])] + [survey.labels.field].compactMap { $0 },
        task: survey.labels.task, transforms: [Transform()], content: .records(rows))
    }
  }
}
