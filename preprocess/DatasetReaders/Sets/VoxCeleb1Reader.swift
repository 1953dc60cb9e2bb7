// voxceleb1: datasets.md section 8.7. The identification split: parts 1 and 2 to train on, 3 to test on.

import Basics
import ShardFormat

struct VoxCeleb1Reader: LabelledSpeech {
  let speechSet = SpeechSet.voxCeleb1
  let tree: FileTree
  let tables: [RawEntry]
  let notes: [String]
  let trainCount: Int
  let labels: [UInt16]
  let classNames: [String]
  let decoder = SpeechDecoder()

  init(_ source: RawSource) throws {
    let table = try source.require("iden_split.txt", of: "voxceleb1")
    tables = [table]
    let clips = FilePaths(source.entries, suffixes: [".wav"])
    var parts: [[(speaker: String, entry: Int32)]] = [[], [], []]
    var absent = 0
    let lines = try LineReader(table)
    while let line = try lines.next() {
      if line.isEmpty { continue }
      let place = "\(table.place), line \(lines.number)"
      let words = String(decoding: line, as: UTF8.self).split(separator: " ")
      guard words.count == 2, let part = Int(words[0]), (1...3).contains(part),
        let speaker = words[1].split(separator: "/").first, words[1].contains("/")
      else {
        throw Failure(
          .badData, at: place,
          "expected '<1, 2 or 3> <speaker>/<video>/<clip>.wav', found"
            + " '\(String(decoding: line.prefix(60), as: UTF8.self))'")
      }
      guard let entry = clips.entry(String(words[1])) else {
        // Of a part of the set: a video's folder that is not there at all.
        if !clips.hasFolder(Files.parent(of: String(words[1]))) {
          absent += 1
          continue
        }
        throw Failure(
          .missingInput, at: place, "expected the clip '\(words[1])', found no such file",
          remedy: "Both archives belong below --raw: vox1_dev_wav.zip and vox1_test_wav.zip.")
      }
      parts[part - 1].append((String(speaker), Int32(entry)))
    }
    let (train, test) = (parts[0] + parts[1], parts[2])
    // Each list has its own map of classes; both must be the same.
    let names = [train, test].map { list in
      Set(list.map(\.speaker)).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
    guard names[0] == names[1], !names[0].isEmpty else {
      let odd = Set(names[0]).symmetricDifference(names[1]).min() ?? "none"
      throw Failure(
        .badData, at: table.place,
        "expected the same speakers in parts 1 and 2 as in part 3, found \(odd) in one of them only"
      )
    }
    classNames = names[0]
    let ranks = Dictionary(uniqueKeysWithValues: names[0].enumerated().map { ($1, UInt16($0)) })
    labels = (train + test).map { ranks[$0.speaker]! }
    trainCount = train.count
    notes =
      absent == 0 ? [] : ["\(absent) clips of videos whose folders are not there were left out"]
    tree = FileTree(
      listing: source.entries, entries: (train + test).map(\.entry), name: "VoxCeleb1")
  }
}
