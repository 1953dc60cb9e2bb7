// --dataset table: the user's own table, CSV or TSV with a line of names. Numbers are standardised with the training
// part's mean and deviation, categories become a number each, missing values the mean and a mark. One token a number.

import Basics
import ShardFormat

struct TableReader: DatasetReader {
  let dataset: String
  let parts: [RawEntry]
  let recordBytes: Int
  let partsAreDivisible = true
  let canSkipRecords = true
  let decodedShare = 1.5
  let notes: [String]
  var splitNames: [String]? { survey.splits.map(\.name) }
  private let columns: [TableColumn]
  private let width: Int
  private let choices: UserChoices
  private let layout: RowLayout
  private let survey: UserSurvey

  init(_ source: RawSource, _ options: ReaderOptions) throws {
    dataset = options.name ?? "table"
    let choices = options.choices
    self.choices = choices
    let layout = RowLayout(options)
    self.layout = layout
    let parts = source.entries(of: options).filter {
      UserTable.format(of: $0) == .delimited || options.files != nil
    }
    guard !parts.isEmpty else { throw source.missing(options.files ?? "*.csv or *.tsv", "table") }
    self.parts = parts
    let all = try UserTable.columns(parts[0], .delimited, layout)
    let special = try UserSurvey.columns(choices)
    for name in special + options.drop where !all.contains(name) {
      throw UserTable.noColumn(name, all, parts[0].place)
    }
    let names = all.filter { !special.contains($0) && !options.drop.contains($0) && !$0.isEmpty }
    guard !names.isEmpty else {
      throw Failure(
        .usage, at: parts[0].place, "expected a column besides label and groups, found none")
    }
    var table = TableSurvey(names)
    let survey = try UserSurvey(
      choices, files: parts, place: source.path, skipsBadRows: options.skipsBadRecords
    ) { body in
      for part in parts.indices {
        try UserTable.forEachRow(parts[part], .delimited, layout, columns: special + names) { row in
          let isWhole = row.failure == nil && row.values[..<special.count].allSatisfy { $0 != nil }
          if isWhole || !options.skipsBadRecords { table.look(row.values[special.count...]) }
          try body(part, row)
        }
      }
    }
    self.survey = survey
    var number = 0
    for part in parts {
      try UserTable.forEachRow(part, .delimited, layout, columns: names) { row in
        if !survey.isTest[number], survey.bad[number] == nil { table.learn(row.values[...]) }
        number += 1
      }
    }
    columns = try table.columns(source.path)
    width = columns.reduce(0) { $0 + $1.width }
    recordBytes = 4 * width + (survey.labels.field?.byteCount ?? 0)
    notes =
      survey.notes + [
        "numbers: " + columns.flatMap(\.features).joined(separator: ", "),
        "standardised with the training part's: "
          + columns.filter { $0.kind == .numeric }.map {
            "\($0.name) mean \($0.mean) deviation \($0.deviation)"
          }.joined(separator: ", "),
      ]
  }

  func decode(part: Int, share: RowShare, into sink: RecordSink) throws -> PartContents {
    let wanted = columns.map(\.name) + (choices.label.map { [$0] } ?? [])
    let count = try UserTable.forEachRow(
      parts[part], .delimited, layout, columns: wanted, progress: sink.hasRead
    ) { row in
      guard share.holds(row.number) else { return }
      try survey.attempt(part: part, row: row.number, into: sink) { store(row, into: $0) }
    }
    return PartContents(rowCount: count)
  }

  private func store(_ row: UserRow, into record: UnsafeMutableRawPointer) {
    var place = 0
    for (column, value) in zip(columns, row.values) {
      column.store(value, into: record + 4 * place)
      place += column.width
    }
    if choices.label != nil {
      survey.labels.store(row.text(columns.count)!, into: record + 4 * width)
    }
  }

  func splits(of contents: [PartContents]) throws -> [SplitPlan] {
    survey.splits.map { name, rows in
      SplitPlan(
        split: name,
        inputs: [InputDescription(kind: "series", shape: [1, width], patch: [1])],
        fields: [Field("input.0", .float32, [1, width])]
          + [survey.labels.field].compactMap { $0 },
        task: survey.labels.task, transforms: [Transform()], content: .records(rows))
    }
  }
}
