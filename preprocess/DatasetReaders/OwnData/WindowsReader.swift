// --dataset series: the user's own recordings, a row for each moment: tables of text or .npy files. Windows of rows
// that follow each other with one label and group become samples, a channel a column. PAMAP2's layout: SeriesReader.

import Basics
import ShardFormat

struct WindowsReader: DatasetReader {
  static let standardWindow = 320

  let dataset: String
  let parts: [RawEntry]
  let recordBytes: Int
  let partsAreDivisible = false
  let canSkipRecords = true
  let decodedShare = 0.7
  let notes: [String]
  var splitNames: [String]? { survey.splits.map(\.name) }
  private let recordings: Recordings
  private let window: Int
  private let stride: Int
  private let choices: UserChoices
  private let survey: UserSurvey
  private let normalises: Bool

  init(_ source: RawSource, _ options: ReaderOptions) throws {
    for option in ["per-epoch", "test-subjects"] where options.given.contains(option) {
      throw Failure(
        .usage, at: "--\(option)", "belongs to --format pamap2, found --dataset series without it",
        remedy: "Windows follow from --window and --stride, the test part from --test.")
    }
    dataset = options.name ?? "series"
    window = options.window ?? Self.standardWindow
    stride = options.stride ?? window
    normalises = options.normalises
    let choices = options.choices
    self.choices = choices
    recordings = try Recordings(source, options)
    parts = recordings.files
    let (recordings, window, stride) = (recordings, window, stride)
    survey = try UserSurvey(
      choices, files: recordings.files, place: source.path, skipsBadRows: options.skipsBadRecords
    ) { body in
      for part in recordings.files.indices {
        var cutter = WindowCutter(window: window, stride: stride)
        var number = 0
        try recordings.forEachRow(part, withValues: false) { moment in
          guard cutter.ends(moment) else { return }
          try body(part, UserRow(number: number, values: cutter.key!, place: moment.place))
          number += 1
        }
      }
    }
    recordBytes =
      4 * recordings.channels.count * window + (survey.labels.field?.byteCount ?? 0)
    notes =
      survey.notes + [
        "windows of \(window) rows, \(stride) apart, each of one file"
          + (recordings.special.isEmpty
            ? "" : " and one \(recordings.special.joined(separator: ", "))"),
        "channels: \(recordings.channels.joined(separator: ", "))",
        "missing values are interpolated within a window, at its ends the nearest is repeated",
      ]
  }

  func decode(part: Int, share: RowShare, into sink: RecordSink) throws -> PartContents {
    let channels = recordings.channels.count
    var cutter = WindowCutter(window: window, stride: stride)
    var number = 0
    // The last `window` rows, row r in place r modulo the window; and why a row is bad.
    var ring = [Double](repeating: .nan, count: window * channels)
    var problems = [Failure?](repeating: nil, count: window)
    var row = 0
    try recordings.forEachRow(part, withValues: true, progress: sink.hasRead) { moment in
      let place = row % window
      for channel in 0..<channels { ring[place * channels + channel] = moment.values[channel] }
      problems[place] = moment.failure
      row += 1
      guard cutter.ends(moment) else { return }
      if share.holds(number) {
        try survey.attempt(part: part, row: number, into: sink) { record in
          if let problem = problems.lazy.compactMap({ $0 }).first { throw problem }
          try store(ring, from: row % window, at: moment.place, into: record)
          if choices.label != nil {
            survey.labels.store(
              String(decoding: cutter.key![0]!, as: UTF8.self),
              into: record + 4 * channels * window)
          }
        }
      }
      number += 1
    }
    return PartContents(rowCount: number)
  }

  /// Channels after each other, each `window` values, missing ones filled.
  private func store(
    _ ring: [Double], from first: Int, at place: String, into record: UnsafeMutableRawPointer
  ) throws {
    let channels = recordings.channels.count
    var line = [Double](repeating: 0, count: window)
    for channel in 0..<channels {
      for step in 0..<window { line[step] = ring[(first + step) % window * channels + channel] }
      guard let known = line.firstIndex(where: { !$0.isNaN }) else {
        throw Failure(
          .badData, at: place,
          "expected a value of '\(recordings.channels[channel])' in the \(window) rows up to here,"
            + " found none",
          remedy: "Leave the column out with --drop, or "
            + Failure.skipRemedy.lowercased())
      }
      for step in 0..<known { line[step] = line[known] }
      line.withUnsafeMutableBufferPointer {
        SeriesText.interpolate($0.baseAddress!, count: window, stride: 1)
      }
      for step in 0..<window {
        record.storeBytes(
          of: Float(line[step]), toByteOffset: 4 * (channel * window + step), as: Float.self)
      }
    }
  }

  func splits(of contents: [PartContents]) throws -> [SplitPlan] {
    let shape = [recordings.channels.count, window]
    return survey.splits.map { name, rows in
      SplitPlan(
        split: name,
        inputs: [
          InputDescription(kind: "series", shape: shape, patch: [SeriesReader.patch(window)])
        ],
        fields: [Field("input.0", .float32, shape)] + [survey.labels.field].compactMap { $0 },
        task: survey.labels.task, transforms: [Transform()], isNormalised: normalises,
        content: .records(rows))
    }
  }
}

/// Where windows end: in a run of rows with one key, after `window` rows and each `stride` further.
private struct WindowCutter {
  let window: Int
  let stride: Int
  /// Of the run: the values of label, group and what is tested on.
  private(set) var key: [[UInt8]?]?
  private var count = 0

  init(window: Int, stride: Int) { (self.window, self.stride) = (window, stride) }

  /// Whether a window ends with this row. A bad row belongs to the run that it stands in; one without label or group
  /// ends the run and belongs to none.
  mutating func ends(_ moment: Moment) -> Bool {
    if !moment.isTorn, key != moment.key {
      (key, count) = (moment.key, 0)
    }
    guard let key, !key.contains(where: { $0 == nil }) else { return false }
    count += 1
    return count >= window && (count - window) % stride == 0
  }
}
