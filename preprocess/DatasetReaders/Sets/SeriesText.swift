// Sensor recordings as PAMAP2 writes them (datasets.md section 4): one text file a subject; each line a time, an
// activity id and one value a channel, separated by spaces; missing values are NaN.

import Basics
import Glibc
import ShardFormat

/// One subject's file as rows of channels.
struct SeriesText {
  let place: String
  let channels: Int
  /// One a line.
  private(set) var activities: [Int] = []
  /// Rows of channels.
  private(set) var values: [Double] = []

  /// Reads the whole file.
  /// - Throws: badData with file and line for a wrong number of columns, a word that is no number, an activity that
  ///   is no whole number.
  init(_ entry: RawEntry, channels: Int, progress: (Int) -> Void = { _ in }) throws {
    place = entry.place
    self.channels = channels
    let lines = try LineReader(entry)
    if let size = entry.size { values.reserveCapacity(size / 7) }
    var reported = 0
    while let line = try lines.next() {
      if line.allSatisfy({ $0 == 0x20 }) { continue }
      try read(line, number: lines.number)
      if lines.consumed - reported > 1 << 20 {
        progress(lines.consumed - reported)
        reported = lines.consumed
      }
    }
    progress(lines.consumed - reported)
  }

  /// Columns of the first line.
  static func columnCount(_ entry: RawEntry) throws -> Int {
    let lines = try LineReader(entry)
    guard let line = try lines.next() else {
      throw Failure(.badData, at: entry.place, "expected lines of numbers, found an empty file")
    }
    return withExtendedLifetime(lines) { fields(line).count }
  }

  private static func fields(_ line: UnsafeBufferPointer<UInt8>) -> [Slice<
    UnsafeBufferPointer<UInt8>
  >] {
    line.split { $0 == 0x20 || $0 == 0x09 }
  }

  private mutating func read(_ line: UnsafeBufferPointer<UInt8>, number: Int) throws {
    guard let base = line.baseAddress else { return }
    var column = 0
    var i = 0
    while true {
      while i < line.count, base[i] == 0x20 || base[i] == 0x09 { i += 1 }
      if i == line.count { break }
      if column == channels + 2 {
        column = Self.fields(line).count
        break
      }
      let (value, length) = DecimalText.number(at: base + i)
      i += length
      guard length > 0, i == line.count || base[i] == 0x20 || base[i] == 0x09 else {
        throw Failure(
          .badData, at: "\(place), line \(number)",
          "column \(column + 1): expected a number, found '\(Self.word(line, column))'")
      }
      if column == 1 {
        guard value == value.rounded(), value >= 0, value <= 1_000_000 else {
          throw Failure(
            .badData, at: "\(place), line \(number)",
            "column 2: expected an activity id, found '\(Self.word(line, 1))'")
        }
        activities.append(Int(value))
      } else if column > 1 {
        values.append(value)
      }
      column += 1
    }
    guard column == channels + 2 else {
      throw Failure(
        .badData, at: "\(place), line \(number)",
        "expected \(channels + 2) columns, found \(column)")
    }
  }

  private static func word(_ line: UnsafeBufferPointer<UInt8>, _ column: Int) -> String {
    String(decoding: fields(line)[column].prefix(40), as: UTF8.self)
  }

  /// Fills NaN as pandas' `interpolate` does: linear in the line number between valid values, the last valid value
  /// after the last, nothing before the first.
  mutating func interpolate() {
    let rows = activities.count
    let channels = self.channels
    values.withUnsafeMutableBufferPointer { values in
      for channel in 0..<channels {
        Self.interpolate(values.baseAddress! + channel, count: rows, stride: channels)
      }
    }
  }

  static func interpolate(_ column: UnsafeMutablePointer<Double>, count: Int, stride: Int) {
    var last = -1
    var i = 0
    while i < count {
      let value = column[i * stride]
      if !value.isNaN {
        if last >= 0, i - last > 1 {
          let before = column[last * stride]
          let slope = (value - before) / Double(i - last)
          for k in (last + 1)..<i { column[k * stride] = slope * Double(k - last) + before }
        }
        last = i
      }
      i += 1
    }
    guard last >= 0, last < count - 1 else { return }
    for k in (last + 1)..<count { column[k * stride] = column[last * stride] }
  }

