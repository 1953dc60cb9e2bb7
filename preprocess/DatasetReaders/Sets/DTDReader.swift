// dtd: datasets.md section 9.6. Describable Textures, fold 1: train1 and val1 train, test1 tests.

import Basics
import ShardFormat

struct DTDReader: FileTreeReader {
  let dataset = "dtd"
  let tree: FileTree
  let tables: [RawEntry]
  let recordBytes = RGBImages.recordBytes
  private let labels: [UInt16]
  private let names: [String]
  private let trainingCount: Int

  init(_ source: RawSource) throws {
    tables = try ["train1.txt", "val1.txt", "test1.txt"].map { try source.require($0, of: "dtd") }
    let lists = try tables.map { try source.lines(of: $0) }
    let textures = Set(lists.joined().map { String($0.prefix { $0 != "/" }) })
    names = textures.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    let ranks = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    // labels/train1.txt: the images stand beside the folder of the lists.
    let above = RawSource.folder(of: tables[0]).dropLast()
    let root = above.lastIndex(of: "/").map { String(above[...$0]) } ?? ""
    var images = ListedImages(source, folder: root + "images/")
    for (list, paths) in zip(tables, lists) {
      for path in paths {
        try images.add(path, label: ranks[String(path.prefix { $0 != "/" })]!, listedIn: list)
      }
    }
    tree = images.tree
    labels = images.labels
    trainingCount = lists[0].count + lists[1].count
  }

  func decode(_ bytes: UnsafeRawBufferPointer, row: Int, into record: UnsafeMutableRawPointer)
    throws
  { RGBImages.store(try ImageDecoder.rgb(bytes, at: tree.place(row)), into: record) }

  func splits(of contents: [PartContents]) throws -> [SplitPlan] {
    let rows = Array(Int32(0)..<Int32(tree.count))
    return [
      RGBImages.plan("train", Array(rows[..<trainingCount]), labels: labels, names: names),
      RGBImages.plan("test", Array(rows[trainingCount...]), labels: labels, names: names),
    ]
  }
}
