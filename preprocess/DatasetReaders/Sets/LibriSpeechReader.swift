// libri-speech: datasets.md section 8.3. Pretraining on the training subsets, transfer on dev-clean's speakers, an 80/20
// cut of each speaker's utterances. Other subsets, or a part of them, by --subsets.

import Basics
import ShardFormat

struct LibriSpeechReader: FileTreeReader {
  static let pretraining = ["train-clean-100", "train-clean-360", "train-other-500"]
  static let transfer = ["dev-clean"]
  private static let all =
    pretraining + transfer + ["dev-other", "test-clean", "test-other"]

  let dataset = "libri-speech"
  let tree: FileTree
  let recordBytes = LogMel.byteCount
  let splitNames: [String]?
  let notes: [String]
  /// Rows of each split; pretraining first in the tree.
  private let rows: (pretrain: [Int32], train: [Int32], test: [Int32])
  private let isTested: [Bool]
  private let labels: [UInt16]
  private let speakers: [Int]
  private let decoder = SpeechDecoder()

  private struct Utterance {
    let entry: Int32
    let stem: String
    let speaker: Int
  }

  init(_ source: RawSource, _ options: ReaderOptions) throws {
    let found = Self.utterances(source)
    let wanted = try Self.wanted(options.subsets)
    for subset in wanted.pretraining + wanted.transfer where found[subset] == nil {
      guard options.subsets != nil || wanted.transfer == [subset] else { continue }
      throw Self.missing(subset, source, found)
    }
    let pretraining = wanted.pretraining.flatMap { found[$0] ?? [] }
    guard !pretraining.isEmpty || options.subsets != nil else {
      throw Self.missing(wanted.pretraining[0], source, found)
    }
    // The list of stems in string order, over all transfer subsets.
    let transfer = wanted.transfer.flatMap { found[$0] ?? [] }.sorted(by: Self.precedes)
    tree = FileTree(
      listing: source.entries, entries: (pretraining + transfer).map(\.entry), name: "LibriSpeech")
    let first = pretraining.count
    let speakers = Set(transfer.map(\.speaker)).sorted()
    self.speakers = speakers
    let cut = Self.cut(transfer.map(\.speaker), speakers)
    rows = (
      (0..<Int32(first)).map { $0 }, cut.train.map { $0 + Int32(first) },
      cut.test.map { $0 + Int32(first) }
    )
    var isTested = [Bool](repeating: false, count: tree.count)
    for row in rows.test { isTested[Int(row)] = true }
    self.isTested = isTested
    labels =
      [UInt16](repeating: 0, count: first)
      + transfer.map { UInt16(speakers.firstIndex(of: $0.speaker)!) }
    splitNames =
      (pretraining.isEmpty ? [] : ["pretrain"]) + (transfer.isEmpty ? [] : ["train", "test"])
    let used = wanted.pretraining.filter { found[$0] != nil }
    notes =
      [
        "pretrain: \(used.joined(separator: ", ")); train, test: \(wanted.transfer.joined(separator: ", "))"
      ]
      + [
        "of a clip longer than \(LogMel.length) samples a record for training shows the first or the last"
          + " of them, by a coin; one to test on the first"
      ]
  }

  /// Flac files, or WAV files of the same names, by subset, in ascending byte order of the stems.
  private static func utterances(_ source: RawSource) -> [String: [Utterance]] {
    var found: [String: [Utterance]] = [:]
    for entry in source.entries.indices {
      let path = source.entries.name(at: entry).split(separator: "/")
      guard path.count >= 2, let file = path.last, let dot = file.lastIndex(of: "."),
        ["flac", "wav"].contains(file[dot...].dropFirst().lowercased()),
        let subset = path.dropLast().last(where: { all.contains(String($0)) })
      else { continue }
      let stem = String(file[..<dot])
      let words = stem.split(separator: "-")
      guard words.count == 3, let speaker = Int(words[0]) else { continue }
      found[String(subset), default: []].append(
        Utterance(entry: Int32(entry), stem: stem, speaker: speaker))
    }
    return found.mapValues { $0.sorted(by: precedes) }
  }

  private static func precedes(_ a: Utterance, _ b: Utterance) -> Bool {
    a.stem.utf8.lexicographicallyPrecedes(b.stem.utf8)
  }

  /// Subsets to pretrain on and to transfer to: those whose names begin with `train`, and the others.
  private static func wanted(_ subsets: [String]?) throws -> (
    pretraining: [String], transfer: [String]
  ) {
    guard let subsets else { return (pretraining, transfer) }
    for subset in subsets where !all.contains(subset) {
      throw Failure(
        .usage, at: "--subsets",
        "expected some of \(all.joined(separator: ", ")), found '\(subset)'",
        remedy: nearest(to: subset, among: all).map { "Did you mean \($0)?" })
    }
    return (
      all.filter { subsets.contains($0) && $0.hasPrefix("train") },
      all.filter { subsets.contains($0) && !$0.hasPrefix("train") }
    )
  }

  private static func missing(
    _ subset: String, _ source: RawSource, _ found: [String: [Utterance]]
  ) -> Failure {
    let there = all.filter { found[$0] != nil }
    return Failure(
      .missingInput, at: source.path,
      "expected LibriSpeech/\(subset)/<speaker>/<chapter>/*.flac, found"
        + " \(there.isEmpty ? "none" : "only \(there.joined(separator: ", "))")",
      remedy: there.isEmpty
        ? "The raw layout of libri-speech: metamae-prep list"
        : "Name the subsets to use: --subsets \(there.joined(separator: ","))")
  }

  /// For the speakers in ascending order: their places in the list shuffled, four fifths to train on.
  static func cut(_ speakerOf: [Int], _ speakers: [Int]) -> (train: [Int32], test: [Int32]) {
    var generator = MersenneTwister(numpySeed: 42)
    var places: [Int: [Int32]] = [:]
    for (place, speaker) in speakerOf.enumerated() {
      places[speaker, default: []].append(Int32(place))
    }
    var (train, test): ([Int32], [Int32]) = ([], [])
    for speaker in speakers {
      var own = places[speaker]!
      generator.shuffle(&own)
      let count = fourFifths(own.count)
      train += own[..<count]
      test += own[count...]
    }
    return (train, test)
  }

  func decode(_ bytes: UnsafeRawBufferPointer, row: Int, into record: UnsafeMutableRawPointer)
    throws
  {
    try decoder.store(
      bytes, at: tree.place(row), isTail: !isTested[row] && SpeechSet.showsTail(row), into: record)
  }

  func splits(of contents: [PartContents]) throws -> [SplitPlan] {
    let names = speakers.map { String($0) }
    let set = SpeechSet.libriSpeech
    var plans: [SplitPlan] = []
    if !rows.pretrain.isEmpty {
      plans.append(set.plan("pretrain", rows.pretrain, labels: nil, names: []))
    }
    if !rows.train.isEmpty || !rows.test.isEmpty {
      plans.append(set.plan("train", rows.train, labels: labels, names: names))
      plans.append(set.plan("test", rows.test, labels: labels, names: names))
    }
    return plans
  }
}
