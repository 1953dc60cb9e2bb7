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
  var tree: FileTree { files.tree }
  var tables: [RawEntry] { files.tables }
  let notes: [String]
  let recordBytes: Int
  var splitNames: [String]? { files.splitNames }
  private let files: UserTree
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
    let rows = try UserFiles(
      source, options, suffixes: Self.suffixes, what: "*.wav or *.flac", of: "audio")
    if choices.label == nil, options.pattern == nil, options.index == nil, rows.folderCount > 1 {
      choices.label = UserFiles.folder
    }
    files = try UserTree(rows, source, choices, skipsBadRows: options.skipsBadRecords)
    let tree = files.tree
    rate =
      try options.rate
      ?? files.first(skipping: options.skipsBadRecords) {
        try AudioFile.read($0, place: tree.place($1), keeping: 1).rate
      }
    let seconds = options.seconds ?? Self.standardSeconds
    shape = Self.shape(rate: rate, seconds: seconds)
    recordBytes = shape.byteCount
    mel = SharedLogMel(rate, shape)
    notes =
      files.survey.notes + [
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
    if let failure = files.survey.bad[row] { throw failure }
    let seconds = Double(shape.length) / Double(rate)
    // Enough of any rate up to 1 MHz; what a resampler needs behind the end is little.
    let most = Int(min(seconds + 0.1, 3600) * 1_000_000)
    let clip = try AudioFile.read(bytes, place: place, keeping: most, seconds: seconds + 0.1)
    mel.mel.compute(
      try Resampler.resample(clip.head, from: clip.rate, to: rate, place: place), into: record)
  }

  func splits(of contents: [PartContents]) throws -> [SplitPlan] {
    let shape = [1, shape.bands, shape.frames]
    return files.survey.splits.map { name, rows in
      SplitPlan(
        split: name, inputs: [InputDescription(kind: "image", shape: shape, patch: [8, 8])],
        fields: [Field("input.0", .float32, shape)] + [files.survey.labels.field].compactMap { $0 },
        task: files.survey.labels.task, transforms: [Transform()], isNormalised: true,
        content: .records(rows), columns: rows.flatMap(files.label))
    }
  }
}
