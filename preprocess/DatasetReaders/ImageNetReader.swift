// imagenet32 from ILSVRC2012's training images (datasets.md section 9.2, primary): a tree, or the publisher's tar of a
// tar for each class, read as it is. Each image is resized to 32 x 32.

import Basics
import ShardFormat

enum ImageNet32 {
  static func open(_ source: RawSource) throws -> any BuildableSet {
    guard let reader = try ImageNetReader(source) else {
      throw source.missing("n01440764/*.JPEG and the like", "imagenet32")
    }
    return reader
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
