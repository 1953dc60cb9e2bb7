// imagenet32. Primary, from ILSVRC2012's training images (datasets.md section 9.2, primary): a tree, or the publisher's tar of a
// tar for each class, read as it is. Each image is resized to 32 x 32.

import Basics
import ShardFormat

enum ImageNet32 {
  /// The images where they are, else the ready-made release.
  static func open(_ source: RawSource) throws -> any BuildableSet {
    if let reader = try ImageNetReader(source) { return reader }
    if let reader = ImageNet32Reader(source) { return reader }
    throw source.missing("n01440764/*.JPEG and the like, or train_data_batch_1", "imagenet32")
  }
}

struct ImageNetReader: FileTreeReader {
  let dataset = "imagenet32"
  let tree: FileTree
  let recordBytes = RGBImages.recordBytes
  let notes: [String]
  private let labels: [UInt16]
  private let names: [String]

  /// - Returns: nil when there are no such images.
  init?(_ source: RawSource) throws {
    // Class and name of each image; folders ascending, files ascending.
    var found: [(name: String, entry: Int32)] = []
    for i in source.entries.indices {
      let parts = source.entries.name(at: i).utf8.split(separator: UInt8(ascii: "/"))
      guard parts.count > 1, let leaf = String(parts[parts.count - 1]),
        let folder = String(parts[parts.count - 2]), leaf.hasSuffix(".JPEG"),
        let synset = Self.synset(folder), leaf.utf8.starts(with: synset.utf8)
      else { continue }
      found.append((leaf, Int32(i)))
    }
    guard !found.isEmpty else { return nil }
    // A leaf begins with its synset, so that sorting leaves sorts by folder first.
    found.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    for (a, b) in zip(found, found.dropFirst()) where a.name == b.name {
      throw Failure(
        .badData, at: source.path, "expected each image once, found \(a.name) twice",
        remedy: "Give the archive or the unpacked tree with --raw, not a folder with both.")
    }
    var names: [String] = []
    labels = found.map { image in
      let synset = String(image.name.prefix(9))
      if names.last != synset { names.append(synset) }
      return UInt16(names.count - 1)
    }
    self.names = names
    tree = FileTree(
      listing: source.entries, entries: found.map(\.entry), name: Files.name(of: source.path))
    notes = [
      "from ILSVRC2012's images, each resized to 32 x 32; \(names.count) of 1000 classes are here"
    ]
  }

  /// `n01440764` of a folder or tar of that name.
  private static func synset(_ folder: String) -> String? {
    let name = folder.hasSuffix(".tar") ? folder.dropLast(4) : folder[...]
    guard name.utf8.count == 9, name.hasPrefix("n"),
      name.dropFirst().utf8.allSatisfy({ (0x30...0x39).contains($0) })
    else { return nil }
    return String(name)
  }

  func decode(_ bytes: UnsafeRawBufferPointer, row: Int, into record: UnsafeMutableRawPointer)
    throws
  { RGBImages.store(try ImageDecoder.rgb(bytes, at: tree.place(row)), into: record) }

  func splits(of contents: [PartContents]) throws -> [SplitPlan] {
    let rows = Array(Int32(0)..<Int32(tree.count))
    return [RGBImages.plan("pretrain", rows, labels: labels, names: names)]
  }
}

/// The ready-made release (section 9.2, second): shrunk with another filter, rows already shuffled.
struct ImageNet32Reader: DatasetReader {
  let dataset = "imagenet32"
  let parts: [RawEntry]
  let recordBytes = PlaneBatches.pixels + 2
  let partsAreDivisible = false
  let decodedShare = 1.0
  let canSkipRecords = true
  let notes: [String]

  /// - Returns: nil when there is no batch.
  init?(_ source: RawSource) {
    let names = (1...10).map { "train_data_batch_\($0)" }
    let found = source.find(names + names.map { $0 + ".npz" })
    parts = names.compactMap { found[$0] ?? found[$0 + ".npz"] }
    guard !parts.isEmpty else { return nil }
    notes = [
      "from the ready-made ImageNet32 release: other pixels and order than the resized images;"
        + " \(parts.count) of 10 batches are here"
    ]
  }

  func decode(part: Int, share: RowShare, into sink: RecordSink) throws -> PartContents {
    try PlaneBatches.decode(parts[part], labels: 1...1000, labelBytes: 2, into: sink)
  }

  func splits(of contents: [PartContents]) throws -> [SplitPlan] {
    let rows = (Int32(0)..<Int32(contents.reduce(0) { $0 + $1.rowCount })).map { $0 }
    try requireRecords(rows, "pretrain", parts[0])
    return [
      SplitPlan(
        split: "pretrain",
        inputs: [InputDescription(kind: "image", shape: [3, 32, 32], patch: [4, 4])],
        fields: [Field("input.0", .uint8, [3, 32, 32]), Field("label", .uint16, [])],
        task: TaskDescription(
          kind: "classes", classes: 1000, names: (1...1000).map { "class \($0)" },
          metric: "accuracy"),
        transforms: [Transform(scale: [1 / 255])], content: .records(rows))
    ]
  }
}
