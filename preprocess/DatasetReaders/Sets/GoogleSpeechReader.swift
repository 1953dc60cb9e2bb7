// google-speech: datasets.md section 8.6. Speech Commands v0.02. Without the references' leak of the test clips into the
// training part, unless --reference-leak asks for it.

import Basics
import ShardFormat

struct GoogleSpeechReader: LabelledSpeech {
  static let words = [
    "eight", "right", "happy", "three", "yes", "up", "no", "stop", "on", "four", "nine", "zero",
    "down", "go", "six", "two", "left", "five", "off", "seven", "one", "cat", "bird", "marvin",
    "wow", "tree", "dog", "sheila", "bed", "house", "follow", "visual", "backward", "forward",
    "learn", "_background_noise_",
  ]

  let speechSet = SpeechSet.googleSpeech
  let tree: FileTree
  let tables: [RawEntry]
  let notes: [String]
  let trainCount: Int
  let labels: [UInt16]
  let decoder = SpeechDecoder()
  var classNames: [String] { Self.words }

  init(_ source: RawSource, _ options: ReaderOptions) throws {
    let ranks = Dictionary(uniqueKeysWithValues: Self.words.enumerated().map { ($1, UInt16($0)) })
    // Paths below the folder of the words, ascending.
    var clips: [(path: String, entry: Int32)] = []
    for entry in source.entries.indices {
      let path = source.entries.name(at: entry).split(separator: "/").suffix(2)
      guard path.count == 2, ranks[String(path.first!)] != nil, path.last!.hasSuffix(".wav") else {
        continue
      }
      clips.append((path.joined(separator: "/"), Int32(entry)))
    }
    clips.sort { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    guard !clips.isEmpty else { throw source.missing("WORD/*.wav", "google-speech") }
    let byPath = Dictionary(clips.map { ($0.path, $0.entry) }) { first, _ in first }
    let lists = ["testing_list.txt"] + (options.hasReferenceLeak ? ["validation_list.txt"] : [])
    tables = try lists.map { try source.require($0, of: "google-speech") }
    let listed = try tables.map { try Self.list($0, byPath) }
    let absent = listed.reduce(0) { $0 + $1.absent }
    let tested = Set(listed[0].paths)
    let train =
      options.hasReferenceLeak
      ? clips.map(\.path) + listed[1].paths : clips.map(\.path).filter { !tested.contains($0) }
    let test = listed[0].paths
    guard !train.isEmpty, !test.isEmpty else {
      throw Failure(
        .badData, at: tables[0].place, "expected clips to train and to test on, found too few")
    }
    let paths = train + test
    tree = FileTree(
      listing: source.entries, entries: paths.map { byPath[$0]! }, name: "speech_commands")
    labels = paths.map { ranks[String($0.prefix { $0 != "/" })]! }
    trainCount = train.count
    var notes = [
      options.hasReferenceLeak
        ? "train holds the test clips and the validation clips twice, as the references' does"
        : "train holds no test clip; the references' holds them all (--reference-leak)"
    ]
    if absent > 0 {
      notes.append("\(absent) lines of the lists name clips of words whose folders are not there")
    }
    self.notes = notes
  }

  /// The clips that a list names, and how many of its lines are of words that a part of the set lacks altogether.
  private static func list(_ table: RawEntry, _ clips: [String: Int32]) throws -> (
    paths: [String], absent: Int
  ) {
    let words = Set(clips.keys.map { String($0.prefix { $0 != "/" }) })
    let lines = try LineReader(table)
    var paths: [String] = []
    var absent = 0
    while let line = try lines.next() {
      if line.isEmpty { continue }
      let path = String(decoding: line, as: UTF8.self)
      guard clips[path] != nil else {
        // Of a part of the set: a word's folder that is not there at all.
        if let word = path.split(separator: "/").first, !words.contains(String(word)) {
          absent += 1
          continue
        }
        throw Failure(
          .missingInput, at: "\(table.place), line \(lines.number)",
          "expected the clip '\(path)', found no such file")
      }
      paths.append(path)
    }
    return (paths, absent)
  }
}
