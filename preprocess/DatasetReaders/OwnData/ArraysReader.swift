// --dataset npz: the user's own numpy arrays, rows first: images, series or tokens, one input or several, with labels
// and groups in arrays beside them. Read as a stream: no more than a row of each is in memory.

import Basics
import ShardFormat

struct ArraysReader: DatasetReader {
  let dataset: String
  let parts: [RawEntry]
  let recordBytes: Int
  let partsAreDivisible = true
  let canSkipRecords = true
  let decodedShare = 1.0
  let notes: [String]
  var splitNames: [String]? { survey.splits.map(\.name) }
  private let groups: [ArrayGroup]
  private let inputs: [ArrayInput]
  private let fields: [Field]
  private let vocabularies: [Int]
  private let choices: UserChoices
  private let survey: UserSurvey
  private let normalises: Bool

  init(_ source: RawSource, _ options: ReaderOptions) throws {
    dataset = options.name ?? "npz"
    let choices = options.choices
    self.choices = choices
    let groups = try UserArrays.groups(source, options)
    let names = try options.inputs ?? [Self.usualInput(groups[0], choices)]
    let inputs = try Self.inputs(names, groups, options)
    (self.groups, self.inputs) = (groups, inputs)
    parts = try groups.map { try $0.entry(names[0]) }
    normalises = options.normalises
    var largest = [Int](repeating: 0, count: inputs.count)
    let special = try UserSurvey.columns(choices)
    let parts = parts
    survey = try UserSurvey(
      choices, files: parts, place: source.path, skipsBadRows: options.skipsBadRecords
    ) { body in
      for (part, group) in groups.enumerated() {
        let columns = try special.map { try ArrayColumn(NPYRows(group.entry($0))) }
        let tokens = try inputs.map { $0.isTokens ? try NPYRows(group.entry($0.name)) : nil }
        let first = try NPYRows(group.entry(names[0]))
        for number in 0..<first.header.shape[0] {
          for (k, rows) in tokens.enumerated() {
            guard let rows, let row = try rows.next() else { continue }
            for i in 0..<inputs[k].count {
              let id = inputs[k].type.integer(row, at: i * inputs[k].type.size)!
              // Ids that no table of rows can hold are refused when they are stored.
              if (0..<(1 << 24)).contains(id) { largest[k] = max(largest[k], id) }
            }
          }
          let values = try columns.map { try $0.next() }
          try body(
            part, UserRow(number: number, values: values, place: "\(first.place), row \(number)"))
        }
      }
    }
    vocabularies = zip(inputs, largest).map { $0.isTokens ? $1 + 1 : 0 }
    fields = zip(inputs, vocabularies).enumerated().map { k, input in
      Field("input.\(k)", Self.stored(input.0, vocabulary: input.1), input.0.shape)
    }
    recordBytes =
      fields.reduce(0) { $0 + $1.byteCount } + (survey.labels.field?.byteCount ?? 0)
    notes =
      survey.notes
      + inputs.map { input in
        let shape = input.shape.map { String($0) }.joined(separator: " x ")
        return "array '\(input.name)': \(input.kind) \(shape)"
          + (input.channelsLast ? ", channels last in the file" : "")
      }
  }

  private static func stored(_ input: ArrayInput, vocabulary: Int) -> ElementType {
    if input.isTokens {
      return vocabulary <= 256 ? .uint8 : vocabulary <= 65_536 ? .uint16 : .int32
    }
    switch (input.type.kind, input.type.size) {
    case ("u", 1), ("b", 1): return .uint8
    case ("u", 2): return .uint16
    default: return .float32
    }
  }

  private static func usualInput(_ group: ArrayGroup, _ choices: UserChoices) throws -> String {
    let names = group.entries.keys.sorted()
    if let usual = ArrayInput.usualNames.first(where: names.contains) { return usual }
    let special = try UserSurvey.columns(choices)
    let others = names.filter { !special.contains($0) }
    guard others.count == 1 else {
      throw Failure(
        .usage, at: group.entries.values.first!.place,
        "expected one array besides labels and groups, or one called x or data, found"
          + " \(names.joined(separator: ", "))", remedy: "Name it with --input.")
    }
    return others[0]
  }

