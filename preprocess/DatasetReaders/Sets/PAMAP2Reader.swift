// pamap2: datasets.md section 4. Twelve activities, 52 channels (heart rate, then hand, chest and ankle of 17 each),
// windows of 320 rows at 100 Hz, no normalisation. Subjects 105 and 106 are tested on.

import Basics
import ShardFormat

struct PAMAP2Reader: DatasetReader {
  static let activities: [(id: Int, name: String)] = [
    (1, "lying"), (2, "sitting"), (3, "standing"), (4, "walking"), (5, "running"), (6, "cycling"),
    (7, "Nordic walking"), (12, "ascending stairs"), (13, "descending stairs"),
    (16, "vacuum cleaning"), (17, "ironing"), (24, "rope jumping"),
  ]
  static let trainingSubjects = [101, 102, 103, 104, 107, 108, 109]
  static let testSubjects = [105, 106]
  static let channels = 52
  static let window = 320

  let dataset = "pamap2"
  let parts: [RawEntry]
  let recordBytes = 4 * PAMAP2Reader.channels
  let partsAreDivisible = false
  let decodedShare = 0.6
  let notes = ["subjects 105 and 106 are the test part; NaN are interpolated in the line number"]
  private let subjects = PAMAP2Reader.trainingSubjects + PAMAP2Reader.testSubjects

  init(_ source: RawSource) throws {
    let names = subjects.map { "subject\($0).dat" }
    let found = source.find(names, under: "Protocol")
    parts = try names.map { name in
      guard let entry = found[name] else {
        throw source.missing("Protocol/\(name)", "pamap2")
      }
      return entry
    }
  }

  func decode(part: Int, share: RowShare, into sink: RecordSink) throws -> PartContents {
    var text = try SeriesText(parts[part], channels: Self.channels, progress: sink.hasRead)
    text.interpolate()
    return try text.write(window: Self.window, used: Self.activities.map(\.id), into: sink)
  }

  func splits(of contents: [PartContents]) throws -> [SplitPlan] {
    let splits = WindowedSplits(
      input: InputDescription(kind: "series", shape: [Self.channels, Self.window], patch: [5]),
      activities: Self.activities, window: Self.window, windowsPerEpoch: (50_000, 10_000),
      isNormalised: false)
    let tested = Set(Self.testSubjects.map { String($0) })
    return try splits.plans(
      zip(subjects, contents).map { (String($0), $1) }, isTest: tested.contains)
  }
}
