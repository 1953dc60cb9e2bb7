// traffic-sign: datasets.md section 9.7. The "Final_Training" images of GTSRB, whole, resized to 32 x 32; per class,
// names in byte order, shuffle(42), 80/20.

import Basics
import ShardFormat

struct TrafficSignReader: FileTreeReader {
  static let classCount = 43

  let dataset = "traffic-sign"
  let tree: FileTree
  let recordBytes = RGBImages.recordBytes
  let notes: [String]
  private let labels: [UInt16]

  /// Releases of the same images that are not the benchmark's: read when asked for.
  private enum Release: String {
    /// `GTSRB/Training/<class>/*.ppm`, with fewer images.
    case older
    /// PNG re-packagings, `Train/<class>/*.png`.
    case png
  }

  init(_ source: RawSource, _ options: ReaderOptions) throws {
    var release: Release?
    if let format = options.format {
      release = Release(rawValue: format)
      guard release != nil else {
        throw Failure(
          .usage, at: "--format", "expected png or older, found '\(format)'",
          remedy: "Leave it out for the benchmark's own GTSRB_Final_Training_Images.zip.")
      }
    }
    let folders = Self.folders(source, release)
    guard let root = folders.root else {
      let other: Release? = [.png, .older].first { Self.folders(source, $0).root != nil }
      guard let other, release == nil else {
        throw source.missing("folders 00000 ... 00042 of images", "traffic-sign")
      }
      throw Failure(
        .missingInput, at: source.path,
        "expected GTSRB/Final_Training/Images, found another release of the images, whose split"
          + " is not the benchmark's",
        remedy: "Get GTSRB_Final_Training_Images.zip, or ask for it with --format \(other).")
    }
    tree = FileTree(
      listing: source.entries, entries: root.entries, name: folders.name(of: root, in: source))
    labels = root.classes.map { UInt16($0) }
    notes =
      (release.map { ["release \($0): its split is not the benchmark's"] } ?? [])
      + ClassFolders.notes(root, Self.names)
  }

  private static func folders(_ source: RawSource, _ release: Release?) -> ClassFolders {
    switch release {
    case .png:
      ClassFolders(
        source.entries, names: (0..<classCount).map { String($0) }, suffixes: [".png"])
    case .older:
      ClassFolders(source.entries, names: names, suffixes: [".ppm"]) {
        $0.split(separator: "/").last == "Training"
      }
    case nil:
      ClassFolders(source.entries, names: names, suffixes: [".ppm"]) {
        $0.split(separator: "/").last != "Training"
      }
    }
  }

  private static var names: [String] {
    (0..<classCount).map { String($0).leftPadded(to: 5) }
  }

  func decode(_ bytes: UnsafeRawBufferPointer, row: Int, into record: UnsafeMutableRawPointer)
    throws
  { RGBImages.store(try ImageDecoder.rgb(bytes, at: tree.place(row)), into: record) }

  func splits(of contents: [PartContents]) throws -> [SplitPlan] {
    var groups = [[Int32]](repeating: [], count: Self.classCount)
    for (row, label) in labels.enumerated() { groups[Int(label)].append(Int32(row)) }
    let parts = RGBImages.fourFifthsSplit(groups)
    let names = (0..<Self.classCount).map { "sign \($0)" }
    return [
      RGBImages.plan("train", parts.train, labels: labels, names: names),
      RGBImages.plan("test", parts.test, labels: labels, names: names),
    ]
  }
}

extension String {
  /// With zeros in front.
  func leftPadded(to width: Int) -> String {
    String(repeating: "0", count: max(0, width - count)) + self
  }
}
