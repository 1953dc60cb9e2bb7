// cub: datasets.md section 9.4. Caltech-UCSD Birds 200-2011, the publisher's split, whole images.

import Basics
import ShardFormat

struct CUBReader: FileTreeReader {
  let dataset = "cub"
  let tree: FileTree
  let tables: [RawEntry]
  let recordBytes = RGBImages.recordBytes
  private let labels: [UInt16]
  private let names: [String]
  private let isTraining: [Bool]

  init(_ source: RawSource) throws {
    let files = ["images.txt", "image_class_labels.txt", "train_test_split.txt"]
    tables = try files.map { try source.require($0, of: "cub") }
    let paths = try source.pairs(of: tables[0])
    let classes = Dictionary(
      try source.pairs(of: tables[1]), uniquingKeysWith: { first, _ in first })
    let parts = Dictionary(
      try source.pairs(of: tables[2]), uniquingKeysWith: { first, _ in first })
    var images = ListedImages(source, folder: RawSource.folder(of: tables[0]) + "images/")
    var names = [String](repeating: "", count: 200)
    let tables = tables
    isTraining = try paths.map { id, path in
      guard let number = classes[id].flatMap({ Int($0) }), (1...200).contains(number) else {
        throw Failure(
          .badData, at: tables[1].place,
          "image \(id): expected a class of 1 to 200, found \(classes[id] ?? "none")")
      }
      guard let part = parts[id], part == "0" || part == "1" else {
        throw Failure(
          .badData, at: tables[2].place,
          "image \(id): expected 1 (train) or 0 (test), found \(parts[id] ?? "none")")
      }
      try images.add(path, label: number - 1, listedIn: tables[0])
      names[number - 1] = String(path.prefix { $0 != "/" })
      return part == "1"
    }
    tree = images.tree
    labels = images.labels
    self.names = names
  }

  func decode(_ bytes: UnsafeRawBufferPointer, row: Int, into record: UnsafeMutableRawPointer)
    throws
  { RGBImages.store(try ImageDecoder.rgb(bytes, at: tree.place(row)), into: record) }

  func splits(of contents: [PartContents]) throws -> [SplitPlan] {
    let rows = Array(Int32(0)..<Int32(tree.count))
    return [
      RGBImages.plan(
        "train", rows.filter { isTraining[Int($0)] }, labels: labels, names: names),
      RGBImages.plan(
        "test", rows.filter { !isTraining[Int($0)] }, labels: labels, names: names),
    ]
  }
}
