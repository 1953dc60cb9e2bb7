// series --format pamap2: any sensor recordings in PAMAP2's text layout. Channels and activities come from the files: the channels are
// the columns after time and activity, the classes the ids other than 0, ascending. Each channel is normalised by the
// training part's mean and deviation unless told otherwise.

import Basics
import ShardFormat

struct SeriesReader: DatasetReader {
  private static let options: Set<String> = [
    "format", "name", "window", "per-epoch", "test-subjects", "no-normalise",
  ]

  let dataset: String
  let parts: [RawEntry]
  let recordBytes: Int
  let partsAreDivisible = false
  let decodedShare = 0.6
  let notes: [String]
  private let channels: Int
  private let subjects: [Int]
  private let testSubjects: Set<Int>
  private let window: Int
  private let perEpoch: Int
  private let normalises: Bool

  init(_ source: RawSource, _ options: ReaderOptions) throws {
    guard options.format == "pamap2" else {
      throw Failure(
        .usage, at: "--format",
        "expected pamap2, found \(options.format.map { "'\($0)'" } ?? "nothing")",
        remedy: "Without --format, --dataset series reads tables and .npy files.")
    }
    if let option = options.given.first(where: { !Self.options.contains($0) }) {
      throw Failure(
        .usage, at: "--\(option)", "belongs to --dataset series without --format, found --format",
        remedy: "PAMAP2's layout has its own activities and subjects.")
    }
    dataset = options.name ?? "series"
    window = options.window ?? 320
    perEpoch = options.perEpoch ?? 50_000
    normalises = options.normalises
    var found: [Int: RawEntry] = [:]
    for entry in source.entries {
      let path = entry.name.split(separator: "/")
      guard !path.contains("Optional"), let subject = Self.subject(of: String(path.last!)),
        found[subject] == nil
      else { continue }
      found[subject] = entry
    }
    guard !found.isEmpty else { throw source.missing("subject*.dat", "series") }
    subjects = found.keys.sorted()
    parts = subjects.map { found[$0]! }
    testSubjects = try Self.tested(options.testSubjects, among: subjects)
    let columns = try SeriesText.columnCount(parts[0])
    guard columns >= 3 else {
      throw Failure(
        .badData, at: "\(parts[0].place), line 1",
        "expected a time, an activity id and at least one channel, found \(columns) columns")
    }
    channels = columns - 2
    recordBytes = 4 * channels
    notes = ["NaN are interpolated in the line number"]
  }

  private static func subject(of file: String) -> Int? {
    guard file.hasPrefix("subject"), file.hasSuffix(".dat") else { return nil }
    return Int(file.dropFirst("subject".count).dropLast(".dat".count))
  }

  private static func tested(_ given: [Int]?, among subjects: [Int]) throws -> Set<Int> {
    let list = subjects.map { String($0) }.joined(separator: ", ")
    guard let given, !given.isEmpty else {
      throw Failure(
        .usage, at: "metamae-prep build-shards", "--test-subjects LIST is needed",
        remedy: "The files have the subjects \(list).")
    }
    if let stranger = given.first(where: { !subjects.contains($0) }) {
      throw Failure(
        .usage, at: "--test-subjects", "expected subjects of the files (\(list)), found \(stranger)"
      )
    }
    guard Set(given).count < subjects.count else {
      throw Failure(
        .usage, at: "--test-subjects", "expected some subjects left to train on, found none")
    }
    return Set(given)
  }

  func decode(part: Int, share: RowShare, into sink: RecordSink) throws -> PartContents {
    var text = try SeriesText(parts[part], channels: channels, progress: sink.hasRead)
    text.interpolate()
    return try text.write(window: window, used: nil, into: sink)
  }

  func splits(of contents: [PartContents]) throws -> [SplitPlan] {
    let ids = Set(contents.flatMap(\.activities)).subtracting([0]).sorted()
    let splits = WindowedSplits(
      input: InputDescription(
        kind: "series", shape: [channels, window], patch: [Self.patch(window)]),
      activities: ids.map { ($0, String($0)) }, window: window,
      windowsPerEpoch: (perEpoch, (perEpoch + 4) / 5), isNormalised: normalises)
    let tested = Set(testSubjects.map { String($0) })
    return try splits.plans(
      zip(subjects, contents).map { (String($0), $1) }, isTest: tested.contains)
  }

  /// Rows to a token: PAMAP2 has 64 tokens of 5; here the divisor of the window nearest to that.
  static func patch(_ window: Int) -> Int {
    (1...window).filter { window % $0 == 0 }.min { abs($0 - 5) < abs($1 - 5) }!
  }
}
