// --dataset images: the user's own images, of any size and number of channels. Folders are classes unless another label
// is named; sizes differ only with --size; normalised by the training part's mean and deviation of each channel.

import Basics
import ShardFormat

struct ImagesReader: FileTreeReader {
  let dataset: String
  var tree: FileTree { files.tree }
  var tables: [RawEntry] { files.tables }
  let notes: [String]
  var recordBytes: Int { shape.byteCount }
  var splitNames: [String]? { files.splitNames }
  private let files: UserTree
  private let shape: ImageShape
  private let resizes: Bool
  private let normalises: Bool

  init(_ source: RawSource, _ options: ReaderOptions) throws {
    dataset = options.name ?? "images"
    var choices = options.choices
    let rows = try UserFiles(
      source, options, suffixes: UserImage.suffixes, what: "*.jpg, *.png, *.ppm or *.tif",
      of: "images")
    if choices.label == nil, options.pattern == nil, options.index == nil, rows.folderCount > 1 {
      choices.label = UserFiles.folder
    }
    files = try UserTree(rows, source, choices, skipsBadRows: options.skipsBadRecords)
    let tree = files.tree
    var shape = try files.first(skipping: options.skipsBadRecords) {
      try UserImage($0, at: tree.place($1)).shape
    }
    if let channels = options.channels { shape.channels = channels }
    resizes = options.size != nil
    if let size = options.size { (shape.height, shape.width) = try ImageShape.size(size) }
    self.shape = shape
    normalises = options.normalises
    notes =
      files.survey.notes + [
        "\(shape.channels) channels of \(shape.height) x \(shape.width), \(shape.bits) bits a"
          + " sample\(resizes ? ", resized (bilinear, antialiased)" : "")"
      ]
  }

  func decode(_ bytes: UnsafeRawBufferPointer, row: Int, into record: UnsafeMutableRawPointer)
    throws
  {
    if let failure = files.survey.bad[row] { throw failure }
    let place = tree.place(row)
    try UserImage(bytes, at: place).store(as: shape, resizes: resizes, at: place, into: record)
  }

  func splits(of contents: [PartContents]) throws -> [SplitPlan] {
    let patch = [ImageShape.patch(shape.height), ImageShape.patch(shape.width)]
    return files.survey.splits.map { name, rows in
      SplitPlan(
        split: name, inputs: [InputDescription(kind: "image", shape: shape.list, patch: patch)],
        fields: [Field("input.0", shape.bits == 16 ? .uint16 : .uint8, shape.list)]
          + [files.survey.labels.field].compactMap { $0 },
        task: files.survey.labels.task,
        transforms: [Transform(scale: [shape.bits == 16 ? 1 / 65_535 : 1 / 255])],
        isNormalised: normalises, content: .records(rows), columns: rows.flatMap(files.label))
    }
  }
}