  /// Writes the rows of each activity, activity after activity, as float32; activity 0 and whatever is no longer than
  /// a window is left out.
  ///
  /// - Parameter used: the activities that count, ascending; nil: all but 0.
  /// - Throws: badData where a value of a used activity is still missing.
  func write(window: Int, used: [Int]?, into sink: RecordSink) throws -> PartContents {
    var contents = PartContents(rowCount: 0)
    contents.activities = Set(activities).sorted()
    var rowsOf: [Int: [Int]] = [:]
    for (row, activity) in activities.enumerated() { rowsOf[activity, default: []].append(row) }
    for activity in used ?? contents.activities.filter({ $0 != 0 }) {
      guard let rows = rowsOf[activity], rows.count > window else { continue }
      for row in rows {
        let target = try sink.record(contents.rowCount).assumingMemoryBound(to: Float.self)
        for channel in 0..<channels {
          let value = values[row * channels + channel]
          guard !value.isNaN else {
            throw Failure(
              .badData, at: "\(place), line \(row + 1)",
              "column \(channel + 3) has no value in activity \(activity) and none before it to"
                + " interpolate from")
          }
          target[channel] = Float(value)
        }
        contents.rowCount += 1
      }
      contents.segments.append(.init(activity: activity, rowCount: rows.count))
    }
    return contents
  }
}

/// The splits of a windowed set: by subject; pretraining and training from the same subjects.
struct WindowedSplits {
  let input: InputDescription
  let activities: [(id: Int, name: String)]
  let window: Int
  let windowsPerEpoch: (train: Int, test: Int)
  let isNormalised: Bool

  /// - Parameters:
  ///   - subjects: name and contents of each part, in part order.
  ///   - isTest: which of them are tested on.
  /// - Throws: badData when a split has no segment longer than a window.
  func plans(_ subjects: [(name: String, contents: PartContents)], isTest: (String) -> Bool)
    throws -> [SplitPlan]
  {
    var segments: (train: [SplitPlan.SegmentPlan], test: [SplitPlan.SegmentPlan]) = ([], [])
    let classes = Dictionary(uniqueKeysWithValues: activities.enumerated().map { ($1.id, $0) })
    var row = 0
    for (name, contents) in subjects {
      for segment in contents.segments {
        let plan = SplitPlan.SegmentPlan(
          firstRow: row, rowCount: segment.rowCount, label: classes[segment.activity]!, group: name)
        if isTest(name) { segments.test.append(plan) } else { segments.train.append(plan) }
        row += segment.rowCount
      }
    }
    for (split, found) in [("train", segments.train), ("test", segments.test)] where found.isEmpty {
      throw Failure(
        .badData, at: split,
        "expected activities with more than \(window) rows, found none among its subjects",
        remedy: "Choose a smaller --window.")
    }
    let draws = Sampling.PrecedingDraws(
      rowCounts: segments.train.map(\.rowCount), count: windowsPerEpoch.train)
    return [
      plan("pretrain", segments.train, windowsPerEpoch.train, fixed: false),
      plan("train", segments.train, windowsPerEpoch.train, fixed: true),
      plan("test", segments.test, windowsPerEpoch.test, fixed: true, preceding: [draws]),
    ]
  }

  private func plan(
    _ split: String, _ segments: [SplitPlan.SegmentPlan], _ perEpoch: Int, fixed: Bool,
    preceding: [Sampling.PrecedingDraws] = []
  ) -> SplitPlan {
    SplitPlan(
      split: split, inputs: [input], fields: [Field("input.0", .float32, [input.shape[0]])],
      task: TaskDescription(
        kind: "classes", classes: activities.count, names: activities.map(\.name),
        metric: "accuracy"),
      transforms: [Transform()], isNormalised: isNormalised,
      content: .windows(
        segments,
        Sampling(length: window, perEpoch: perEpoch, fixed: fixed, preceding: preceding)))
  }
}
