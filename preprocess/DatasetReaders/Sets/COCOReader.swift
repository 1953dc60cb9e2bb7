// mscoco and mismatched-caption: datasets.md sections 10.3 and 10.4.

import Basics
import ShardFormat

struct COCOReader: FileTreeReader {
  enum Task: String, Sendable {
    case pretraining = "mscoco"
    case mismatchedCaption = "mismatched-caption"
  }

  let dataset: String
  let tree: FileTree
  let tables: [RawEntry]
  let recordBytes = CaptionedImages.recordBytes
  let notes = ["the last caption of each image; images without an instance are left out"]
  private let task: Task
  private let parts: [COCORecords]
  private let pieces: WordPiece

  init(_ source: RawSource, _ task: Task, _ options: ReaderOptions) throws {
    self.task = task
    dataset = task.rawValue
    let vocabulary = try source.vocabulary(options.vocabulary, of: dataset)
    pieces = try WordPiece(vocabulary)
    let names = task == .pretraining ? ["train2017"] : ["train2017", "val2017"]
    let dataset = dataset
    parts = try names.map { try COCORecords(source, part: $0, of: dataset) }
    tables = parts.flatMap(\.tables) + [vocabulary]
    tree = FileTree(
      listing: source.entries, entries: parts.flatMap(\.entries), name: names.joined(separator: "+")
    )
  }

  func decode(_ bytes: UnsafeRawBufferPointer, row: Int, into record: UnsafeMutableRawPointer)
    throws
  { CaptionedImages.store(try ImageDecoder.rgb(bytes, at: tree.place(row)), into: record) }

  func splits(of contents: [PartContents]) throws -> [SplitPlan] {
    if task == .pretraining {
      return [
        CaptionedImages.plan(
          "pretrain", images: Array(Int32(0)..<Int32(tree.count)),
          ids: parts[0].captions.map(pieces.encode), labels: parts[0].labels,
          names: parts[0].categories)
      ]
    }
    var first: Int32 = 0
    return zip(["train", "test"], parts).map { split, part in
      defer { first += Int32(part.entries.count) }
      let swap = CaptionSwap(part.captions.count)
      return CaptionedImages.plan(
        split, images: Array(first..<(first + Int32(part.entries.count))),
        ids: swap.captions.map { pieces.encode(part.captions[$0]) }, labels: swap.labels,
        names: ["mismatched", "matched"])
    }
  }
}

/// Which records get another's caption: Python's random, seeded with 42 for each part.
struct CaptionSwap {
  /// Whose caption each record has.
  let captions: [Int]
  /// 1 keeps its own, 0 has another's.
  let labels: [UInt8]

  init(_ count: Int) {
    var random = PythonRandom(seed: 42)
    let labels: [UInt8] = (0..<count).map { _ in random.uniform() < 0.5 ? 0 : 1 }
    let swapped = labels.indices.filter { labels[$0] == 0 }
    var captions = Array(0..<count)
    if !swapped.isEmpty {
      let roll = random.integer(1...swapped.count)
      for (k, record) in swapped.enumerated() {
        captions[record] = swapped[(k + roll) % swapped.count]
      }
    }
    self.captions = captions
    self.labels = labels
  }
}
