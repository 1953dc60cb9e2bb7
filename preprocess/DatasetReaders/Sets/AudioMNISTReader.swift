// audio-mnist: datasets.md section 8.4. Spoken digits of 60 speakers; the split is by speaker.

import Basics
import ShardFormat

struct AudioMNISTReader: LabelledSpeech {
  /// The source's train and validation folds.
  static let training = [
    28, 56, 7, 19, 35, 1, 6, 16, 23, 34, 46, 53, 36, 57, 9, 24, 37, 2, 8, 17, 29, 39, 48, 54, 43,
    58, 14, 25, 38, 3, 10, 20, 30, 40, 49, 55, 12, 47, 59, 15, 27, 41, 4, 11, 21, 31, 44, 50,
  ]
  static let tested = [26, 52, 60, 18, 32, 42, 5, 13, 22, 33, 45, 51]

  let speechSet = SpeechSet.audioMNIST
  let tree: FileTree
  let notes: [String]
  let trainCount: Int
  let labels: [UInt16]
  let decoder = SpeechDecoder()
  var classNames: [String] { (0..<10).map { String($0) } }

  init(_ source: RawSource) throws {
    var bySpeaker: [Int: [(name: String, entry: Int32, digit: UInt16)]] = [:]
    for entry in source.entries.indices {
      let path = source.entries.name(at: entry).split(separator: "/")
      guard let file = path.last, file.hasSuffix(".wav") else { continue }
      let words = file.dropLast(4).split(separator: "_")
      guard words.count == 3, let digit = UInt16(words[0]), digit < 10, let speaker = Int(words[1]),
        Int(words[2]) != nil, path.count < 2 || Int(path[path.count - 2]) == speaker
      else { continue }
      bySpeaker[speaker, default: []].append((String(file), Int32(entry), digit))
    }
    guard !bySpeaker.isEmpty else { throw source.missing("data/NN/D_NN_T.wav", "audio-mnist") }
    func clips(_ speakers: [Int]) -> [(name: String, entry: Int32, digit: UInt16)] {
      speakers.flatMap { speaker in
        (bySpeaker[speaker] ?? []).sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
      }
    }
    let (train, test) = (clips(Self.training), clips(Self.tested))
    for (name, list, speakers) in [("train", train, Self.training), ("test", test, Self.tested)]
    where list.isEmpty {
      throw Failure(
        .missingInput, at: source.path,
        "expected clips of the speakers to \(name) on (\(speakers.sorted().prefix(5)), ...), found"
          + " only speakers \(bySpeaker.keys.sorted())")
    }
    tree = FileTree(
      listing: source.entries, entries: (train + test).map(\.entry), name: "AudioMNIST")
    trainCount = train.count
    labels = (train + test).map(\.digit)
    let absent = (Self.training + Self.tested).filter { bySpeaker[$0] == nil }.sorted()
    notes = absent.isEmpty ? [] : ["speakers that are not there: \(absent)"]
  }
}