  /// The inputs as the first part has them; every part must agree, and all arrays must have as many rows.
  private static func inputs(
    _ names: [String], _ groups: [ArrayGroup], _ options: ReaderOptions
  ) throws -> [ArrayInput] {
    let kinds = options.kinds ?? []
    guard kinds.isEmpty || kinds.count == names.count else {
      throw Failure(
        .usage, at: "--kind", "expected \(names.count) kinds, one an input, found \(kinds.count)")
    }
    var inputs: [ArrayInput] = []
    let special = try UserSurvey.columns(options.choices)
    for (part, group) in groups.enumerated() {
      var rowCount: Int?
      for (k, name) in (names + special).enumerated() {
        let rows = try NPYRows(group.entry(name))
        guard rowCount == nil || rowCount == rows.header.shape[0] else {
          throw Failure(
            .badData, at: rows.place,
            "expected \(rowCount!) rows as '\(names[0])' has, found \(rows.header.shape[0])")
        }
        rowCount = rows.header.shape[0]
        guard k < names.count else { continue }
        let input = try ArrayInput(
          name, rows.header, kind: kinds.isEmpty ? nil : kinds[k],
          channelsLast: options.channelsLast, place: rows.place)
        if part == 0 {
          inputs.append(input)
        } else if input.shape != inputs[k].shape || input.type != inputs[k].type {
          throw Failure(
            .badData, at: rows.place,
            "expected rows of shape \(inputs[k].shape) and one type in all parts, found"
              + " \(input.shape) of \(input.type.kind)\(input.type.size)")
        }
      }
    }
    return inputs
  }

  func decode(part: Int, share: RowShare, into sink: RecordSink) throws -> PartContents {
    let group = groups[part]
    let streams = try inputs.map { try NPYRows(group.entry($0.name)) }
    let labels = try choices.label.map { try ArrayColumn(NPYRows(group.entry($0))) }
    let count = streams[0].header.shape[0]
    var reported = 0
    for number in 0..<count {
      let rows = try streams.map { try $0.next()! }
      let label = try labels?.next()
      if share.holds(number) {
        try survey.attempt(part: part, row: number, into: sink) { record in
          var place = record
          for k in inputs.indices {
            try store(k, rows[k], at: "\(streams[k].place), row \(number)", into: place)
            place += fields[k].byteCount
          }
          if let label { survey.labels.store(String(decoding: label, as: UTF8.self), into: place) }
        }
      }
      if streams[0].consumed - reported > 1 << 20 {
        sink.hasRead(streams[0].consumed - reported)
        reported = streams[0].consumed
      }
    }
    return PartContents(rowCount: count)
  }

  private func store(
    _ k: Int, _ row: UnsafeRawBufferPointer, at place: String,
    into record: UnsafeMutableRawPointer
  ) throws {
    let (input, field) = (inputs[k], fields[k])
    let size = input.type.size
    for i in 0..<input.count {
      let from = input.source(of: i) * size
      switch field.type {
      case .float32:
        let value = Float(input.type.number(row, at: from)!)
        guard value.isFinite else {
          throw Failure(
            .badData, at: place, "element \(i): expected a finite number, found \(value)",
            remedy: Failure.skipRemedy)
        }
        record.storeBytes(of: value, toByteOffset: 4 * i, as: Float.self)
      default:
        let value = input.type.integer(row, at: from)!
        guard !input.isTokens || (0..<vocabularies[k]).contains(value) else {
          throw Failure(
            .badData, at: place,
            "element \(i): expected an id of 0 to \(vocabularies[k] - 1), found \(value)",
            remedy: Failure.skipRemedy)
        }
        for b in 0..<field.type.byteCount {
          record.storeBytes(
            of: UInt8(truncatingIfNeeded: value >> (8 * b)),
            toByteOffset: field.type.byteCount * i + b, as: UInt8.self)
        }
      }
    }
  }

  func splits(of contents: [PartContents]) throws -> [SplitPlan] {
    survey.splits.map { name, rows in
      SplitPlan(
        split: name,
        inputs: zip(inputs, vocabularies).map {
          InputDescription(kind: $0.kind, shape: $0.shape, patch: $0.patch, vocabulary: $1)
        },
        fields: fields + [survey.labels.field].compactMap { $0 }, task: survey.labels.task,
        transforms: zip(inputs, fields).map { input, field in
          switch (input.kind, field.type) {
          case ("image", .uint8): Transform(scale: [1 / 255])
          case ("image", .uint16): Transform(scale: [1 / 65_535])
          default: Transform()
          }
        }, isNormalised: normalises, content: .records(rows))
    }
  }
}

/// An array of one value a row as texts: labels, groups.
private struct ArrayColumn {
  private let rows: NPYRows

  /// - Throws: badData for more than one value a row.
  init(_ rows: NPYRows) throws {
    self.rows = rows
    guard rows.elementCount == 1 else {
      throw Failure(
        .badData, at: rows.place, "expected one value a row, found shape \(rows.header.shape)")
    }
  }

  /// nil for a missing value.
  func next() throws -> [UInt8]? {
    guard let row = try rows.next(), let text = rows.header.type.text(row, at: 0) else {
      return nil
    }
    return UserTable.missing.contains(text) ? nil : text
  }
}
