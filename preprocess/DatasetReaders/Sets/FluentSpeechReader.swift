// fluent-speech-loc, fluent-speech-act, fluent-speech-obj: datasets.md section 8.5. One tree of clips, three labels.

import Basics
import ShardFormat

struct FluentSpeechReader: LabelledSpeech {
  static let locations = ["none", "kitchen", "bedroom", "washroom"]
  static let actions = [
    "change language", "activate", "deactivate", "increase", "decrease", "bring",
  ]
  static let objects = [
    "none", "music", "lights", "volume", "heat", "lamp", "newspaper", "juice", "socks", "shoes",
    "Chinese", "Korean", "English", "German",
  ]

  let tree: FileTree
  let tables: [RawEntry]
  let notes: [String]
  let speechSet: SpeechSet
  let classNames: [String]
  let labels: [UInt16]
  let trainCount: Int
  let decoder = SpeechDecoder()

  init(_ source: RawSource, _ set: SpeechSet) throws {
    speechSet = set
    let column: String
    switch set {
    case .fluentLocations: (column, classNames) = ("location", Self.locations)
    case .fluentActions: (column, classNames) = ("action", Self.actions)
    default: (column, classNames) = ("object", Self.objects)
    }
    tables = try ["train_data.csv", "valid_data.csv", "test_data.csv"].map {
      try source.require($0, of: set.rawValue)
    }
    let clips = FilePaths(source.entries, suffixes: [".wav"])
    var entries: [Int32] = []
    var labels: [UInt16] = []
    var counts: [Int] = []
    var absent = 0
    for table in tables {
      try UserTable.forEachRow(table, .delimited, columns: ["path", column]) {
        [names = classNames] row in
        guard let path = row.text(0), let entry = clips.entry(path) else {
          // Of a part of the set: a speaker's folder that is not there at all.
          if let path = row.text(0), path.contains("/"), !clips.hasFolder(Files.parent(of: path)) {
            absent += 1
            return
          }
          throw Failure(
            .missingInput, at: row.place,
            "expected the clip '\(row.text(0) ?? "")', found no such"
              + " file", remedy: "The folder wavs belongs beside the folder data.")
        }
        let label = row.text(1) ?? ""
        guard let rank = names.firstIndex(of: label) else {
          throw Failure(
            .badData, at: row.place,
            "\(column): expected one of \(names.joined(separator: ", ")), found '\(label)'")
        }
        entries.append(Int32(entry))
        labels.append(UInt16(rank))
      }
      counts.append(entries.count)
    }
    guard counts[1] > 0, counts[2] > counts[1] else {
      throw Failure(
        .badData, at: tables[0].place, "expected rows to train and to test on, found too few")
    }
    notes =
      absent == 0 ? [] : ["\(absent) rows of speakers whose folders are not there were left out"]
    trainCount = counts[1]
    self.labels = labels
    tree = FileTree(listing: source.entries, entries: entries, name: "fluent_speech_commands")
  }
}
